package notes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

const (
	// maxTrees is how many tree objects are compared: a million notes have 65,793.
	maxTrees = 300_000
	// moved is how many notes more than the limit are looked at, for those that
	// are at another place and the same.
	moved = 4096
	// maxSteps is how many commits of a history are looked at for the newest
	// notes.
	maxSteps = 2048
)

// Changed lists the commits that have a note in the notes commit new and not the
// same one in old, which is empty if there is none, in the order of their IDs. It
// gives at most limit of them, and tells whether there are more; with more, some
// of those given may have the same note. Commits that lost their note are not
// among them. It reads at most 40,000 objects and 64 MiB, and one and a KiB more
// for each note of the limit.
func Changed(ctx context.Context, repo *gitfacts.Repository, old, new policy.ObjectID, limit int) (commits []policy.ObjectID, more bool, err error) {
	err = compare(ctx, repo, old, new, limit, func(s *source, before, after policy.ObjectID) (err error) {
		commits, more, err = s.changed(before, after, limit)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return commits, more, nil
}

// EachChanged is Changed with a visit to each commit. Its memory does not depend on
// how many there are. More than most are an error, after as many visits, and so is
// what visit returns.
func EachChanged(ctx context.Context, repo *gitfacts.Repository, old, new policy.ObjectID, most int, visit func(policy.ObjectID) error) error {
	return compare(ctx, repo, old, new, most, func(s *source, before, after policy.ObjectID) error {
		d, count := &difference{source: s, old: before, seen: make(map[policy.ObjectID]bool)}, 0
		return d.walk("", before, after, nil, false, func(found []found) error {
			commits, err := d.list(found, false)
			for _, id := range commits {
				if count++; err == nil && count > most {
					err = fmt.Errorf("more than %d notes have changed", most)
				}
				if err == nil {
					err = visit(id)
				}
			}
			return err
		})
	})
}

// compare calls do with the trees of two notes commits, of which the old one may
// be none.
func compare(ctx context.Context, repo *gitfacts.Repository, old, new policy.ObjectID, limit int, do func(s *source, before, after policy.ObjectID) error) error {
	s, err := open(ctx, repo)
	if err != nil {
		return fmt.Errorf("compare notes: %w", err)
	}
	defer s.close()
	s.count, s.bytes = s.count+int64(limit), s.bytes+int64(limit)<<10
	after, err := s.commit(new)
	var before commit
	if err == nil && old != "" {
		before, err = s.commit(old)
	}
	if err == nil {
		err = do(s, before.tree, after.tree)
	}
	if err != nil {
		return fmt.Errorf("compare notes: %w", err)
	}
	return nil
}

// changed is Changed for the trees of notes commits.
func (s *source) changed(old, new policy.ObjectID, limit int) (commits []policy.ObjectID, more bool, err error) {
	d := &difference{source: s, old: old, seen: make(map[policy.ObjectID]bool)}
	var all []found
	err = d.walk("", old, new, nil, false, func(found []found) error {
		if all = append(all, found...); len(all) > limit+moved {
			return errMore
		}
		return nil
	})
	if more = errors.Is(err, errMore); more {
		err = nil
	}
	if err == nil {
		commits, err = d.list(all, more)
	}
	if err != nil {
		return nil, false, err
	}
	return commits[:min(limit, len(commits))], more || len(commits) > limit, nil
}

// Newest lists the commits whose notes the history of tip changed, those of its
// newest commits first, each once, as visit wants more of them. It follows the
// first parents, at most 2,048 and not beyond until, which may be empty. What of
// the history cannot be read ends it, with the error.
func Newest(ctx context.Context, repo *gitfacts.Repository, tip, until policy.ObjectID, visit func(policy.ObjectID) (more bool)) error {
	s, err := open(ctx, repo)
	if err != nil {
		return fmt.Errorf("follow the history of notes: %w", err)
	}
	defer s.close()
	told := make(map[policy.ObjectID]bool)
	c, err := s.commit(tip)
	for range maxSteps {
		var before commit
		if err == nil && c.parent != "" {
			before, err = s.commit(c.parent)
		}
		if err != nil || c.id == until {
			break
		}
		var commits []policy.ObjectID
		if commits, _, err = s.changed(before.tree, c.tree, moved); err != nil {
			break
		}
		for _, id := range commits {
			if told[id] {
				continue
			}
			if told[id] = true; !visit(id) {
				return nil
			}
		}
		if before.id == "" {
			break
		}
		c = before
	}
	if err != nil {
		return fmt.Errorf("follow the history of notes: %w", err)
	}
	return nil
}

var errMore = errors.New("there are more")

// A difference is the notes of a tree that are not at the same place in another.
type difference struct {
	*source
	old policy.ObjectID
	// seen are the trees that were looked into. One that is at two places would
	// give notes to IDs that have all but their first digits in common: it is
	// there to make the reader go round and round.
	seen map[policy.ObjectID]bool
}

// found is a note that may be new.
type found struct {
	commit, blob policy.ObjectID
	elsewhere    bool // it may be at another place in the old tree
}

// walk looks at two trees below the same prefix of IDs, of which old may be empty,
// and emits what it finds in the order of the commits: all notes of one together.
// above is what was found with that prefix at levels above, higher tells whether
// old has notes there.
func (d *difference) walk(prefix string, old, new policy.ObjectID, above []found, higher bool, emit func([]found) error) error {
	if old == new {
		return emitAny(above, emit)
	}
	if d.seen[new] {
		return fmt.Errorf("the tree %s is at two places", new)
	}
	if d.seen[new] = true; len(d.seen) > maxTrees {
		return fmt.Errorf("more than %d trees", maxTrees)
	}
	flat, below, folders, noted, err := d.differ(prefix, old, new, higher)
	if err != nil {
		return err
	}
	all := slices.Concat(above, flat)
	slices.SortStableFunc(all, func(a, b found) int { return strings.Compare(string(a.commit), string(b.commit)) })
	for _, name := range slices.Sorted(maps.Keys(below)) {
		// What comes before the subtree, and what has its prefix.
		at, _ := slices.BinarySearchFunc(all, prefix+name, func(f found, id string) int { return strings.Compare(string(f.commit), id) })
		if err := emitAny(all[:at], emit); err != nil {
			return err
		}
		end := at
		for end < len(all) && strings.HasPrefix(string(all[end].commit), prefix+name) {
			end++
		}
		if err := d.walk(prefix+name, folders[name], below[name], all[at:end], higher || noted, emit); err != nil {
			return err
		}
		all = all[end:]
	}
	return emitAny(all, emit)
}

func emitAny(found []found, emit func([]found) error) error {
	if len(found) == 0 {
		return nil
	}
	return emit(found)
}

// differ gives the notes of a tree that are not those of old, the subtrees of
// both, and whether old has notes.
func (d *difference) differ(prefix string, old, new policy.ObjectID, higher bool) (flat []found, below, folders map[string]policy.ObjectID, noted bool, err error) {
	notes := make(map[string]policy.ObjectID)
	below, folders = make(map[string]policy.ObjectID), make(map[string]policy.ObjectID)
	if old != "" {
		if err := d.level(prefix, old, func(rest string, blob policy.ObjectID) error {
			notes[rest] = blob
			return nil
		}, folders); err != nil {
			return nil, nil, nil, false, err
		}
	}
	err = d.level(prefix, new, func(rest string, blob policy.ObjectID) error {
		if notes[rest] != blob {
			flat = append(flat, found{policy.ObjectID(prefix + rest), blob, higher || folders[rest[:2]] != ""})
		}
		return nil
	}, below)
	return flat, below, folders, len(notes) > 0, err
}

// level gives a tree's notes to visit, and puts its subtrees into folders.
func (d *difference) level(prefix string, tree policy.ObjectID, visit func(rest string, blob policy.ObjectID) error, folders map[string]policy.ObjectID) error {
	rest := d.digits - len(prefix)
	return d.tree(tree, func(mode, name, raw []byte) error {
		e := entry{mode: string(mode), name: string(name)}
		switch {
		case !isHex(e.name):
		case len(e.name) == rest && e.isBlob():
			return visit(e.name, idOf(raw))
		case len(e.name) == 2 && rest > 2 && e.isTree():
			if _, twice := folders[e.name]; twice {
				return fmt.Errorf("the tree %s has two entries of one name", tree)
			}
			folders[e.name] = idOf(raw)
		}
		return nil
	})
}

// list is the commits of what was found, in order, without those whose note has
// only moved; that is not looked for where there are too many.
func (d *difference) list(all []found, tooMany bool) ([]policy.ObjectID, error) {
	var commits []policy.ObjectID
	for i, f := range all {
		if i > 0 && all[i-1].commit == f.commit {
			return nil, fmt.Errorf("the commit %s: %w", f.commit, errTwo)
		}
		if f.elsewhere && !tooMany {
			blob, err := d.find(d.old, f.commit)
			if err != nil {
				return nil, fmt.Errorf("the commit %s: %w", f.commit, err)
			}
			if blob == f.blob {
				continue
			}
		}
		commits = append(commits, f.commit)
	}
	return commits, nil
}
