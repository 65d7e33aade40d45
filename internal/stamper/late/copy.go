package late

import "github.com/pathgate/pathgate/policy"

// linesOf is the folder in which the ledger's lines are read: the ledger's own,
// or that of this host's copy of a shared one; empty if there is none.
func linesOf(pol *policy.Policy) string {
	if pol.Shared() {
		return pol.Copy
	}
	return pol.Ledger
}
