package install_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGuardedProduction tells the story of the example's README.md by real
// pushes: each guard rail refuses once, and then is met or gone past.
func TestGuardedProduction(t *testing.T) {
	g := newGuarded(t)
	first := g.commit("SHOP-1 open the shop", "index.html", "10.00\n")
	g.git("push", "-q", g.dir+"/upstream.git", "main")
	for range 2 { // it may be run again
		if out, status := g.setUp("--upstream", g.dir+"/upstream.git", "shop"); status != 0 {
			t.Fatalf("setup.sh: status %d\n%s", status, out)
		}
	}
	g.deployFirst(first)
	g.approveFirst(first)
	second := g.bringSecond()
	g.lockAndFreeze()
	g.breakGlass(first, second)
	g.reportOnly(second)
	g.lookBack(second)
	readmeIsTrue(t, g.example("README.md"), g.shown.String(), 5)
}

// deployFirst deploys to dev by the script and to stg by a pipeline, and shows
// that prd wants both, with success.
func (g *guarded) deployFirst(first string) {
	g.well("ana", []string{"dev", "main"}, "success: dev is now "+first[:7],
		"  | deploying shop to dev: deploy by ana", "  | files: 1", "  | live: "+first)
	if at := g.live("dev"); at != first {
		g.t.Errorf("dev has %s live, not %s", at, first)
	}
	g.refused("ana", []string{"prd", "main"}, "prior-not-deployed", "needs-approval")
	g.well("ana", []string{"stg", "main"}, "success: stg is now "+first[:7])
	g.refused("ana", []string{"prd", "main"}, "not-successful", "soaking", "needs-approval")
	reporter := g.reporter
	g.reporter = "somebody-else"
	g.writePolicy()
	if out, status := g.report(first, "success"); status != 1 {
		g.t.Errorf("who may not report did: status %d\n%s", status, out)
	}
	g.reporter = reporter
	g.writePolicy()
	if out, status := g.report(strings.Repeat("1", 40), "success"); status != 1 {
		g.t.Errorf("a commit that stg never had was reported: status %d\n%s", status, out)
	}
	g.reportWell(first, "failure")
	g.says(g.refused("ana", []string{"prd", "main"}, "not-successful", "soaking", "needs-approval"), "https://ci.example.com/7")
	// A redeploy is the retry.
	g.well("ana", []string{"stg", first + ":refs/deploy/main"})
	g.reportWell(first, "success")
	g.refused("ana", []string{"prd", "main"}, "soaking", "needs-approval")
}

// approveFirst collects the approvals, waits, and promotes.
func (g *guarded) approveFirst(first string) {
	approve := first + ":refs/approve/main"
	if out, status := g.pushAs("dan", "prd", approve); status == 0 {
		g.t.Errorf("dan approved, who is on call only\n%s", out)
	}
	g.well("bo", []string{"prd", approve}, "success: prd has 1 of 2 approvals of "+first[:7])
	// Another name of ana's is ana.
	g.well("ana.b", []string{"prd", approve})
	g.refused("ana", []string{"prd", "main"}, "soaking", "needs-approval")
	g.well("bo", []string{"prd", first + ":refs/reject/main", "-o", "reason=not before lunch"})
	g.well("chi", []string{"prd", approve})
	g.says(g.refused("ana", []string{"prd", "main"}, "soaking", "needs-approval"), "not before lunch")
	g.well("bo", []string{"prd", approve}, " of 2 approvals of "+first[:7])
	g.says(g.refused("ana", []string{"prd", "main"}, "soaking"), "of 2h")
	g.refused("eve", []string{"prd", "main"}, "soaking", "not-a-pusher")

	g.setSoak("1s")
	time.Sleep(1100 * time.Millisecond)
	out, status := g.pushAs("ana", "-o", "explain", "prd", "main")
	if status == 0 || g.main("prd") != "" {
		g.t.Fatalf("a rehearsal moved prd: status %d\n%s", status, out)
	}
	g.says(out, "approvals", "soak")
	g.well("ana", []string{"prd", "main"}, "success: prd is now "+first[:7], "  | deploying shop to prd: promote by ana")
	if at := g.live("prd"); at != first {
		g.t.Errorf("prd has %s live, not %s", at, first)
	}
}

// bringSecond brings a commit without a ticket that nobody has reviewed, then
// one that is as it should be.
func (g *guarded) bringSecond() string {
	g.setSoak("2h")
	careless := g.commit("round to cents", "index.html", "9.99\n")
	g.stage()
	g.refused("ana", []string{"prd", "main"}, "soaking", "needs-approval", "no-ticket", "not-from-branch")
	if out, status := g.pushAs("ana", "prd", careless+":refs/upstream/main"); status == 0 {
		g.t.Errorf("refs/upstream takes a push\n%s", out)
	}
	g.git("reset", "-q", "--hard", "HEAD~1")
	// A deployment that fails keeps the commit from going on.
	g.git("mv", "index.html", "shop.html")
	g.commit("SHOP-2 rename the page")
	g.well("ana", []string{"dev", "HEAD:refs/deploy/main"}, "  | index.html is missing", "[not-successful]")
	g.refused("ana", []string{"stg", "HEAD:refs/deploy/main"}, "not-successful")
	second := g.commit("SHOP-2 round to cents", "index.html", "9.99\n")
	g.review()
	g.stage()
	return second
}

