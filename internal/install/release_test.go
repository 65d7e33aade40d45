package install_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A team is a server on which examples/release-branches has been set up, in a
// temporary folder and as the current user, and a clone for each person, who
// pushes by the forced command of their key.
type team struct {
	*server
	shown strings.Builder // what pushers and operators were told
}

const shopPage = "<h1>Shop</h1>\n<p>Everything costs</p>\n<p>10.00</p>\n"

func newTeam(t *testing.T) *team {
	x := &team{server: newServer(t)}
	x.env = append(x.env, "GIT_AUTHOR_NAME=Dev", "GIT_AUTHOR_EMAIL=dev@example.com",
		"GIT_COMMITTER_NAME=Dev", "GIT_COMMITTER_EMAIL=dev@example.com")
	x.transport("release-branches")
	policy := read(t, x.example("policy.toml"))
	for old, with := range map[string]string{`"/srv/git"`: `"` + x.dir + `/srv"`,
		`"/var/lib/pathgate"`: `"` + x.dir + `/ledger"`, `"/srv/deploy/deploy.sh"`: `"` + x.dir + `/deploy.sh"`} {
		if !strings.Contains(policy, old) {
			t.Fatalf("the example's policy has no %s", old)
		}
		policy = strings.ReplaceAll(policy, old, with)
	}
	script := strings.Replace(read(t, x.example("deploy.sh")), "live=/srv/live ", "live="+x.dir+"/live ", 1)
	for name, text := range map[string]string{"policy.toml": policy, "deploy.sh": script} {
		if err := os.WriteFile(filepath.Join(x.dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func (x *team) example(name string) string {
	return filepath.Join(repository(x.t), "examples", "release-branches", name)
}

func (x *team) setUp(args ...string) (string, int) {
	x.t.Helper()
	out, status, err := execute(x.dir, x.env, x.example("setup.sh"), append([]string{"--policy", x.policy()}, args...)...)
	if err != nil {
		x.t.Fatal(err)
	}
	return out, status
}

// upstream makes a repository with a main branch, where the service was before.
func (x *team) upstream() string {
	x.t.Helper()
	dir := filepath.Join(x.dir, "upstream")
	must(x.t, x.dir, x.env, "git", "init", "-q", "-b", "main", dir)
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(shopPage), 0o644); err != nil {
		x.t.Fatal(err)
	}
	must(x.t, dir, x.env, "git", "add", "-A")
	must(x.t, dir, x.env, "git", "commit", "-q", "-m", "open the shop")
	return dir
}

// clones makes a clone for each person.
func (x *team) clones(people ...string) {
	x.t.Helper()
	for _, who := range people {
		must(x.t, x.dir, x.env, "git", "clone", "-q", who+"@host:"+x.dir+"/srv/shop.git", who)
	}
}

// in runs git in somebody's clone, where it must end well.
func (x *team) in(who string, args ...string) string {
	x.t.Helper()
	return strings.TrimSpace(must(x.t, filepath.Join(x.dir, who), x.env, "git", args...))
}

// types runs a line as somebody types it in their clone.
func (x *team) types(who, line string) (string, int) {
	x.t.Helper()
	out, status, err := execute(filepath.Join(x.dir, who), x.env, "sh", "-c", line)
	if err != nil {
		x.t.Fatal(err)
	}
	x.shown.WriteString(out)
	return out, status
}

// well is a line that must end well and say all of want.
func (x *team) well(who, line string, want ...string) string {
	x.t.Helper()
	out, status := x.types(who, line)
	if status != 0 {
		x.t.Fatalf("%s typed %s: status %d\n%s", who, line, status, out)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			x.t.Errorf("%s typed %s, and it does not say %q:\n%s", who, line, w, out)
		}
	}
	return out
}

// refused is a push that must be refused with all of these codes and say all
// else of want; no branch of the server may move.
func (x *team) refused(who, line string, want ...string) string {
	x.t.Helper()
	before := x.refs()
	out, status := x.types(who, line)
	if status == 0 || !strings.Contains(out, "remote: error: ") {
		x.t.Fatalf("%s typed %s: status %d, want a refusal\n%s", who, line, status, out)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			x.t.Errorf("%s typed %s, and it does not say %q:\n%s", who, line, w, out)
		}
	}
	if after := x.refs(); after != before {
		x.t.Errorf("%s typed %s, which was refused, and refs have moved:\n%s\nbefore:\n%s", who, line, after, before)
	}
	return out
}

// refs are those of the server's repository.
func (x *team) refs() string {
	x.t.Helper()
	return must(x.t, x.dir, x.env, "git", "--git-dir="+x.dir+"/srv/shop.git", "for-each-ref")
}

// at is the commit of something in the server's repository.
func (x *team) at(what string) string {
	x.t.Helper()
	return strings.TrimSpace(must(x.t, x.dir, x.env, "git", "--git-dir="+x.dir+"/srv/shop.git", "rev-parse", "--verify", what))
}

// edit makes a change to the page in somebody's clone and commits it.
func (x *team) edit(who, old, with, subject string) string {
	x.t.Helper()
	file := filepath.Join(x.dir, who, "index.html")
	page := read(x.t, file)
	if !strings.Contains(page, old) {
		x.t.Fatalf("%s's page has no %q:\n%s", who, old, page)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(page, old, with, 1)), 0o644); err != nil {
		x.t.Fatal(err)
	}
	x.in(who, "commit", "-q", "-a", "-m", subject)
	return x.in(who, "rev-parse", "HEAD")
}

