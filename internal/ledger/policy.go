package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/text"
)

// partSize is how many bytes the lines of one part take as JSON, at most: the
// rest of the line is for its other fields.
const partSize = 12 << 10

// PolicyEntries are the entries that put a policy file on record, in one or
// several parts. They must be appended in one go and in this order; who caused
// it (Push, Principal and so on) may be filled in.
func PolicyEntries(file []byte, serial uint64) []*Entry {
	sum := sha256.Sum256(file)
	kind := KindText
	if !text.PrintableRecord(strings.ReplaceAll(string(file), "\n", "")) {
		kind = KindEscaped
	}
	parts := cutParts(string(file), kind == KindEscaped)
	entries := make([]*Entry, len(parts))
	for i, lines := range parts {
		entries[i] = &Entry{Type: TypePolicy, Kind: kind, Policy: hex.EncodeToString(sum[:]), Serial: serial,
			Part: uint64(i) + 1, Parts: uint64(len(parts)), Lines: lines}
	}
	return entries
}

// cutParts cuts a file into parts of lines. What is in a part, joined by
// newlines, and the parts, joined by nothing, are the file.
func cutParts(file string, escaped bool) (parts [][]string) {
	var lines []string
	var line strings.Builder
	size := 0
	end := func() {
		lines = append(lines, line.String())
		line.Reset()
	}
	for len(file) > 0 {
		_, n := utf8.DecodeRuneInString(file)
		piece := file[:n]
		if escaped && piece != "\n" {
			piece = escapeRune(piece)
		}
		cost := len(piece) + strings.Count(piece, `"`) + strings.Count(piece, `\`)
		if piece == "\n" {
			cost = len(`"",`)
		}
		if size+cost > partSize {
			end()
			parts, lines, size = append(parts, lines), nil, 0
		}
		if size += cost; piece == "\n" {
			end()
		} else {
			line.WriteString(piece)
		}
		file = file[n:]
	}
	end()
	return append(parts, lines)
}

// escapeRune writes a character that does not print, or a backslash, as Go
// does.
func escapeRune(piece string) string {
	if piece == `"` {
		return piece
	}
	quoted := strconv.Quote(piece)
	return quoted[1 : len(quoted)-1]
}

// unescape is the reverse of escapeRune, for a whole line.
func unescape(s string) (string, error) {
	var b strings.Builder
	for len(s) > 0 {
		r, multibyte, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return "", fmt.Errorf("an escape in a line of the policy: %w", err)
		}
		if r < utf8.RuneSelf || !multibyte {
			b.WriteByte(byte(r))
		} else {
			b.WriteRune(r)
		}
		s = rest
	}
	return b.String(), nil
}

// policyShape is shape of a policy.
func policyShape(e *Entry) string {
	switch {
	case len(e.Policy) != 2*sha256.Size || strings.Trim(e.Policy, "0123456789abcdef") != "":
		return "it names no SHA-256 of a policy file"
	case e.Kind != KindText && e.Kind != KindEscaped:
		return "it does not say whether its lines are escaped"
	case e.Part == 0 || e.Part > e.Parts || e.Parts > maxParts:
		return "it is part " + strconv.FormatUint(e.Part, 10) + " of " + strconv.FormatUint(e.Parts, 10)
	case len(e.Lines) == 0:
		return "it has no lines"
	}
	return ""
}

// maxParts bounds a policy on record: a file has at most 1 MiB.
const maxParts = 1024

// A PolicyFile is a policy file that is on record.
type PolicyFile struct {
	Hash    string // SHA-256 of the file
	Serial  uint64 // zero if it has none
	Content []byte
	First   uint64    // the record of its first part
	Record  uint64    // and of its last
	Time    time.Time // of the last
}

// A PolicyReader puts policy files together from their entries, which it is
// shown in the order of the ledger. The zero value is ready.
type PolicyReader struct {
	file  *PolicyFile
	part  Entry // the newest, without its lines
	bytes []byte
}

// Add takes an entry; those of other types change nothing. It returns a file
// once its last part is there, and an error for what does not continue what
// was before, or is not the file that its hash names.
func (r *PolicyReader) Add(e *Entry) (*PolicyFile, error) {
	if e.Type != TypePolicy {
		return nil, nil
	}
	last, begun := r.part, r.file
	if wrong := policyShape(e); wrong != "" {
		return nil, fmt.Errorf("record %d: %s", e.Seq, wrong)
	}
	if e.Part == 1 {
		begun = &PolicyFile{Hash: e.Policy, Serial: e.Serial, First: e.Seq}
		r.bytes = nil
	} else if begun == nil || last.Seq+1 != e.Seq || last.Part+1 != e.Part || last.Parts != e.Parts ||
		last.Policy != e.Policy || last.Kind != e.Kind || last.Serial != e.Serial {
		return nil, fmt.Errorf("record %d: it is part %d of a policy and does not follow part %d", e.Seq, e.Part, e.Part-1)
	}
	content := strings.Join(e.Lines, "\n")
	if e.Kind == KindEscaped {
		var err error
		if content, err = unescape(content); err != nil {
			return nil, fmt.Errorf("record %d: %w", e.Seq, err)
		}
	}
	r.bytes = append(r.bytes, content...)
	r.file, r.part = begun, *e
	r.part.Lines = nil
	if e.Part < e.Parts {
		return nil, nil
	}
	r.file = nil
	begun.Content, begun.Record, begun.Time = r.bytes, e.Seq, e.Time
	if sum := sha256.Sum256(r.bytes); hex.EncodeToString(sum[:]) != e.Policy {
		return nil, fmt.Errorf("record %d: its lines are not those of the policy file whose SHA-256 it names", e.Seq)
	}
	return begun, nil
}

