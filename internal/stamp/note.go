package stamp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// ParseNote reads the stamps of a note, in their order. It checks their form
// only; a line that is none of a ledger leaves Entry zero, and Verify refuses it.
// A note with a stamp that is malformed has none; one without stamps is none.
func ParseNote(b []byte) ([]Stamp, error) {
	if len(b) > MaxNote {
		return nil, fmt.Errorf("the note has more than %d bytes", MaxNote)
	}
	r := &reader{rest: b}
	var stamps []Stamp
	for {
		line, ok := r.line()
		if !ok {
			return stamps, nil
		}
		if string(line) != header {
			continue
		}
		if len(stamps) == MaxStamps {
			return nil, fmt.Errorf("the note has more than %d stamps", MaxStamps)
		}
		s, err := r.stamp()
		if err != nil {
			return nil, fmt.Errorf("stamp %d of the note: %w", len(stamps)+1, err)
		}
		stamps = append(stamps, s)
	}
}

// A reader takes lines off a note.
type reader struct{ rest []byte }

// line is the next line without its newline; false if there is none that ends.
func (r *reader) line() ([]byte, bool) {
	line, rest, ok := bytes.Cut(r.rest, []byte("\n"))
	if !ok {
		return nil, false
	}
	r.rest = rest
	return line, true
}

// short is the next line, which must not be long.
func (r *reader) short() (string, error) {
	line, ok := r.line()
	if !ok || len(line) > maxHead {
		return "", errors.New("it is cut off, or has a line that is too long")
	}
	return string(line), nil
}

// stamp reads what follows the header.
func (r *reader) stamp() (s Stamp, err error) {
	if err := r.head(&s); err != nil {
		return s, err
	}
	line, ok := r.line()
	if !ok || len(line) > MaxLine {
		return s, fmt.Errorf("the ledger's line is cut off, or has more than %d bytes", MaxLine)
	}
	s.Line = bytes.Clone(line)
	if e, err := ledger.Canonical(s.Line); err == nil {
		s.Entry = e
	}
	if s.Proof, err = r.proof(); err != nil {
		return s, err
	}
	if s.Signature, err = r.armour(); err != nil {
		return s, err
	}
	return s, nil
}

// head reads what the stamp is about, and the body of the checkpoint.
func (r *reader) head(s *Stamp) error {
	var lines [4]string
	for i := range lines {
		var err error
		if lines[i], err = r.short(); err != nil {
			return err
		}
	}
	about, commit, _ := strings.Cut(lines[0], " ")
	s.About, s.Commit = About(about), policy.ObjectID(commit)
	if s.About != Deployed && s.About != Status && s.About != Withdrawal || !validCommit(s.Commit) {
		return fmt.Errorf("%s is not what it is about and a commit", text.Clean(strconv.Quote(lines[0]), 80))
	}
	var ok bool
	if s.Origin, ok = tlog.LedgerOf(lines[1]); !ok {
		return fmt.Errorf("%s is no ledger", text.Clean(strconv.Quote(lines[1]), 80))
	}
	n, err := strconv.ParseInt(lines[2], 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != lines[2] {
		return fmt.Errorf("%s is not the size of a tree", text.Clean(strconv.Quote(lines[2]), 80))
	}
	s.Tree.N = n
	s.Tree.Hash, err = parseHash(lines[3])
	return err
}

// proof reads the hashes of the proof.
func (r *reader) proof() (tlog.RecordProof, error) {
	line, ok := r.line()
	if !ok || len(line) > 6+45*maxHashes {
		return nil, errors.New("the proof is cut off, or too long")
	}
	f := strings.Split(string(line), " ")
	if f[0] != "proof" {
		return nil, errors.New("no proof follows the ledger's line")
	}
	var p tlog.RecordProof
	for _, s := range f[1:] {
		h, err := parseHash(s)
		if err != nil {
			return nil, err
		}
		p = append(p, h)
	}
	return p, nil
}

// parseHash reads a hash in the one form that it is written in.
func parseHash(s string) (h tlog.Hash, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || len(s) != base64.StdEncoding.EncodedLen(len(h)) {
		return h, fmt.Errorf("%s is not a hash of 32 bytes in base64", text.Clean(strconv.Quote(s), 60))
	}
	copy(h[:], b)
	return h, nil
}

// armour reads an armoured signature (OpenSSH, PROTOCOL.sshsig).
func (r *reader) armour() ([]byte, error) {
	if line, err := r.short(); err != nil || line != armourHead {
		return nil, errors.New("no signature follows the proof")
	}
	var b strings.Builder
	for range maxArmour {
		line, err := r.short()
		if err != nil {
			return nil, err
		}
		if line != armourTail {
			b.WriteString(line)
			continue
		}
		return decodeBlob(b.String())
	}
	return nil, errors.New("the signature is too long")
}

func decodeBlob(s string) ([]byte, error) {
	blob, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(blob) == 0 || len(blob) > maxSigBlob || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("the signature is not in base64, or too long")
	}
	return blob, nil
}

func encodeBlob(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// FormatNote writes a note, oldest record first, with a line for people for each
// stamp. No stamps make an empty note.
func FormatNote(stamps []Stamp) []byte {
	stamps = slices.Clone(stamps)
	slices.SortStableFunc(stamps, order)
	var b bytes.Buffer
	for i := range stamps {
		b.WriteString(stamps[i].human() + "\n")
	}
	for i := range stamps {
		b.WriteString("\n")
		stamps[i].write(&b)
	}
	return b.Bytes()
}

// write writes the stamp as it stands in a note.
func (s *Stamp) write(b *bytes.Buffer) {
	b.Write(s.Message())
	b.WriteString("proof")
	for _, h := range s.Proof {
		b.WriteString(" " + h.String())
	}
	b.WriteString("\n" + armourHead + "\n")
	for chunk := range slices.Chunk([]byte(encodeBlob(s.Signature)), 70) {
		b.Write(chunk)
		b.WriteByte('\n')
	}
	b.WriteString(armourTail + "\n")
}

// human is the line for people.
func (s *Stamp) human() string {
	e := &s.Entry
	at := e.Time.UTC().Format("2006-01-02 15:04 UTC")
	by := ""
	if e.Principal != "" {
		by = " by " + text.Clean(e.Principal, 60)
	}
	switch s.About {
	case Status:
		return fmt.Sprintf("status %s %s, record %d", text.Clean(e.State, 20), at, e.Seq)
	case Withdrawal:
		return fmt.Sprintf("withdrawn %s%s, record %d", at, by, e.Seq)
	}
	return fmt.Sprintf("deployed %s%s, record %d", at, by, e.Seq)
}
