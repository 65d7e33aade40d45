package command

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
)

// railWords sums up what an entry says of outcomes, locks and overrides.
func railWords(e *ledger.Entry) (parts []string) {
	if e.Type == ledger.TypeStatus {
		parts = append(parts, fmt.Sprintf("%s of record %d", e.State, e.Record))
		if e.Message != "" {
			parts = append(parts, e.Message)
		}
		if e.URL != "" {
			parts = append(parts, e.URL)
		}
	}
	if len(e.Overrode) > 0 {
		parts = append(parts, "overrode "+strings.Join(e.Overrode, " "))
	}
	if !e.Until.IsZero() {
		parts = append(parts, "until "+explain.Time(e.Until))
	}
	return parts
}
