package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/ledger"
)

const releasePolicy = `version = 1
root = "DIR/srv"
ledger = "DIR/ledger"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}.git"
refs = ["refs/heads/release/dev"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
[environments.stg]
repository = "{service}.git"
refs = ["refs/heads/release/stg"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
after = ["dev"]
match = "contained"
[environments.prd]
repository = "{service}.git"
refs = ["refs/heads/main"]
after = ["stg"]
match = "contained"
`

// A branchSite is a server whose one service has all environments in one
// repository, and what its ledger says, written by hand.
type branchSite struct {
	*railSite
	repo string
}

func newBranchSite(t *testing.T) *branchSite {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	mustRail(t, err)
	s := &branchSite{&railSite{t: t, dir: dir, policy: filepath.Join(dir, "policy.toml")}, filepath.Join(dir, "srv", "shop.git")}
	s.write(strings.ReplaceAll(releasePolicy, "DIR", dir))
	s.git("init", "-q", "--bare", s.repo)
	s.commit = s.make("base")
	s.at("main", s.commit)
	mustRail(t, ledger.Create(filepath.Join(dir, "ledger"), ledger.CreateOptions{Root: filepath.Join(dir, "srv")}))
	return s
}

// make makes a commit.
func (s *branchSite) make(message string, parents ...string) string {
	s.t.Helper()
	args := []string{"--git-dir=" + s.repo, "commit-tree", "-m", message}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return s.git(append(args, s.git("--git-dir="+s.repo, "mktree"))...)
}

// at puts a branch somewhere.
func (s *branchSite) at(branch, commit string) {
	s.t.Helper()
	s.git("--git-dir="+s.repo, "update-ref", "refs/heads/"+branch, commit)
}

// did puts a deployment on record, after its intent, and moves the ref.
func (s *branchSite) did(environment string, e ledger.Entry) uint64 {
	s.t.Helper()
	branch := "release/" + environment
	if environment == "prd" {
		branch = "main"
	}
	e.Service, e.Environment, e.Repository, e.Ref = "shop", environment, "shop.git", "refs/heads/"+branch
	e.New, e.Old = e.Commit, strings.Repeat("0", 40)
	if e.Principal == "" {
		e.Principal = "ana"
	}
	if e.Kind == "" {
		e.Kind = "deploy"
	}
	if len(e.Tickets) == 0 && (e.Action == ledger.ActionRelease || e.Action == ledger.ActionReplace) {
		e.Tickets = []string{e.Branch}
	}
	intent := e
	intent.Type, e.Type = ledger.TypeIntent, ledger.TypeDeployed
	s.append(&intent)
	e.Intent = intent.Seq
	s.append(&e)
	s.at(branch, e.Commit)
	return e.Seq
}

// said puts an entry of another type on record.
func (s *branchSite) said(e ledger.Entry) uint64 {
	s.t.Helper()
	e.Service, e.Repository, e.Principal = "shop", "shop.git", "bo"
	s.append(&e)
	return e.Seq
}

func release(branch, head, commit string) ledger.Entry {
	return ledger.Entry{Action: ledger.ActionRelease, Branch: branch, Head: head, Commit: commit, Subject: "Release " + branch}
}

// squeezed is output with one space where columns are aligned.
func squeezed(out string) string {
	lines := strings.Split(out, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n")
}

func wants(t *testing.T, out string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(out, p) {
			t.Errorf("%q is not in:\n%s", p, out)
		}
	}
}