// live checks that an environment's deployment has put a page in place which
// holds all of want.
func (x *team) live(environment string, want ...string) {
	x.t.Helper()
	page := read(x.t, x.dir, "live", "shop", environment, "current", "index.html")
	for _, w := range want {
		if !strings.Contains(page, w) {
			x.t.Errorf("%s shows no %q:\n%s", environment, w, page)
		}
	}
}

// hinted are the commands that stand below a hint.
func (x *team) hinted(out, hint string) []string {
	x.t.Helper()
	var commands []string
	below := false
	for line := range strings.Lines(out) {
		text, ok := strings.CutPrefix(line, "remote: hint: ")
		command, isCommand := strings.CutPrefix(text, "  ")
		switch {
		case !ok:
			below = false
		case !isCommand:
			below = strings.Contains(text, hint)
		case below:
			commands = append(commands, strings.TrimSpace(command))
		}
	}
	if len(commands) == 0 {
		x.t.Fatalf("there are no commands below a hint %q:\n%s", hint, out)
	}
	return commands
}

// operator runs a verb of pathgate and returns what it says.
func (x *team) operator(args ...string) string {
	x.t.Helper()
	out := must(x.t, x.dir, x.env, x.command, append(args, "--policy", x.policy())...)
	x.shown.WriteString(out)
	return out
}

// TestReleaseBranches tells the story of the example's README.md by real
// pushes of three people.
func TestReleaseBranches(t *testing.T) {
	x := newTeam(t)
	upstream := x.upstream()
	for range 2 { // it may be run again
		if out, status := x.setUp("--from", upstream, "shop"); status != 0 {
			t.Fatalf("setup.sh: status %d\n%s", status, out)
		}
	}
	x.clones("ana", "ben", "chi")
	first := x.toStaging()
	x.conflict()
	x.toProduction(first)
	x.takeOut()
	x.afterMain()
	x.lookBack(first)
	readmeIsTrue(t, x.example("README.md"), x.shown.String(), 8)
}

