package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
)

// A railSite is a server with one service, shop, in dev and prd, whose user
// the policy knows as "op".
type railSite struct {
	t      *testing.T
	dir    string
	commit string // a commit that the repositories have
	policy string
}

const railPolicy = `version = 1
root = "DIR/srv"
ledger = "DIR/ledger"
[identity]
source = "ssh"
aliases = { op = ["USER"] }
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
deploy = "external"
reporters = ["op"]
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main", "refs/heads/hotfix"]
after = ["dev"]
enforce = false
soak = "2h"
approvals = { count = 2, by = ["ana", "bo"], for = "24h" }
deploy = { command = ["/srv/deploy.sh", "a b"], wait = false }
[[freeze]]
name = "weekends"
environments = ["prd"]
weekly = { from = "Fri 16:00", to = "Mon 07:00", zone = "Europe/Berlin" }
[override]
by = ["op"]
environments = ["prd"]
`

func newRailSite(t *testing.T) *railSite {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	mustRail(t, err)
	s := &railSite{t: t, dir: dir, policy: filepath.Join(dir, "policy.toml")}
	s.write(strings.NewReplacer("DIR", dir, "USER", setup.OperatingUser()).Replace(railPolicy))
	for _, name := range []string{"dev", "prd"} {
		repo := filepath.Join(dir, "srv", "shop", name+".git")
		s.git("init", "-q", "--bare", repo)
		tree := s.git("--git-dir="+repo, "mktree")
		s.commit = s.git("--git-dir="+repo, "commit-tree", "-m", "one", tree)
		s.git("--git-dir="+repo, "update-ref", "refs/heads/main", s.commit)
	}
	mustRail(t, ledger.Create(filepath.Join(dir, "ledger"), ledger.CreateOptions{Root: filepath.Join(dir, "srv")}))
	return s
}

func (s *railSite) write(policy string) {
	s.t.Helper()
	mustRail(s.t, os.WriteFile(s.policy, []byte(policy), 0o644))
}

