package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// TestRailsPolicy checks that the policy of the scenario asks for each rule, on
// every day of the week, and that no freeze of it is on then.
func TestRailsPolicy(t *testing.T) {
	for day := range 7 {
		now := time.Date(2026, 3, 27+day, 15, 30, 0, 0, time.UTC)
		for _, which := range []rules{ledgerRules, gitRules} {
			text := railsPolicy("/srv/git", "/srv/ledger", which, "/srv/allowed_signers", now)
			if _, err := policy.Parse("policy.toml", []byte(text)); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if strings.Contains(text, `"`+now.Format("Mon")+" ") {
				t.Errorf("the weekly freeze touches today, a %s:\n%s", now.Format("Mon"), text)
			}
			for _, key := range []string{"pushers", "soak", "approvals", "[[freeze]]", "[override]", "requires", "[groups]"} {
				if !strings.Contains(text, key) {
					t.Errorf("the policy lacks %s", key)
				}
			}
			for _, key := range []string{"branches =", "ticket =", "signed =", "fast_forward ="} {
				if strings.Contains(text, key) != (which == gitRules) {
					t.Errorf("rules %d: %s", which, key)
				}
			}
		}
	}
}