// toStaging releases ana's branch into dev and stg, and shows what is refused
// on the way.
func (x *team) toStaging() string {
	main := x.at("main")
	x.in("ana", "switch", "-q", "-c", "JIRA-123")
	first := x.edit("ana", "10.00", "9.99", "JIRA-123 round to cents")
	x.well("ana", "git push -q origin JIRA-123")
	x.refused("ana", "git push origin JIRA-123:refs/release/stg/JIRA-123", "[prior-not-deployed]",
		"git push origin JIRA-123:refs/release/dev/JIRA-123")
	x.well("ana", "git push origin JIRA-123:refs/release/dev/JIRA-123",
		"success: dev has JIRA-123 at "+first[:7], "released by ana", "success: the deployment to dev succeeded",
		"git push origin JIRA-123:refs/release/stg/JIRA-123")
	x.live("dev", "9.99")
	if got, want := x.at("release/dev^1")+" "+x.at("release/dev^2"), main+" "+first; got != want {
		x.t.Errorf("release/dev was made from %s, want %s", got, want)
	}
	x.well("ana", "git push origin JIRA-123:refs/release/dev/JIRA-123", "success: dev has JIRA-123", "already")
	x.refused("ana", "git push origin +JIRA-123:release/dev", "[reserved-ref]", "git push origin HEAD:refs/release/dev/")
	x.refused("ana", "git push origin :release/dev", "[deletion]")
	x.refused("ana", "git push origin HEAD:refs/release/dev/round-to-cents", "[not-from-branch]", "git branch -m ")
	x.refused("ana", "git switch -q main && git merge -q JIRA-123 && git push origin main", "[prior-not-deployed]",
		":refs/release/stg/JIRA-123")
	x.in("ana", "reset", "-q", "--hard", "origin/main")

	x.well("ana", "git push origin JIRA-123:refs/release/stg/JIRA-123", "success: stg has JIRA-123 at "+first[:7])
	x.live("stg", "9.99")
	return first
}

// conflict releases ben's branch, which conflicts with ana's, and solves that
// by the commands that the refusal prints.
func (x *team) conflict() {
	x.in("ben", "switch", "-q", "-c", "JIRA-124")
	x.edit("ben", "10.00", "9.50", "JIRA-124 winter sale")
	x.well("ben", "git push -q origin JIRA-124")
	out := x.refused("ben", "git push origin JIRA-124:refs/release/dev/JIRA-124", "[merge-conflict]",
		"JIRA-124 conflicts with JIRA-123", "by ana", "index.html", "<p>9.99</p>", "<p>9.50</p>")
	reproduce := x.hinted(out, "reproduce it in your branch")
	for i, command := range reproduce {
		out, status := x.types("ben", command)
		if last := i == len(reproduce)-1; last != (status != 0) || last != strings.Contains(out, "CONFLICT") {
			x.t.Fatalf("%s: status %d, want the last of %q alone to find the conflict\n%s", command, status, reproduce, out)
		}
	}
	page := filepath.Join(x.dir, "ben", "index.html")
	if err := os.WriteFile(page, []byte(strings.Replace(shopPage, "10.00", "9.49", 1)), 0o644); err != nil {
		x.t.Fatal(err)
	}
	x.in("ben", "commit", "-q", "-a", "-m", "Merge JIRA-123 into JIRA-124")
	again := x.hinted(out, "two pushes")
	if len(again) != 2 {
		x.t.Fatalf("the commands after the solution are %q", again)
	}
	x.well("ben", again[0])
	x.well("ben", again[1], "success: dev has JIRA-124", "holds 2 branches")
	x.live("dev", "9.49")
	status := x.operator("status", "shop")
	if !regexp.MustCompile(`(?m)^shop +dev +JIRA-123 .* ana .*\n^shop +dev +JIRA-124 .* ben `).MatchString(status) {
		x.t.Errorf("pathgate status does not say that dev has both branches:\n%s", status)
	}
}

// toProduction merges ana's branch into main, which takes a review.
func (x *team) toProduction(first string) {
	merge := "git switch -q main && git pull -q && git merge -q JIRA-123"
	x.well("ana", merge)
	x.refused("ana", "git push origin main", "[needs-approval]", "ask ben", "git push origin "+first[:7]+":refs/approve/main")
	x.well("ana", "git push origin main:refs/approve/main")
	x.refused("ana", "git push origin main", "[needs-approval]")
	x.in("ben", "fetch", "-q")
	x.well("ben", "git push origin origin/JIRA-123:refs/approve/main", "of 1 approvals of "+first[:7])
	x.in("chi", "fetch", "-q")
	x.refused("chi", "git push origin origin/JIRA-123:main", "[not-a-pusher]")
	x.well("ana", "git push origin main", "success: prd is now "+first[:7], "promoted by ana", "success: the deployment to prd succeeded")
	x.live("prd", "9.99")
	if at := x.at("main"); at != first {
		x.t.Errorf("main is at %s, not at %s", at, first)
	}
}

