package command

import (
	"fmt"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
)

// stampWords sums up what a stamp tells of an environment elsewhere.
func stampWords(e *ledger.Entry) string {
	from := fmt.Sprintf("record %d of ledger %.8s", e.Record, e.Origin)
	at := explain.Time(e.Stamped)
	switch e.Kind {
	case ledger.KindDeployed:
		return join(", ", "deployed there "+at, from, e.Subject)
	case ledger.KindStatus:
		return join(", ", e.State+" there "+at, from)
	case ledger.KindWithdrawal:
		return join(", ", "withdrawn there "+at, from)
	case ledger.KindSuccessor:
		return join(", ", fmt.Sprintf("ledger %.8s tells from now on", e.Origin), e.Reason)
	}
	return join(", ", e.Kind, from, e.Reason)
}