// lockAndFreeze shows what closes prd for everybody, and that approvals are
// void once something else is live.
func (g *guarded) lockAndFreeze() {
	g.setSoak("1s")
	time.Sleep(1100 * time.Millisecond)
	g.well("bo", []string{"prd", "HEAD:refs/lock/main", "-o", "reason=moving the database"}, "success: prd is locked")
	g.says(g.refused("ana", []string{"prd", "main"}, "locked", "needs-approval"), "moving the database", "bo")
	if out, status := g.pushAs("eve", "prd", ":refs/lock/main"); status == 0 {
		g.t.Errorf("eve unlocked prd, who may not push there\n%s", out)
	}
	if out, status := g.pushAs("chi", "prd", ":refs/lock/main"); status == 0 {
		g.t.Errorf("chi took off bo's lock\n%s", out)
	}
	g.well("bo", []string{"prd", ":refs/lock/main"}, "success: prd is unlocked")
	g.setFrozen(true)
	g.says(g.refused("ana", []string{"prd", "main"}, "frozen", "needs-approval"), "weekends")
}

// breakGlass goes past the freeze and the approvals, and back again.
func (g *guarded) breakGlass(first, second string) {
	option := "override=INC-42: payments down"
	g.refused("ana", []string{"-o", option, "prd", "main"}, "frozen", "needs-approval")
	g.well("dan", []string{"-o", option, "prd", "main"}, "success: prd is now "+second[:7], "overridden: ")
	entries := g.log("--type", "deployed", "--environment", "prd")
	last := entries[len(entries)-1]
	if last.Kind != "override" || last.Reason != "INC-42: payments down" || last.Principal != "dan" ||
		!slicesEqualSorted(last.Overrode, "approvals", "freeze") {
		g.t.Errorf("on record is %+v", last)
	}
	status := must(g.t, g.dir, g.env, g.command, "status", "--policy", g.policy())
	g.says(status, "overridden: shop prd: 1 override so far")
	g.shown.WriteString(status)
	g.refused("eve", []string{"prd", first[:7] + ":refs/deploy/main"}, "not-a-pusher")
	// A freeze and missing approvals keep nobody from going back.
	g.well("chi", []string{"prd", first[:7] + ":refs/deploy/main"}, "success: prd is now "+first[:7], "rolled back by chi")
	if at := g.live("prd"); at != first {
		g.t.Errorf("prd has %s live, not %s", at, first)
	}
}

// reportOnly lets through, told and on record, what prd would refuse.
func (g *guarded) reportOnly(second string) {
	g.lenient = true
	g.writePolicy()
	g.well("ana", []string{"prd", second + ":refs/deploy/main"}, "warning: prd would refuse", "weekends",
		"success: prd is now "+second[:7])
	g.lenient = false
	g.writePolicy()
}

// lookBack reads the record: the outcomes, the output, the chain.
func (g *guarded) lookBack(second string) {
	g.setFrozen(false)
	operator := func(args ...string) string {
		g.t.Helper()
		return must(g.t, g.dir, g.env, g.command, append(args, "--policy", g.policy())...)
	}
	operator("veto", second, "--service", "shop", "--reason", "it loses money")
	g.says(g.refused("ana", []string{"dev", second + ":refs/deploy/main"}, "vetoed"), "it loses money")
	operator("lock", "prd", "--service", "shop", "--reason", "holidays")
	g.refused("ana", []string{"prd", "HEAD~1:refs/deploy/main"}, "locked", "needs-approval", "prior-not-deployed", "not-fast-forward")
	operator("unlock", "prd", "--service", "shop")

	var states []string
	for _, r := range g.log("--type", "status", "--environment", "stg") {
		states = append(states, r.State)
	}
	if got := strings.Join(states, " "); got != "failure success success success" {
		g.t.Errorf("stg had the outcomes %s", got)
	}
	deployed := g.log("--type", "deployed", "--environment", "dev")
	g.says(operator("log", "--output", seq(deployed[0].Seq)), "deploying shop to dev: deploy by ana")
	operator("ledger", "verify")
	operator("reconcile", "--quiet")
	operator("doctor")
	if left, _ := filepath.Glob(filepath.Join(g.dir, "ledger", "deploy", "shop", "*", "*.tree")); len(left) != 0 {
		g.t.Errorf("checkouts are left: %q", left)
	}
}

