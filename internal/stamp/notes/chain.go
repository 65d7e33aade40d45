package notes

import (
	"context"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// MaxHistory is how many commits of a notes ref's history are followed.
const MaxHistory = 10_000

// Trees follows the first parents of a notes commit and gives the trees of their
// trailers, newest first, as far as each is proven to be the beginning of the one
// before it in the list, until one is not larger than from. Two that follow each
// other may be the same. The end of the history, a commit without trailers, a
// proof that is missing or does not hold, a parent that is not in the repository,
// and 10,000 commits end the list too, and are no errors.
//
// Of what is older than a tree that a signed stamp has, the proofs leave no
// choice; what is newer anybody may have made up.
func Trees(ctx context.Context, repo *gitfacts.Repository, tip policy.ObjectID, from int64) ([]tlog.Tree, error) {
	s, err := open(ctx, repo)
	if err != nil {
		return nil, fmt.Errorf("follow the history of notes: %w", err)
	}
	defer s.close()
	var trees []tlog.Tree
	var before Trailers // of the commit whose parent is looked at
	for range MaxHistory {
		c, err := s.commit(tip)
		if errors.Is(err, gitfacts.ErrMissing) && len(trees) > 0 {
			return trees, nil
		}
		if err != nil {
			return trees, fmt.Errorf("follow the history of notes: %w", err)
		}
		if !c.ours || len(trees) > 0 && !before.from(c.trailers.Tree) {
			return trees, nil
		}
		trees = append(trees, c.trailers.Tree)
		if c.trailers.Tree.N <= from || c.parent == "" || !c.trailers.Proven {
			return trees, nil
		}
		tip, before = c.parent, c.trailers
	}
	return trees, nil
}

// from reports whether the trailers prove that their tree goes on from old.
func (t *Trailers) from(old tlog.Tree) bool {
	return t.Proven && tlog.CheckTree(t.Proof, t.Tree, old) == nil
}
