package release

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of what a conflict tells.
const (
	maxFiles = 20
	maxPath  = 200     // bytes of a path
	maxBlob  = 1 << 20 // bytes of a file that is looked into
	maxReads = 10      // files that are looked into
)

// labels turn the commit IDs that git writes into markers and paths into names.
type labels struct {
	ours, theirs policy.ObjectID
	onto, branch string
}

// plain is a path without what git adds to it to keep a file beside a folder or
// another file of its name: "~" and the commit.
func (l labels) plain(path string) string {
	for _, id := range []policy.ObjectID{l.ours, l.theirs} {
		if i := strings.LastIndex(path, "~"+string(id)); i > 0 {
			rest := path[i+1+len(id):]
			if rest == "" || rest[0] == '_' {
				return path[:i]
			}
		}
	}
	return path
}

// A stages is one conflicting path with what each side has there.
type stages struct {
	path, stored string // as people know it; as the merge's tree has it
	side         [4]gitfacts.ConflictFile
}

// conflicting gives the paths that conflict, as people know them, and those
// that a file had before it was renamed.
func conflicting(result gitfacts.MergeResult, l labels) map[string]bool {
	paths := map[string]bool{}
	for _, f := range result.Files {
		paths[l.plain(f.Path)] = true
	}
	for _, m := range result.Messages {
		if isConflict(m) {
			for _, p := range m.Paths {
				paths[l.plain(p)] = true
			}
		}
	}
	return paths
}

func isConflict(m gitfacts.MergeMessage) bool { return strings.HasPrefix(m.Type, "CONFLICT") }

// grouped puts the stages of each path together, in git's order.
func grouped(result gitfacts.MergeResult, l labels) (list []*stages) {
	at := map[string]*stages{}
	for _, f := range result.Files {
		s := at[f.Path]
		if s == nil {
			s = &stages{path: l.plain(f.Path), stored: f.Path}
			at[f.Path] = s
			list = append(list, s)
		}
		s.side[f.Stage] = f
	}
	return list
}

// describe fills in the files of a conflict.
func (b *builder) describe(ctx context.Context, c *Conflict, result gitfacts.MergeResult, l labels) error {
	types := kindsByPath(result, l)
	list := grouped(result, l)
	if len(list) == 0 { // such as a folder that may have been renamed
		for path := range types {
			list = append(list, &stages{path: path, stored: path})
		}
		slices.SortFunc(list, func(a, b *stages) int { return cmp.Compare(a.path, b.path) })
	}
	c.More = max(len(list)-maxFiles, 0)
	left, reads := maxLines, 0
	for _, s := range list[:len(list)-c.More] {
		f := File{Path: text.Clean(s.path, maxPath), Kind: s.kind(types[s.path], l)}
		if s.isText() && left > 0 && reads < maxReads {
			reads++
			raw, err := b.repo.Blob(ctx, result.Tree, s.stored, maxBlob)
			switch {
			case err == nil:
				f.Hunks = hunks(raw, l, &left)
			case !errors.Is(err, gitfacts.ErrTooLarge) && !errors.Is(err, gitfacts.ErrNoFile):
				return err
			}
		}
		c.Files = append(c.Files, f)
	}
	return nil
}
