package gitfacts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// Bounds of what a push may bring to an environment with a rule about it.
const (
	// MaxBrought is how many commits are looked at.
	MaxBrought = 10_000
	// MaxListed is how many commits an answer names.
	MaxListed = 20

	maxCommit  = 1 << 20  // bytes of one commit object
	maxHistory = 64 << 20 // bytes of all of them
)

// ErrTooMany says that a push brings more than can be looked at.
var ErrTooMany = errors.New("the push brings too much")

// tooMany is ErrTooMany of commits.
func tooMany(limit int) error {
	return fmt.Errorf("%w: these are more than %d commits", ErrTooMany, limit)
}

// A Commit is a commit object as it is stored.
type Commit struct {
	ID policy.ObjectID
	// Raw is the object's content: header lines, an empty line, the message.
	// It is in no encoding that could be relied on.
	Raw []byte
}

// Message gives the commit's message as stored. Like git's own, it ends at the
// first NUL byte of the object, behind which nobody would see it.
func (c Commit) Message() []byte {
	shown, _, _ := bytes.Cut(c.Raw, []byte{0})
	_, message, _ := bytes.Cut(shown, []byte("\n\n"))
	return message
}

// Brought gives the commits that a move of an environment from live to tip
// brings to it: those that can be reached from tip and not from live, merge
// commits included. With the zero ID as live, nothing is live yet and these
// are all that tip reaches. What one of without reaches is left out too; zero
// and empty IDs among those are ignored. It ends with the first error: ErrTooMany for
// more than limit commits or 64 MiB, a commit larger than 1 MiB, a commit that is
// missing or damaged, a shallow repository, more than a minute. The order is
// git's, newest first; it rests on dates in the commits and decides nothing.
//
// Where dates lie, git may list commits that live does reach; it never leaves
// out one that live does not reach.
func (r *Repository) Brought(ctx context.Context, tip, live policy.ObjectID, limit int, without ...policy.ObjectID) iter.Seq2[Commit, error] {
	return func(yield func(Commit, error) bool) {
		fail := func(err error) { yield(Commit{}, fmt.Errorf("list what the push brings: %w", err)) }
		ids, err := r.brought(ctx, Brought{Tip: tip, Without: append(known(without), live)}, limit)
		if err != nil {
			fail(err)
			return
		}
		source := objects{repo: r, ctx: ctx, keep: maxCommit + 1}
		defer source.stop()
		size := 0
		for _, id := range ids {
			raw, err := source.commit(id)
			if size += len(raw); err == nil && size > maxHistory {
				err = fmt.Errorf("%w: the commits hold more than %d bytes", ErrTooMany, maxHistory)
			}
			if err != nil {
				fail(err)
				return
			}
			if !yield(Commit{ID: id, Raw: raw}, nil) {
				return
			}
		}
	}
}

// commit reads the whole of a commit and checks it against its ID.
func (s *objects) commit(id policy.ObjectID) ([]byte, error) {
	kind, raw, err := s.read(id)
	switch {
	case err != nil:
		return nil, err
	case kind != "commit":
		return nil, fmt.Errorf("object %s is not a commit", id)
	case len(raw) > maxCommit:
		return nil, fmt.Errorf("commit %s is larger than %d bytes", id, maxCommit)
	case s.repo.hash(kind, raw) != id:
		return nil, fmt.Errorf("commit %s is not what its name says", id)
	}
	return raw, nil
}

// brought lists the commits that b.Tip reaches and none of b.Without does. An
// empty ID is an error here; the zero ID stands for nothing.
func (r *Repository) brought(ctx context.Context, b Brought, limit int) ([]policy.ObjectID, error) {
	if limit < 1 {
		return nil, errors.New("the limit is not a number of commits")
	}
	// Without "^{commit}" git lists nothing for a blob, and calls that success.
	asked := []policy.ObjectID{b.Tip}
	args := []string{"rev-list", "--max-count=" + strconv.Itoa(limit+1), string(b.Tip) + "^{commit}"}
	for _, id := range b.Without {
		if id.IsZero() {
			continue
		}
		asked = append(asked, id)
		args = append(args, "^"+string(id)+"^{commit}")
	}
	if err := r.answers(asked...); err != nil {
		return nil, err
	}
	if len(asked) == 2 {
		if ids, ok := r.chain(b.Tip, asked[1], min(limit, maxChain)); ok {
			return ids, nil
		}
	}
	res, err := r.history(ctx, append(args, "--")...)
	if err != nil {
		return nil, err
	}
	return r.listedIDs(string(res.out), len(asked) == 1, limit)
}

// known leaves out the IDs that stand for nothing.
func known(ids []policy.ObjectID) (list []policy.ObjectID) {
	for _, id := range ids {
		if id != "" && !id.IsZero() && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// listedIDs reads git's list.
func (r *Repository) listedIDs(out string, all bool, limit int) (ids []policy.ObjectID, err error) {
	for line := range strings.Lines(out) {
		id, ok := r.objectID(strings.TrimSuffix(line, "\n"))
		if !ok {
			return nil, errors.New("git rev-list printed another form")
		}
		ids = append(ids, id)
	}
	if len(ids) > limit {
		return nil, tooMany(limit)
	}
	if all && len(ids) == 0 {
		return nil, errors.New("git rev-list found no commit")
	}
	return ids, nil
}
