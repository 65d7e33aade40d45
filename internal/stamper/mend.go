package stamper

import (
	"context"
	"errors"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

const (
	// mostBack is how many commits of a notes ref are looked at for one from which
	// its chain can go on.
	mostBack = 100
	// mostMends is how often a write that finds the refs spoilt begins again.
	mostMends = 5
)

// Restore sets a target's notes ref to where pathgate left it, if somebody has
// deleted it, set it back, or put something else there, and reports whether it
// did. It looks at nothing but the refs where they are the same.
func (s *Stamper) Restore(ctx context.Context, t Target) (bool, error) {
	repo, err := s.repository(t)
	if err != nil {
		return false, err
	}
	at, err := RefsOf(t.Environment).Tips(ctx, repo)
	if err != nil || !at.Apart() {
		return false, err
	}
	w := &writing{stamper: s, repo: repo, target: t}
	if err := w.mend(ctx); err != nil {
		return false, err
	}
	at, err = RefsOf(t.Environment).Tips(ctx, repo)
	return err == nil && !at.Apart(), err
}

// mend sets the notes refs to their newest commit whose tree the ledger bears out.
// That is one of the public ref if it goes on from the kept one, or if there is no
// kept one yet; else one of the kept one. What somebody else has put there is none
// of theirs: only pathgate writes them. Where there is no such commit, both are set
// to what would have been the first choice, and the chain of trees begins anew.
func (w *writing) mend(ctx context.Context) error {
	refs := RefsOf(w.target.Environment)
	at, err := refs.Tips(ctx, w.repo)
	if err != nil {
		return err
	}
	steps, err := w.steps(ctx, at)
	if err != nil || len(steps) == 0 { // none: others have deleted them by now
		return err
	}
	best, err := w.stamper.borneOut(ctx, steps)
	if err != nil {
		return err
	}
	to := steps[max(best, 0)].ID
	if at.Public == to && (at.Kept == to || at.Kept == "") {
		return nil
	}
	err = refs.Move(ctx, w.repo, to, at, "pathgate: back to the last sound commit")
	if errors.Is(err, gitfacts.ErrLostRace) {
		return nil // by another that does the same; whoever writes looks again
	}
	return err
}

// steps are the commits to choose from, the best first.
func (w *writing) steps(ctx context.Context, at notes.Tips) (steps []notes.Step, err error) {
	order := []policy.ObjectID{at.Kept, at.Public}
	if at.Kept == "" || at.Kept == at.Public || w.goesOn(ctx, at) {
		order = []policy.ObjectID{at.Public, at.Kept}
	}
	var unreadable error
	for i, tip := range order {
		if tip == "" || i > 0 && tip == order[0] {
			continue
		}
		more, err := notes.History(ctx, w.repo, tip, mostBack)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		unreadable = errors.Join(unreadable, err)
		steps = append(steps, more...)
	}
	if len(steps) > 0 {
		return steps, nil
	}
	return nil, unreadable
}

// goesOn reports whether what the public ref has goes on from the kept one, as a
// pathgate writes that knows no kept one.
func (w *writing) goesOn(ctx context.Context, at notes.Tips) bool {
	if at.Public == "" {
		return false
	}
	on, err := notes.GoesOn(ctx, w.repo, at.Public, at.Kept)
	return err == nil && on
}

// borneOut finds the first of steps whose tree is the beginning of the ledger's,
// -1 if none is.
func (s *Stamper) borneOut(ctx context.Context, steps []notes.Step) (at int, err error) {
	l, err := s.open(ctx)
	if err != nil {
		return -1, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	now, err := l.Tree()
	if err != nil {
		return -1, err
	}
	for i := range steps {
		tree := steps[i].Tree
		if tree.N < 1 || tree.N > now.N {
			continue
		}
		proof, err := l.ProveTree(uint64(tree.N))
		if err != nil {
			return -1, err
		}
		if tlog.CheckTree(proof, now, tree) == nil {
			return i, nil
		}
	}
	return -1, nil
}