// A known policy is what the index keeps of a file.
type knownPolicy struct {
	at     place  // of the first part
	serial uint64 // of the policy
	last   uint64 // record of the newest part
	part   uint64 // and which it is
	parts  uint64
}

func (k *knownPolicy) encode() []byte {
	b := appendPlace(nil, k.at)
	for _, n := range [...]uint64{k.serial, k.last, k.part, k.parts} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// complete reports whether all parts are on record.
func (k *knownPolicy) complete() bool { return k.parts > 0 && k.part == k.parts }

// policyAt reads what is known of a policy file; the zero value if nothing is.
func policyAt(s kv, hash string) (k knownPolicy, err error) {
	v, err := s.Get(key(keyPolicy, hash))
	if err != nil || v == nil {
		return k, err
	}
	at, rest, err := cutPlace(v)
	if err != nil || len(rest) != 4*8 {
		return k, fmt.Errorf("%w: a policy of %d bytes", errIndex, len(v))
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(rest[8*i:]) }
	return knownPolicy{at, n(0), n(1), n(2), n(3)}, nil
}

// projectPolicy takes a part of a policy file. A crash may have left only the
// first of them, so a file is known once all are there in a row.
func projectPolicy(s kv, e *Entry, at place) error {
	k, err := policyAt(s, e.Policy)
	if err != nil || k.complete() {
		return err
	}
	switch {
	case e.Part == 1:
		k = knownPolicy{at, e.Serial, e.Seq, 1, e.Parts}
	case k.part+1 != e.Part || k.last+1 != e.Seq || k.parts != e.Parts:
		return nil
	default:
		k.part, k.last = e.Part, e.Seq
	}
	if err := s.Put(key(keyPolicy, e.Policy), k.encode()); err != nil || !k.complete() {
		return err
	}
	now, err := serialAt(s)
	if err != nil || now.Record != 0 && k.serial <= now.Highest {
		return err
	}
	v := append(seqValue(k.serial), seqValue(e.Seq)...)
	return s.Put(key(keySerial), append(v, e.Policy...))
}

// A Serial is the highest serial that a ledger has seen in a policy file.
type Serial struct {
	Highest uint64
	Policy  string // SHA-256 of the first file that had it
	Record  uint64 // of its last part; zero if no policy is on record
}

// Allows reports whether a policy file may be judged by after that: its serial
// is higher, or it is the file that has the highest. Serial zero, which is
// that of a file without the key, is no serial: it may be had by any number of
// files, until the first file that has one.
func (s Serial) Allows(hash string, serial uint64) bool {
	return serial > s.Highest || serial == s.Highest && (serial == 0 || hash == s.Policy)
}

// Refusal says in words for operators why a policy file may not be judged by
// after that, and what to do; empty if Allows.
func (s Serial) Refusal(hash string, serial uint64) string {
	switch {
	case s.Allows(hash, serial):
		return ""
	case serial == s.Highest:
		return fmt.Sprintf("another policy file with serial %d is on record (record %d, sha256 %.12s; this one has sha256 %.12s): "+
			"raise serial to %d; hosts that share a ledger must all have the same file, or none a serial", serial, s.Record, s.Policy, hash, serial+1)
	}
	return fmt.Sprintf("the policy file has serial %d, and record %d has a newer one, with serial %d: "+
		"bring that one back, or raise serial to %d", serial, s.Record, s.Highest, s.Highest+1)
}

func serialAt(s kv) (n Serial, err error) {
	v, err := s.Get(key(keySerial))
	if err != nil || v == nil {
		return n, err
	}
	if len(v) < 16 {
		return n, fmt.Errorf("%w: a serial of %d bytes", errIndex, len(v))
	}
	return Serial{binary.BigEndian.Uint64(v), string(v[16:]), binary.BigEndian.Uint64(v[8:])}, nil
}

// KnownPolicy reports whether a policy file, named by its SHA-256 in hex, is
// on record with all its parts, and which serial it has.
func (l *Ledger) KnownPolicy(hash string) (known bool, serial uint64, err error) {
	err = l.look(func(s kv) error {
		k, err := policyAt(s, cleanString(hash))
		known, serial = k.complete(), k.serial
		return err
	})
	if err != nil || !known {
		return false, 0, err
	}
	return true, serial, nil
}

// Serial is the highest serial on record.
func (l *Ledger) Serial() (n Serial, err error) {
	err = l.look(func(s kv) error {
		n, err = serialAt(s)
		return err
	})
	return n, err
}
