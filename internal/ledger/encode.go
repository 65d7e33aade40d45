package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/rs/zerolog"
)

const (
	// MaxLine is the most bytes that a line may have, its newline included.
	MaxLine = 16 << 10
	// Version is the version of the line format that this package writes.
	Version = 1

	timeLayout = "2006-01-02T15:04:05.000000Z"
)

// An encoder writes entries as lines into its buffer.
type encoder struct {
	buf bytes.Buffer
	log zerolog.Logger
}

func newEncoder() *encoder {
	c := &encoder{}
	c.log = zerolog.New(&c.buf)
	return c
}

// Encode returns the entry's line in its canonical form, newline included. The
// strings must have been made safe to print (Append does that); what is not
// is escaped here, so that a line is always valid JSON and always one line.
func Encode(e *Entry) ([]byte, error) {
	c := newEncoder()
	if err := c.add(e); err != nil {
		return nil, err
	}
	return c.buf.Bytes(), nil
}

// add appends the line of e to the buffer.
func (c *encoder) add(e *Entry) error {
	for _, t := range [...]time.Time{e.Time, e.Until, e.Stamped} {
		if y := t.UTC().Year(); y < 1 || y > 9999 {
			return fmt.Errorf("encode record %d: year %d", e.Seq, y)
		}
	}
	clean(e)
	from := c.buf.Len()
	v := c.log.Log().Uint64("seq", e.Seq).Str("time", e.Time.UTC().Format(timeLayout)).Str("type", string(e.Type))
	strs(v, "push", e.Push, "service", e.Service, "environment", e.Environment, "repository", e.Repository,
		"host", e.Host, "ref", e.Ref, "old", e.Old, "new", e.New, "commit", e.Commit, "tree", e.Tree, "subject", e.Subject,
		"kind", e.Kind, "action", e.Action, "branch", e.Branch, "head", e.Head)
	if len(e.Tickets) > 0 {
		v.Strs("tickets", e.Tickets)
	}
	if len(e.Gone) > 0 {
		v.Strs("gone", e.Gone)
	}
	strs(v, "state", e.State, "principal", e.Principal, "via", e.Via, "address", e.Address)
	nums(v, num{"intent", e.Intent}, num{"record", e.Record})
	strs(v, "origin", e.Origin, "checkpoint", e.Checkpoint, "key", e.Key)
	if !e.Stamped.IsZero() {
		v.Str("stamped", e.Stamped.Format(timeLayout))
	}
	if len(e.Evidence) > 0 {
		v.Uints64("evidence", e.Evidence)
	}
	if len(e.Rules) > 0 {
		v.Strs("rules", e.Rules)
	}
	if len(e.Codes) > 0 {
		v.Strs("codes", e.Codes)
	}
	if len(e.Overrode) > 0 {
		v.Strs("overrode", e.Overrode)
	}
	strs(v, "policy", e.Policy)
	nums(v, num{"serial", e.Serial}, num{"part", e.Part}, num{"parts", e.Parts})
	if len(e.Lines) > 0 {
		v.Strs("lines", e.Lines)
	}
	strs(v, "reason", e.Reason)
	if !e.Until.IsZero() {
		v.Str("until", e.Until.Format(timeLayout))
	}
	strs(v, "deploy", e.Deploy, "url", e.URL, "message", e.Message, "token", e.Token, "ledger", e.Ledger)
	if e.Version != 0 {
		v.Int("version", e.Version)
	}
	strs(v, "root", e.Root, "prev", e.Prev)
	v.Send()
	n := c.buf.Len() - from
	if n == 0 { // zerolog has a global level, and somebody turned it off
		return errors.New("encode: the log encoder is disabled")
	}
	if n > MaxLine {
		c.buf.Truncate(from)
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLong, n, MaxLine)
	}
	return nil
}

// strs adds the pairs of key and value whose value is not empty.
func strs(v *zerolog.Event, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Str(pairs[i], pairs[i+1])
		}
	}
}

// nums adds the numbers that are not zero.
func nums(v *zerolog.Event, all ...num) {
	for _, f := range all {
		if f.n != 0 {
			v.Uint64(f.name, f.n)
		}
	}
}

type num struct {
	name string
	n    uint64
}

// clean makes every string of e safe to print and its times what a line can
// say, so that what the projections
// see is what a reader of the journal sees.
func clean(e *Entry) {
	for _, s := range e.strings() {
		*s = cleanString(*s)
	}
	e.Type = Type(cleanString(string(e.Type)))
	e.Rules = cleanStrings(e.Rules)
	e.Codes = cleanStrings(e.Codes)
	e.Overrode = cleanStrings(e.Overrode)
	e.Tickets = cleanStrings(e.Tickets)
	e.Gone = cleanStrings(e.Gone)
	e.Lines = cleanStrings(e.Lines)
	e.Until = e.Until.UTC().Truncate(time.Microsecond)
	e.Stamped = e.Stamped.UTC().Truncate(time.Microsecond)
}

func (e *Entry) strings() [31]*string {
	return [31]*string{&e.Push, &e.Service, &e.Environment, &e.Repository, &e.Ref, &e.Old, &e.New, &e.Commit,
		&e.Tree, &e.Subject, &e.Kind, &e.Principal, &e.Via, &e.Address, &e.Policy, &e.Reason, &e.Token,
		&e.Ledger, &e.Root, &e.Prev, &e.State, &e.Deploy, &e.URL, &e.Message,
		&e.Action, &e.Branch, &e.Head, &e.Host, &e.Origin, &e.Checkpoint, &e.Key}
}

func cleanStrings(list []string) []string {
	for i, s := range list {
		if c := cleanString(s); c != s {
			list = slices.Clone(list)
			list[i] = c
		}
	}
	return list
}

// cleanString escapes what text.CleanRecord does: who makes an entry of what
// others chose has made more of it visible already (text.Clean). It leaves the length to the limit of the line: a text that is cut
// here would be a record that says something else.
func cleanString(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			if text.PrintableRecord(s) {
				return s
			}
			return text.CleanRecord(s, 12*len(s))
		}
	}
	return s
}
