package gate

import "strings"

// options are the push options (git-push(1), -o) that pathgate reads. It leaves
// others to other hooks.
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
		}
	}
	return o, ""
}
