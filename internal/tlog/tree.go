package tlog

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// A Hash is a hash of the tree: SHA-256, by RFC 6962 section 2.1.
type Hash = tlog.Hash

// A Tree is the size of a tree and its root.
type Tree = tlog.Tree

// A RecordProof proves that a leaf is in a tree (RFC 6962 section 2.1.1).
type RecordProof = tlog.RecordProof

// A TreeProof proves that one tree is the beginning of another (RFC 6962
// section 2.1.2).
type TreeProof = tlog.TreeProof

// LeafHash is the hash of a leaf: a line of the journal without its newline.
func LeafHash(line []byte) Hash { return tlog.RecordHash(line) }

// A Frontier is a tree to which leaves are added, one by one, of which only
// the hashes are kept that later ones need: one for each bit in its size. The
// zero Frontier is the empty tree.
type Frontier struct {
	size  int64
	peaks []Hash // of the complete subtrees, the largest first
	done  []Hash
}

// Add adds a leaf by its hash. It returns the hashes that are complete with
// it: the leaf's, and those of the subtrees that end here, smallest first.
// They are the ones to be stored from tlog.StoredHashIndex(0, n) on, with the
// leaf's index n, and are valid until the next call.
func (f *Frontier) Add(h Hash) []Hash {
	f.done = append(f.done[:0], h)
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.peaks) - 1
		h = tlog.NodeHash(f.peaks[last], h)
		f.peaks = f.peaks[:last]
		f.done = append(f.done, h)
	}
	f.peaks = append(f.peaks, h)
	f.size++
	return f.done
}

// Size is how many leaves were added.
func (f *Frontier) Size() int64 { return f.size }

// Tree is the tree so far. The root of the empty tree is the SHA-256 of
// nothing.
func (f *Frontier) Tree() Tree {
	if f.size == 0 {
		root, _ := tlog.TreeHash(0, nil)
		return Tree{Hash: root}
	}
	h := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.peaks[i], h)
	}
	return Tree{N: f.size, Hash: h}
}

// Short is a tree as receipts show it: its size, and the first ten characters
// of the root as a checkpoint has it.
func Short(t Tree) string { return fmt.Sprintf("%d %.10s", t.N, t.Hash) }

// parseHash reads a hash in the one form that it is written in: 44 characters
// of base64.
func parseHash(s string) (h Hash, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || len(s) != base64.StdEncoding.EncodedLen(len(h)) {
		return h, fmt.Errorf("%.60q is not a hash of 32 bytes in base64", s)
	}
	copy(h[:], b)
	return h, nil
}

// parseCount reads a number that is not negative, as it is written: no sign,
// no leading zero.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.30q is not a whole number", s)
	}
	return n, nil
}
