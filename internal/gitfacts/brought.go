package gitfacts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
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
// are all that tip reaches. It ends with the first error: more than limit
// commits, a commit larger than 1 MiB or 64 MiB in all, a commit that is
// missing or damaged, a shallow repository, more than a minute. The order is
// git's, newest first; it rests on dates in the commits and decides nothing.
//
// Where dates lie, git may list commits that live does reach; it never leaves
// out one that live does not reach.
func (r *Repository) Brought(ctx context.Context, tip, live policy.ObjectID, limit int) iter.Seq2[Commit, error] {
	return func(yield func(Commit, error) bool) {
		fail := func(err error) { yield(Commit{}, fmt.Errorf("list what the push brings: %w", err)) }
		ids, err := r.brought(ctx, tip, live, limit)
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
				err = fmt.Errorf("the commits hold more than %d bytes", maxHistory)
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

// brought lists the commits that tip reaches and live does not.
func (r *Repository) brought(ctx context.Context, tip, live policy.ObjectID, limit int) ([]policy.ObjectID, error) {
	if limit < 1 {
		return nil, errors.New("the limit is not a number of commits")
	}
	// Without "^{commit}" git lists nothing for a blob, and calls that success.
	known := []policy.ObjectID{tip}
	args := []string{"rev-list", "--max-count=" + strconv.Itoa(limit+1), string(tip) + "^{commit}"}
	if !live.IsZero() {
		known = append(known, live)
		args = append(args, "^"+string(live)+"^{commit}")
	}
	if err := r.answers(known...); err != nil {
		return nil, err
	}
	if !live.IsZero() {
		if ids, ok := r.chain(tip, live, min(limit, maxChain)); ok {
			return ids, nil
		}
	}
	res, err := r.history(ctx, append(args, "--")...)
	if err != nil {
		return nil, err
	}
	return r.listedIDs(string(res.out), live.IsZero(), limit)
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
		return nil, fmt.Errorf("these are more than %d commits", limit)
	}
	if all && len(ids) == 0 {
		return nil, errors.New("git rev-list found no commit")
	}
	return ids, nil
}
