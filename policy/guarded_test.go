package policy

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// guardedPolicy sets every guard rail.
const guardedPolicy = `version = 1
root = "/srv/git"
ledger = "/var/lib/pathgate"

[identity]
source = "ssh"
[identity.aliases]
ana = ["ana.b", "ana@corp"]

[groups]
all = ["@release", "@oncall"]
release = ["ana", "bo", "chi"]
oncall = ["dan", "bo"]

[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
[environments.dev.deploy]
command = ["/srv/deploy/dev.sh", "--fast"]
checkout = false
wait = false
timeout = "1h30m"

[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]
deploy = "external"
reporters = ["ci"]

[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
evidence = "live"
requires = "accepted"
pushers = ["@all"]
soak = "2h"
approvals = { count = 2, by = ["@release"], self = true, for = "48h" }
branches = ["refs/heads/main", "refs/heads/release/*"]
ticket = "[A-Z]+-[0-9]+"
signed = { allowed_signers = "/etc/pathgate/allowed_signers" }
fast_forward = true
applies_to_rollback = ["approvals", "freeze"]
enforce = false

[[freeze]]
name = "weekends"
environments = ["prd"]
weekly = { from = "Fri 16:00", to = "Mon 07:05", zone = "Europe/Berlin" }
[[freeze]]
name = "year end"
environments = ["stg", "prd"]
from = 2026-12-20T00:00:00
to   = 2027-01-04T08:00:00
zone = "Europe/Berlin"

[override]
by = ["@oncall"]
environments = ["prd"]
rules = ["soak", "locks", "prior"]
override_counts = true
`

func TestParseGuarded(t *testing.T) {
	p := mustParse(t, guardedPolicy)
	dev, _ := p.Environment("dev")
	stg, _ := p.Environment("stg")
	prd, _ := p.Environment("prd")
	for _, test := range []struct {
		name      string
		got, want any
	}{
		{"dev.deploy", dev.Deploy, &Deployment{Command: []string{"/srv/deploy/dev.sh", "--fast"}, Timeout: 90 * time.Minute}},
		{"dev.pushers", dev.Pushers, Principals(nil)},
		{"dev.override", dev.Override, (*Override)(nil)},
		{"stg.deploy", stg.Deploy, &Deployment{External: true}},
		{"stg.reporters", stg.Reporters, Principals{"ci"}},
		{"stg.requires", stg.RequiresOf(0), RequiresSuccess},
		{"stg.freezes", len(stg.Freezes), 1},
		{"stg.override_counts", stg.OverrideCounts, true},
		{"stg.report_only", stg.ReportOnly, false},
		{"stg.applies_to_rollback", stg.AppliesToRollback, []string{RulePushers, RuleLock}},
		{"prd.requires", prd.RequiresOf(0), RequiresAccepted},
		{"prd.evidence", prd.Evidence, EvidenceLive},
		{"prd.pushers", prd.Pushers, Principals{"ana", "bo", "chi", "dan"}},
		{"prd.soak", prd.Soak, 2 * time.Hour},
		{"prd.approvals", prd.Approvals, &Approvals{Count: 2, By: Principals{"ana", "bo", "chi"}, Self: true, For: 48 * time.Hour}},
		{"prd.branches", prd.Branches, []RefPattern{ref(t, "refs/heads/main"), ref(t, "refs/heads/release/*")}},
		{"prd.ticket", prd.Ticket, "[A-Z]+-[0-9]+"},
		{"prd.signed", prd.Signed, "/etc/pathgate/allowed_signers"},
		{"prd.fast_forward", prd.FastForward, true},
		{"prd.applies_to_rollback", prd.AppliesToRollback, []string{RuleApprovals, RuleFreeze}},
		{"prd.report_only", prd.ReportOnly, true},
		{"weekly", prd.Freezes[0].Weekly, &Weekly{FromDay: time.Friday, FromMinute: 960, ToDay: time.Monday, ToMinute: 425}},
		{"from", prd.Freezes[1].From.Format(time.RFC3339), "2026-12-20T00:00:00+01:00"},
		{"to", prd.Freezes[1].To.Format(time.RFC3339), "2027-01-04T08:00:00+01:00"},
		{"freeze place", prd.Freezes[1].Place.String(), "policy.toml:51"},
		{"override", prd.Override, &Override{By: Principals{"dan", "bo"}, Rules: []string{RuleSoak, RuleLock, RulePrior}, Counts: true,
			Place: Place{"policy.toml", 58, 2}}},
		{"canonical", p.Canonical("ana@corp") + p.Canonical("ana") + p.Canonical("eve"), "anaanaeve"},
	} {
		if !reflect.DeepEqual(test.got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, test.got, test.want)
		}
	}
}

