package install_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A demonstration is one run of ./install.sh --demo.
type demonstration struct {
	name   string // what stands after --demo
	once   sync.Once
	dir    string
	output string
	status int
	err    error
}

// played and playedRelease are the runs that the tests of this process share.
var (
	played        demonstration
	playedRelease = demonstration{name: "release"}
)

// play runs the demo once for all tests.
func play(t *testing.T) *demonstration {
	t.Helper()
	return played.play(t)
}

// play runs a demo once for all tests. The user's configuration of git is one
// that would break it if it counted.
func (played *demonstration) play(t *testing.T) *demonstration {
	t.Helper()
	prefix := installed(t)
	played.once.Do(func() {
		home := filepath.Join(filepath.Dir(prefix), "home")
		if played.err = os.MkdirAll(home, 0o755); played.err != nil {
			return
		}
		config := "[core]\n\thooksPath = /nowhere\n[commit]\n\tgpgSign = true\n[init]\n\tdefaultBranch = other\n[push]\n\tfollowTags = true\n[color]\n\tui = always\n"
		if played.err = os.WriteFile(filepath.Join(home, "gitconfig"), []byte(config), 0o644); played.err != nil {
			return
		}
		played.dir = filepath.Join(filepath.Dir(prefix), "the demo "+played.name)
		env := []string{"GIT_CONFIG_GLOBAL=" + filepath.Join(home, "gitconfig"), "GIT_DIR=/nowhere", "PATHGATE_USER="}
		args := []string{"--demo", "--dir", played.dir}
		if played.name != "" {
			args = []string{"--demo", played.name, "--dir", played.dir}
		}
		played.output, played.status, played.err = execute(repository(t), env, "./install.sh", args...)
	})
	if played.err != nil {
		t.Fatal(played.err)
	}
	return played
}

// shows checks that the demo ended well, and showed all of want in this order
// and without colours.
func (played *demonstration) shows(t *testing.T, want ...string) {
	t.Helper()
	if played.status != 0 {
		t.Fatalf("the demo ended with status %d\n%s", played.status, played.output)
	}
	last := -1
	for _, w := range want {
		at := strings.Index(played.output[last+1:], w)
		if at < 0 {
			t.Fatalf("the demo does not show %q after byte %d:\n%s", w, last, played.output)
		}
		last += 1 + at
	}
	if strings.Contains(played.output, "\x1b") {
		t.Errorf("the demo prints colours although nobody watches:\n%q", played.output)
	}
}

func TestDemo(t *testing.T) {
	d := play(t)
	d.shows(t,
		"$ git push dev main", "remote: success: dev is now", "remote:   | live: price = 10.00",
		"$ git push prd main", "[prior-not-deployed]", " ! [remote rejected]",
		"$ git push stg main", "remote: success: prd is now",
		"$ git push prd main", "[needs-approval]", ":refs/approve/main", "prd has 1 of 1 approvals",
		"$ git push prd main", "remote: success: prd is now",
		"refs/deploy/main", "rolled back by ben",
		"$ git push prd main", "[withdrawn]",
		"$ pathgate log", "refused", "$ pathgate status", "$ pathgate ledger verify",
		"All went as it should.", "cd \""+d.dir+"/work\"")
}

func TestDemoRelease(t *testing.T) {
	d := playedRelease.play(t)
	d.shows(t,
		"$ pathgate adopt", "ana$ git push origin JIRA-123:refs/release/dev/JIRA-123", "remote: success: dev has JIRA-123",
		"ana$ git push origin JIRA-123:main", "[prior-not-deployed]", " ! [remote rejected]",
		"refs/release/stg/JIRA-123", "remote: success: stg has JIRA-123",
		"ben$ git push origin JIRA-124:refs/release/dev/JIRA-124", "[merge-conflict]", "<<<<<<<",
		"ben$ git merge ", "CONFLICT", "remote: success: dev has JIRA-124",
		"ana$ git push origin JIRA-123:main", "[needs-approval]", "ben$ git push origin origin/JIRA-123:refs/approve/main",
		"ana$ git push origin JIRA-123:main", "remote: success: prd is now",
		"ben$ git push origin :refs/release/dev/JIRA-124", "JIRA-124 is out of dev", "[withdrawn]",
		"$ pathgate status", "$ pathgate log", "--ticket JIRA-123", "$ pathgate ledger verify",
		"All went as it should.", "cd \""+d.dir+"/ben\"")
	if strings.Contains(d.output, "[fault]") {
		t.Errorf("the demo shows a fault:\n%s", d.output)
	}
}

// playsOn does what the demo's last lines propose, and returns what it prints.
func (d *demonstration) playsOn(t *testing.T) string {
	t.Helper()
	_, script, ok := strings.Cut(d.output, "Play on:\n")
	script, _, cut := strings.Cut(script, "To clean up")
	if !ok || !cut {
		t.Fatalf("the demo does not say how to play on:\n%s", d.output)
	}
	env := []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}
	return must(t, t.TempDir(), env, "sh", "-ec", script)
}