// main is where main of an environment is, or empty.
func (g *guarded) main(environment string) string {
	g.t.Helper()
	out, _, err := execute(g.dir, g.env, "git", "--git-dir="+g.repository(environment), "rev-parse", "--verify", "--quiet", "refs/heads/main")
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// TestGuardedUnits checks that reconcile may leave deployments behind, and has
// systemd look at the units where there is one.
func TestGuardedUnits(t *testing.T) {
	dir, stand := filepath.Join(repository(t), "examples", "guarded-production"), t.TempDir()
	if text := read(t, dir, "pathgate-reconcile.service"); !strings.Contains(text, "\nKillMode=process\n") ||
		!strings.Contains(text, "\nExecStart=/usr/local/bin/pathgate reconcile --quiet\n") {
		t.Errorf("pathgate-reconcile.service ends deployments, or does not run reconcile:\n%s", text)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.[st][ei][rm]*"))
	if err != nil || len(names) != 4 {
		t.Fatalf("the units are %q, %v; want four", names, err)
	}
	for _, name := range names {
		// The program and the account are not there on this machine.
		text := strings.NewReplacer("/usr/local/bin/pathgate", "/bin/true", "User=git", "User=root").Replace(read(t, name))
		if err := os.WriteFile(filepath.Join(stand, filepath.Base(name)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		return
	}
	out, status, err := execute(stand, nil, "systemd-analyze", "verify", "./pathgate-reconcile.service",
		"./pathgate-reconcile.timer", "./upstream-fetch@.service", "./upstream-fetch@.timer")
	if err != nil || status != 0 || strings.Contains(out, "upstream-fetch") || strings.Contains(out, "pathgate") {
		t.Errorf("systemd-analyze: status %d, %v\n%s", status, err, out)
	}
}

func TestGuardedSetUpErrors(t *testing.T) {
	g := newGuarded(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "name one service"},
		{[]string{"shop", "books"}, "name one service"},
		{[]string{"../up"}, "is no name for a service"},
		{[]string{"--", "-x"}, "unknown argument"},
		{[]string{"a;b"}, "is no name for a service"},
		{[]string{"--upstream", "", "shop"}, "wants a URL"},
	} {
		if out, status := g.setUp(test.args...); status != 2 || !strings.Contains(out, test.want) {
			t.Errorf("setup.sh %q: status %d, want 2 and %q\n%s", test.args, status, test.want, out)
		}
	}
	if out, status := g.setUp("--upstream", g.dir+"/nowhere.git", "shop"); status != 1 || !strings.Contains(out, "cannot be fetched") {
		t.Errorf("setup.sh without an upstream repository: status %d\n%s", status, out)
	}
	for _, args := range [][]string{nil, {"shop"}, {"shop", "HEAD", "success"}, {"shop", "abc123", "pending"},
		{"--policy=x", "abc123", "success"}, {"shop", "--url=x", "success"}, {"shop", "abc123", "success", "file:///etc"},
		{"shop", "abc123", "success", "https://x", "--policy=x"}} {
		if out, status, err := execute(g.dir, g.env, filepath.Join(g.dir, "report.sh"), args...); err != nil || status != 2 {
			t.Errorf("report.sh %q: status %d, %v, want 2\n%s", args, status, err, out)
		}
	}
}

// TestDeployScript runs deploy.sh as the runner does: it keeps the newest
// folders, and leaves what is live alone when the commit is not as it should be.
func TestDeployScript(t *testing.T) {
	g := newGuarded(t)
	tree := filepath.Join(g.dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(commit string) int {
		t.Helper()
		env := []string{"PATHGATE_SERVICE=shop", "PATHGATE_ENVIRONMENT=dev", "PATHGATE_KIND=deploy",
			"PATHGATE_PRINCIPAL=ana", "PATHGATE_PREVIOUS=", "PATHGATE_COMMIT=" + commit}
		_, status, err := execute(tree, env, filepath.Join(g.dir, "deploy.sh"))
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if status := run(strings.Repeat("0", 40)); status != 1 {
		t.Errorf("an empty commit: status %d, want 1", status)
	}
	if err := os.WriteFile(filepath.Join(tree, "index.html"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		if status := run(strings.Repeat(string(rune('a'+i)), 40)); status != 0 {
			t.Fatalf("run %d: status %d", i, status)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(tree, "x.html")); err != nil {
		t.Fatal(err)
	}
	if status := run(strings.Repeat("0", 40)); status != 1 {
		t.Errorf("a commit with a link: status %d, want 1", status)
	}
	if at := g.live("dev"); at != strings.Repeat("g", 40) {
		t.Errorf("%s is live, not the last that passed", at)
	}
	left, err := os.ReadDir(filepath.Join(g.dir, "live", "shop", "dev", "releases"))
	if err != nil || len(left) != 5 {
		t.Errorf("%d folders are left, %v; want 5: %v", len(left), err, left)
	}
}
