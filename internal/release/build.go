package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// Build works out what an environment shall hold after req. Of the results,
// one is set: a plan; a conflict, which says why there is none; or an error. A
// conflict is an answer and no fault. Of the errors, ErrNoBase, ErrNotReleased,
// ErrInBase, ErrNotInBase, ErrCrowded and ErrUnrelated say that the request cannot be
// fulfilled; any other that it is not known.
//
// An environment without a ref holds nothing: of req.Released then only the
// branches that base contains count. If base contains the branch to release,
// such an environment becomes base. Where there is no base yet, it becomes the
// branch's commit: so a new repository finds its way to its first base.
func Build(ctx context.Context, repo *gitfacts.Repository, req Request) (*Plan, *Conflict, error) {
	b := &builder{repo: repo, req: req, plan: &Plan{repo: repo}, patience: maxSearch}
	var conflict *Conflict
	err := req.check(repo.Format())
	if err == nil {
		conflict, err = b.act(ctx)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("build %s: %w", req.Environment, err)
	}
	if conflict != nil {
		return nil, conflict, nil
	}
	if err := b.complete(ctx); err != nil {
		return nil, nil, fmt.Errorf("build %s: %w", req.Environment, err)
	}
	return b.plan, nil, nil
}

func (b *builder) act(ctx context.Context) (*Conflict, error) {
	switch {
	case b.req.Base.IsZero():
		return nil, b.first()
	case b.req.Action == policy.ActionRelease:
		return b.release(ctx)
	case b.req.Action == policy.ActionRemove:
		return b.remove(ctx)
	case b.req.Action == policy.ActionReset:
		return nil, b.reset(ctx)
	}
	return nil, fmt.Errorf("unknown action %q", b.req.Action)
}

// first makes an environment of a branch's commit where there is no base.
func (b *builder) first() error {
	if b.req.Action != policy.ActionRelease || !b.req.Live.IsZero() {
		return ErrNoBase
	}
	b.plan.Action, b.tip = ActionRelease, b.req.Branch.Head
	return nil
}

// check refuses a branch without a name, and IDs that are not those of commits,
// which git would read as something else.
func (req *Request) check(format gitfacts.Format) error {
	if req.Branch.Name == "" && req.Action != policy.ActionReset {
		return errors.New("the branch has no name")
	}
	var ids []policy.ObjectID
	for _, id := range []policy.ObjectID{req.Base, req.Live} {
		if !id.IsZero() {
			ids = append(ids, id)
		}
	}
	if req.Action != policy.ActionRemove || req.Branch.Head != "" {
		ids = append(ids, req.Branch.Head)
	}
	for _, r := range req.Released {
		ids = append(ids, r.Head)
	}
	digits := 40
	if format == gitfacts.SHA256 {
		digits = 64
	}
	for _, id := range ids {
		if len(id) != digits || id.IsZero() || !isHex(id) {
			return fmt.Errorf("%.80q is not a commit of this repository", id)
		}
	}
	return nil
}

