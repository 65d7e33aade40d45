package release

import (
	"context"

	"github.com/pathgate/pathgate/policy"
)

// remove takes a branch out.
func (b *builder) remove(ctx context.Context) (*Conflict, error) {
	b.plan.Action = ActionRemove
	removed, ok := b.released(b.req.Branch.Name)
	if !ok || b.req.Live.IsZero() {
		return nil, b.notReleased(ctx)
	}
	if err := b.readHistory(ctx); err != nil {
		return nil, err
	}
	if b.graph.inBase(removed.Head) {
		return nil, ErrInBase
	}
	b.plan.Gone = b.gone()
	others := b.others()
	b.plan.StillIn = b.stillIn(removed, others)
	return b.rebuild(ctx, others)
}

// released finds a branch's newest release.
func (b *builder) released(name string) (found Branch, ok bool) {
	for _, r := range b.req.Released {
		if r.Name == name {
			found, ok = r, true
		}
	}
	return found, ok
}

// notReleased says why a branch that is not released cannot be taken out.
func (b *builder) notReleased(ctx context.Context) error {
	if b.req.Branch.Head == "" {
		return ErrNotReleased
	}
	switch in, err := b.repo.IsAncestor(ctx, b.req.Branch.Head, b.req.Base); {
	case err != nil:
		return err
	case in:
		return ErrInBase
	}
	return ErrNotReleased
}

// stillIn gives those of others through which commits of removed stay. A branch
// that removed was made from brings nothing of removed's own.
func (b *builder) stillIn(removed Branch, others []Branch) (list []Branch) {
	commits := b.graph.reach(removed.Head)
	holding := b.graph.above(commits)
	for _, r := range others {
		below := commits[r.Head] && r.Head != removed.Head
		if !below && holding[r.Head] {
			list = append(list, r)
		}
	}
	return list
}

// reset starts the environment over.
func (b *builder) reset(ctx context.Context) error {
	b.plan.Action = ActionReset
	switch in, err := b.repo.IsAncestor(ctx, b.req.Branch.Head, b.req.Base); {
	case err != nil:
		return err
	case !in:
		return ErrNotInBase
	}
	b.tip = b.req.Branch.Head
	return nil
}

// rebuild merges branches into base, in their order. One whose commit came
// along with base or with another needs no merge.
func (b *builder) rebuild(ctx context.Context, branches []Branch) (*Conflict, error) {
	b.tip = b.req.Base
	held := map[policy.ObjectID]bool{}
	for _, r := range branches {
		if b.graph.inBase(r.Head) || held[r.Head] {
			continue
		}
		if conflict, err := b.merge(ctx, r, b.branchMessage(r)); conflict != nil || err != nil {
			return conflict, err
		}
		b.graph.mark(held, r.Head)
		b.merged = append(b.merged, r)
	}
	return nil, nil
}
