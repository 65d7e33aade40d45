package gate

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// options are the push options (git-push(1), -o) that pathgate reads. It leaves
// others to other hooks, but refuses what is one of its own mistyped: a
// rehearsal that is not understood would be a real push.
type options struct {
	override string // go past rules, for this reason
	rehearse bool   // judge and tell, but move nothing
	reason   string // of an objection or a lock
}

// readOptions reads push options; wrong says what is wrong with one.
func readOptions(given []string) (o options, wrong string) {
	for _, option := range given {
		key, value, _ := strings.Cut(option, "=")
		value = strings.TrimSpace(value)
		switch key {
		case "explain":
			o.rehearse = true
		case "override":
			if o.override = value; value == "" {
				return o, `an override needs a reason: git push -o override="..."`
			}
		case "reason":
			o.reason = value
		default:
			if meant := mistyped(key); meant != "" {
				return o, fmt.Sprintf("%s is no push option here; did you mean %s?", text.Clean(key, 40), meant)
			}
		}
	}
	return o, ""
}

// mistyped is the option of pathgate's that a word is a slip of the keyboard
// away from, empty if there is none. The shorter word has less room, or region
// would be one.
func mistyped(word string) string {
	if len(word) > 20 {
		return ""
	}
	for _, o := range []struct {
		name  string
		slips int
	}{{"explain", 2}, {"override", 2}, {"reason", 1}} {
		if text.Distance(strings.ToLower(word), o.name) <= o.slips {
			return o.name
		}
	}
	return ""
}
