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

	shared    bool // environments share the repository
	published bool // it has a branch at the commit
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
	out, read := Rehearsal{Service: q.Service, Ref: q.Ref, Commit: q.Commit}, false
	if q.Environment.Release != nil {
		m.release = &releasing{action: policy.ActionRelease}
		if q.Repository != nil {
			_, m.release.base, err = q.Repository.Resolve(ctx, q.Environment.Release.Base)
			if err != nil {
				return out, err
			}
		}
	}
	if q.Repository != nil {
		ids := []policy.ObjectID{q.Commit}
		if objects, err := q.Repository.Commits(ctx, ids); err == nil && objects[q.Commit].Commit != "" {
			m.commit, out.Subject, read = objects[q.Commit].Commit, clean(objects[q.Commit].Subject, 200), true
		}
	}
	j := &judge{process: &Process{Now: now}, scene: s}
	if err := s.offers(ctx, m, now); err != nil {
		return out, err
	}
	for {
		what, err := s.rehearse(ctx, j, m, &out)
		if err != nil || what == done {
			out.shared = s.shared()
			out.published = out.shared && err == nil && s.published(ctx, m.commit)
			return out, err
		}
		if s.repo == nil {
			return out, errors.New("rules ask about the commit's history, and the environment's repository cannot be read")
		}
		if m.commit == q.Commit && !read {
			return out, errors.New("the environment's repository does not have this commit: publish it on a branch first")
		}
		if err := j.askAbout(ctx, m); err != nil {
			return out, err
		}
		if m.bar.code != "" {
			return out, errors.New(m.bar.why)
		}
	}
}

// rehearse judges as far as is known without git; the ledger is held for that
// only.
func (s *scene) rehearse(ctx context.Context, j *judge, m *move, out *Rehearsal) (what next, err error) {
	l, err := readBook(ctx, s.policy, j.process.Now, s.toJudge([]*move{m}))
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	serial, err := l.Serial()
	if err != nil {
		return done, err
	}
	if err := serialFault(serial, s.policy.Hash, s.policy.Serial); err != nil {
		return done, err
	}
	if recorded, ok, err := l.Object(out.Commit); err == nil && ok {
		m.commit, out.Subject = recorded.Commit, recorded.Subject
	}
	out.Commit = m.commit
	if m.release != nil {
		if err := j.guardedBase(l, m); err != nil {
			return done, err
		}
	}
	facts, err := s.facts(l, m)
	if err != nil {
		return done, err
	}
	if what, err := j.history(l, m, &facts); what != done || err != nil {
		return what, err
	}
	out.Decision = policy.Evaluate(m.env, m.update(), facts)
	if out.Stages, err = s.stages(l, m); err != nil {
		return done, err
	}
	return done, s.onPath(l, m, out.Stages, out.Decision.Verdicts)
}

// Refusal is what the pusher would read.
func (r *Rehearsal) Refusal(env *policy.Environment) explain.Refusal {
	return explain.Refusal{Code: firstCode(r.Decision), Environment: env.Name, Ref: r.Ref, Target: r.Ref,
		Commit: r.Commit, Subject: r.Subject, Verdicts: r.Decision.Verdicts, Stages: r.Stages,
		Rehearsal: true, Kind: r.Decision.Kind, Shared: r.shared, Published: r.published}
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
