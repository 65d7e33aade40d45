// Package receive reads one push as git hands it to its hooks: the updates on
// standard input, the push options, who pushes, and which receive-pack process
// serves it. It also speaks the protocol of the proc-receive hook.
//
// Everything here comes from the pusher or passed by the pusher. Every read is
// bounded, every form is checked, and what does not fit is an error: an
// *InputError where the push is at fault, another error where the machine is.
package receive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// Bounds of what one push may hold.
const (
	MaxUpdates    = 50_000   // ref updates
	MaxInputBytes = 16 << 20 // bytes of standard input
	MaxLineBytes  = 4 << 10  // bytes of one line or command, newline included
)

// An Update is one ref that the push asks to change. The zero Old says that
// the pusher believes the ref to be absent; the zero New asks to delete it.
// Old is what the client claims, not what the ref holds.
type Update struct {
	Ref policy.RefName
	Old policy.ObjectID
	New policy.ObjectID
}

// An InputError says that the push, not the machine, is at fault.
type InputError struct {
	Code   policy.Code // MalformedInput, TooLarge or NoIdentity
	Reason string      // plain text for people; quotes nothing of the input
	Line   int         // line, command or option, from one; zero if there is none
}

// Error gives the line, the reason and the code.
func (e *InputError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s [%s]", e.Line, e.Reason, e.Code)
	}
	return fmt.Sprintf("%s [%s]", e.Reason, e.Code)
}

func malformed(line int, reason string) *InputError {
	return &InputError{Code: policy.MalformedInput, Reason: reason, Line: line}
}

func tooLarge(line int, reason string) *InputError {
	return &InputError{Code: policy.TooLarge, Reason: reason, Line: line}
}

// Input is the standard input of a pre-receive or post-receive hook.
type Input struct {
	Updates []Update
	Raw     []byte // the same as bytes, for a hook that is chained behind
}

// ReadUpdates is Read without the raw bytes.
func ReadUpdates(r io.Reader) ([]Update, error) {
	in, err := Read(r)
	return in.Updates, err
}

// Read reads lines "<old> SP <new> SP <ref> LF" (githooks(5), pre-receive) up
// to the end of r. It stops at the first line that breaks a rule or a bound,
// and need not drain r: git ignores the broken pipe of a hook that leaves.
// Empty input is no update and no error.
//
// git does not check the names before pre-receive sees them, and a raw client
// can put a newline into one. What follows the newline then stands on a line
// of its own. If it lacks the form of a line, the push is refused here. If it
// has the form, it cannot be told from a line of git's: the push then appears
// to have one update more than it has. That is safe for a gate which refuses
// the whole push when it refuses one update and which judges every line, as
// git itself refuses to make the ref with the newline.
func Read(r io.Reader) (Input, error) {
	limited := io.LimitReader(r, MaxInputBytes+1)
	var in Input
	var scan scanner
	buf := make([]byte, 0, 4<<10)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := limited.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > MaxInputBytes {
			return Input{}, tooLarge(0, "the push lists more than 16 MiB of refs")
		}
		if bad := scan.lines(buf, &in.Updates); bad != nil {
			return Input{}, bad
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Input{}, fmt.Errorf("read the push's updates: %w", err)
		}
	}
	if scan.done != len(buf) {
		return Input{}, malformed(len(in.Updates)+1, "the last line has no end")
	}
	in.Raw = buf
	return in, nil
}

// scanner remembers how far a growing buffer has been read.
type scanner struct {
	done   int // bytes of whole lines that were read
	digits int // length of the push's object IDs, zero before the first
}

// lines adds the updates of all whole lines that buf holds beyond s.done.
func (s *scanner) lines(buf []byte, updates *[]Update) error {
	for {
		number := len(*updates) + 1
		rest := buf[s.done:]
		end := bytes.IndexByte(rest[:min(len(rest), MaxLineBytes)], '\n')
		if end < 0 {
			if len(rest) >= MaxLineBytes {
				return tooLarge(number, "the line is longer than 4 KiB")
			}
			return nil
		}
		if number > MaxUpdates {
			return tooLarge(0, "the push changes more than 50000 refs")
		}
		u, reason := s.update(string(rest[:end]))
		if reason != "" {
			return malformed(number, reason)
		}
		*updates = append(*updates, u)
		s.done += end + 1
	}
}

// update parses "<old> SP <new> SP <ref>"; reason is empty if it is sound.
func (s *scanner) update(line string) (u Update, reason string) {
	old, rest, ok := strings.Cut(line, " ")
	id, ref, more := strings.Cut(rest, " ")
	if !ok || !more {
		return Update{}, "it is not of the form \"<old> <new> <ref>\""
	}
	if !hexID(old) || !hexID(id) {
		return Update{}, "it holds no object IDs of 40 or 64 lower-case hex digits"
	}
	if s.digits == 0 {
		s.digits = len(old)
	}
	if len(old) != s.digits || len(id) != s.digits {
		return Update{}, "its object IDs differ in length"
	}
	if !strings.HasPrefix(ref, "refs/") {
		return Update{}, "the ref does not begin with refs/"
	}
	if !policy.ValidRefName(policy.RefName(ref)) {
		return Update{}, "the ref has a name that git does not allow"
	}
	return Update{Ref: policy.RefName(ref), Old: policy.ObjectID(old), New: policy.ObjectID(id)}, ""
}

func hexID(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