func TestDemoPlaysOn(t *testing.T) {
	out := play(t).playsOn(t)
	if !strings.Contains(out, "waiting: shop prd could take") {
		t.Errorf("after the push to stg nothing waits for prd:\n%s", out)
	}
}

func TestDemoReleasePlaysOn(t *testing.T) {
	out := playedRelease.play(t).playsOn(t)
	if !strings.Contains(out, "success: stg has JIRA-124 ") {
		t.Errorf("JIRA-124 did not get into stg:\n%s", out)
	}
}

// TestDemoFails breaks the set-up behind the demo's back: it must notice.
func TestDemoFails(t *testing.T) {
	prefix := installed(t)
	// A git that takes every push for a success, and moves nothing.
	bin := t.TempDir()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n[ \"$1,${2#-}\" = push,q ] && exec " + git + " \"$@\"\n[ \"$1\" = push ] && exit 0\nexec " + git + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	for story, want := range map[string]string{
		"play.sh":    "the demo failed: main of dev is at",
		"release.sh": "the demo failed: the last command did not print \"dev has JIRA-123 at \"",
	} {
		dir := t.TempDir()
		if err := os.Symlink(prefix, filepath.Join(dir, "prefix")); err != nil {
			t.Fatal(err)
		}
		out, status, err := execute(repository(t), env, "sh", "examples/demo/"+story, dir)
		if err != nil || status != 1 || !strings.Contains(out, want) {
			t.Errorf("%s: status %d, %v; want 1 and %q in\n%s", story, status, err, want, out)
		}
	}
}

// TestREADMEShowsTheDemo holds the README to what the terminal shows: all but
// the time, the ledger's root and the clone's place is the same on every
// machine. A merge that the server makes is another each time.
func TestREADMEShowsTheDemo(t *testing.T) {
	readme := read(t, repository(t), "README.md")
	timeless := func(s string) string {
		s = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`).ReplaceAllString(s, "TIME")
		s = regexp.MustCompile(treePattern).ReplaceAllString(s, "ledger TREE")
		return regexp.MustCompile(` +\n`).ReplaceAllString(s, "\n")
	}
	first, second := timeless(play(t).output), anonymous(playedRelease.play(t).output)
	for n := range strings.Count(readme, "\n```console\n") {
		shown := block(t, readme, "console", n)
		if !strings.Contains(first, timeless(shown)) && !strings.Contains(second, anonymous(shown)) {
			t.Errorf("no demo shows what README.md does:\n%s\nthe demos:\n%s\n%s", shown, first, second)
		}
	}
}

// TestTenLineCheck runs the check of the chain that README.md gives, on the
// demo's ledger, sound and edited.
func TestTenLineCheck(t *testing.T) {
	for _, tool := range []string{"jq", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			skip(t, tool+" is missing: install jq and coreutils")
		}
	}
	text := read(t, repository(t), "README.md")
	_, text, ok := strings.Cut(text, "## What is on record")
	if !ok {
		t.Fatal("README.md has no section on the record")
	}
	script := block(t, text, "sh", 0)
	dir := t.TempDir()
	journal := read(t, play(t).dir, "ledger", "ledger.jsonl")
	file := filepath.Join(dir, "ledger.jsonl")
	for _, test := range []struct {
		name, journal string
		status        int
	}{
		{"sound", journal, 0},
		{"edited", strings.Replace(journal, `"principal":"ben"`, `"principal":"ana"`, 1), 1},
		{"a line taken out", strings.Join(append(strings.SplitAfter(journal, "\n")[:5:5], strings.SplitAfter(journal, "\n")[6:]...), ""), 1},
	} {
		if err := os.WriteFile(file, []byte(test.journal), 0o644); err != nil {
			t.Fatal(err)
		}
		out, status, err := execute(dir, nil, "sh", "-c", script)
		if err != nil || status != test.status {
			t.Errorf("%s: status %d, %v; want %d\n%s", test.name, status, err, test.status, out)
		}
	}
}

// skip skips a test, unless everything has to be tested here.
func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("PATHGATE_TEST_ALL") == "1" {
		t.Fatal(reason + " (PATHGATE_TEST_ALL is set, so nothing may be skipped)")
	}
	t.Skip(reason)
}

// block returns the nth fenced block of a language in a document.
func block(t *testing.T, document, language string, n int) string {
	t.Helper()
	rest := document
	for {
		_, after, ok := strings.Cut(rest, "\n```"+language+"\n")
		if !ok {
			t.Fatalf("there are no %d blocks of %s", n+1, language)
		}
		text, end, ok := strings.Cut(after, "\n```\n")
		if !ok {
			t.Fatalf("a block of %s does not end", language)
		}
		if n == 0 {
			return text + "\n"
		}
		n, rest = n-1, end
	}
}
