package gate

import (
	"context"
	"errors"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// A Question asks what would become of a push that nobody makes.
type Question struct {
	Policy      *policy.Policy
	Environment *policy.Environment
	Service     policy.Service
	Ref         policy.RefName
	Commit      policy.ObjectID // full
	Principal   string          // who would push, canonical
	// Repository is the environment's own, nil if it cannot be read. A commit
	// that neither it nor the ledger has is judged by its ID alone.
	Repository *gitfacts.Repository
}

// A Rehearsal answers a Question.
type Rehearsal struct {
	Service  policy.Service
	Ref      policy.RefName
	Commit   policy.ObjectID
	Subject  string
	Decision policy.Decision
	Stages   []explain.Stage
}

// Rehearse says what the gate would answer now. It writes nothing.
func Rehearse(ctx context.Context, q Question, now func() time.Time) (out Rehearsal, err error) {
	s := &scene{policy: q.Policy, repo: q.Repository, listed: true, under: true}
	site, ok := q.Policy.Site(q.Environment.Repository.Path(q.Service))
	if !ok {
		return out, errors.New("the environment has no repository for this service")
	}
	s.site = site
	m := &move{pushed: receive.Update{Ref: q.Ref, New: q.Commit}, new: q.Commit, env: q.Environment, ref: q.Ref, commit: q.Commit, principal: q.Principal}
	out = Rehearsal{Service: q.Service, Ref: q.Ref}
	if q.Repository != nil {
		ids := []policy.ObjectID{q.Commit}
		if objects, err := q.Repository.Commits(ctx, ids); err == nil && objects[q.Commit].Commit != "" {
			m.commit, out.Subject = objects[q.Commit].Commit, clean(objects[q.Commit].Subject, 200)
		}
	}
	l, err := openBook(ctx, s.policy, now)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if recorded, ok, err := l.Object(q.Commit); err == nil && ok {
		m.commit, out.Subject = recorded.Commit, recorded.Subject
	}
	out.Commit = m.commit
	return out, s.rehearse(ctx, l, m, &out)
}

func (s *scene) rehearse(ctx context.Context, l *book, m *move, out *Rehearsal) error {
	facts, err := s.facts(l, m)
	if err != nil {
		return err
	}
	if needs := m.env.GitNeeds(m.update(), facts); !needs.None() {
		if s.repo == nil {
			return errors.New("rules ask about the commit's history, and the environment's repository cannot be read")
		}
		live := orZero(facts.Live.Commit, m.commit)
		if facts.Commit, err = s.repo.CommitFacts(ctx, needs, m.commit, live); err != nil {
			return err
		}
	}
	out.Decision = policy.Evaluate(m.env, m.update(), facts)
	out.Stages, err = s.stages(l, m)
	return err
}

// Refusal is what the pusher would read.
func (r *Rehearsal) Refusal(env *policy.Environment) explain.Refusal {
	return explain.Refusal{Code: firstCode(r.Decision), Environment: env.Name, Ref: r.Ref, Target: r.Ref,
		Commit: r.Commit, Subject: r.Subject, Verdicts: r.Decision.Verdicts, Stages: r.Stages,
		Rehearsal: true, Kind: r.Decision.Kind}
}

// firstCode is the code that a refusal goes by: that of the first rule that
// said no. A decision that no rule explains is a fault of ours.
func firstCode(d policy.Decision) policy.Code {
	refusals := d.Refusals()
	for _, v := range refusals {
		if v.Code == policy.Vetoed {
			return v.Code // nothing that helps against the others helps then
		}
	}
	if len(refusals) > 0 {
		return refusals[0].Code
	}
	return policy.Fault
}
