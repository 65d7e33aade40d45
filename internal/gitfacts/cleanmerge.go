package gitfacts

import (
	"context"
	"errors"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// maxMerges is how many merges are made again to see if they are clean. Those
// beyond count as not clean.
const maxMerges = 1_000

// A merge is a commit of two parents.
type merge struct {
	id, tree, ours, theirs policy.ObjectID
}

// cleanMerges gives those of ids that are clean merges: commits of exactly two
// parents whose tree is exactly what git makes of the two, without a conflict.
// Parents without a common ancestor make no clean merge. What git writes for
// it goes to a folder that is thrown away.
func (r *Repository) cleanMerges(ctx context.Context, ids []policy.ObjectID) (map[policy.ObjectID]bool, error) {
	merges, err := r.readMerges(ctx, ids)
	if err != nil || len(merges) == 0 {
		return nil, err
	}
	s, remove, err := r.scratch("")
	if err != nil {
		return nil, err
	}
	defer remove()
	clean := make(map[policy.ObjectID]bool)
	for len(merges) > 0 {
		trees, err := s.mergeAll(ctx, merges)
		if err != nil {
			return nil, err
		}
		for i, tree := range trees {
			if tree == merges[i].tree {
				clean[merges[i].id] = true
			}
		}
		merges = merges[len(trees):]
	}
	return clean, nil
}

// readMerges reads those of ids that have two parents.
func (r *Repository) readMerges(ctx context.Context, ids []policy.ObjectID) (list []merge, err error) {
	source := objects{repo: r, ctx: ctx, keep: maxCommit + 1}
	defer source.stop()
	for _, id := range ids {
		raw, err := source.commit(id)
		if err != nil {
			return nil, err
		}
		m, ok := parseMergeCommit(raw, r.format.digits())
		if !ok {
			continue
		}
		if m.id = id; len(list) == maxMerges {
			break
		}
		list = append(list, m)
	}
	return list, nil
}

// parseMergeCommit reads the headers of a commit that has two parents.
func parseMergeCommit(raw []byte, digits int) (m merge, ok bool) {
	tree, rest, ok := field(raw, "tree ", digits)
	if !ok {
		return m, false
	}
	ours, rest, ok := field(rest, "parent ", digits)
	if !ok {
		return m, false
	}
	theirs, rest, ok := field(rest, "parent ", digits)
	m = merge{tree: policy.ObjectID(tree), ours: policy.ObjectID(ours), theirs: policy.ObjectID(theirs)}
	return m, ok && !strings.HasPrefix(string(rest[:min(len(rest), 7)]), "parent ")
}

// mergeAll makes the first merges again, at least one of them, and gives their
// trees; a tree is empty if the merge is not clean.
func (r *Repository) mergeAll(ctx context.Context, merges []merge) ([]policy.ObjectID, error) {
	var pairs strings.Builder
	for _, m := range merges {
		pairs.WriteString(string(m.ours) + " " + string(m.theirs) + "\n")
	}
	res, err := r.run(ctx, hermetic, strings.NewReader(pairs.String()), "merge-tree", "--write-tree", "--stdin", "-z", "--no-messages")
	if err != nil {
		return nil, err
	}
	if res.exit == gitUsage {
		return r.mergeOne(ctx, merges[0])
	}
	trees, err := r.mergedTrees(string(res.out))
	switch {
	case err != nil:
		return nil, err
	case res.exit == 0 && !complains(res.messages) && len(trees) == len(merges):
		return trees, nil
	case len(trees) < len(merges) && errors.Is(mergeFault(res), ErrUnrelated):
		return append(trees, ""), nil // git ended at these two
	}
	return nil, mergeFault(res)
}

// mergeOne is mergeAll for git 2.38, which makes one merge a process.
func (r *Repository) mergeOne(ctx context.Context, m merge) ([]policy.ObjectID, error) {
	res, err := r.run(ctx, hermetic, nil, "merge-tree", "--write-tree", "-z", "--no-messages", string(m.ours), string(m.theirs))
	switch {
	case err != nil:
		return nil, err
	case res.exit == 1 && len(res.out) > 0 && !complains(res.messages):
		return []policy.ObjectID{""}, nil
	case res.exit != 0 && errors.Is(mergeFault(res), ErrUnrelated):
		return []policy.ObjectID{""}, nil
	case res.exit != 0 || complains(res.messages):
		return nil, mergeFault(res)
	}
	words := wordReader{rest: string(res.out)}
	tree, ok := r.objectID(words.next())
	if !ok || words.bad {
		return nil, errMergeTree
	}
	return []policy.ObjectID{tree}, nil
}

// mergedTrees reads "<status> NUL <tree> NUL (<stage> NUL)* NUL" for each merge;
// the status is 1 for a clean one and 0 for one with conflicts.
func (r *Repository) mergedTrees(out string) (trees []policy.ObjectID, err error) {
	for words := (wordReader{rest: out}); words.rest != ""; {
		status := words.next()
		tree, ok := r.objectID(words.next())
		if !ok || status != "0" && status != "1" {
			return nil, errMergeTree
		}
		staged := false
		for words.next() != "" {
			staged = true
		}
		if words.bad || staged && status == "1" {
			return nil, errMergeTree
		}
		if status == "0" {
			tree = ""
		}
		trees = append(trees, tree)
	}
	return trees, nil
}
