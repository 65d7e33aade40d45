package notes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

const (
	maxTries  = 100   // against other writers
	maxFailed = 5     // of a git that cannot move the ref for another reason
	maxChange = 10000 // notes of one change
)

// ErrNotOn says that the tree of a change is not proven to go on from that of the
// notes' tip, and that the change did not ask to begin anew.
var ErrNotOn = errors.New("the ledger's tree is not proven to go on from that of the notes")

// An Old is what a change is made of: the notes ref as it is.
type Old struct {
	Tip      policy.ObjectID // empty if the ref is not there yet
	Trailers Trailers        // of Tip; the zero value if it has none
	// Notes has those of the commits that Write was asked about, by commit.
	Notes map[policy.ObjectID][]byte
}

// A Change is a commit to be made on a notes ref.
type Change struct {
	Notes   map[policy.ObjectID][]byte // new or replaced, by commit; none is empty
	Tree    tlog.Tree                  // that the stamps were signed with
	Proof   tlog.TreeProof             // from Old.Trailers.Tree to Tree
	Anew    bool                       // begin the chain anew if Proof does not hold
	Stamped policy.ObjectID            // a commit whose note has a new stamp
	Message string                     // what was stamped, in words
	Time    time.Time                  // of the commit
}

// Write changes the notes of refs by compare and swap: build is called with what
// is there, again whenever another writer was faster, and says what is to be
// there; with nil, nothing is done. commits are those whose notes build wants to
// see. The new tip is returned, or the one that stays.
//
// All other notes, and what else is in the tree, stay as they are. Commits are by
// pathgate <pathgate@localhost>. It must not be used from a pre-receive hook. An
// error says that the notes are not there, or wraps that of ctx: then they may be.
// It wraps ErrApart, ErrNotOn if the chain would be broken, and what build
// returned.
func Write(ctx context.Context, repo *gitfacts.Repository, refs Refs, commits []policy.ObjectID,
	build func(Old) (*Change, error)) (policy.ObjectID, error) {
	failed := 0
	for try := range maxTries {
		at, next, err := prepare(ctx, repo, refs, commits, build)
		if err != nil {
			return "", fmt.Errorf("write notes to %s: %w", refs.Public, err)
		}
		if next == "" {
			return at.Public, nil
		}
		moved, err := refs.move(ctx, repo, next, at, "pathgate: stamp")
		if moved {
			return next, nil
		}
		if !errors.Is(err, gitfacts.ErrLostRace) {
			failed++
		}
		if failed >= maxFailed || ctx.Err() != nil {
			return "", fmt.Errorf("write notes to %s: %w", refs.Public, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rand.Int64N(int64(min(try+1, 10)) * int64(5*time.Millisecond)))):
		}
	}
	return "", fmt.Errorf("write notes to %s: others were faster %d times", refs.Public, maxTries)
}

// prepare writes the objects of the next commit; next is empty if there is
// nothing to do.
func prepare(ctx context.Context, repo *gitfacts.Repository, refs Refs, commits []policy.ObjectID,
	build func(Old) (*Change, error)) (at Tips, next policy.ObjectID, err error) {
	if at, err = refs.Tips(ctx, repo); err != nil {
		return at, "", err
	}
	if at.Apart() {
		return at, "", ErrApart
	}
	s, err := open(ctx, repo)
	if err != nil {
		return at, "", err
	}
	defer s.close()
	old, tree, err := s.old(at.Public, commits)
	if err != nil {
		return at, "", err
	}
	change, err := build(old)
	if err != nil || change == nil {
		return at, "", err
	}
	if err := s.check(change); err != nil {
		return at, "", err
	}
	trailers, err := change.trailers(&old)
	if err != nil {
		return at, "", err
	}
	p := newPack(repo.Format())
	if tree, err = s.rewrite(p, tree, change.Notes); err != nil {
		return at, "", err
	}
	if next, err = p.add(packCommit, change.commit(tree, at.Public, trailers)); err != nil {
		return at, "", err
	}
	return at, next, p.unpack(ctx, repo)
}

// old reads what a change is made of.
func (s *source) old(tip policy.ObjectID, commits []policy.ObjectID) (old Old, tree policy.ObjectID, err error) {
	old = Old{Tip: tip, Notes: make(map[policy.ObjectID][]byte)}
	if tip == "" {
		return old, "", nil
	}
	c, err := s.commit(tip)
	if err != nil {
		return old, "", err
	}
	old.Trailers = c.trailers
	for _, commit := range commits {
		if !s.isID(commit) {
			return old, "", fmt.Errorf("%q is not a commit's ID in this repository", commit)
		}
		note, err := s.note(c.tree, commit)
		if err != nil {
			return old, "", fmt.Errorf("read the note of %s: %w", commit, err)
		}
		if note != nil {
			old.Notes[commit] = note
		}
	}
	return old, c.tree, nil
}

// check checks that what is to be written can be read again.
func (s *source) check(c *Change) error {
	if len(c.Notes) == 0 || len(c.Notes) > maxChange {
		return fmt.Errorf("a change of %d notes", len(c.Notes))
	}
	for commit, note := range c.Notes {
		if !s.isID(commit) || len(note) == 0 || len(note) > maxNote {
			return fmt.Errorf("a note of %d bytes for the commit %q", len(note), commit)
		}
	}
	if !s.isID(c.Stamped) || c.Tree.N < 1 {
		return errors.New("the change names no commit or no tree")
	}
	if y := c.Time.UTC().Year(); y < 1970 || y > 9999 {
		return fmt.Errorf("the year %d", y)
	}
	return nil
}

// trailers are those of the new commit.
func (c *Change) trailers(old *Old) (Trailers, error) {
	t := Trailers{Tree: c.Tree, Stamped: c.Stamped}
	if old.Tip == "" {
		return t, nil
	}
	if old.Trailers.Tree.N > 0 && tlog.CheckTree(c.Proof, c.Tree, old.Trailers.Tree) == nil {
		t.Proven, t.Proof = true, c.Proof
		return t, nil
	}
	if !c.Anew {
		return t, fmt.Errorf("%w: %d records after %d", ErrNotOn, c.Tree.N, old.Trailers.Tree.N)
	}
	return t, nil
}

// rewrite makes the tree that has the notes, and gives its ID.
func (s *source) rewrite(p *pack, tree policy.ObjectID, notes map[policy.ObjectID][]byte) (policy.ObjectID, error) {
	root, err := s.load(tree)
	if err != nil {
		return "", err
	}
	for _, commit := range slices.Sorted(maps.Keys(notes)) {
		blob, err := p.add(packBlob, notes[commit])
		if err != nil {
			return "", err
		}
		if err := s.put(root, string(commit), blob); err != nil {
			return "", fmt.Errorf("the note of %s: %w", commit, err)
		}
	}
	return root.encode(p)
}

// commit writes the commit object.
func (c *Change) commit(tree, parent policy.ObjectID, t Trailers) []byte {
	var b strings.Builder
	b.WriteString("tree " + string(tree) + "\n")
	if parent != "" {
		b.WriteString("parent " + string(parent) + "\n")
	}
	who := fmt.Sprintf("pathgate <pathgate@localhost> %d +0000\n", c.Time.Unix())
	b.WriteString("author " + who + "committer " + who + "\n")
	const lines, width = 100, 200
	for i, line := range strings.SplitN(strings.Trim(c.Message, "\n"), "\n", lines+1) {
		if i == lines {
			break
		}
		if line = text.Clean(line, width); i == 0 && strings.TrimSpace(line) == "" {
			line = "stamps"
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("\n" + t.format())
	return []byte(b.String())
}
