package tlog

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// MaxProof is the most bytes that a proof may have.
	MaxProof = 256 << 10
	// ProofHeader is the first line of an inclusion proof.
	ProofHeader = "c2sp.org/tlog-proof@v1"
	// maxHashes is the most hashes of a proof: a tree has at most 2^63 leaves.
	maxHashes = 63
)

// A Proof proves that a line is in a ledger, to whoever has the ledger's
// verifier key, by https://c2sp.org/tlog-proof.
type Proof struct {
	Line       []byte // the line without its newline
	Index      int64  // its number in the tree, counted from zero: the record's less one
	Hashes     RecordProof
	Checkpoint []byte // signed
}

// Format is the proof as a file. The line is its extra data.
func (p *Proof) Format() []byte {
	b := fmt.Appendf(nil, "%s\nextra %s\nindex %d\n", ProofHeader, base64.StdEncoding.EncodeToString(p.Line), p.Index)
	for _, h := range p.Hashes {
		b = append(append(b, h.String()...), '\n')
	}
	return append(append(b, '\n'), p.Checkpoint...)
}

// ParseProof reads a proof. It checks its form only; Check checks what it says.
func ParseProof(b []byte) (p Proof, err error) {
	lines, checkpoint, err := cutProof(b)
	if err == nil && (len(lines) < 3 || lines[0] != ProofHeader) {
		err = fmt.Errorf("%w: it does not begin with %s and the lines extra and index", ErrMalformed, ProofHeader)
	}
	if err != nil {
		return p, fmt.Errorf("proof: %w", err)
	}
	extra, ok1 := strings.CutPrefix(lines[1], "extra ")
	index, ok2 := strings.CutPrefix(lines[2], "index ")
	if !ok1 || !ok2 {
		return p, fmt.Errorf("proof: %w: no line extra, or no line index after it", ErrMalformed)
	}
	if p.Line, err = base64.StdEncoding.Strict().DecodeString(extra); err != nil || len(p.Line) == 0 {
		return p, fmt.Errorf("proof: %w: its extra is not in base64", ErrMalformed)
	}
	if p.Index, err = parseCount(index); err != nil {
		return p, fmt.Errorf("proof: %w: the index: %w", ErrMalformed, err)
	}
	if p.Hashes, err = parseHashes(lines[3:]); err != nil {
		return p, fmt.Errorf("proof: %w", err)
	}
	p.Checkpoint = checkpoint
	return p, nil
}

// cutProof takes a proof's lines off the signed checkpoint after it.
func cutProof(b []byte) (lines []string, checkpoint []byte, err error) {
	if len(b) > MaxProof {
		return nil, nil, fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxProof)
	}
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok {
		return nil, nil, fmt.Errorf("%w: no checkpoint after an empty line", ErrMalformed)
	}
	return strings.Split(string(head), "\n"), checkpoint, nil
}

func parseHashes(lines []string) (hashes []Hash, err error) {
	if len(lines) > maxHashes {
		return nil, fmt.Errorf("%w: more than %d hashes", ErrMalformed, maxHashes)
	}
	for _, line := range lines {
		h, err := parseHash(line)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// Check checks that the log's key signed the checkpoint and that the line is
// in its tree. It returns the checkpoint and which witnesses signed it too.
//
// Its errors wrap ErrMalformed, ErrUnsigned or ErrProof.
func (p *Proof) Check(log note.Verifier, witnesses ...note.Verifier) (Checkpoint, []Signature, error) {
	c, good, err := Open(p.Checkpoint, log, witnesses...)
	if err != nil {
		return c, nil, err
	}
	if err := tlog.CheckRecord(p.Hashes, c.N, c.Hash, p.Index, LeafHash(p.Line)); err != nil {
		return c, nil, fmt.Errorf("%w: the line is not leaf %d of the tree of %d", ErrProof, p.Index, c.N)
	}
	return c, good, nil
}

// An Update is a newer checkpoint, with the proof that the log's tree of Old
// leaves is its beginning, in the form in which https://c2sp.org/tlog-witness
// asks a witness to sign it.
type Update struct {
	Old        int64 // size of the tree that the witness knows; zero if none
	Hashes     TreeProof
	Checkpoint []byte // signed
}

// Format is the update as a witness is sent it.
func (u *Update) Format() []byte {
	b := fmt.Appendf(nil, "old %d\n", u.Old)
	for _, h := range u.Hashes {
		b = append(append(b, h.String()...), '\n')
	}
	return append(append(b, '\n'), u.Checkpoint...)
}

// ParseUpdate reads an update. It checks its form only; Check checks the rest.
func ParseUpdate(b []byte) (u Update, err error) {
	lines, checkpoint, err := cutProof(b)
	if err != nil {
		return u, fmt.Errorf("update: %w", err)
	}
	old, ok := strings.CutPrefix(lines[0], "old ")
	if !ok {
		return u, fmt.Errorf("update: %w: it does not begin with old", ErrMalformed)
	}
	if u.Old, err = parseCount(old); err != nil {
		return u, fmt.Errorf("update: %w: old: %w", ErrMalformed, err)
	}
	if u.Hashes, err = parseHashes(lines[1:]); err != nil {
		return u, fmt.Errorf("update: %w", err)
	}
	u.Checkpoint = checkpoint
	return u, nil
}

// Check checks that the log's key signed the checkpoint and that known, the
// newest tree that a witness has seen of this log, is its beginning. A first
// checkpoint, with known the zero Tree, needs no proof.
//
// Its errors wrap ErrMalformed, ErrUnsigned, or ErrProof: the log was cut, or
// forked into two histories, or the update answers another question.
func (u *Update) Check(known Tree, log note.Verifier, witnesses ...note.Verifier) (Checkpoint, []Signature, error) {
	c, good, err := Open(u.Checkpoint, log, witnesses...)
	if err != nil {
		return c, nil, err
	}
	if u.Old != known.N {
		return c, nil, fmt.Errorf("%w: it begins at %d, and the last tree seen has %d", ErrProof, u.Old, known.N)
	}
	if err := CheckTree(u.Hashes, c.Tree, known); err != nil {
		return c, nil, err
	}
	return c, good, nil
}

// CheckTree checks that the tree old is the beginning of the tree now. Its
// error wraps ErrProof.
func CheckTree(p TreeProof, now, old Tree) error {
	switch {
	case old.N < 0 || now.N < old.N:
		return fmt.Errorf("%w: the tree had %d leaves and has %d", ErrProof, old.N, now.N)
	case old.N == now.N && old.Hash != now.Hash:
		return fmt.Errorf("%w: two trees of %d leaves have different roots", ErrProof, now.N)
	case old.N == 0 || old.N == now.N:
		if len(p) > 0 {
			return fmt.Errorf("%w: nothing is to be proven, and there are hashes", ErrProof)
		}
		return nil
	}
	if err := tlog.CheckTree(p, now.N, now.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("%w: the tree of %d leaves is not the beginning of the tree of %d", ErrProof, old.N, now.N)
	}
	return nil
}
