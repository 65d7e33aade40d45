package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/policy"
)

// planned makes sure that a release's plan is of what the environment holds now;
// done if it is, or if it is known that there can be none.
func (j *judge) planned(l *book, m *move, live policy.Live) (next, error) {
	r := m.release
	entries, err := l.contents(j.scene.spot(m.env, m.ref), live.Commit)
	if err != nil {
		return done, err
	}
	request := &release.Request{
		Action: r.action, Environment: m.env.Name, Ref: m.ref, BaseRef: m.env.Release.Base,
		Live: orZero(live.Commit, r.base), Base: r.base, Released: branchesOf(entries), Branch: r.branch,
		Pusher: j.principal.Name, FastForward: m.env.Release.FastForward,
		Committer: j.scene.committer(), Now: j.process.Now(),
	}
	if key := keyOf(request, m.old); r.built != key {
		r.request, r.built = request, key
		return askGit, nil
	}
	return done, nil
}

// prepare completes a release's move with what the ledger has live; false if it
// is refused.
func (j *judge) prepare(l *book, m *move) (bool, error) {
	r := m.release
	live, err := l.live(j.scene.spot(m.env, m.ref))
	if err != nil {
		return false, err
	}
	if err := j.guardedBase(l, m); err != nil {
		return false, err
	}
	switch {
	case r.action == policy.ActionRemove && live.Record == 0:
		j.refuseCase(m, policy.NotReleased, explain.CaseNotReleased)
		return false, nil
	case r.action != policy.ActionReset && live.Record == 0 && !m.old.IsZero():
		j.refuseCase(m, policy.StaleOldValue, explain.CaseNotAdopted)
		return false, nil
	case r.action == policy.ActionRemove:
		m.new, m.commit, m.subject = live.New, live.Commit, live.Subject
	case r.action == policy.ActionRelease:
		r.branch.Head, r.branch.Principal = m.commit, j.principal.Name
	default:
		r.branch.Head = m.commit
	}
	return true, nil
}

// guardedBase takes a base that is an environment's ref from the ledger: where
// somebody has moved that ref is no evidence.
func (j *judge) guardedBase(l *book, m *move) error {
	base := m.env.Release.Base
	env, ok := j.scene.site.Environment(base)
	if !ok {
		return nil
	}
	live, err := l.live(j.scene.spot(env, base))
	if err == nil && live.Record != 0 {
		m.release.base = live.Commit
	}
	return err
}

// buildable reports what a release's plan comes to: more to do, or settled by a
// refusal, or because the environment has the commit already, which no rule has
// a say about.
func (j *judge) buildable(l *book, m *move, live policy.Live, allowed bool) (what next, settled bool, err error) {
	r := m.release
	if !allowed && !r.isIn(live.Commit) {
		if r.looked == live.Commit || r.action != policy.ActionRelease || live.Commit == "" {
			return done, false, nil
		}
		r.look = live.Commit
		return askGit, false, nil
	}
	if what, err := j.planned(l, m, live); what != done || err != nil {
		return what, false, err
	}
	switch {
	case r.what != "":
		j.refuseCase(m, r.code, r.what)
	case r.code != "":
		j.refuse(m, r.code, r.why)
		j.refusals[len(j.refusals)-1].Conflict = r.clash
	case r.plan.Contained != nil:
		j.landed = &landing{move: m, contained: r.plan.Contained, live: live}
		j.landed.receipt.Tree = l.tree()
	default:
		return done, false, nil
	}
	return done, true, nil
}

// isIn reports whether the branch's commit is known to be in the environment's.
func (r *releasing) isIn(live policy.ObjectID) bool {
	return r.in && r.looked == live && live != ""
}

// lookInto finds out whether an environment has the commit of a release that
// its rules refuse.
func (j *judge) lookInto(ctx context.Context, m *move) (err error) {
	r := m.release
	r.looked, r.look = r.look, ""
	if r.in, err = j.scene.repo.IsAncestor(ctx, m.commit, r.looked); err != nil {
		return because("the environment's history cannot be read", err)
	}
	return nil
}

// allTickets are those of the branches that a move brings.
func (m *move) allTickets() []string {
	if m.release == nil {
		return m.tickets
	}
	return appendNew(appendNew(nil, m.release.branch.Ticket), m.tickets...)
}

// contents are the releases that an environment's commit holds.
func (b *book) contents(s Spot, commit policy.ObjectID) ([]ledger.Entry, error) {
	if commit == "" {
		return nil, nil
	}
	return b.Contents(s.Service, s.Environment, s.Repository, s.Ref, commit)
}