func TestStatusBranches(t *testing.T) {
	s := newBranchSite(t)
	one, two, three := s.make("one", s.commit), s.make("two", s.commit), s.make("three", s.commit)
	s.at("JIRA-1", one)
	s.at("JIRA-2", s.make("two goes on", two))
	m1 := s.make("m1", s.commit, one)
	m2 := s.make("m2", m1, two)
	m3 := s.make("m3", m2, three)
	s.did("dev", release("JIRA-1", one, m1))
	s.did("dev", release("JIRA-2", two, m2))
	s.did("dev", release("JIRA-3", three, m3)) // its branch was never pushed, or is deleted
	n1 := s.make("n1", s.commit, one)
	s.did("stg", release("JIRA-1", one, n1))
	main := s.make("main", s.commit, one)
	s.did("prd", ledger.Entry{Commit: main, Kind: "promote", Tickets: []string{"JIRA-1"}})

	out := squeezed(s.says(0, "status shop"))
	wants(t, out, "service environment branch ticket released by since record now\n",
		"shop dev JIRA-1 JIRA-1 "+one[:7]+" ana ", " 3 in main\n",
		"shop dev JIRA-2 JIRA-2 "+two[:7]+" ana ", "moved on to "+s.git("--git-dir="+s.repo, "rev-parse", "JIRA-2")[:7]+"\n",
		"shop dev JIRA-3 JIRA-3 "+three[:7]+" ana ", " gone\n",
		"waiting: shop stg lacks JIRA-2 at "+two[:7]+", in dev since ",
		"waiting: shop stg lacks JIRA-3 at "+three[:7]+", in dev since ")
	if strings.Contains(out, "lacks JIRA-1") || strings.Contains(out, "could take") || strings.Contains(out, "drift") {
		t.Errorf("tells what is not so:\n%s", out)
	}

	var rows []map[string]any
	mustRail(t, json.Unmarshal([]byte(s.says(0, "status shop --format json")), &rows))
	i := slices.IndexFunc(rows, func(r map[string]any) bool { return r["environment"] == "dev" })
	dev := rows[i]
	two2 := dev["branches"].([]any)[1].(map[string]any)
	if dev["base"] != "refs/heads/main" || dev["base_commit"] != main || dev["branches_unknown"] != false || two2["branch"] != "JIRA-2" ||
		two2["head"] != two || two2["moved_on"] != true || two2["in_base"] != false || two2["principal"] != "ana" || two2["record"] != float64(5) {
		t.Errorf("dev: %v", dev)
	}
	i = slices.IndexFunc(rows, func(r map[string]any) bool { return r["environment"] == "stg" })
	if ready := rows[i]["ready"].([]any); len(ready) != 2 || ready[0].(map[string]any)["from"] != "dev" || ready[0].(map[string]any)["here"] != "" {
		t.Errorf("ready for stg: %v", ready)
	}

	mustRail(t, os.Rename(s.repo, s.repo+".away"))
	wants(t, squeezed(s.says(0, "status shop")), "shop dev JIRA-1 JIRA-1 "+one[:7], " ?\n", "warning: shop dev: its branches cannot be looked at: ")
}