// takeOut takes ben's branch out of dev. It then does not get into stg.
func (x *team) takeOut() {
	x.well("ben", "git push origin :refs/release/dev/JIRA-124", "success: JIRA-124 is out of dev")
	x.live("dev", "9.99")
	x.refused("ben", "git push origin JIRA-124:refs/release/stg/JIRA-124", "[withdrawn]")
	x.refused("ben", "git push origin :refs/release/dev/JIRA-124", "[not-released]")
}

// afterMain releases a branch that was made before main took JIRA-123, then
// brings main into it, and it to production.
func (x *team) afterMain() {
	x.in("chi", "switch", "-q", "-c", "JIRA-125-title", "main")
	x.edit("chi", "Shop", "The shop", "JIRA-125 a better title")
	x.well("chi", "git push -q origin JIRA-125-title")
	for _, environment := range []string{"dev", "stg"} {
		x.well("chi", "git push origin HEAD:refs/release/"+environment+"/JIRA-125-title", "success: "+environment+" has JIRA-125-title")
		x.live(environment, "9.99", "The shop")
	}
	x.well("chi", "git fetch -q && git merge -q origin/main && git push -q origin JIRA-125-title")
	x.in("ana", "fetch", "-q")
	x.well("ana", "git push origin origin/JIRA-125-title:refs/approve/main")
	x.well("ben", "git fetch -q && git push origin origin/JIRA-125-title:main", "success: prd is now ")
	x.live("prd", "9.99", "The shop")

	x.refused("ben", "git push -o explain origin JIRA-124:refs/release/dev/JIRA-124", "[rehearsal]", "dev would take it")
	x.refused("ben", "git push origin origin/main:refs/release/dev/reset", "[malformed-input]", `-o reason="..."`)
	x.well("ben", `git push -o reason="demo is over" origin origin/main:refs/release/dev/reset`, "success: dev starts over from main")
	if dev, main := x.at("release/dev^{tree}"), x.at("main^{tree}"); dev != main {
		x.t.Errorf("dev has started over and holds the files %s, main %s", dev, main)
	}
}

// lookBack reads what the server knows.
func (x *team) lookBack(first string) {
	status := x.operator("status", "shop")
	if !regexp.MustCompile(`(?m)^shop +stg +JIRA-125-title +JIRA-125 .* chi .*in main`).MatchString(status) {
		x.t.Errorf("pathgate status does not say that stg has JIRA-125-title:\n%s", status)
	}
	x.operator("log", "--ticket", "JIRA-123")
	var way []string
	for line := range strings.Lines(x.operator("log", "--ticket", "JIRA-123", "--type", "deployed", "--format", "json")) {
		var entry struct{ Environment, Branch, Head, Commit string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			x.t.Fatalf("%v in %s", err, line)
		}
		if entry.Branch == "JIRA-123" && entry.Head == first || entry.Environment == "prd" && entry.Commit == first {
			way = append(way, entry.Environment)
		}
	}
	slices.Sort(way)
	if got := strings.Join(way, " "); got != "dev prd stg" {
		x.t.Errorf("by pathgate log --ticket, JIRA-123 went into %q", got)
	}
	x.operator("ledger", "verify")
	x.operator("reconcile", "--quiet")
	x.operator("doctor")
}

// TestReleaseBranchesFromNothing sets up a service that has no main yet.
func TestReleaseBranchesFromNothing(t *testing.T) {
	x := newTeam(t)
	if out, status := x.setUp("shop"); status != 0 {
		t.Fatalf("setup.sh: status %d\n%s", status, out)
	}
	x.clones("ana")
	x.in("ana", "switch", "-q", "-c", "JIRA-1")
	if err := os.WriteFile(filepath.Join(x.dir, "ana", "index.html"), []byte(shopPage), 0o644); err != nil {
		t.Fatal(err)
	}
	x.in("ana", "add", "-A")
	x.in("ana", "commit", "-q", "-m", "JIRA-1 open the shop")
	x.well("ana", "git push -q origin JIRA-1")
	x.well("ana", "git push origin HEAD:refs/release/dev/JIRA-1", "success: the deployment to dev succeeded")
	x.live("dev", "10.00")
}

