package ledger

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/internal/tlog"
)

// Held is what a checkpoint says that was held outside. Its signature was
// checked before: Verify believes it.
type Held struct {
	Name   string // what it was read from, for findings
	Ledger string // the ledger's ID
	tlog.Tree
}

// sorted is held by size, the smallest first.
func sorted(held []Held) []Held {
	held = slices.Clone(held)
	slices.SortStableFunc(held, func(a, b Held) int { return cmp.Compare(a.N, b.N) })
	return held
}

// A treeCheck is the tree of the lines so far, and what it is held against.
type treeCheck struct {
	front   tlog.Frontier
	held    []Held // those that were not reached yet
	agreed  int64  // size of the largest that was, and agreed
	chunk   []byte // the hashes of the index's chunk that is not full
	chunks  int64  // how many before it are
	differs int64  // the first leaf that the index has otherwise, -1 if none is
}

// grow adds a line to the tree, and holds the tree against the checkpoints of
// its size and, up to where the index stands, against the index.
func (v *verifier) grow(raw []byte) error {
	t := &v.tree
	for _, h := range t.front.Add(tlog.LeafHash(raw)) {
		t.chunk = append(t.chunk, h[:]...)
		if len(t.chunk) < chunkSize*hashSize {
			continue
		}
		if v.index != nil && v.head.seq <= v.mark.seq {
			v.compareChunk()
		}
		t.chunk, t.chunks = t.chunk[:0], t.chunks+1
	}
	for len(t.held) > 0 && t.held[0].N <= t.front.Size() {
		if err := v.holds(&t.held[0]); err != nil {
			return err
		}
		t.held = t.held[1:]
	}
	return nil
}

// holds holds the tree against a checkpoint of its size.
func (v *verifier) holds(c *Held) error {
	if c.Ledger != v.report.Ledger {
		return finding(1, meansOther, "the checkpoint in %s is of ledger %s, and this is ledger %s", c.Name, c.Ledger, v.report.Ledger)
	}
	t := &v.tree
	if c.N > 0 && t.front.Tree() != c.Tree {
		first := uint64(t.agreed) + 1
		what := fmt.Sprintf("the first %d lines are not those of the checkpoint in %s", c.N, c.Name)
		switch {
		case first == uint64(c.N):
			what += fmt.Sprintf(": line %d is another", first)
		case t.agreed > 0:
			what += fmt.Sprintf(": lines 1 to %d are those of an earlier checkpoint, and one after them is another", t.agreed)
		default:
			what += ": one of them is another"
		}
		return finding(first, meansOther, "%s", what)
	}
	t.agreed = c.N
	v.report.Held++
	return nil
}

// allHeld finds the checkpoints that have more lines than there are.
func (v *verifier) allHeld() error {
	if len(v.tree.held) == 0 {
		return nil
	}
	c := &v.tree.held[0]
	if c.Ledger != v.report.Ledger {
		return v.holds(c)
	}
	return finding(v.head.seq+1, meansCut, "the checkpoint in %s has %d lines, and the journal ends with record %d", c.Name, c.N, v.head.seq)
}

// compareChunk holds the newest chunk against the index, and notes the first
// leaf in which they differ.
func (v *verifier) compareChunk() {
	t := &v.tree
	if t.differs >= 0 {
		return
	}
	err := v.index.view(func(s kv) error {
		have, err := s.Get(chunkKey(t.chunks))
		if err == nil && !bytes.Equal(have, t.chunk) {
			t.differs = storedAt(t.chunks, t.chunk, have)
		}
		return err
	})
	if err != nil {
		t.differs = storedAt(t.chunks, t.chunk, nil)
	}
}

// compareTree completes the comparison with the index, which has so many
// chunks.
func (v *verifier) compareTree(chunks int64) error {
	t := &v.tree
	want := t.chunks
	if len(t.chunk) > 0 {
		want++
		v.compareChunk()
	}
	switch {
	case t.differs >= 0:
		return fmt.Errorf("its tree has another line %d", t.differs+1)
	case chunks != want:
		return fmt.Errorf("its tree has %d chunks and not %d", chunks, want)
	}
	return nil
}