func (s *railSite) git(args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b", "GIT_AUTHOR_DATE=@1700000000 +0000", "GIT_COMMITTER_DATE=@1700000000 +0000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// says runs the command and checks its status and parts of what it prints.
func (s *railSite) says(status int, line string, parts ...string) string {
	s.t.Helper()
	return s.saysWords(status, strings.Fields(line), parts...)
}

func (s *railSite) saysWords(status int, words []string, parts ...string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	got := Run(append([]string{"--policy", s.policy}, words...), &out, &errs, func(string) string { return "" })
	both := out.String() + errs.String()
	if got != status {
		s.t.Errorf("%v: status %d, want %d\n%s", words, got, status, both)
	}
	for _, p := range parts {
		if !strings.Contains(both, p) {
			s.t.Errorf("%v: %q is not in:\n%s", words, p, both)
		}
	}
	return both
}

// deployed puts a deployment on record, after the intent that it settles.
func (s *railSite) deployed(e ledger.Entry) uint64 {
	s.t.Helper()
	if e.Environment == "" {
		e.Environment = "prd"
	}
	e.Service, e.Repository = "shop", "shop/"+e.Environment+".git"
	e.Ref, e.New, e.Principal = "refs/heads/main", e.Commit, "ana"
	e.Old = strings.Repeat("0", 40)
	intent := e
	intent.Type, e.Type = ledger.TypeIntent, ledger.TypeDeployed
	s.append(&intent)
	e.Intent = intent.Seq
	s.append(&e)
	return e.Seq
}

func (s *railSite) append(e *ledger.Entry) {
	s.t.Helper()
	l, err := ledger.Open(context.Background(), filepath.Join(s.dir, "ledger"), ledger.Options{Root: filepath.Join(s.dir, "srv")})
	mustRail(s.t, err)
	defer l.Close()
	mustRail(s.t, l.Append(e))
}

// last is the newest entry, after a check of the whole ledger.
func (s *railSite) last() (last ledger.Entry) {
	s.t.Helper()
	r, err := ledger.Verify(filepath.Join(s.dir, "ledger"), nil)
	mustRail(s.t, err)
	if !r.OK() {
		s.t.Errorf("the ledger does not hold: %v", r.Findings)
	}
	mustRail(s.t, ledger.Read(filepath.Join(s.dir, "ledger"), 0, func(line *ledger.Line) error {
		last = line.Entry
		return nil
	}))
	return last
}

func mustRail(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLock(t *testing.T) {
	s := newRailSite(t)
	s.says(2, "lock prd", "say why with --reason")
	s.saysWords(2, []string{"lock", "prd", "--reason", " \t"}, "say why with --reason")
	s.says(2, "lock nowhere --reason x", `no environment "nowhere"`)
	s.says(2, "lock prd --reason x --until 2001-01-01", "--until is over already")
	s.says(2, "lock prd --reason x --until soon", "--until must be a time")
	s.says(2, "lock prd --reason x --ref other", "not a ref of prd")
	s.says(1, "lock prd --reason x --service shpo", "nothing is known of a service")
	s.says(2, "lock prd --reason "+strings.Repeat("x", 1001), "longer than")
	s.says(1, "unlock prd", "there is no lock on prd of every service")

	s.says(0, "lock prd --reason audit", "prd of every service is locked, record ", "hint: to take it off: pathgate unlock prd --policy "+s.policy+"\n")
	if e := s.last(); e.Type != ledger.TypeLock || e.Principal != "op" || e.Via != "local" || e.Service != "" || e.Ref != "" || e.Reason != "audit" || !e.Until.IsZero() {
		t.Errorf("recorded %+v", e)
	}
	s.says(0, "lock prd --service shop --ref main --until 24h --reason narrow", "main in prd of shop is locked until ")
	if e := s.last(); e.Service != "shop" || e.Ref != "refs/heads/main" || time.Until(e.Until).Round(time.Hour) != 24*time.Hour {
		t.Errorf("recorded %+v", e)
	}
	s.says(0, "lock prd --reason again", "this replaces the lock of record 2, by op: audit")
	s.says(1, "unlock prd --service shop", "there is no lock on prd of shop", "pathgate unlock prd --service shop --ref refs/heads/main --policy "+s.policy+"\n", "pathgate unlock prd --policy "+s.policy+"\n")
	s.says(0, "status", "locked: prd of every service, by op since ", "locked: main in prd of shop until ")
	s.says(0, "unlock prd --reason done", "prd of every service is unlocked, record ")
	s.says(0, "unlock prd --service shop --ref refs/heads/main", "main in prd of shop is unlocked")
	if e := s.last(); e.Type != ledger.TypeUnlock || e.Principal != "op" {
		t.Errorf("recorded %+v", e)
	}
	if out := s.says(0, "status"); strings.Contains(out, "locked") {
		t.Errorf("still locked:\n%s", out)
	}
}

func TestVeto(t *testing.T) {
	s := newRailSite(t)
	s.deployed(ledger.Entry{Commit: s.commit, Kind: "promote"})
	s.says(2, "veto main", "say why with --reason")
	s.says(1, "veto gone --reason x", `no commit "gone"`)
	s.says(1, "veto main --reason x --service other", "nothing is known of a service")
	s.says(1, "veto main --lift --reason x", "nobody bars "+s.commit[:7])
	s.says(1, "veto --reason x -- --all", `no commit "--all"`)
	s.says(0, "veto "+s.commit[:9]+" --reason leak", s.commit[:7]+" is barred from every environment of shop, record ", "warning: it is live in prd (main)")
	if e := s.last(); e.Type != ledger.TypeVeto || e.Kind != ledger.KindVeto || e.Commit != s.commit || e.Service != "shop" || e.Principal != "op" || e.Via != "local" {
		t.Errorf("recorded %+v", e)
	}
	s.says(0, "status", "vetoed: shop prd: "+s.commit[:7]+" is live, and barred by op")
	s.says(0, "veto "+s.commit+" --lift --reason fine", "may come to the environments of shop again")
	s.says(1, "veto "+s.commit+" --lift --reason fine", "nobody bars")
	// A commit that no repository has yet can be barred by its ID.
	s.says(0, "veto --service shop --reason x "+strings.Repeat("ab", 20), "abababa is barred")
	s.says(1, "veto --service shop --reason x "+strings.Repeat("0", 40), "no commit")
}

func TestReport(t *testing.T) {
	s := newRailSite(t)
	s.says(1, "report prd main success", "prd takes no reports")
	s.says(2, "report dev main fine", "the outcome must be success or failure")
	for _, url := range []string{"javascript:alert(1)", "https://", "https://a:b@c/", "no url"} {
		s.saysWords(2, []string{"report", "dev", "main", "success", "--url", url}, "--url must be")
	}
	s.says(1, "report dev main success --service shop", "is not deployed in dev of shop")
	record := s.deployed(ledger.Entry{Environment: "dev", Commit: s.commit, Kind: "deploy", Deploy: ledger.DeployExternal})
	s.says(0, "status", "deploying: shop dev: "+s.commit[:7]+" since ", "not started or reported yet")
	s.saysWords(0, []string{"report", "dev", "main", "failure", "--url", "https://ci.example/1", "--message", "two\ntests"},
		fmt.Sprintf("record %d, is reported as failure", record))
	if e := s.last(); e.Type != ledger.TypeStatus || e.Record != record || e.State != "failure" || e.Principal != "op" || e.Via != "local" ||
		e.URL != "https://ci.example/1" || e.Message != `two\ntests` {
		t.Errorf("recorded %+v", e)
	}
	s.says(0, "status", "outcome: shop dev: "+s.commit[:7]+": failure at ", `two\ntests: https://ci.example/1`)
	s.says(0, "report dev main success", "is reported as success")
	s.says(0, "status", ": success at ")

	raw, err := os.ReadFile(s.policy)
	mustRail(t, err)
	s.write(strings.Replace(string(raw), `reporters = ["op"]`, `reporters = ["ci"]`, 1))
	seq := s.last().Seq
	s.says(1, "report dev main success", "op may not report for dev")
	if s.last().Seq != seq {
		t.Error("a refused report is on record")
	}
}

// A report is about what the policy says is reported from outside, at the time
// of the deployment, and about what still stands.
func TestReportOfOthers(t *testing.T) {
	s := newRailSite(t)
	other := strings.Repeat("ab", 20)
	s.deployed(ledger.Entry{Environment: "dev", Commit: other, Kind: "deploy"})
	s.says(1, "report dev "+other+" success", "has no outcome to report")
	later := strings.Repeat("cd", 20)
	s.deployed(ledger.Entry{Environment: "dev", Commit: later, Kind: "deploy", Deploy: ledger.DeployExternal})
	s.deployed(ledger.Entry{Environment: "dev", Commit: other, Kind: "rollback"})
	s.says(1, "report dev "+later+" success", "any more: record ")
}

func TestStatusRails(t *testing.T) {
	s := newRailSite(t)
	for i := range 2 {
		s.deployed(ledger.Entry{Commit: strings.Repeat(strconv.Itoa(i), 39) + "a", Kind: "override", Overrode: []string{"soak"}, Reason: "INC-" + strconv.Itoa(i)})
	}
	record := s.deployed(ledger.Entry{Commit: s.commit, Kind: "promote", Deploy: ledger.DeployCommand})
	s.append(&ledger.Entry{Type: ledger.TypeStatus, Service: "shop", Environment: "prd", Repository: "shop/prd.git", Ref: "refs/heads/main",
		Commit: s.commit, State: ledger.StatePending, Record: record, Token: "t"})
	s.append(&ledger.Entry{Type: ledger.TypeLock, Environment: "prd", Principal: "ana", Reason: "over", Until: time.Now().Add(-time.Minute).UTC()})
	s.append(&ledger.Entry{Type: ledger.TypeLock, Environment: "prd", Ref: "refs/heads/hotfix", Principal: "ana", Reason: "held"})
	out := s.says(0, "status", "deploying: shop prd: "+s.commit[:7]+" since ", "overridden: shop prd: 2 overrides so far, the newest 1111111 by ana",
		": INC-1\n", "report-only: shop prd: ", "locked: hotfix in prd of every service, by ana")
	if strings.Contains(out, "locked: prd") || strings.Count(out, "overridden:") != 1 {
		t.Errorf("a lock that has run out, or an override twice:\n%s", out)
	}
	var rows []struct {
		Environment string
		Ref         string
		Outcome     struct {
			State  string
			Record uint64
		}
		Locks []struct {
			Reason string
			Ref    string
		}
		Overrides struct {
			Count  int
			Newest struct {
				Reason   string
				Overrode []string
			}
		}
		ReportOnly bool `json:"report_only"`
	}
	mustRail(t, json.Unmarshal([]byte(s.says(0, "status --format json")), &rows))
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	dev, main, hotfix := rows[0], rows[1], rows[2]
	if dev.ReportOnly || dev.Overrides.Count != 0 || len(dev.Locks) != 0 {
		t.Errorf("dev: %+v", dev)
	}
	if !main.ReportOnly || main.Outcome.State != "pending" || main.Overrides.Count != 2 || main.Overrides.Newest.Reason != "INC-1" || len(main.Locks) != 0 {
		t.Errorf("main: %+v", main)
	}
	if hotfix.Ref != "refs/heads/hotfix" || len(hotfix.Locks) != 1 || hotfix.Locks[0].Reason != "held" {
		t.Errorf("hotfix: %+v", hotfix)
	}
}

func TestLogOutput(t *testing.T) {
	s := newRailSite(t)
	record := s.deployed(ledger.Entry{Commit: s.commit, Kind: "promote", Deploy: ledger.DeployCommand})
	plain := s.deployed(ledger.Entry{Environment: "dev", Commit: s.commit, Kind: "deploy"})
	s.says(1, fmt.Sprint("log --output ", record), "there is no output, or not yet")
	s.says(1, fmt.Sprint("log --output ", plain), "pathgate ran nothing for record")
	s.says(1, "log --output 999", "there is no record 999")
	s.says(1, "log --output 1", "of type ledger, not deployed")
	folder := filepath.Join(s.dir, "ledger", "deploy", "shop", "prd")
	mustRail(t, os.MkdirAll(folder, 0o700))
	mustRail(t, os.WriteFile(filepath.Join(folder, fmt.Sprint(record, ".log")), []byte("one\n\x1b]0;x\x07two\n"), 0o600))
	out := s.says(0, fmt.Sprint("log --output ", record), "one\n", "two\n")
	if strings.ContainsAny(out, "\x1b\x07") {
		t.Errorf("what controls a terminal came through: %q", out)
	}
}

// TestReconcileDeployments: a runner that was killed leaves nothing pending.
func TestReconcileDeployments(t *testing.T) {
	s := newRailSite(t)
	s.deployed(ledger.Entry{Environment: "dev", Commit: s.commit, Kind: "deploy"})
	record := s.deployed(ledger.Entry{Commit: s.commit, Kind: "promote", Deploy: ledger.DeployCommand})
	s.append(&ledger.Entry{Type: ledger.TypeStatus, Service: "shop", Environment: "prd", Repository: "shop/prd.git", Ref: "refs/heads/main",
		Commit: s.commit, State: ledger.StatePending, Record: record, Token: "00000000-0000-0000-0000-000000000000/1/1/1"})
	s.says(0, "reconcile", "ended", fmt.Sprint("record ", record), "its runner is gone")
	if e := s.last(); e.Type != ledger.TypeStatus || e.State != ledger.StateError || e.Record != record {
		t.Errorf("recorded %+v", e)
	}
	// There is no runner beside a test binary: that is told, and is no yes.
	s.deployed(ledger.Entry{Commit: s.commit, Kind: "redeploy", Deploy: ledger.DeployCommand})
	s.says(3, "reconcile", "not-started", "the deployment cannot go on", "1 deployment could not go on")
}

// TestLogRails: the log tells outcomes, locks and overrides, and which rules
// were overridden.
func TestLogRails(t *testing.T) {
	s := newRailSite(t)
	record := s.deployed(ledger.Entry{Environment: "dev", Commit: s.commit, Kind: "override", Overrode: []string{"soak", "freeze"}, Reason: "INC-1",
		Deploy: ledger.DeployExternal})
	s.saysWords(0, []string{"report", "dev", "main", "failure", "--message", "no disk", "--url", "https://ci.example/1"})
	s.says(0, "lock prd --reason audit --until 2101-01-01")
	s.says(0, "log", "overrode soak freeze, override, INC-1\n", fmt.Sprintf("failure of record %d, no disk, https://ci.example/1\n", record),
		"until 2101-01-01 00:00 UTC, audit\n")
	s.says(0, "log --type lock,status --format csv", "state,record,overrode,until,deploy,url,message,action,branch,head,tickets,gone,host,origin,checkpoint,key,stamped\n",
		fmt.Sprintf(",failure,%d,,,,https://ci.example/1,no disk,,,,,,,,,,\n", record), ",audit,,,,2101-01-01T00:00:00.000000Z,,,,,,,,,,,,,\n")
}