func branchesOf(entries []ledger.Entry) []release.Branch {
	var out []release.Branch
	for _, e := range entries {
		b := release.Branch{Name: e.Branch, Head: policy.ObjectID(e.Head), Record: e.Seq, Announced: e.Intent, Principal: e.Principal}
		if len(e.Tickets) > 0 {
			b.Ticket = e.Tickets[0]
		}
		out = append(out, b)
	}
	return out
}

// keyOf names all that a plan rests on.
func keyOf(r *release.Request, old policy.ObjectID) string {
	var k strings.Builder
	fmt.Fprintf(&k, "%s %s %s", old, r.Live, r.Base)
	for _, b := range r.Released {
		fmt.Fprintf(&k, " %d", b.Record)
	}
	return k.String()
}

// committer is who makes the server's merges: user.name and user.email of the
// repository's own configuration, or else pathgate.
func (s *scene) committer() release.Identity {
	last := func(key, otherwise string) string {
		if values := s.repo.Config(key); len(values) > 0 && values[len(values)-1] != "" {
			return values[len(values)-1]
		}
		return otherwise
	}
	return release.Identity{Name: last("user.name", "pathgate"), Email: last("user.email", "pathgate@localhost")}
}

// build makes the plan that is asked for, without the ledger's lock, and asks
// what git would ask before the ref moves.
func (j *judge) build(ctx context.Context, m *move) error {
	r := m.release
	request := r.request
	r.request, r.plan, r.code, r.what, r.why, r.clash = nil, nil, "", "", "", nil
	if request.Action == policy.ActionRelease {
		bar, err := j.scene.sound(ctx, gitfacts.Brought{Tip: request.Branch.Head, Without: []policy.ObjectID{request.Live, request.Base}})
		if r.code, r.why = bar.code, bar.why; err != nil || r.code != "" {
			return err
		}
	}
	plan, clash, err := release.Build(ctx, j.scene.repo, *request)
	switch {
	case errors.Is(err, release.ErrCrowded):
		r.code, r.why = policy.TooLarge, fmt.Sprintf("with it the branches in %s have more than can be looked at: take others out, or start it over", m.env.Name)
	case errors.Is(err, release.ErrNoBase):
		r.code, r.what = policy.ReservedRef, explain.CaseNoBase
	case errors.Is(err, release.ErrInBase):
		r.code, r.what = policy.NotReleased, explain.CaseInBase
	case errors.Is(err, release.ErrNotReleased):
		r.code, r.what = policy.NotReleased, explain.CaseNotReleased
	case errors.Is(err, release.ErrNotInBase):
		r.code, r.what = policy.NotFromBranch, explain.CaseNotInBase
	case errors.Is(err, release.ErrUnrelated):
		r.code, r.what = policy.MergeConflict, explain.CaseUnrelated
	case err != nil:
		return because("the commits cannot be merged", err)
	case clash != nil:
		r.code, r.clash = policy.MergeConflict, clash
	}
	r.plan, r.released = plan, request.Released
	if r.code == "" {
		if r.subject, err = plan.Subject(ctx); err != nil {
			return because("the commits cannot be merged", err)
		}
	}
	if r.code == "" && plan.Action == release.ActionReplace && j.scene.elsewhere(ctx, r.branch.Name, r.branch.Head) {
		// A slip in the name must not throw out what somebody else released.
		r.code, r.what = policy.NotFromBranch, explain.CaseRewritten
	}
	if r.code != "" || plan.Contained != nil || j.options.rehearse {
		return nil
	}
	return j.mayLand(ctx, m)
}

// mayLand makes the checks that git makes before a ref moves.
func (j *judge) mayLand(ctx context.Context, m *move) error {
	_, at, err := j.scene.repo.CheckedOut(ctx, m.ref)
	if err != nil {
		return because("the repository's work trees cannot be listed", err)
	}
	if at {
		m.release.code, m.release.why = policy.ReservedRef, "the branch is checked out in a work tree"
		return nil
	}
	_, has, err := j.scene.repo.HookPath(ctx, "update")
	if err != nil || !has {
		return err
	}
	id, err := m.release.plan.Provisional(ctx)
	if err != nil {
		return because("the merge cannot be written", err)
	}
	yes, err := j.process.runUpdateHook(ctx, j.scene, string(m.ref), string(m.old), string(id))
	if err == nil && !yes {
		m.release.code, m.release.why = policy.NotAPusher, declined
	}
	return err
}

// refuseCase is refuse for what is wrong with a release.
func (j *judge) refuseCase(m *move, code policy.Code, what explain.ReleaseCase) {
	j.refuse(m, code, string(what))
	j.refusals[len(j.refusals)-1].what = what
}
