package gate

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

const branchPolicy = `version = 1
root = "DIR/srv"
ledger = "DIR/ledger"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/shop.git"
refs = ["refs/heads/release/dev"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
[environments.qa]
repository = "{service}/shop.git"
refs = ["refs/heads/release/qa"]
release = { base = "refs/heads/main", branches = "refs/heads/*" }
[environments.stg]
repository = "{service}/shop.git"
refs = ["refs/heads/release/stg"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
after = ["dev", "qa"]
match = "contained"
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
match = "contained"
`

// A branchYard is a server with one service, and a ledger written by hand.
type branchYard struct {
	t    *testing.T
	dir  string
	base string
	pol  *policy.Policy
}

func newBranchYard(t *testing.T, change ...string) *branchYard {
	t.Helper()
	y := &branchYard{t: t, dir: t.TempDir()}
	text := strings.NewReplacer(append([]string{"DIR", y.dir}, change...)...).Replace(branchPolicy)
	pol, err := policy.Parse("policy.toml", []byte(text))
	y.must(err)
	y.pol = pol
	y.git("shop", "init", "-q", "--bare", "-b", "main", filepath.Join(y.dir, "srv", "shop", "shop.git"))
	y.git("shop", "init", "-q", "--bare", "-b", "main", filepath.Join(y.dir, "srv", "shop", "prd.git"))
	y.base = y.make("base")
	y.at("main", y.base)
	y.must(ledger.Create(pol.Ledger, ledger.CreateOptions{Root: pol.Root}))
	return y
}

