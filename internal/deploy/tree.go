package deploy

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// tree is the tree of a commit.
func (o *objects) tree(commit policy.ObjectID) (policy.ObjectID, error) {
	content, err := o.read(commit, "commit")
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(content, []byte("\n"))
	tree, ok := strings.CutPrefix(string(line), "tree ")
	if _, err := hex.DecodeString(tree); !ok || err != nil || len(tree) != 2*o.rawID {
		return "", fmt.Errorf("commit %s names no tree", commit)
	}
	return policy.ObjectID(tree), nil
}

// An entry is one line of a tree.
type entry struct {
	mode, name string
	id         policy.ObjectID
}

// entries lists a tree, the folder at path. One that git could take for a git
// directory is an error.
func (o *objects) entries(tree policy.ObjectID, path string) (all []entry, err error) {
	content, err := o.read(tree, "tree")
	var names []string
	for err == nil && len(content) > 0 {
		var e entry
		if e, content, err = o.cutEntry(content); err != nil {
			return nil, fmt.Errorf("tree %s: %w", tree, err)
		}
		all, names = append(all, e), append(names, e.name)
	}
	if err == nil && gitfacts.CouldBeGitDir(names...) {
		err = fmt.Errorf("git could take a folder for a repository, by its entries HEAD, objects and refs, or HEAD and commondir: %q", path)
	}
	return all, err
}

// cutEntry takes the first entry off a tree: "<mode> <name> NUL <raw ID>".
func (o *objects) cutEntry(content []byte) (entry, []byte, error) {
	head, rest, ok := bytes.Cut(content, []byte{0})
	mode, name, spaced := strings.Cut(string(head), " ")
	if !ok || !spaced || len(rest) < o.rawID {
		return entry{}, nil, errors.New("it is malformed")
	}
	if name == "" || name == "." || name == ".." || strings.Contains(name, "/") || strings.EqualFold(name, ".git") {
		return entry{}, nil, fmt.Errorf("it holds the name %q", name)
	}
	return entry{mode, name, policy.ObjectID(hex.EncodeToString(rest[:o.rawID]))}, rest[o.rawID:], nil
}
