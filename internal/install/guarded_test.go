package install_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A guarded is a server on which examples/guarded-production has been set up,
// in a temporary folder and as the current user. Hours of the example are
// seconds here, and its freezes are where a test wants them.
type guarded struct {
	*server
	soak     string
	frozen   bool
	reporter string
	lenient  bool            // prd refuses nothing
	shown    strings.Builder // what pushers and operators were told
}

func newGuarded(t *testing.T) *guarded {
	g := &guarded{server: newServer(t), soak: "2h", reporter: "ci"}
	if os.Geteuid() != 0 { // then sudo vouches for nobody
		u, err := user.Current()
		if err != nil {
			t.Fatal(err)
		}
		g.reporter = u.Username
	}
	g.env = append(g.env, "GIT_AUTHOR_NAME=Ana", "GIT_AUTHOR_EMAIL=ana@example.com",
		"GIT_COMMITTER_NAME=Ana", "GIT_COMMITTER_EMAIL=ana@example.com", "SUDO_USER=ci")
	g.script("deploy.sh", "live=/srv/live ", "live="+g.dir+"/live ")
	g.script("report.sh", "policy=/etc/pathgate/policy.toml\n", "policy="+g.policy()+"\n")
	g.writePolicy()
	must(t, g.dir, g.env, "git", "init", "-q", "--bare", "-b", "main", g.dir+"/upstream.git")
	must(t, g.dir, g.env, "git", "init", "-q", "-b", "main", g.work)
	for _, environment := range []string{"dev", "stg", "prd"} {
		g.git("remote", "add", environment, g.repository(environment))
	}
	return g
}

func (g *guarded) repository(environment string) string {
	return filepath.Join(g.dir, "srv", "shop", environment+".git")
}

func (g *guarded) example(name string) string {
	return filepath.Join(repository(g.t), "examples", "guarded-production", name)
}

// replace is strings.Replace that must find what it replaces.
func (g *guarded) replace(text, old, with string) string {
	g.t.Helper()
	if !strings.Contains(text, old) {
		g.t.Fatalf("the example has no %q:\n%s", old, text)
	}
	return strings.ReplaceAll(text, old, with)
}

// script puts a script of the example where the policy of the test finds it.
func (g *guarded) script(name, old, with string) {
	g.t.Helper()
	text := g.replace(read(g.t, g.example(name)), old, with)
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o755); err != nil {
		g.t.Fatal(err)
	}
}

// writePolicy writes the example's policy with the places, the soak time and
// the freezes of the test.
func (g *guarded) writePolicy() {
	g.t.Helper()
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format("Mon") + " 00:00" }
	from, to := day(2), day(3) // the day after tomorrow
	if g.frozen {
		from, to = day(-1), day(2)
	}
	text := read(g.t, g.example("policy.toml"))
	for _, r := range []struct{ old, with string }{
		{`"/srv/git"`, `"` + g.dir + `/srv"`},
		{`"/var/lib/pathgate"`, `"` + g.dir + `/ledger"`},
		{`"/srv/deploy/deploy.sh"`, `"` + g.dir + `/deploy.sh"`},
		{`reporters = ["ci"]`, `reporters = ["` + g.reporter + `"]`},
		{`soak = "2h"`, `soak = "` + g.soak + `"`},
		{`from = "Fri 16:00", to = "Mon 07:00", zone = "Europe/Berlin"`,
			fmt.Sprintf(`from = %q, to = %q, zone = "UTC"`, from, to)},
		{"2026-12-20T00:00:00", "2020-12-20T00:00:00"},
		{"2027-01-04T08:00:00", "2021-01-04T08:00:00"},
	} {
		text = g.replace(text, r.old, r.with)
	}
	if g.lenient {
		text = g.replace(text, "\n#enforce = false\n", "\nenforce = false\n")
	}
	if err := os.WriteFile(g.policy(), []byte(text), 0o644); err != nil {
		g.t.Fatal(err)
	}
	must(g.t, g.dir, g.env, g.command, "check", g.policy())
}

func (g *guarded) setUp(args ...string) (string, int) {
	g.t.Helper()
	out, status, err := execute(g.dir, g.env, g.example("setup.sh"), append([]string{"--policy", g.policy()}, args...)...)
	if err != nil {
		g.t.Fatal(err)
	}
	return out, status
}

// commit commits some files and returns the commit's ID.
func (g *guarded) commit(subject string, files ...string) string {
	g.t.Helper()
	for i := 0; i+1 < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(g.work, files[i]), []byte(files[i+1]), 0o755); err != nil {
			g.t.Fatal(err)
		}
	}
	g.git("add", "-A")
	g.git("commit", "-q", "--allow-empty", "-m", subject)
	return strings.TrimSpace(g.git("rev-parse", "HEAD"))
}