// TestLogTicket tells a ticket that is released twice, thrown out, and gets to
// production with another one.
func TestLogTicket(t *testing.T) {
	s := newBranchSite(t)
	one, two := s.make("one", s.commit), s.make("two", s.commit)
	m1, m2 := s.make("m1", s.commit, one), s.make("m2", s.commit, two)
	m12 := s.make("m12", m2, one)
	s.said(ledger.Entry{Type: ledger.TypeRefused, Environment: "stg", Ref: "refs/release/stg/JIRA-1", New: one, Commit: one,
		Action: ledger.ActionRelease, Branch: "JIRA-1", Head: one, Tickets: []string{"JIRA-1"}, Codes: []string{"prior-not-deployed"}})
	first := s.did("dev", release("JIRA-1", one, m1))
	s.said(ledger.Entry{Type: ledger.TypeStatus, Environment: "dev", Ref: "refs/heads/release/dev", Commit: m1, Record: first, State: ledger.StateFailure, Message: "no disk"})
	s.did("dev", release("JIRA-2", two, m12))
	reset := s.did("dev", ledger.Entry{Action: ledger.ActionReset, Commit: s.commit, Head: s.commit, Kind: "reset", Reason: "demo is over", Principal: "bo"})
	s.did("dev", ledger.Entry{Action: ledger.ActionReset, Commit: s.commit, Head: s.commit, Kind: "reset", Reason: "once more"})
	s.did("dev", release("JIRA-2", two, m2))
	s.did("dev", release("JIRA-1", one, m12))
	s.did("dev", ledger.Entry{Action: ledger.ActionRemove, Branch: "JIRA-2", Commit: m1, Kind: "remove"})
	s.did("stg", release("JIRA-1", one, s.make("n1", s.commit, one)))
	s.did("stg", ledger.Entry{Action: ledger.ActionRemove, Branch: "JIRA-1", Commit: s.commit, Kind: "remove"})
	main := s.make("main", s.commit, one, two)
	s.said(ledger.Entry{Type: ledger.TypeApproval, Environment: "prd", Ref: "refs/heads/main", New: main, Commit: main, Kind: ledger.KindApprove})
	s.said(ledger.Entry{Type: ledger.TypeApproval, Environment: "prd", Ref: "refs/heads/main", New: two, Commit: two, Kind: ledger.KindReject})
	s.did("prd", ledger.Entry{Commit: main, Kind: "promote", Tickets: []string{"JIRA-2", "JIRA-1"}})

	out := s.says(0, "log --ticket JIRA-1")
	var got []string
	for line := range strings.Lines(squeezed(out)) {
		_, what, _ := strings.Cut(line, " UTC ")
		got = append(got, strings.TrimSuffix(what, "\n"))
	}
	want := []string{"",
		"shop/stg refused [prior-not-deployed]: " + one[:7] + " bo 2",
		"shop/dev released at " + one[:7] + " as merge " + m1[:7] + " ana 4",
		"shop/dev deployment failed of record 4: no disk bo 5",
		`shop/dev taken out: started over from ` + s.commit[:7] + ` "demo is over" bo 9`,
		"shop/dev released at " + one[:7] + " as merge " + m12[:7] + " ana 15",
		"shop/stg released at " + one[:7] + " as merge ",
		"shop/stg taken out, now " + s.commit[:7] + " ana 21",
		"shop/prd approved " + main[:7] + " bo 22",
		"shop/prd in production as " + main[:7] + ", with JIRA-2 ana 25"}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), out)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d: %q, want %q", i, got[i], want[i])
		}
	}
	if reset != 9 {
		t.Errorf("the start over is record %d", reset)
	}
	if lines := strings.Count(s.says(0, "log --ticket JIRA-1 --format json"), "\n"); lines != len(want)-1 {
		t.Errorf("%d lines of JSON", lines)
	}
	if lines := strings.Count(s.says(0, "log --ticket JIRA-1 --environment shop/dev --format json"), "\n"); lines != 4 {
		t.Errorf("%d lines of JSON in dev", lines)
	}
	if lines := strings.Count(s.says(0, "log --ticket JIRA-1 --type intent --format json"), "\n"); lines != 5 {
		t.Errorf("%d intents", lines)
	}
	for _, ticket := range []string{"JIRA-9", "jira-1", "JIRA-"} {
		wants(t, s.says(0, "log --ticket "+ticket), `note: nothing is on record of a ticket "`+ticket+`"`)
	}
	wants(t, s.says(0, "log"), "release of JIRA-1 at "+one[:7], "removal of JIRA-2", "start over, demo is over", "of JIRA-2 JIRA-1")
	wants(t, s.says(0, "log --format csv"), ",release,JIRA-1,"+one+",JIRA-1,,,,,,\n", ",JIRA-2 JIRA-1,,,,,,\n")
}

