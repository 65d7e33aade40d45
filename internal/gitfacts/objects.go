package gitfacts

import (
	"context"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// maxTagDepth is how many tags may name each other.
const maxTagDepth = 10

// An Object is what a pushed ID turned out to be.
type Object struct {
	Kind    string          // of the object itself: "commit", "tag", "tree" or "blob"
	Commit  policy.ObjectID // the object, peeled; empty if it leads to no commit
	Tree    policy.ObjectID // the commit's tree
	Subject string          // the commit's, raw, at most 1 KiB: clean it before use
}

// Commits looks at the objects with the given IDs and peels tags to commits. A
// loose object of the quarantine or of the repository is read natively and
// checked against its ID; all others are asked of one git process. An object
// that is missing or damaged, or more than ten nested tags, is an error.
func (r *Repository) Commits(ctx context.Context, ids []policy.ObjectID) (map[policy.ObjectID]Object, error) {
	source := objects{repo: r, ctx: ctx}
	defer source.stop()
	result := make(map[policy.ObjectID]Object, len(ids))
	for _, id := range ids {
		if _, ok := result[id]; ok {
			continue
		}
		if _, ok := r.objectID(string(id)); !ok || id.IsZero() {
			return nil, fmt.Errorf("read object %q: not an object ID of this repository", id)
		}
		o, err := source.peel(id)
		if err != nil {
			return nil, fmt.Errorf("read object %s: %w", id, err)
		}
		result[id] = o
	}
	return result, nil
}

// objects reads objects; it starts git when it first needs it.
type objects struct {
	repo  *Repository
	ctx   context.Context
	batch *batch
	// looseOnly makes an object that only git can read an errNoGit.
	looseOnly bool
	// keep is how much of an object is read, at least maxObject.
	keep int64
}

// peel follows tags from id.
func (s *objects) peel(id policy.ObjectID) (Object, error) {
	digits := s.repo.format.digits()
	var o Object
	expected := ""
	for range maxTagDepth + 1 {
		kind, content, err := s.read(id)
		if err != nil {
			return Object{}, err
		}
		if expected != "" && kind != expected {
			return Object{}, fmt.Errorf("a tag takes %s for a %s", id, expected)
		}
		if o.Kind == "" {
			o.Kind = kind
		}
		switch kind {
		case "commit":
			tree, subject, ok := parseCommit(content, digits)
			if !ok {
				return Object{}, errors.New("the commit is damaged")
			}
			o.Commit, o.Tree, o.Subject = id, policy.ObjectID(tree), subject
			return o, nil
		case "tag":
			target, next, ok := parseTag(content, digits)
			if !ok {
				return Object{}, errors.New("the tag is damaged")
			}
			id, expected = policy.ObjectID(target), next
		default:
			return o, nil
		}
	}
	return Object{}, errors.New("too many tags of tags")
}

// read gives an object's kind and, of commits and tags, the first 64 KiB, or
// keep.
func (s *objects) read(id policy.ObjectID) (kind string, content []byte, err error) {
	for _, dir := range s.repo.folders() {
		kind, content, err = s.repo.loose(dir, id)
		if err == nil || !errors.Is(err, errNotLoose) {
			return kind, content, err
		}
	}
	if s.looseOnly {
		return "", nil, errNoGit
	}
	if s.batch == nil {
		if s.batch, err = s.repo.startBatch(s.ctx, max(s.keep, maxObject)); err != nil {
			return "", nil, err
		}
	}
	kind, content, err = s.batch.read(id)
	if errors.Is(err, errLarge) { // do not wait for the rest of it
		s.stop()
		return kind, nil, nil
	}
	return kind, content, err
}

func (s *objects) stop() {
	if s.batch != nil {
		s.batch.stop()
		s.batch = nil
	}
}
