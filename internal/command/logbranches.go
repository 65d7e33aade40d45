package command

import (
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// branchWords says what an entry does to a branch of an environment, empty if
// that is nothing.
func branchWords(e *ledger.Entry) string {
	at := e.Branch
	if e.Head != "" {
		at += " at " + policy.ObjectID(e.Head).Short()
	}
	switch e.Action {
	case "":
		return ""
	case ledger.ActionRelease:
		return "release of " + at
	case ledger.ActionReplace:
		return "release of " + at + " in place of an earlier commit"
	case ledger.ActionRemove:
		return "removal of " + e.Branch
	case ledger.ActionReset:
		return "start over"
	}
	return e.Action + " of " + at
}

// releaseWords sums up what an entry says of branches.
func releaseWords(e *ledger.Entry) (parts []string) {
	if words := branchWords(e); words != "" {
		parts = append(parts, words)
	}
	if len(e.Gone) > 0 {
		parts = append(parts, "dropped as the base has it: "+strings.Join(e.Gone, " "))
	}
	return parts
}

// ticketWords names an entry's tickets, where its branch does not.
func ticketWords(e *ledger.Entry) (parts []string) {
	if len(e.Tickets) > 1 || len(e.Tickets) == 1 && !strings.HasPrefix(e.Branch, e.Tickets[0]) {
		parts = append(parts, "of "+strings.Join(e.Tickets, " "))
	}
	return parts
}