// TestTicketLeaves has the ways out of an environment that no removal is.
func TestTicketLeaves(t *testing.T) {
	s := newBranchSite(t)
	one, two := s.make("one", s.commit), s.make("two", s.commit)
	m1, m2 := s.make("m1", s.commit, one), s.make("m2", s.commit, two)
	m21 := s.make("m21", m2, one)
	s.did("dev", release("JIRA-2", two, m2))
	s.did("dev", release("JIRA-1-fix", one, m21))
	s.did("dev", ledger.Entry{Commit: m2, Kind: "rollback"})
	s.did("dev", ledger.Entry{Commit: m21, Kind: "deploy"})
	gone := release("JIRA-2", two, m1)
	gone.Gone = []string{"JIRA-1-fix"}
	s.did("dev", gone)
	also := release("JIRA-4", two, s.make("m4", m1))
	also.Tickets = []string{"JIRA-4", "JIRA-1"}
	s.did("dev", also)
	replace := release("JIRA-4", one, s.make("m5", m1))
	replace.Action, replace.Tickets = ledger.ActionReplace, []string{"JIRA-4"}
	s.did("dev", replace)

	out := s.says(0, "log --ticket JIRA-1-fix")
	wants(t, out, "released at "+one[:7]+" as merge "+m21[:7], "taken out, by a rollback to "+m2[:7],
		"back in, by a deploy of "+m21[:7], "in main by now, and off the list")
	if strings.Contains(out, "JIRA-4") {
		t.Errorf("another ticket's:\n%s", out)
	}
	out = s.says(0, "log --ticket JIRA-1")
	wants(t, out, "released with JIRA-4 at "+two[:7], "taken out: JIRA-4 at "+one[:7]+" does not bring it, now ")
	if strings.Contains(out, "JIRA-1-fix") { // the record tells a branch's ticket, not its name
		t.Errorf("takes a name for a ticket:\n%s", out)
	}
}

// TestHelpRelease holds the page to its width, and to being found.
func TestHelpRelease(t *testing.T) {
	out, errs, status := run("help", "release")
	if status != exitYes || errs != "" || out != helpRelease || !strings.HasPrefix(out, "Release branches\n") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	for line := range strings.Lines(out) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	wants(t, rootList(t), "\n  pathgate release ")
	wants(t, helpPush, "pathgate help release", ":refs/release/dev/JIRA-123")
	if strings.Contains(helpPush, "later versions") {
		t.Error("help push takes refs/release for reserved")
	}
}

// TestExplainRelease gives the command that fits the environment.
func TestExplainRelease(t *testing.T) {
	s := newBranchSite(t)
	one := s.make("one", s.commit)
	s.at("JIRA-1", one)
	s.at("other", one)
	s.did("prd", ledger.Entry{Commit: s.commit})
	s.says(0, "explain dev JIRA-1 --service shop", "dev would take "+one[:7], "hint: git push origin "+one[:7]+":refs/release/dev/JIRA-1\n")
	s.says(0, "explain dev other --service shop", "hint: git push origin "+one[:7]+":refs/release/dev/BRANCH\n")
}

func TestCheckRelease(t *testing.T) {
	s := newBranchSite(t)
	out := squeezed(s.says(0, "check"))
	wants(t, out, "release the server merges branches into release/dev, made from main, each by a merge\n",
		"branches names that begin with {ticket:[A-Z]+-[0-9]+}, such as JIRA-123, whose ticket is JIRA-123\n",
		"such as git push origin JIRA-123:refs/release/dev/JIRA-123\n",
		"match each commit that a push brings is contained in one that stands in the environments before\n")
	var all struct{ Path []map[string]any }
	mustRail(t, json.NewDecoder(bytes.NewReader([]byte(s.says(0, "check --format json")))).Decode(&all))
	of := all.Path[0]["release"].(map[string]any)
	if of["base"] != "refs/heads/main" || of["example"] != "JIRA-123" || all.Path[2]["match"] != "contained" || all.Path[2]["release"] != nil {
		t.Errorf("%v", all.Path)
	}
	for pattern, want := range map[string]string{"refs/heads/*": "branches any name, such as ", "refs/heads/fix/*": "branches names that begin with fix/, such as fix/",
		"refs/heads/one": "branches only one, such as one; a name has no ticket"} {
		s.write(strings.NewReplacer("DIR", s.dir, "refs/heads/{ticket:[A-Z]+-[0-9]+}*", pattern).Replace(releasePolicy))
		wants(t, squeezed(s.says(0, "check")), want)
	}
}
