package notes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// Refs are the refs that the notes of an environment are on. Public is what is
// fetched. Kept, if it is not empty, is moved with it in one transaction and keeps
// what was there when somebody deletes or moves the public one.
type Refs struct{ Public, Kept policy.RefName }

// ErrApart says that the kept ref is there, and the public one is gone or somewhere
// else. Nothing is written then.
var ErrApart = errors.New("the ref of the notes is not where pathgate left it")

// Tips are where refs are; empty where one is not there.
type Tips struct{ Public, Kept policy.ObjectID }

// Apart reports whether the public ref is not where the kept one is. Without a
// kept one, as pathgate left it before there were any, they are not apart.
func (t Tips) Apart() bool { return t.Kept != "" && t.Kept != t.Public }

// settle is how long two reads of refs that are apart are from each other.
const settle = 5 * time.Millisecond

// Tips reads where the refs are. Neither may be a symbolic ref. As they are read
// one after the other, those that seem apart are read until nobody moves them.
func (r Refs) Tips(ctx context.Context, repo *gitfacts.Repository) (t Tips, err error) {
	var before Tips
	for range maxTries {
		if t, err = r.tips(ctx, repo); err != nil || !t.Apart() || t == before {
			return t, err
		}
		before = t
		select {
		case <-ctx.Done():
			return t, ctx.Err()
		case <-time.After(settle):
		}
	}
	return t, nil
}

func (r Refs) tips(ctx context.Context, repo *gitfacts.Repository) (t Tips, err error) {
	names := []policy.RefName{r.Public}
	if r.Kept != "" {
		names = append(names, r.Kept)
	}
	all, err := repo.ResolveAll(ctx, names)
	if err != nil {
		return t, err
	}
	for _, name := range names {
		if all[name].Ref != name {
			return t, fmt.Errorf("%s is a symbolic ref", name)
		}
	}
	t.Public = all[r.Public].ID
	if r.Kept != "" {
		t.Kept = all[r.Kept].ID
	}
	return t, nil
}

// Move moves the refs, which are at those tips, to a notes commit. Its error wraps
// gitfacts.ErrLostRace if they are not there any more.
func (r Refs) Move(ctx context.Context, repo *gitfacts.Repository, to policy.ObjectID, from Tips, message string) error {
	if moved, err := r.move(ctx, repo, to, from, message); !moved {
		return err
	}
	return nil
}

// move finds out whether it did where git does not tell.
func (r Refs) move(ctx context.Context, repo *gitfacts.Repository, to policy.ObjectID, from Tips, message string) (bool, error) {
	zero := policy.ObjectID(strings.Repeat("0", len(to)))
	orZero := func(id policy.ObjectID) policy.ObjectID {
		if id == "" {
			return zero
		}
		return id
	}
	moves := []gitfacts.Move{{Ref: r.Public, To: to, Old: orZero(from.Public)}}
	if r.Kept != "" {
		moves = append(moves, gitfacts.Move{Ref: r.Kept, To: to, Old: orZero(from.Kept)})
	}
	err := repo.MoveRefs(ctx, message, moves...)
	if err == nil {
		return true, nil
	}
	now, read := r.Tips(ctx, repo)
	return read == nil && now.Public == to && (r.Kept == "" || now.Kept == to), err
}

// A Step is a commit in the history of notes.
type Step struct {
	ID policy.ObjectID
	Trailers
}

// History follows the first parents of a notes commit and gives at most limit of
// them, newest first, itself included. A parent that is not in the repository
// ends it.
func History(ctx context.Context, repo *gitfacts.Repository, tip policy.ObjectID, limit int) (steps []Step, err error) {
	err = walk(ctx, repo, tip, limit, func(c *commit) bool {
		steps = append(steps, Step{c.id, c.trailers})
		return true
	})
	return steps, err
}

// GoesOn reports whether a notes commit is another or goes on from it, by at most
// 10,000 first parents of which each tree is proven to be the beginning of the
// next.
func GoesOn(ctx context.Context, repo *gitfacts.Repository, tip, from policy.ObjectID) (found bool, err error) {
	if tip == from {
		return true, nil
	}
	var before Trailers
	err = walk(ctx, repo, tip, MaxHistory, func(c *commit) bool {
		if !c.ours || c.id != tip && !before.from(c.trailers.Tree) {
			return false
		}
		found, before = c.id == from, c.trailers
		return !found
	})
	return found, err
}

func walk(ctx context.Context, repo *gitfacts.Repository, tip policy.ObjectID, limit int, visit func(*commit) bool) error {
	s, err := open(ctx, repo)
	if err != nil {
		return fmt.Errorf("follow the history of notes: %w", err)
	}
	defer s.close()
	for id := tip; id != "" && limit > 0; limit-- {
		c, err := s.commit(id)
		if errors.Is(err, gitfacts.ErrMissing) && id != tip {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow the history of notes: %w", err)
		}
		if !visit(&c) {
			return nil
		}
		id = c.parent
	}
	return nil
}