func (y *branchYard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

func (y *branchYard) git(repo string, args ...string) string {
	y.t.Helper()
	if args[0] != "init" {
		args = append([]string{"--git-dir=" + filepath.Join(y.dir, "srv", "shop", repo+".git")}, args...)
	}
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_AUTHOR_DATE=@1700000000 +0000", "GIT_COMMITTER_DATE=@1700000000 +0000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		y.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (y *branchYard) make(message string, parents ...string) string {
	args := []string{"commit-tree", "-m", message}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return y.git("shop", append(args, y.git("shop", "mktree"))...)
}

func (y *branchYard) at(branch, commit string) {
	y.git("shop", "update-ref", "refs/heads/"+branch, commit)
}

// did puts a deployment on record.
func (y *branchYard) did(environment string, e ledger.Entry) {
	y.t.Helper()
	env, _ := y.pol.Environment(policy.EnvironmentName(environment))
	e.Service, e.Environment, e.Repository, e.Ref = "shop", environment, env.Repository.Path("shop"), env.Refs[0].String()
	e.New, e.Old, e.Principal = e.Commit, strings.Repeat("0", 40), "ana"
	l, err := ledger.Open(context.Background(), y.pol.Ledger, ledger.Options{Root: y.pol.Root})
	y.must(err)
	defer l.Close()
	if e.Type == ledger.TypeAdopt {
		y.must(l.Append(&e))
		return
	}
	if e.Kind = "deploy"; e.Action == ledger.ActionRemove {
		e.Kind = ledger.KindRemove
	}
	intent := e
	intent.Type, e.Type = ledger.TypeIntent, ledger.TypeDeployed
	y.must(l.Append(&intent))
	e.Intent = intent.Seq
	y.must(l.Append(&e))
}

func (y *branchYard) released(environment, branch, head, commit string) {
	y.t.Helper()
	y.did(environment, ledger.Entry{Action: ledger.ActionRelease, Branch: branch, Head: head, Commit: commit, Tickets: []string{branch}})
}

func (y *branchYard) branches() map[policy.EnvironmentName]Holdings {
	y.t.Helper()
	rows, err := Branches(context.Background(), y.pol, "shop", time.Now)
	y.must(err)
	out := make(map[policy.EnvironmentName]Holdings)
	for _, h := range rows {
		out[h.Spot.Environment] = h
	}
	return out
}

// ready writes what could go on: "JIRA-1 from dev".
func (h Holdings) ready() (list []string) {
	for _, r := range h.Ready {
		words := r.Branch + " from " + string(r.From)
		if r.Here != "" {
			words += " in place of " + r.Here.Short()
		}
		list = append(list, words)
	}
	return list
}

func TestBranches(t *testing.T) {
	y := newBranchYard(t)
	one, two, three := y.make("one", y.base), y.make("two", y.base), y.make("three", y.base)
	newer := y.make("newer", two)
	y.at("JIRA-1", one)
	y.at("JIRA-2", newer)
	m1 := y.make("m1", y.base, one)
	m2 := y.make("m2", m1, newer)
	m3 := y.make("m3", m2, three)
	for _, env := range []string{"dev", "qa"} {
		y.released(env, "JIRA-1", one, m1)
		y.released(env, "JIRA-2", newer, m2)
	}
	y.released("dev", "JIRA-3", three, m3)
	n2 := y.make("n2", y.base, two)
	y.released("stg", "JIRA-2", two, n2)
	y.at("main", y.make("main", y.base, one))

	got := y.branches()
	dev := got["dev"].Branches
	if len(got) != 4 || len(dev) != 3 || got["dev"].Unreadable != nil {
		t.Fatalf("%d rows, dev %+v", len(got), got["dev"])
	}
	if b := dev[0]; b.Branch != "JIRA-1" || string(b.Head) != one || b.Record != 3 || b.Principal != "ana" || b.Time.IsZero() || !b.InBase || b.MovedOn() || b.Seen == "" {
		t.Errorf("JIRA-1: %+v", b)
	}
	if b := got["stg"].Branches[0]; string(b.Seen) != newer || !b.MovedOn() || b.InBase {
		t.Errorf("JIRA-2 in stg: %+v", b)
	}
	if b := dev[2]; b.Seen != "" || b.MovedOn() || b.InBase || !slices.Equal(b.Tickets, []string{"JIRA-3"}) {
		t.Errorf("JIRA-3: %+v", b)
	}
	// JIRA-1 is in main; JIRA-3 is in dev alone, and stg asks for dev and qa.
	if ready := got["stg"].ready(); !slices.Equal(ready, []string{"JIRA-2 from dev in place of " + two[:7]}) {
		t.Errorf("ready for stg: %v", ready)
	}
	// prd's repository has none of these commits.
	if h := got["prd"]; h.Base != "" || !slices.Equal(h.ready(), []string{"JIRA-2 from stg"}) {
		t.Errorf("prd: %+v", h)
	}
	if ready := got["dev"].Ready; len(ready) != 0 {
		t.Errorf("ready for the first environment: %v", ready)
	}
}

// TestBranchesAny has after_match = "any", and production in the same
// repository.
func TestBranchesAny(t *testing.T) {
	y := newBranchYard(t, `after = ["dev", "qa"]`, "after = [\"dev\", \"qa\"]\nafter_match = \"any\"", "{service}/prd.git", "{service}/shop.git")
	one, two := y.make("one", y.base), y.make("two", y.base)
	y.released("dev", "JIRA-1", one, y.make("m1", y.base, one))
	y.released("qa", "JIRA-2", two, y.make("m2", y.base, two))
	n1 := y.make("n1", y.base, one)
	y.released("stg", "JIRA-1", one, n1)
	y.released("stg", "JIRA-2", two, y.make("n2", n1, two))
	if ready := y.branches()["stg"].ready(); len(ready) != 0 {
		t.Errorf("ready for stg: %v", ready)
	}
	y.did("stg", ledger.Entry{Action: ledger.ActionRemove, Branch: "JIRA-2", Commit: n1})
	if ready := y.branches()["stg"].ready(); !slices.Equal(ready, []string{"JIRA-2 from qa"}) {
		t.Errorf("ready for stg: %v", ready)
	}
	if ready := y.branches()["prd"].ready(); !slices.Equal(ready, []string{"JIRA-1 from stg"}) {
		t.Errorf("ready for prd: %v", ready)
	}
	main := y.make("main", y.base, one)
	y.did("prd", ledger.Entry{Commit: main})
	if ready := y.branches()["prd"].ready(); len(ready) != 0 {
		t.Errorf("ready for prd, which has it: %v", ready)
	}
}

func TestBranchesUnknown(t *testing.T) {
	y := newBranchYard(t)
	if got := y.branches(); len(got["dev"].Branches) != 0 || got["dev"].Unknown || got["dev"].Unreadable != nil {
		t.Errorf("of nothing: %+v", got["dev"])
	}
	one := y.make("one", y.base)
	m1 := y.make("m1", y.base, one)
	y.did("dev", ledger.Entry{Type: ledger.TypeAdopt, Kind: "adopt", Commit: m1})
	if got := y.branches()["dev"]; len(got.Branches) != 0 || !got.Unknown {
		t.Errorf("adopted: %+v", got)
	}
	// A commit that is lost hides nothing of the others.
	y.released("dev", "JIRA-1", one, m1)
	y.released("dev", "JIRA-8", strings.Repeat("8", 40), y.make("m8", m1))
	y.at("main", one)
	if got := y.branches()["dev"]; len(got.Branches) != 2 || got.Unreadable != nil || !got.Branches[0].InBase || got.Branches[1].InBase {
		t.Errorf("with a lost commit: %+v", got)
	}
	y.must(os.RemoveAll(filepath.Join(y.dir, "srv", "shop", "shop.git")))
	if got := y.branches()["dev"]; len(got.Branches) != 2 || got.Unreadable == nil {
		t.Errorf("without its repository: %+v", got)
	}
}

// TestBranchesCostNothing opens no ledger where no environment has release.
func TestBranchesCostNothing(t *testing.T) {
	pol, err := policy.Parse("policy.toml", []byte(`version = 1
root = "/srv"
ledger = "/nowhere/ledger"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}.git"
refs = ["refs/heads/main"]
`))
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := Branches(context.Background(), pol, "shop", time.Now); rows != nil || err != nil {
		t.Errorf("%v, %v", rows, err)
	}
}
