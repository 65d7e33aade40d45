package gate

import (
	"context"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/policy"
)

// A releasing is what a command below refs/release asks for, and how far it is.
type releasing struct {
	action policy.Action
	branch release.Branch
	base   policy.ObjectID // what the environment's base holds, the zero ID if it is absent

	races  int             // how often somebody moved the ref in between
	look   policy.ObjectID // the live commit that has to be asked whether it contains the branch's
	looked policy.ObjectID // the one that was
	in     bool            // and it does

	request  *release.Request // what has to be built next
	released []release.Branch // that the environment holds
	subject  string           // of the commit that it shall hold
	built    string           // the key of the request that the following answer
	plan     *release.Plan
	code     policy.Code // or else why it cannot be done
	what     explain.ReleaseCase
	why      string
	clash    *release.Conflict
}

// A landing is what became of a release.
type landing struct {
	carried
	move *move
	// contained is set where the environment had the commit already.
	contained *release.Contained
	live      policy.Live
}

// release carries out a command below refs/release. It is judged here and not
// by pre-receive, as the commit that the environment's ref shall hold can only
// be made when the pushed ones have been let in. A push that is refused leaves
// objects that no ref leads to.
func (p *Process) release(ctx context.Context, s *scene, talk *receive.ProcReceive, u receive.Update) error {
	updates, err := s.classify(ctx, []receive.Update{u}, receive.Namespaced(p.Getenv))
	if err != nil {
		return err
	}
	updates.moves = updates.releases
	given, wrong := readOptions(talk.Options)
	env, target := s.aim(u.Ref)
	switch {
	case wrong != "":
		updates.refuseAll(s.environment(), policy.MalformedInput, wrong)
	case talk.Atomic:
		updates.refuse(policy.NotAlone, u, env, target, "")
	case len(updates.moves) == 1 && updates.moves[0].release.action == policy.ActionReset && given.reason == "":
		updates.refuseCase(policy.MalformedInput, u, env, target, explain.CaseNoReason)
	}
	if len(updates.refusals) > 0 {
		updates.moves = nil
	}
	j := &judge{process: p, scene: s, push: p.pushID(), sorted: updates, options: given}
	yes, err := j.decide(ctx, 1)
	if err != nil {
		return err
	}
	if !yes {
		talk.Deny(u.Ref, string(j.refusals[0].Code))
		return nil
	}
	return p.tellRelease(ctx, s, talk, u, j.landed)
}

// tellRelease answers git and the developer. git is told the commits by the
// command's own name: by the environment's, clients that have a tracking ref for
// it would try to move that to a commit which they do not have.
func (p *Process) tellRelease(ctx context.Context, s *scene, talk *receive.ProcReceive, u receive.Update, out *landing) error {
	m := out.move
	switch {
	case out.contained != nil:
		talk.Made(u.Ref, receive.Move{Old: out.live.New, New: out.live.New})
		base := policy.RefName("")
		if out.contained.Base {
			base = m.env.Release.Base
		}
		explain.Contained(p.Stderr, m.env.Name, m.ref, m.release.branch.Name, m.release.branch.Head, out.live.New, base, branchNames(out.contained.By), out.receipt.Tree)
		return nil
	case out.why != "":
		p.deny(talk, u.Ref, m.env, m.ref, out.why)
		return nil
	case !out.moved:
		return because("the release came to no end", nil)
	}
	forward := m.release.plan.Action == release.ActionRelease
	talk.Made(u.Ref, receive.Move{Old: m.old, New: m.new, Forced: !forward && !m.old.IsZero()})
	if out.record == nil {
		return nil // told already
	}
	if r := out.receipt.Release; r != nil && r.Action != release.ActionReset {
		r.Elsewhere = s.elsewhere(ctx, r.Branch, r.Head)
	}
	explain.Receipts(p.Stderr, []explain.Receipt{out.receipt})
	p.startDeployments(s, []*ledger.Entry{out.record})
	p.stamp(ctx, s, out.record)
	return nil
}

// released is what the developer is told beside the receipt.
func (m *move) released(branches int) *explain.Release {
	r, plan := m.release, m.release.plan
	out := &explain.Release{Action: plan.Action, Branch: r.branch.Name, Head: r.branch.Head, Base: m.env.Release.Base,
		CaughtUp: plan.CaughtUp, Forward: m.new == r.branch.Head, Gone: plan.Gone, Branches: branches}
	for _, b := range r.released {
		if b.Name == r.branch.Name {
			out.Instead = b.Head
		}
	}
	if plan.Action == release.ActionReset {
		out.Out = branchNames(r.released)
	}
	out.StillIn = branchNames(plan.StillIn)
	return out
}

func branchNames(all []release.Branch) (names []string) {
	for _, b := range all {
		names = append(names, b.Name)
	}
	return names
}
