package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/internal/tlog"
)

// A Kind says why the witness refused. The package's comment lists them.
type Kind string

// The kinds of alarms.
const (
	Cut       Kind = "cut"
	Fork      Kind = "fork"
	Behind    Kind = "behind"
	Nothing   Kind = "nothing"
	Other     Kind = "other"
	Stale     Kind = "stale"
	Unknown   Kind = "unknown"
	Twice     Kind = "known"
	Key       Kind = "key"
	Unsigned  Kind = "unsigned"
	Malformed Kind = "malformed"
	Large     Kind = "large"
)

// Loud tells whether somebody must be woken.
func (k Kind) Loud() bool {
	return k == Cut || k == Fork || k == Behind || k == Nothing || k == Other
}

// evidence tells whether what was offered is kept: only what the ledger's key
// has signed, or what a copy holds, can be of these kinds.
func (k Kind) evidence() bool { return k == Cut || k == Fork }

// what says in a few words what happened, and what to do.
func (k Kind) what() (happened, hint string) {
	switch k {
	case Cut:
		return "THE LEDGER WAS CUT", "records that were seen are gone: an old copy was put back, or the end was cut off"
	case Fork:
		return "THE LEDGER HAS TWO HISTORIES", "records that were seen are others now: a line was edited, or the history written anew"
	case Behind:
		return "THE WITNESS KNOWS LESS THAN IT HAS SIGNED", "was its folder put back from a backup? the newest cosigned checkpoint tells"
	case Nothing:
		return "THE LEDGER DOES NOT SPEAK", "on its host: pathgate ledger verify, pathgate doctor"
	case Other:
		return "ANOTHER LEDGER STANDS IN ITS PLACE", "was the ledger thrown away and made anew?"
	case Stale:
		return "not the newest", "ask for the size again, and make the update anew"
	case Unknown:
		return "not a ledger that is known", "if it is to be believed as it comes: --first"
	case Twice:
		return "not the first time", "leave out --first; to believe it anew, move its folder away and keep it"
	case Key:
		return "another key", "to change the key of a ledger, edit its " + LogKeyName
	case Unsigned:
		return "not signed by the ledger", ""
	case Large:
		return "too large", ""
	}
	return "malformed", ""
}

// An Alarm is a refusal. All its strings are safe to print.
type Alarm struct {
	Time     time.Time `json:"time"` // UTC
	Kind     Kind      `json:"kind"`
	Loud     bool      `json:"loud"`
	Ledger   string    `json:"ledger,omitempty"`   // its ID; of most kinds it is what the sender claims
	Known    *Size     `json:"known,omitempty"`    // what was seen before
	Offered  *Size     `json:"offered,omitempty"`  // what was said now
	Detail   string    `json:"detail"`             // one line
	SHA256   string    `json:"sha256,omitempty"`   // of what was offered, in hex
	Evidence string    `json:"evidence,omitempty"` // the folder with both, below the witness's
	// Unrecorded says why the alarm, or its evidence, could not be kept.
	Unrecorded string `json:"unrecorded,omitempty"`

	known, offered []byte
}

// A Size is a tree as alarms tell of it.
type Size struct {
	Records int64  `json:"records"`
	Root    string `json:"root"` // base64
}

func sizeOf(t tlog.Tree) *Size { return &Size{t.N, t.Hash.String()} }

// alarm makes an alarm about an offer.
func (o *offer) alarm(kind Kind, format string, args ...any) *Alarm {
	a := &Alarm{Kind: kind, Loud: kind.Loud(), Ledger: text.Clean(o.ledger, 64),
		Detail: text.Clean(fmt.Sprintf(format, args...), 1000), offered: o.bytes}
	if len(o.bytes) > 0 {
		sum := sha256.Sum256(o.bytes)
		a.SHA256 = hex.EncodeToString(sum[:])
	}
	if o.said.Origin != "" {
		a.Offered = sizeOf(o.said.Tree)
	}
	return a
}

// against adds what is known, if anything is.
func (a *Alarm) against(known *Known) *Alarm {
	if known != nil {
		a.Known, a.known = sizeOf(known.Tree), known.Signed
	}
	return a
}

// Error is the alarm in one line.
func (a *Alarm) Error() string {
	happened, _ := a.Kind.what()
	line := fmt.Sprintf("witness [%s]: %s: ", a.Kind, happened)
	if a.Ledger != "" {
		line += "ledger " + a.Ledger + ": "
	}
	return line + a.Detail
}

// Text is the alarm for a person: some lines, each ended by a newline.
func (a *Alarm) Text() string {
	var b strings.Builder
	happened, hint := a.Kind.what()
	head := "refused"
	if a.Loud {
		head = "ALARM"
	}
	fmt.Fprintf(&b, "pathgate: witness: %s: %s   [%s]\n", head, happened, a.Kind)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-9s %s\n", name, value)
		}
	}
	row("ledger", a.Ledger)
	row("why", a.Detail)
	row("known", a.Known.text())
	row("offered", a.Offered.text())
	row("evidence", text.Clean(a.Evidence, 500))
	row("NOT KEPT", a.Unrecorded)
	if a.Loud {
		row("state", "unchanged; nothing was signed")
	}
	if hint != "" {
		fmt.Fprintf(&b, "hint: %s\n", hint)
	}
	return b.String()
}

func (s *Size) text() string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%d records, root %s", s.Records, s.Root)
}