func TestParseGuardDefaults(t *testing.T) {
	p := mustParse(t, strings.Replace(issuePolicy, "rollback = \"deployed\"", `deploy.command = ["/bin/true"]
approvals.count = 1
#`, 1)+"[override]\nby = [\"dan\"]\nenvironments = [\"prd\"]\n")
	prd, _ := p.Environment("prd")
	if want := (&Deployment{Command: []string{"/bin/true"}, Checkout: true, Wait: true, Timeout: 15 * time.Minute}); !reflect.DeepEqual(prd.Deploy, want) {
		t.Errorf("deploy %+v", prd.Deploy)
	}
	if want := (&Approvals{Count: 1, For: 24 * time.Hour}); !reflect.DeepEqual(prd.Approvals, want) {
		t.Errorf("approvals %+v", prd.Approvals)
	}
	if prd.Evidence != EvidenceStanding || prd.RequiresOf(0) != RequiresAccepted || prd.ReportOnly || prd.OverrideCounts {
		t.Errorf("prd %+v", prd)
	}
	for _, rule := range overridable() {
		want := rule != RulePrior && rule != RuleWithdrawn && rule != RuleStamp && rule != RuleRollback
		if slices.Contains(prd.Override.Rules, rule) != want {
			t.Errorf("override of %s by default: %v", rule, !want)
		}
	}
}

// TestGuardBounds has the bounds that testdata/errors cannot draw.
func TestGuardBounds(t *testing.T) {
	many := func(n int, name string) string {
		return `["` + strings.Repeat(name+`", "`, n-1) + name + `"]`
	}
	var people, groups, chain strings.Builder
	for i := range 1001 {
		n := strings.Repeat("x", 1+i%7) + string(rune('a'+i%26)) + strconv.Itoa(i)
		people.WriteString(`"` + n + "\",\n")
		groups.WriteString("g" + strconv.Itoa(i) + " = [\"ana\"]\n")
		if i < 999 {
			chain.WriteString("g" + strconv.Itoa(i) + " = [\"@g" + strconv.Itoa(i+1) + "\", \"ana\"]\n")
		}
	}
	chain.WriteString("g999 = [\"bo\"]\n")
	for _, test := range []struct{ name, tail, want string }{
		{"people", "pushers = [\n" + people.String() + "]\n", "more than 1000 principals"},
		{"groups", "[groups]\n" + groups.String(), "more than 1000 groups"},
		{"a long chain of groups", "pushers = [\"@g0\"]\n[groups]\n" + chain.String(), ""},
		{"twice", "pushers = " + many(2, "ana") + "\n", `"ana" stands in this list twice`},
		{"a long name", "pushers = " + many(1, strings.Repeat("a", 256)) + "\n", "the name of a principal is longer than 255 bytes"},
		{"signers", "signed.allowed_signers = \"/etc/../x\"\n", "environments.prd.signed.allowed_signers is not a clean path: write \"/x\""},
		{"a freeze", strings.Repeat("[[freeze]]\n", 1001), "more than 1000 freezes"},
	} {
		_, err := Parse("policy.toml", []byte(issuePolicy+test.tail))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasSuffix(err.Error(), test.want)) {
			t.Errorf("%s: %.300v, want %s", test.name, err, test.want)
		}
	}
}

// TestTicketBlank has patterns that ask for nothing, by what regexp says.
func TestTicketBlank(t *testing.T) {
	for _, pattern := range []string{
		"A", "A*", "A?", "A+", "A{0,2}", "A{1,2}", "(A|)", "(?i)a", "[A-Z]+-[0-9]+", "^", "$", "^$", ".", ".*", "(?s).", "(A*)+",
		"A*B*", "A*B", "x|y*", "", "(?:)", `\d`, "[^\\x00-\\x{10FFFF}]",
	} {
		_, err := Parse("policy.toml", []byte(issuePolicy+"ticket = '"+pattern+"'\n"))
		if empty := regexp.MustCompile(pattern).MatchString(""); empty != (err != nil) {
			t.Errorf("%q matches nothing: %v, error %v", pattern, empty, err)
		}
	}
}

// checkGuards checks what every sound policy's rules have, and that they refuse
// on facts that hold nothing.
func checkGuards(t *testing.T, p *Policy, e *Environment) {
	if e.Ticket != "" {
		if re, err := regexp.Compile(e.Ticket); err != nil || re.MatchString("") {
			t.Fatalf("%s: ticket %q: %v", e.Name, e.Ticket, err)
		}
	}
	for _, set := range []Principals{e.Pushers, e.Reporters} {
		for _, name := range set {
			if p.Canonical(name) != name || name == "" || name[0] == '@' {
				t.Fatalf("%s: principal %q", e.Name, name)
			}
		}
	}
	if e.Soak < 0 || e.Soak > 0 && len(e.After) == 0 || e.Approvals != nil && (e.Approvals.Count < 1 || e.Approvals.For <= 0) {
		t.Fatalf("%s: soak %s, approvals %+v", e.Name, e.Soak, e.Approvals)
	}
	u := Update{Ref: RefName(e.Refs[0].Prefix() + "x"), New: commit("a"), Commit: commit("a")}
	if e.Refs[0].Exact() {
		u.Ref = RefName(e.Refs[0].Prefix())
	}
	facts := Facts{Fetched: true, Now: moment("12:00"), Principal: "nobody", Commit: CommitFacts{Fetched: true, FastForward: true}}
	for _, name := range e.After {
		facts.Prior = append(facts.Prior, PriorFacts{Environment: name})
	}
	d := Evaluate(e, u, facts)
	if d.Allowed && !e.ReportOnly && (len(e.After) > 0 || e.Approvals != nil || len(e.Branches) > 0) {
		t.Fatalf("%s: %+v", e.Name, d)
	}
	for _, f := range e.Freezes {
		if end, frozen := f.Until(facts.Now); frozen && !end.After(facts.Now) {
			t.Fatalf("freeze %+v: until %s", f, end)
		}
	}
}