func isHex(id policy.ObjectID) bool {
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// A builder makes one plan. What it has built so far is tip, and on it the
// merge commit that is not yet written.
type builder struct {
	repo  *gitfacts.Repository
	req   Request
	plan  *Plan
	graph graph // of all released branches and the one at hand

	tip     policy.ObjectID // a commit that is there
	waiting *pending        // the one on top of it, if any
	merged  []Branch        // released branches that a rebuild has put back so far

	patience time.Duration // with the search for what conflicts
}

// release brings a branch in.
func (b *builder) release(ctx context.Context) (*Conflict, error) {
	b.plan.Action = ActionRelease
	head, live := b.req.Branch.Head, b.req.Live
	if live.IsZero() {
		if err := b.readHistory(ctx, head); err != nil {
			return nil, err
		}
	} else {
		if err := b.readHistory(ctx, head, live); err != nil {
			return nil, err
		}
		in, err := b.has(ctx, live, head)
		if err != nil {
			return nil, err
		}
		if in {
			b.contained()
			return nil, nil
		}
	}
	b.plan.Gone = b.gone()
	if !live.IsZero() && b.rewritten() {
		b.plan.Action = ActionReplace
		branch := b.req.Branch
		branch.Principal = b.req.Pusher
		return b.rebuild(ctx, append(b.others(), branch))
	}
	return b.bring(ctx)
}

func (b *builder) readHistory(ctx context.Context, also ...policy.ObjectID) (err error) {
	for _, r := range b.req.Released {
		also = append(also, r.Head)
	}
	b.graph, err = readGraph(ctx, b.repo, b.req.Base, also)
	return err
}

// has reports whether a commit contains another. Only where base contains that
// one does git have to be asked.
func (b *builder) has(ctx context.Context, commit, id policy.ObjectID) (bool, error) {
	if id == b.req.Base || !b.graph.inBase(id) {
		return b.graph.holds(commit, id), nil
	}
	return b.repo.IsAncestor(ctx, id, commit)
}

// contained finds out through what the environment contains the commit.
func (b *builder) contained() {
	b.tip, b.plan.Contained = b.req.Live, &Contained{}
	if b.graph.inBase(b.req.Branch.Head) {
		b.plan.Contained.Base = true
		return
	}
	holding := b.graph.above(map[policy.ObjectID]bool{b.req.Branch.Head: true})
	for _, r := range b.req.Released {
		if holding[r.Head] {
			b.plan.Contained.By = append(b.plan.Contained.By, r)
		}
	}
}

// gone lists the released branches that base contains by now.
func (b *builder) gone() (names []string) {
	for _, r := range b.req.Released {
		if b.graph.inBase(r.Head) && len(names) < maxGone {
			names = append(names, r.Name)
		}
	}
	return names
}

// rewritten reports whether the branch is released at a commit that its new one
// does not contain, so that merging the new one would leave the old one in.
func (b *builder) rewritten() bool {
	holds := b.graph.reach(b.req.Branch.Head)
	for _, r := range b.req.Released {
		if r.Name == b.req.Branch.Name && !b.graph.inBase(r.Head) && !holds[r.Head] {
			return true
		}
	}
	return false
}

// others are the released branches without the one at hand and those that base
// contains.
func (b *builder) others() (list []Branch) {
	for _, r := range b.req.Released {
		if r.Name != b.req.Branch.Name && !b.graph.inBase(r.Head) {
			list = append(list, r)
		}
	}
	return list
}

// bring merges base, if the environment lacks it, and then the branch.
func (b *builder) bring(ctx context.Context) (*Conflict, error) {
	b.tip = b.req.Live
	behind := false
	if b.tip.IsZero() {
		b.tip = b.req.Base
	} else {
		behind = !b.graph.holds(b.tip, b.req.Base)
	}
	if forward, err := b.forward(ctx); err != nil || forward {
		return nil, err
	}
	if behind {
		b.plan.CaughtUp = b.req.Base
		// A branch that has merged base brings it along, with the conflicts
		// that it solved.
		behind = !b.graph.holds(b.req.Branch.Head, b.req.Base)
	}
	if behind {
		if conflict, err := b.merge(ctx, Branch{Head: b.req.Base}, b.baseMessage()); conflict != nil || err != nil {
			return conflict, err
		}
	}
	if b.graph.inBase(b.req.Branch.Head) {
		return nil, nil
	}
	branch := b.req.Branch
	branch.Principal = b.req.Pusher
	return b.merge(ctx, branch, b.branchMessage(branch))
}

// forward moves the environment forward to the branch's commit if that is
// allowed and the commit contains the environment and base.
func (b *builder) forward(ctx context.Context) (bool, error) {
	if !b.req.FastForward || b.graph.inBase(b.req.Branch.Head) {
		return false, nil
	}
	for _, id := range []policy.ObjectID{b.tip, b.req.Base} {
		if has, err := b.repo.IsAncestor(ctx, id, b.req.Branch.Head); err != nil || !has {
			return false, err
		}
	}
	b.tip = b.req.Branch.Head
	return true, nil
}
