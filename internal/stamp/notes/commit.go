package notes

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// The keys of the trailers.
const (
	keyTree    = "Pathgate-Tree: "
	keyProof   = "Pathgate-Proof:"
	keyStamped = "Pathgate-Stamped: "
)

const maxHashes = 126 // of a consistency proof: two for each level

// Trailers are what a notes commit says of itself. They are claims.
type Trailers struct {
	Tree    tlog.Tree
	Proven  bool           // whether there is a proof, if only one without hashes
	Proof   tlog.TreeProof // from the parent's tree to this one
	Stamped policy.ObjectID
}

// commit is a notes commit.
type commit struct {
	id, tree, parent policy.ObjectID // the first parent, empty if there is none
	trailers         Trailers
	ours             bool // it has trailers
}

// Tip reads the trailers of a notes commit; false if it has none that are whole.
func Tip(ctx context.Context, repo *gitfacts.Repository, tip policy.ObjectID) (Trailers, bool, error) {
	s, err := open(ctx, repo)
	if err != nil {
		return Trailers{}, false, fmt.Errorf("read the tip of notes: %w", err)
	}
	defer s.close()
	c, err := s.commit(tip)
	if err != nil {
		return Trailers{}, false, fmt.Errorf("read the tip of notes: %w", err)
	}
	return c.trailers, c.ours, nil
}

// commit reads a commit object, as "git cat-file commit" prints it: its tree is on
// the first line, and its first parent on the second, if it has any.
func (s *source) commit(id policy.ObjectID) (c commit, err error) {
	if !s.isID(id) {
		return c, fmt.Errorf("%q is not an object ID of this repository", id)
	}
	raw, err := s.get(id, "commit", maxCommit)
	if err != nil {
		return c, err
	}
	head, message, _ := strings.Cut(string(raw), "\n\n")
	lines := strings.Split(head, "\n")
	tree, ok := strings.CutPrefix(lines[0], "tree ")
	c.id, c.tree = id, policy.ObjectID(tree)
	if !ok || !s.isID(c.tree) {
		return c, fmt.Errorf("the commit %s is malformed", id)
	}
	if len(lines) > 1 {
		if parent, ok := strings.CutPrefix(lines[1], "parent "); ok {
			if c.parent = policy.ObjectID(parent); !s.isID(c.parent) {
				return c, fmt.Errorf("the commit %s is malformed", id)
			}
		}
	}
	c.trailers, c.ours = s.parseTrailers(message)
	return c, nil
}

// parseTrailers reads the last paragraph, which must have nothing but the
// trailers, each once.
func (s *source) parseTrailers(message string) (t Trailers, ok bool) {
	message = strings.TrimSuffix(message, "\n")
	paragraph := message[strings.LastIndex(message, "\n\n")+1:]
	seen := make(map[string]bool)
	for line := range strings.SplitSeq(strings.TrimPrefix(paragraph, "\n"), "\n") {
		key, known := "", false
		for _, key = range []string{keyTree, keyProof, keyStamped} {
			if value, is := strings.CutPrefix(line, key); is {
				known = t.set(key, value)
				break
			}
		}
		if !known || seen[key] {
			return Trailers{}, false
		}
		seen[key] = true
	}
	if !seen[keyTree] || !seen[keyStamped] || !s.isID(t.Stamped) {
		return Trailers{}, false
	}
	return t, true
}

// set reads one value; false if it is malformed.
func (t *Trailers) set(key, value string) (ok bool) {
	switch key {
	case keyTree:
		t.Tree, ok = parseTree(value)
	case keyStamped:
		t.Stamped, ok = policy.ObjectID(value), true
	case keyProof:
		t.Proven, ok = true, true
		f := strings.Fields(value)
		if len(f) > maxHashes {
			return false
		}
		for _, s := range f {
			h, ok := parseHash(s)
			if !ok {
				return false
			}
			t.Proof = append(t.Proof, h)
		}
	}
	return ok
}

func parseTree(s string) (t tlog.Tree, ok bool) {
	size, root, _ := strings.Cut(s, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != size {
		return t, false
	}
	t.N = n
	t.Hash, ok = parseHash(root)
	return t, ok
}

func parseHash(s string) (h tlog.Hash, ok bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || len(s) != base64.StdEncoding.EncodedLen(len(h)) {
		return h, false
	}
	copy(h[:], b)
	return h, true
}

// format writes the trailers' paragraph.
func (t *Trailers) format() string {
	s := fmt.Sprintf("%s%d %s\n", keyTree, t.Tree.N, t.Tree.Hash)
	if t.Proven {
		s += keyProof
		for _, h := range t.Proof {
			s += " " + h.String()
		}
		s += "\n"
	}
	return s + keyStamped + string(t.Stamped) + "\n"
}
