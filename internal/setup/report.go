package setup

import (
	"fmt"
	"strings"
)

// A Report is what Install or Uninstall did with one repository. Its strings
// are fit to print.
type Report struct {
	Repository string    `json:"repository"`         // as the policy has it
	Path       string    `json:"path"`               // the git directory
	Changes    []string  `json:"changes,omitempty"`  // what was done; empty if all was so already
	Notes      []string  `json:"notes,omitempty"`    // what was found and left as it is
	Problems   []Finding `json:"problems,omitempty"` // what stands in the way and is left to the operator
	// LedgerCreated: Install made the ledger.
	LedgerCreated bool `json:"ledger_created,omitempty"`
	// Unrecorded: a ref of an environment is there that the ledger knows
	// nothing of; Adopt puts it on record.
	Unrecorded bool `json:"unrecorded,omitempty"`
}

func (r *Report) changed(format string, args ...any) {
	r.Changes = append(r.Changes, show(fmt.Sprintf(format, args...)))
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, show(fmt.Sprintf(format, args...)))
}

// String is the report for a terminal, its lines ended by newlines.
func (r Report) String() string {
	var b strings.Builder
	if len(r.Changes) == 0 {
		fmt.Fprintf(&b, "%s: nothing to change\n", show(r.Repository))
	} else {
		fmt.Fprintf(&b, "%s: changed\n", show(r.Repository))
	}
	for _, line := range r.Changes {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	for _, line := range r.Notes {
		fmt.Fprintf(&b, "  note: %s\n", line)
	}
	for _, f := range r.Problems {
		for line := range strings.Lines(f.String()) {
			b.WriteString("  " + line)
		}
	}
	return b.String()
}

// Severity is how bad a finding is.
type Severity string

// The severities. Fail: pushes are refused, or the gate does not hold. Warn:
// something needs attention. OK: it was looked at and is in order.
const (
	OK   Severity = "ok"
	Warn Severity = "warn"
	Fail Severity = "fail"
)

// A Finding is one thing that was looked at. Its strings are fit to print.
type Finding struct {
	Severity   Severity `json:"severity"`
	Repository string   `json:"repository,omitempty"` // as the policy has it; empty for what all share
	What       string   `json:"what"`                 // what was found
	Why        string   `json:"why,omitempty"`        // what follows from it
	Mend       string   `json:"mend,omitempty"`       // a shell command that mends it, or what to do in words
}

// String is the finding for a terminal, its lines ended by newlines.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(string(f.Severity))
	b.WriteString(": ")
	if f.Repository != "" {
		b.WriteString(f.Repository + ": ")
	}
	b.WriteString(f.What + "\n")
	if f.Why != "" {
		b.WriteString("  " + f.Why + "\n")
	}
	if f.Mend != "" {
		b.WriteString("  mend: " + f.Mend + "\n")
	}
	return b.String()
}

// find makes a finding.
func find(s Severity, repository, what, why, mend string) Finding {
	return Finding{s, show(repository), show(what), show(why), mend}
}