// TestREADMEReleaseBranches sets a server up by the words of README.md alone,
// and makes the first release.
func TestREADMEReleaseBranches(t *testing.T) {
	x := newTeam(t)
	upstream := x.upstream()
	_, text, ok := strings.Cut(read(t, repository(t), "README.md"), "\n### Release branches\n")
	if !ok {
		t.Fatal("README.md has no section on release branches")
	}
	here := strings.NewReplacer(`"/srv/git"`, `"`+x.dir+`/srv"`, `"/var/lib/pathgate"`, `"`+x.dir+`/ledger"`,
		"sudo -u git ", "", " /srv/git/", " "+x.dir+"/srv/", "https://git.example.com/shop.git", "file://"+upstream,
		"pathgate install", "pathgate install --policy "+x.policy(), "pathgate adopt", "pathgate adopt --policy "+x.policy(),
		"pathgate doctor", "pathgate doctor --policy "+x.policy())
	if err := os.WriteFile(x.policy(), []byte(here.Replace(block(t, text, "toml", 0))), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, x.dir, x.env, "sh", "-ec", here.Replace(block(t, text, "sh", 0)))
	x.clones("ana")
	x.in("ana", "switch", "-q", "-c", "JIRA-123")
	x.edit("ana", "10.00", "9.99", "JIRA-123 round to cents")
	x.well("ana", "git push -q origin JIRA-123")
	first, _, _ := strings.Cut(block(t, text, "console", 0), "\n")
	x.well("ana", strings.TrimPrefix(first, "$ "), "success: dev has JIRA-123 at ")
	if page := must(t, x.dir, x.env, "git", "--git-dir="+x.dir+"/srv/shop.git", "show", "release/dev:index.html"); !strings.Contains(page, "9.99") {
		t.Errorf("release/dev holds\n%s", page)
	}
}

func TestReleaseBranchesSetUpErrors(t *testing.T) {
	x := newTeam(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "name one service"},
		{[]string{"shop", "books"}, "name one service"},
		{[]string{"../up"}, "is no name for a service"},
		{[]string{"--", "-x"}, "unknown argument"},
		{[]string{"a;b"}, "is no name for a service"},
		{[]string{"--from", "", "shop"}, "wants a URL"},
	} {
		if out, status := x.setUp(test.args...); status != 2 || !strings.Contains(out, test.want) {
			t.Errorf("setup.sh %q: status %d, want 2 and %q\n%s", test.args, status, test.want, out)
		}
	}
	if out, status := x.setUp("--from", x.dir+"/nowhere.git", "shop"); status != 1 || !strings.Contains(out, "cannot be fetched") {
		t.Errorf("setup.sh without an upstream repository: status %d\n%s", status, out)
	}
}

// TestReleaseDeployScript runs the example's deploy.sh as the runner does: it
// keeps what is live and what was live before, and leaves both alone when the
// commit is not as it should be.
func TestReleaseDeployScript(t *testing.T) {
	x := newTeam(t)
	tree := filepath.Join(x.dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(commit string, want int) {
		t.Helper()
		env := []string{"PATHGATE_SERVICE=shop", "PATHGATE_ENVIRONMENT=dev", "PATHGATE_COMMIT=" + commit}
		out, status, err := execute(tree, env, filepath.Join(x.dir, "deploy.sh"))
		if err != nil || status != want {
			t.Fatalf("%s: status %d, %v, want %d\n%s", commit, status, err, want, out)
		}
	}
	run("empty", 1)
	if err := os.WriteFile(filepath.Join(tree, "index.html"), []byte(shopPage), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, commit := range []string{"one", "two", "three", "three"} {
		run(commit, 0)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(tree, "x.html")); err != nil {
		t.Fatal(err)
	}
	run("link", 1)
	x.live("dev", "10.00")
	var left []string
	entries, err := os.ReadDir(filepath.Join(x.dir, "live", "shop", "dev"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); got != "current three two" {
		t.Errorf("deploy.sh has left %s", got)
	}
}
