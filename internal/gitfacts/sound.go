package gitfacts

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// Bounds of what is looked at.
const (
	maxTreeBytes = 1 << 30 // of all trees that are read
	maxTreeDepth = 1_000   // folders in folders
	maxCompared  = 8       // parents of a commit that its tree is held against
)

// An UnsoundTree is the error for a tree that can be read in more than one way.
type UnsoundTree struct {
	Tree policy.ObjectID
	Why  string // such as "it holds a name twice"
}

func (e *UnsoundTree) Error() string { return fmt.Sprintf("tree %s: %s", e.Tree, e.Why) }

// Sound checks each tree of the commits that a push brings, but for those that
// the commits below hold at the same place: names in git's order, none of them twice, empty,
// ".", "..", ".git" or with a slash, and modes that git knows. An UnsoundTree is
// the error for one that is not so. ErrTooMany says that these are more than
// MaxBrought commits, or that their trees are too many or too large.
//
// It does not matter how a tree came into the repository: by a push before
// receive.fsckObjects was set, or through alternates.
func (r *Repository) Sound(ctx context.Context, b Brought) error {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	b.Without = known(b.Without)
	if err := r.answers(append([]policy.ObjectID{b.Tip}, b.Without...)...); err != nil {
		return fmt.Errorf("check the trees that the push brings: %w", err)
	}
	ids, err := r.brought(ctx, b, MaxBrought)
	if err != nil {
		return fmt.Errorf("list the commits that the push brings: %w", err)
	}
	c := &treeCheck{objects: objects{repo: r, ctx: ctx, keep: maxDiscard}, sound: make(map[policy.ObjectID]bool)}
	defer c.stop()
	for _, id := range ids {
		if err := c.commit(id); err != nil {
			return fmt.Errorf("check the trees that the push brings: %w", err)
		}
	}
	return nil
}

// A treeCheck looks at trees where they differ from those of the commits before.
type treeCheck struct {
	objects
	sound map[policy.ObjectID]bool // those that were looked at, with all below
	size  int                      // of all that was read
}

// commit checks the tree of a commit, but for what one of its parents holds at
// the same place: that is checked with the parent, if the push brings it.
func (c *treeCheck) commit(id policy.ObjectID) error {
	tree, parents, err := c.headers(id)
	var before []policy.ObjectID
	for _, parent := range parents[:min(len(parents), maxCompared)] {
		var t policy.ObjectID
		if err == nil {
			t, _, err = c.headers(parent)
		}
		before = append(before, t)
	}
	if err != nil {
		return err
	}
	return c.tree(tree, before, 0)
}

// headers gives a commit's tree and parents.
func (c *treeCheck) headers(id policy.ObjectID) (tree policy.ObjectID, parents []policy.ObjectID, err error) {
	raw, err := c.objects.commit(id)
	if err != nil {
		return "", nil, err
	}
	word, rest, ok := field(raw, "tree ", c.repo.format.digits())
	tree = policy.ObjectID(word)
	if !ok {
		return "", nil, fmt.Errorf("commit %s is damaged", id)
	}
	for {
		if word, rest, ok = field(rest, "parent ", c.repo.format.digits()); !ok {
			return tree, parents, nil
		}
		parents = append(parents, policy.ObjectID(word))
	}
}

// tree checks a tree and those below, but for those that one of before holds at
// the same place.
func (c *treeCheck) tree(id policy.ObjectID, before []policy.ObjectID, depth int) error {
	if c.sound[id] || slices.Contains(before, id) {
		return nil
	}
	if depth > maxTreeDepth {
		return fmt.Errorf("%w: folders in more than %d folders", ErrTooMany, maxTreeDepth)
	}
	folders, why, err := c.read(id)
	if err == nil && why != "" {
		err = &UnsoundTree{id, why}
	}
	if err != nil || len(folders) == 0 {
		return err
	}
	var old []map[string]policy.ObjectID
	for _, t := range before {
		there, _, err := c.read(t) // whatever it is, it was there before
		if err != nil {
			return err
		}
		old = append(old, there)
	}
	for name, folder := range folders {
		var same []policy.ObjectID
		for _, there := range old {
			if t, ok := there[name]; ok {
				same = append(same, t)
			}
		}
		if err := c.tree(folder, same, depth+1); err != nil {
			return err
		}
	}
	c.sound[id] = true
	return nil
}

// read gives the folders in a tree, and what is wrong with it.
func (c *treeCheck) read(id policy.ObjectID) (folders map[string]policy.ObjectID, why string, err error) {
	kind, raw, err := c.objects.read(id)
	switch {
	case err != nil:
		return nil, "", err
	case kind != "tree":
		return nil, "", fmt.Errorf("object %s is not a tree", id)
	case len(raw) >= maxDiscard || raw == nil:
		return nil, "", fmt.Errorf("%w: a tree holds more than %d bytes", ErrTooMany, maxDiscard)
	case c.repo.hash(kind, raw) != id:
		return nil, "", fmt.Errorf("tree %s is not what its name says", id)
	}
	if c.size += len(raw); c.size > maxTreeBytes {
		return nil, "", fmt.Errorf("%w: their trees hold more than %d bytes", ErrTooMany, maxTreeBytes)
	}
	folders = make(map[string]policy.ObjectID)
	return folders, unsound(raw, c.repo.format.digits()/2, folders), nil
}

// unsound says what is wrong with a tree's content; empty if nothing is. An
// entry is "<mode> <name> NUL <raw ID>". The folders in it are added to folders.
func unsound(raw []byte, idSize int, folders map[string]policy.ObjectID) string {
	seen, before := make(map[string]bool), ""
	for len(raw) > 0 {
		head, rest, ok := bytes.Cut(raw, []byte{0})
		mode, name, spaced := strings.Cut(string(head), " ")
		if !ok || !spaced || len(rest) < idSize {
			return "it is malformed"
		}
		folder := strings.TrimLeft(mode, "0") == "40000"
		order := name
		if folder {
			order += "/" // so does git compare
		}
		switch {
		case !knownMode(mode):
			return "it holds the mode " + strconv.Quote(mode)
		case name == "" || name == "." || name == ".." || strings.Contains(name, "/") || strings.EqualFold(name, ".git"):
			return "it holds the name " + strconv.Quote(name)
		case seen[name]:
			return "it holds the name " + strconv.Quote(name) + " twice"
		case order < before:
			return "its names are not in order"
		case len(bytes.Trim(rest[:idSize], "\x00")) == 0:
			return "it names no object for " + strconv.Quote(name)
		}
		if folder {
			folders[name] = policy.ObjectID(hex.EncodeToString(rest[:idSize]))
		}
		seen[name], before, raw = true, order, rest[idSize:]
	}
	return ""
}

// knownMode reports whether git means one thing by a mode. Old programs wrote
// zeros in front, and 100664.
func knownMode(mode string) bool {
	switch strings.TrimLeft(mode, "0") {
	case "100644", "100664", "100755", "120000", "160000", "40000":
		return true
	}
	return false
}
