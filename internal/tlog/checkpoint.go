package tlog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// MaxCheckpoint is the most bytes that a signed checkpoint may have.
const MaxCheckpoint = 64 << 10

// originPrefix begins the origin of every ledger.
const originPrefix = "pathgate/ledger/"

// Errors that callers tell apart with errors.Is.
var (
	// ErrMalformed: it is not in the form that the specification asks for.
	ErrMalformed = errors.New("malformed")
	// ErrUnsigned: the key that is asked for has not signed it.
	ErrUnsigned = errors.New("not signed by the key")
	// ErrProof: a proof does not hold.
	ErrProof = errors.New("the proof does not hold")
)

// Origin is the origin line of the checkpoints of a ledger, and the name of
// its key. The ID is what the ledger's first line names.
func Origin(ledger string) string { return originPrefix + ledger }

// LedgerOf is the ledger's ID in an origin; false if it is none of a ledger.
func LedgerOf(origin string) (string, bool) {
	id, ok := strings.CutPrefix(origin, originPrefix)
	return id, ok && len(id) == 32 && strings.Trim(id, "0123456789abcdef") == ""
}

// A Checkpoint is the statement that a log has a tree.
type Checkpoint struct {
	Origin string // which log
	Tree          // size and root
	// Extensions are the lines after the root, which pathgate never writes.
	Extensions []string
}

// Text is the body that is signed, by https://c2sp.org/tlog-checkpoint.
func (c *Checkpoint) Text() string {
	text := fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.N, c.Hash)
	for _, line := range c.Extensions {
		text += line + "\n"
	}
	return text
}

// Sign returns the checkpoint as a signed note (https://c2sp.org/signed-note),
// with one line for each signer.
func Sign(c *Checkpoint, signers ...note.Signer) ([]byte, error) {
	if _, err := parseText(c.Text()); err != nil {
		return nil, fmt.Errorf("sign the checkpoint: %w", err)
	}
	b, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign the checkpoint: %w", err)
	}
	return b, nil
}

// Cosign adds signatures to a signed checkpoint and leaves those that it has.
// It checks none of them: open it first.
func Cosign(signed []byte, signers ...note.Signer) ([]byte, error) {
	n, err := unverified(signed)
	if err == nil {
		var b []byte
		if b, err = note.Sign(n, signers...); err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("cosign the checkpoint: %w", err)
}

// A Signature is one that was found good.
type Signature struct {
	Name string    // of the key
	Time time.Time // when a witness signed; zero of a log's own
}

// Open reads a signed checkpoint that the log's key must have signed. The key's
// name must be the origin: a key speaks for one ledger. good tells which of the
// witnesses have signed it too; signatures by other keys are passed over.
//
// Its errors wrap ErrMalformed or ErrUnsigned.
func Open(signed []byte, log note.Verifier, witnesses ...note.Verifier) (c Checkpoint, good []Signature, err error) {
	if len(signed) > MaxCheckpoint {
		return c, nil, fmt.Errorf("checkpoint: %w: more than %d bytes", ErrMalformed, MaxCheckpoint)
	}
	n, err := note.Open(signed, note.VerifierList(append([]note.Verifier{log}, witnesses...)...))
	if err != nil {
		return c, nil, fmt.Errorf("checkpoint: %w", notOpened(err, log))
	}
	if c, err = parseText(n.Text); err != nil {
		return c, nil, fmt.Errorf("checkpoint: %w", err)
	}
	signed1 := false
	for _, s := range n.Sigs {
		// note.Open lets the unused bits of the last digit pass.
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w: the signature of %s: %w", ErrMalformed, s.Name, err)
		}
		if s.Name == log.Name() && s.Hash == log.KeyHash() {
			signed1 = true
			continue
		}
		good = append(good, Signature{s.Name, signedAt(s.Base64)})
	}
	if !signed1 {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w %s", ErrUnsigned, log.Name())
	}
	if c.Origin != log.Name() {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w: it is of %q, and the key is of %q", ErrUnsigned, c.Origin, log.Name())
	}
	return c, good, nil
}

// notOpened says why a note could not be opened, in terms of the log's key.
func notOpened(err error, log note.Verifier) error {
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return fmt.Errorf("%w %s", ErrUnsigned, log.Name())
	case errors.As(err, &invalid):
		return fmt.Errorf("%w %s: its signature is wrong", ErrUnsigned, invalid.Name)
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// Peek reads a signed checkpoint and checks no signature. What it says is what
// anybody may have written.
func Peek(signed []byte) (Checkpoint, error) {
	n, err := unverified(signed)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return c, fmt.Errorf("checkpoint: %w", err)
	}
	return c, nil
}

// unverified takes a note apart.
func unverified(signed []byte) (*note.Note, error) {
	if len(signed) > MaxCheckpoint {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxCheckpoint)
	}
	var n *note.UnverifiedNoteError
	if _, err := note.Open(signed, nil); !errors.As(err, &n) {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return n.Note, nil
}

// parseText reads the body of a checkpoint.
func parseText(text string) (c Checkpoint, err error) {
	body, ok := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !ok || len(lines) < 3 {
		return c, fmt.Errorf("%w: fewer than three lines", ErrMalformed)
	}
	for _, line := range lines {
		if line == "" {
			return c, fmt.Errorf("%w: an empty line in its body", ErrMalformed)
		}
	}
	c.Origin, c.Extensions = lines[0], lines[3:]
	if len(c.Extensions) == 0 {
		c.Extensions = nil
	}
	if c.N, err = parseCount(lines[1]); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: the tree size: %w", ErrMalformed, err)
	}
	if c.Hash, err = parseHash(lines[2]); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: the root: %w", ErrMalformed, err)
	}
	if c.N == 0 && c.Hash != (&Frontier{}).Tree().Hash {
		return Checkpoint{}, fmt.Errorf("%w: not the root of the empty tree", ErrMalformed)
	}
	return c, nil
}

// Split takes apart what has several signed checkpoints in a row, as "cat"
// makes of several files.
func Split(b []byte) (each [][]byte) {
	for len(b) > 0 {
		end := noteEnd(b)
		each, b = append(each, b[:end]), bytes.TrimLeft(b[end:], "\n")
	}
	return each
}

// noteEnd is where the first note in b ends: after the signature lines that
// follow its first empty line.
func noteEnd(b []byte) int {
	i := bytes.Index(b, []byte("\n\n"))
	if i < 0 {
		return len(b)
	}
	i += 2
	for bytes.HasPrefix(b[i:], []byte("— ")) {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return len(b)
		}
		i += n + 1
	}
	return i
}
