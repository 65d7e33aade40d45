package release

import (
	"context"
	"errors"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of the search for what conflicts.
const (
	maxSearched = 100
	maxSearch   = 3 * time.Second
)

// A Conflict is a merge that is not clean. All text in it is clean.
type Conflict struct {
	// Onto is what was merged into, such as "release/dev".
	Onto string
	// Branch is what could not be merged; in a rebuild it may be another one
	// than that of the request. An empty Name says base.
	Branch Branch
	// Rebuild says that Onto was being built anew.
	Rebuild bool
	// Files are those that conflict, in git's order, the first 20 of them.
	Files []File
	More  int // files beyond those

	// With are the released branches that conflict with Branch when merged
	// with it alone, in a file that is among all that conflict, newest release
	// first.
	With []Branch
	// WithBase says that base alone conflicts with Branch in such a file.
	WithBase bool
	// Touch are, where neither is the case, the released branches that change
	// such a file, newest release first: what conflicts is what they come to
	// together.
	Touch []Branch
	// Unsearched is how many released branches were not looked at.
	Unsearched int
}

// A File is a path that conflicts.
type File struct {
	Path  string // clean, at most 200 bytes
	Kind  string // in words: "content", "both added"
	Hunks []Hunk // the first three places, of a text
}

// A Hunk is one place in a file.
type Hunk struct {
	Line  int      // of the first, in the file with its conflict markers
	Lines []string // clean and cut; the markers name the branches
	Cut   bool     // a side has more lines than are shown
}

// conflict tells what stands against merging r into what is built so far.
func (b *builder) conflict(ctx context.Context, r Branch, result gitfacts.MergeResult) (*Conflict, error) {
	c := &Conflict{Onto: short(b.req.Ref), Branch: r,
		Rebuild: b.plan.Action == ActionReplace || b.plan.Action == ActionRemove}
	labels := labels{ours: b.tip, theirs: r.Head, onto: c.Onto, branch: name(r.Name)}
	if r.Name == "" {
		labels.branch = short(b.req.BaseRef)
	}
	if err := b.describe(ctx, c, result, labels); err != nil {
		return nil, err
	}
	s := &search{repo: b.repo, base: b.req.Base, head: r.Head, paths: conflicting(result, labels)}
	return c, b.blame(ctx, s, c)
}

// blame finds out with what c.Branch conflicts.
func (b *builder) blame(ctx context.Context, s *search, c *Conflict) (err error) {
	rivals := b.rivals(c)
	limited, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	if c.Branch.Name != "" {
		if s.withBase, err = s.clashes(limited, s.base); err != nil {
			return s.over(ctx, limited, c, len(rivals), err)
		}
		c.WithBase = s.withBase != nil
	}
	looked := rivals[:min(len(rivals), maxSearched)]
	for i, r := range looked {
		with, err := s.conflicts(limited, r)
		if err != nil {
			return s.over(ctx, limited, c, len(rivals)-i, err)
		}
		if with {
			c.With = append(c.With, r)
		}
	}
	c.Unsearched = len(rivals) - len(looked)
	if c.WithBase || len(c.With) > 0 {
		return nil
	}
	for i, r := range looked {
		touches, err := s.touches(limited, r, s.paths)
		if err != nil {
			return s.over(ctx, limited, c, len(rivals)-i, err)
		}
		if touches {
			c.Touch = append(c.Touch, r)
		}
	}
	return nil
}

// over ends a search: for want of time, which is no error but told.
func (s *search) over(ctx, limited context.Context, c *Conflict, left int, err error) error {
	if ctx.Err() != nil || limited.Err() == nil {
		return err
	}
	c.Unsearched = left
	return nil
}

// rivals are the released branches that were in what was merged into, newest
// first.
func (b *builder) rivals(c *Conflict) (list []Branch) {
	in := b.merged
	if !c.Rebuild {
		in = nil
		if !b.req.Live.IsZero() {
			in = b.others()
		}
	}
	for i := len(in) - 1; i >= 0; i-- {
		if in[i].Name != c.Branch.Name && in[i].Head != c.Branch.Head {
			list = append(list, in[i])
		}
	}
	return list
}

// A search looks for what conflicts with head in paths.
type search struct {
	repo       *gitfacts.Repository
	base, head policy.ObjectID
	paths      map[string]bool
	withBase   map[string]bool // the paths in which base does; nil: none
}

// conflicts reports whether a released branch conflicts with head in one of the
// paths. Where base does too, the branch must itself change such a path: else
// it merely has what is base's.
func (s *search) conflicts(ctx context.Context, r Branch) (bool, error) {
	paths, err := s.clashes(ctx, r.Head)
	if err != nil || paths == nil {
		return false, err
	}
	for p := range paths {
		if !s.withBase[p] {
			return true, nil
		}
	}
	return s.touches(ctx, r, paths)
}

// clashes gives those of the paths in which other and head conflict, nil if
// there are none.
func (s *search) clashes(ctx context.Context, other policy.ObjectID) (map[string]bool, error) {
	result, err := s.repo.MergeTree(ctx, other, s.head)
	if errors.Is(err, ErrUnrelated) { // related by way of the environment only
		return nil, nil
	}
	if err != nil || result.Clean {
		return nil, err
	}
	var both map[string]bool
	for p := range conflicting(result, labels{ours: other, theirs: s.head}) {
		if s.paths[p] {
			if both == nil {
				both = map[string]bool{}
			}
			both[p] = true
		}
	}
	return both, nil
}