// review puts main on the upstream repository and fetches it into prd.git, as
// the example's timer does.
func (g *guarded) review() {
	g.t.Helper()
	g.git("push", "-q", "-f", g.dir+"/upstream.git", "main")
	must(g.t, g.dir, g.env, "git", "--git-dir="+g.repository("prd"), "fetch", "-q", "upstream")
}

func (g *guarded) pushAs(who string, args ...string) (string, int) {
	g.t.Helper()
	env := append(slices.Clone(g.env), "PATHGATE_USER="+who)
	out, status, err := execute(g.work, env, "git", append([]string{"push"}, args...)...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.shown.WriteString(out)
	return out, status
}

// well is a push that must pass and say all of want.
func (g *guarded) well(who string, args []string, want ...string) {
	g.t.Helper()
	out, status := g.pushAs(who, args...)
	if status != 0 {
		g.t.Fatalf("git push %q by %s: status %d\n%s", args, who, status, out)
	}
	g.says(out, want...)
}

func (g *guarded) says(out string, want ...string) {
	g.t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			g.t.Errorf("it does not say %q:\n%s", w, out)
		}
	}
}

// refused is a push that its rules must refuse with these codes and no others,
// in any order. It returns what the pusher is told.
func (g *guarded) refused(who string, args []string, codes ...string) string {
	g.t.Helper()
	out, status := g.pushAs(who, args...)
	entries := g.log("--type", "refused")
	if status == 0 || len(entries) == 0 {
		g.t.Fatalf("git push %q by %s: status %d, want a refusal\n%s", args, who, status, out)
	}
	last := entries[len(entries)-1]
	have := slices.Clone(last.Codes)
	for _, rule := range last.Rules {
		if _, code, _ := strings.Cut(rule, "="); code != "yes" && !strings.HasPrefix(code, "overridden:") {
			have = append(have, code)
		}
	}
	slices.Sort(have)
	have = slices.Compact(have)
	slices.Sort(codes)
	if !slices.Equal(have, codes) {
		g.t.Errorf("git push %q by %s: refused with %q, want %q\n%s", args, who, have, codes, out)
	}
	return out
}

// A record is what the test looks at of an entry.
type record struct {
	Seq                                   uint64
	Type, Kind, Commit, Principal, Reason string
	State, URL, Environment               string
	Codes, Overrode, Rules                []string
}

// log returns the entries that pathgate log finds, oldest first.
func (g *guarded) log(args ...string) []record {
	g.t.Helper()
	out := must(g.t, g.dir, g.env, g.command, append([]string{"log", "--policy", g.policy(), "--format", "json"}, args...)...)
	var all []record
	for line := range strings.Lines(out) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			g.t.Fatalf("%v in %s", err, line)
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b record) int { return int(a.Seq) - int(b.Seq) })
	return all
}

// report runs report.sh as sudo does for the account ci.
func (g *guarded) report(commit, outcome string) (string, int) {
	g.t.Helper()
	out, status, err := execute(g.dir, g.env, filepath.Join(g.dir, "report.sh"), "shop", commit, outcome, "https://ci.example.com/7")
	if err != nil {
		g.t.Fatal(err)
	}
	return out, status
}

// reportWell is a report that must be taken.
func (g *guarded) reportWell(commit, outcome string) {
	g.t.Helper()
	if out, status := g.report(commit, outcome); status != 0 {
		g.t.Fatalf("report.sh: status %d\n%s", status, out)
	}
}

// stage brings main through dev and stg.
func (g *guarded) stage() {
	g.t.Helper()
	g.well("ana", []string{"dev", "HEAD:refs/deploy/main"})
	g.well("ana", []string{"stg", "HEAD:refs/deploy/main"})
	g.reportWell(strings.TrimSpace(g.git("rev-parse", "HEAD")), "success")
}

// live is what deploy.sh has put in place.
func (g *guarded) live(environment string) string {
	g.t.Helper()
	path, err := filepath.EvalSymlinks(filepath.Join(g.dir, "live", "shop", environment, "current"))
	if err != nil {
		g.t.Fatal(err)
	}
	return filepath.Base(path)
}

func slicesEqualSorted(have []string, want ...string) bool {
	have = slices.Clone(have)
	slices.Sort(have)
	return slices.Equal(have, want)
}

func seq(n uint64) string { return strconv.FormatUint(n, 10) }

func (g *guarded) setSoak(soak string) {
	g.t.Helper()
	g.soak = soak
	g.writePolicy()
}

func (g *guarded) setFrozen(frozen bool) {
	g.t.Helper()
	g.frozen = frozen
	g.writePolicy()
}
