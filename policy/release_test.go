package policy

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// releasePolicy has release branches in one repository.
const releasePolicy = `version = 1
root = "/srv/git"
ledger = "/var/lib/pathgate"
identity.source = "ssh"

[environments.dev]
repository = "{service}.git"
refs = ["refs/heads/release/dev"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
deploy.command = ["/bin/true"]

[environments.stg]
repository = "{service}.git"
refs = ["refs/heads/release/stg"]
release = { base = "refs/heads/trunk", branches = "refs/heads/*", fast_forward = true }
after = ["dev"]
match = "contained"
deploy.command = ["/bin/true"]
soak = "1h"
branches = ["refs/heads/*"]
ticket = "[A-Z]+-[0-9]+"
signed.allowed_signers = "/etc/signers"
applies_to_rollback = ["ticket"]

[environments.prd]
repository = "{service}.git"
refs = ["refs/heads/main"]
after = ["stg"]
match = "tree"
fast_forward = true

[environments.eu]
repository = "{service}/eu.git"
refs = ["refs/heads/main"]
after = ["prd"]
`

func TestParseRelease(t *testing.T) {
	p := mustParse(t, releasePolicy)
	branches := func(pattern string) BranchPattern {
		b, err := ParseBranchPattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i, want := range []struct {
		match   MatchRule
		release *Release
	}{
		{MatchCommit, &Release{Base: "refs/heads/main", Branches: branches("refs/heads/{ticket:[A-Z]+-[0-9]+}*")}},
		{MatchContained, &Release{Base: "refs/heads/trunk", Branches: branches("refs/heads/*"), FastForward: true}},
		{MatchTree, nil},
		{MatchCommit, nil},
	} {
		e := p.Environments[i]
		if e.Match != want.match || !reflect.DeepEqual(e.Release, want.release) {
			t.Errorf("%s: match %s, release %+v", e.Name, e.Match, e.Release)
		}
	}
	if got := p.Environments[1].RulePlace("release"); got != "environments.stg.release, policy.toml:15" {
		t.Error(got)
	}
}

// TestReleaseNeeds has what each kind of update asks for.
func TestReleaseNeeds(t *testing.T) {
	p := mustParse(t, releasePolicy)
	site, _ := p.Site("shop.git")
	all, _ := ParseRefPattern("refs/heads/*")
	promote := GitNeeds{Branches: []RefPattern{all}, Ticket: "[A-Z]+-[0-9]+", Signed: "/etc/signers", Prior: true}
	back := GitNeeds{Ticket: "[A-Z]+-[0-9]+"}
	for _, test := range []struct {
		ref       RefName
		action    Action
		priors    int
		here      bool // asks for the outcome here
		most, git GitNeeds
	}{
		{"refs/heads/release/dev", ActionRelease, 0, false, GitNeeds{}, GitNeeds{}},
		{"refs/heads/release/stg", ActionRelease, 1, false, promote, promote},
		{"refs/heads/release/stg", ActionRemove, 0, false, back, back},
		{"refs/heads/release/stg", ActionReset, 0, false, back, back},
		{"refs/heads/release/stg", ActionNone, 1, true, back, GitNeeds{}},
		{"refs/heads/main", ActionNone, 1, false, GitNeeds{Prior: true, FastForward: true}, GitNeeds{Prior: true, FastForward: true}},
	} {
		env, _ := site.Environment(test.ref)
		u := Update{Ref: test.ref, New: commit("a"), Commit: commit("a"), Action: test.action}
		n := p.Needs(site, env, u)
		if len(n.Prior) != test.priors || n.Outcome != test.here || !reflect.DeepEqual(n.Git, test.most) {
			t.Errorf("%s %q needs %+v", env.Name, test.action, n)
		}
		if (n.PriorOutcome || n.PriorLive) && test.priors == 0 {
			t.Errorf("%s %q asks for deployments in environments before: %+v", env.Name, test.action, n)
		}
		if got := env.GitNeeds(u, Facts{Fetched: true}); !reflect.DeepEqual(got, test.git) {
			t.Errorf("%s %q needs %+v of git, want %+v", env.Name, test.action, got, test.git)
		}
	}
	if (GitNeeds{Prior: true}).None() {
		t.Error("what stands in environments before is none of git's business")
	}
	back1 := Facts{Fetched: true, Here: Standing{Record: 10}, OnRef: 10, Live: Live{Record: 12, Commit: commit("b")}}
	prd, _ := p.Environment("prd")
	if g := prd.GitNeeds(Update{Ref: "refs/heads/main", Commit: commit("a")}, back1); !g.None() {
		t.Errorf("a rollback needs %+v", g)
	}
}

// TestNeedless has taking out and starting over decided without any evidence,
// whatever is said of the environments before.
func TestNeedless(t *testing.T) {
	p := mustParse(t, releasePolicy)
	stg, _ := p.Environment("stg")
	for _, action := range []Action{ActionRemove, ActionReset} {
		u := Update{Ref: "refs/heads/release/stg", New: commit("a"), Commit: commit("a"), Action: action}
		facts := Facts{Fetched: true, Now: time.Unix(1, 0), Commit: CommitFacts{Fetched: true}}
		for range 3 {
			d := Evaluate(stg, u, facts)
			if !d.Allowed || d.Kind != Kind(action) || len(d.Evidence) > 0 {
				t.Errorf("%s: %+v", action, d)
			}
			facts.Prior = append(facts.Prior, PriorFacts{Environment: "dev"})
		}
		facts.Commit.Fetched = false
		if d := Evaluate(stg, u, facts); d.Allowed || d.Verdicts[0].Code != Fault {
			t.Errorf("%s: not asked for tickets: %+v", action, d)
		}
		u.New = ObjectID(strings.Repeat("0", 40))
		if d := Evaluate(stg, u, facts); d.Allowed {
			t.Errorf("%s of nothing: %+v", action, d)
		}
	}
}

// TestEveryPriorMatched has one of several environments before that git was not
// asked about.
func TestEveryPriorMatched(t *testing.T) {
	p := mustParse(t, strings.Replace(releasePolicy, `after = ["stg"]`, `after = ["dev", "stg"]
after_match = "any"`, 1))
	prd, _ := p.Environment("prd")
	u := Update{Ref: "refs/heads/main", New: commit("a"), Commit: commit("a")}
	facts := Facts{Fetched: true, Commit: CommitFacts{Fetched: true, FastForward: true}, Prior: []PriorFacts{
		{Environment: "dev", Match: &MatchFacts{}},
		{Environment: "stg", Match: &MatchFacts{Evidence: []uint64{9}}, Outcome: Outcome{State: OutcomeSuccess}},
	}}
	if d := Evaluate(prd, u, facts); !d.Allowed || !reflect.DeepEqual(d.Evidence, []uint64{9}) {
		t.Errorf("%+v", d)
	}
	facts.Prior[0].Match = nil
	if d := Evaluate(prd, u, facts); !reflect.DeepEqual(d, refuse(Fault)) {
		t.Errorf("%+v", d)
	}
}
