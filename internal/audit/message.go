package audit

import (
	"bytes"
	"crypto/sha256"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
)

// TypeAudit is the type of an event of this package's own, which no ledger has:
// it tells the readers of a sink what they must know of the lines around it.
const TypeAudit ledger.Type = "audit"

// A message is what a sink is handed: a line of the ledger or an own event.
type message struct {
	entry  *ledger.Entry
	ledger string // the ledger's ID
	raw    []byte // the line without its newline; not to be kept
	hash   hash   // of raw
}

// event makes a message of this package's own: a line like those of the ledger,
// but without seq and prev, encoded by zerolog. Its buffer cannot fail; sinks
// check what they write, as zerolog would not.
func event(ledgerID string, now time.Time, reason string) *message {
	now = now.UTC().Truncate(time.Microsecond)
	e := &ledger.Entry{Time: now, Type: TypeAudit, Reason: text.Clean(reason, 1000)}
	var buf bytes.Buffer
	log := zerolog.New(&buf)
	log.Log().Str("time", now.Format("2006-01-02T15:04:05.000000Z")).Str("type", string(TypeAudit)).
		Str("ledger", ledgerID).Str("reason", e.Reason).Send()
	raw := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	return &message{entry: e, ledger: ledgerID, raw: raw, hash: sha256.Sum256(raw)}
}

// The severities of RFC 5424, 6.2.1, as far as they are used.
const (
	critical = 2
	failed   = 3
	warning  = 4
	notice   = 5
	info     = 6
)

// severity is how much an entry matters to who watches over systems.
func severity(e *ledger.Entry) int {
	switch e.Type {
	case TypeAudit:
		return critical
	case ledger.TypeFault:
		return failed
	case ledger.TypeRefused, ledger.TypeDrift, ledger.TypeRepair:
		return warning
	case ledger.TypeStatus:
		if e.State == ledger.StateFailure || e.State == ledger.StateError {
			return failed
		}
		return info
	case ledger.TypeLedger, ledger.TypeIntent, ledger.TypeAbandoned:
		if e.Kind == ledger.KindOverride {
			return warning
		}
		return info
	}
	if e.Kind == ledger.KindOverride {
		return warning
	}
	return notice
}

// A field is one member of a line, as text. Lists are joined by spaces, which
// no element has.
type field struct {
	name, value string
	// prose may be cut where room is short; anything else is whole or absent.
	prose bool
}

// fields are those of a message that are not empty, what matters most first.
func fields(m *message) []field {
	e := m.entry
	out := make([]field, 0, 40)
	add := func(pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				out = append(out, field{name: pairs[i], value: pairs[i+1]})
			}
		}
	}
	until := ""
	if !e.Until.IsZero() {
		until = e.Until.UTC().Format(time.RFC3339Nano)
	}
	add("seq", number(e.Seq), "ledger", m.ledger, "sha256", m.hash.String(), "type", string(e.Type), "push", e.Push,
		"service", e.Service, "environment", e.Environment, "commit", e.Commit, "kind", e.Kind, "action", e.Action,
		"state", e.State, "principal", e.Principal, "via", e.Via, "address", e.Address,
		"codes", strings.Join(e.Codes, " "), "overrode", strings.Join(e.Overrode, " "),
		"intent", number(e.Intent), "record", number(e.Record), "evidence", numbers(e.Evidence),
		"repository", e.Repository, "ref", e.Ref, "old", e.Old, "new", e.New, "branch", e.Branch, "head", e.Head,
		"deploy", e.Deploy, "until", until)
	for _, f := range [...]field{{"subject", e.Subject, true}, {"reason", e.Reason, true}, {"message", e.Message, true}} {
		if f.value != "" {
			out = append(out, f)
		}
	}
	add("url", e.URL, "tickets", strings.Join(e.Tickets, " "), "gone", strings.Join(e.Gone, " "),
		"policy", e.Policy, "serial", number(e.Serial), "part", number(e.Part), "parts", number(e.Parts),
		"tree", e.Tree, "rules", strings.Join(e.Rules, " "), "root", e.Root, "prev", e.Prev)
	return out
}

// clean makes a value safe to print. The ledger has done so before; a journal
// that somebody has written by hand may say anything.
func clean(s string) string {
	if text.Printable(s) {
		return s
	}
	return text.Clean(s, 12*len(s))
}

// number is n in decimal, empty if it is zero: the field is absent.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func numbers(list []uint64) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = number(n)
	}
	return strings.Join(parts, " ")
}

// summary is the message in one readable line. What came from outside stands in
// quotes unless it is a plain word, so that it cannot pass for our own words.
func summary(e *ledger.Entry) string {
	var b strings.Builder
	say := func(before, value, after string) {
		if value != "" {
			b.WriteString(before + word(value) + after)
		}
	}
	b.WriteString(word(string(e.Type)))
	say(" ", e.State, "")
	say(" ", e.Environment, "")
	say(" of ", e.Service, "")
	if len(e.Commit) >= 7 {
		say(": ", e.Commit[:7], "")
	}
	if e.Subject != "" {
		b.WriteString(" " + strconv.Quote(e.Subject))
	}
	say(" by ", e.Principal, "")
	if e.Seq != 0 {
		b.WriteString(" (")
		say("", e.Kind, ", ")
		b.WriteString("record " + strconv.FormatUint(e.Seq, 10) + ")")
	}
	if len(e.Codes) > 0 {
		say(" ", strings.Join(e.Codes, ","), "")
	}
	for _, s := range [...]string{e.Reason, e.Message} {
		if s != "" {
			b.WriteString(": " + s)
		}
	}
	return text.Clean(b.String(), 4096)
}

// word returns s, in quotes unless it is made of letters, digits and a few
// signs that structure nothing.
func word(s string) string {
	for i := range len(s) {
		c := s[i]
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._-@/+,", c) >= 0
		if !plain {
			return strconv.Quote(s)
		}
	}
	return s
}
