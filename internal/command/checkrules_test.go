package command

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

func TestCheckRules(t *testing.T) {
	s := newRailSite(t)
	s.says(0, "explain prd "+s.commit+" --service shop", "\nprd only reports: its rules judge and refuse nothing (enforce = false)\n")
	out := s.says(0, "check", "\nprd\n", "enforce", "/srv/deploy.sh \"a b\", in a clean checkout, nobody waits, at most 15m\n",
		"success in dev\n", "2h live without a break", "2 of ana, bo, not the pusher's own, valid for 24h\n",
		`"weekends" `, "op may go past success, soak", "bound by pushers, lock, veto\n", "reporters  op\n", "external: others deploy")
	if strings.Contains(out, "fast_forward  ") || strings.Contains(out, "ticket  ") {
		t.Errorf("rules that the policy does not have:\n%s", out)
	}
	var page struct {
		Path []struct {
			Environment string
			Rules       []struct{ Rule, Says string }
		}
	}
	mustRail(t, json.Unmarshal([]byte(s.says(0, "check --format json")), &page))
	if len(page.Path) != 2 || len(page.Path[0].Rules) != 3 || page.Path[0].Rules[0].Rule != "deploy" {
		t.Errorf("%+v", page)
	}
}

func TestFreezeWords(t *testing.T) {
	pol, err := policy.Parse("p", []byte(strings.NewReplacer("DIR", "/x", "USER", "u").Replace(railPolicy)+`
[[freeze]]
name = "year end"
environments = ["prd"]
from = 2026-12-20T00:00:00
to = 2027-01-04T08:00:00
zone = "Europe/Berlin"
[[freeze]]
name = "skipped"
environments = ["prd"]
weekly = { from = "Sun 02:30", to = "Sun 05:00", zone = "Europe/Berlin" }
`))
	mustRail(t, err)
	env, _ := pol.Environment("prd")
	for _, tt := range []struct {
		freeze    int
		now, want string
	}{
		{0, "2026-11-21T12:00:00Z", "is on until Mon 2026-11-23 07:00 Europe/Berlin"},
		{0, "2026-11-23T06:00:00Z", "from Fri 2026-11-27 16:00 to Mon 2026-11-30 07:00 Europe/Berlin"},
		{0, "2026-11-27T14:59:00Z", "from Fri 2026-11-27 16:00 to Mon 2026-11-30 07:00 Europe/Berlin"},
		{0, "2026-10-22T12:00:00Z", "from Fri 2026-10-23 16:00 to Mon 2026-10-26 07:00 Europe/Berlin"}, // clocks go back between
		{1, "2026-12-01T00:00:00Z", "from Sun 2026-12-20 00:00 to Mon 2027-01-04 08:00 Europe/Berlin"},
		{1, "2026-12-31T00:00:00Z", "is on until Mon 2027-01-04 08:00 Europe/Berlin"},
		{1, "2027-01-04T07:00:00Z", "is over since Mon 2027-01-04 08:00 Europe/Berlin"},
		{2, "2027-03-27T12:00:00Z", "to Sun 2027-03-28 05:00 Europe/Berlin"}, // clocks skip 02:30
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		mustRail(t, err)
		if got := freezeWords(env.Freezes[tt.freeze], now); !strings.HasSuffix(got, tt.want) {
			t.Errorf("%s at %s: %q, want %q", env.Freezes[tt.freeze].Name, tt.now, got, tt.want)
		}
	}
}
