package gitfacts

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// ErrTooLarge says that a file is larger than the limit.
var ErrTooLarge = errors.New("the file is too large")

// ErrNoFile says that a tree has no file, symbolic links included, at a path.
var ErrNoFile = errors.New("the tree has no such file")

// Blob gives the content of the file at path in a tree, such as that of a merge
// with conflicts; of a symbolic link it is the target. path is taken byte by
// byte, as a ConflictFile has it. More than limit bytes (8 MiB at most), a
// folder, a submodule, and a path that is not there are errors: ErrTooLarge and
// ErrNoFile.
func (r *Repository) Blob(ctx context.Context, tree policy.ObjectID, path string, limit int64) ([]byte, error) {
	if _, ok := r.objectID(string(tree)); !ok || tree.IsZero() || limit < 0 {
		return nil, fmt.Errorf("read a file of tree %q: not an object ID of this repository, or no limit", tree)
	}
	source := objects{repo: r, ctx: ctx, keep: maxDiscard}
	defer source.stop()
	id := tree
	for path, more := path, true; more; {
		var name string
		name, path, more = strings.Cut(path, "/")
		kind, raw, err := source.read(id)
		if err != nil {
			return nil, fmt.Errorf("read a file of tree %s: %w", tree, err)
		}
		entry, ok := r.entry(raw, name, more)
		if kind != "tree" || !ok {
			return nil, fmt.Errorf("read %q of tree %s: %w", name, tree, ErrNoFile)
		}
		id = entry
	}
	kind, content, err := source.read(id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read a file of tree %s: %w", tree, err)
	case kind != "blob":
		return nil, fmt.Errorf("read a file of tree %s: %w", tree, ErrNoFile)
	case r.hash(kind, content) != id || int64(len(content)) > limit:
		return nil, fmt.Errorf("read a file of tree %s: %w", tree, ErrTooLarge) // the rest was not read
	}
	return content, nil
}

// entry finds a folder or a file in a tree object: "<mode> SP <name> NUL <id>".
func (r *Repository) entry(raw []byte, name string, folder bool) (policy.ObjectID, bool) {
	size := r.format.digits() / 2
	for len(raw) > 0 {
		head, rest, ok := bytes.Cut(raw, []byte{0})
		mode, found, spaced := strings.Cut(string(head), " ")
		if !ok || !spaced || len(rest) < size {
			return "", false
		}
		if found == name {
			isFolder, isModule := mode == "40000", mode == "160000"
			return policy.ObjectID(hex.EncodeToString(rest[:size])), isFolder == folder && !isModule
		}
		raw = rest[size:]
	}
	return "", false
}
