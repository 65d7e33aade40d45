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
	once   sync.Once
	dir    string
	output string
	status int
	err    error
}

// played is the run that the tests of this process share.
var played demonstration

// play runs the demo once for all tests. The user's configuration of git is
// one that would break it if it counted.
func play(t *testing.T) *demonstration {
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
		played.dir = filepath.Join(filepath.Dir(prefix), "the demo")
		env := []string{"GIT_CONFIG_GLOBAL=" + filepath.Join(home, "gitconfig"), "GIT_DIR=/nowhere", "PATHGATE_USER="}
		played.output, played.status, played.err = execute(repository(t), env, "./install.sh", "--demo", "--dir", played.dir)
	})
	if played.err != nil {
		t.Fatal(played.err)
	}
	return &played
}

func TestDemo(t *testing.T) {
	d := play(t)
	if d.status != 0 {
		t.Fatalf("the demo ended with status %d\n%s", d.status, d.output)
	}
	last := -1
	for _, want := range []string{
		"$ git push dev main", "remote: success: dev is now", "remote:   | live: price = 10.00",
		"$ git push prd main", "[prior-not-deployed]", " ! [remote rejected]",
		"$ git push stg main", "remote: success: prd is now",
		"$ git push prd main", "[needs-approval]", ":refs/approve/main", "prd has 1 of 1 approvals",
		"$ git push prd main", "remote: success: prd is now",
		"refs/deploy/main", "rolled back by ben",
		"$ git push prd main", "[withdrawn]",
		"$ pathgate log", "refused", "$ pathgate status", "$ pathgate ledger verify",
		"All went as it should.", "cd \"" + d.dir + "/work\"",
	} {
		at := strings.Index(d.output[last+1:], want)
		if at < 0 {
			t.Fatalf("the demo does not show %q after byte %d:\n%s", want, last, d.output)
		}
		last += 1 + at
	}
	if strings.Contains(d.output, "\x1b") {
		t.Errorf("the demo prints colours although nobody watches:\n%q", d.output)
	}
}

// TestDemoPlaysOn does what the demo's last lines propose.
func TestDemoPlaysOn(t *testing.T) {
	d := play(t)
	_, script, ok := strings.Cut(d.output, "Play on:\n")
	script, _, cut := strings.Cut(script, "To clean up")
	if !ok || !cut {
		t.Fatalf("the demo does not say how to play on:\n%s", d.output)
	}
	env := []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1"}
	out := must(t, t.TempDir(), env, "sh", "-ec", script)
	if !strings.Contains(out, "waiting: shop prd could take") {
		t.Errorf("after the push to stg nothing waits for prd:\n%s", out)
	}
}

// TestDemoFails breaks the set-up behind the demo's back: it must notice.
func TestDemoFails(t *testing.T) {
	prefix := installed(t)
	dir := t.TempDir()
	if err := os.Symlink(prefix, filepath.Join(dir, "prefix")); err != nil {
		t.Fatal(err)
	}
	// A git that takes every push for a success, and moves nothing.
	bin := t.TempDir()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n[ \"$1\" = push ] && exit 0\nexec " + git + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	out, status, err := execute(repository(t), env, "sh", "examples/demo/play.sh", dir)
	if err != nil || status != 1 || !strings.Contains(out, "the demo failed: main of dev is at") {
		t.Errorf("status %d, %v; want 1 and a failure in\n%s", status, err, out)
	}
}

// TestREADMEShowsTheDemo holds the README to what the terminal shows: all but
// the time and the clone's place is the same on every machine.
func TestREADMEShowsTheDemo(t *testing.T) {
	readme := read(t, repository(t), "README.md")
	timeless := func(s string) string {
		s = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`).ReplaceAllString(s, "TIME")
		return regexp.MustCompile(` +\n`).ReplaceAllString(s, "\n")
	}
	for n := range strings.Count(readme, "\n```console\n") {
		if shown := block(t, readme, "console", n); !strings.Contains(timeless(play(t).output), timeless(shown)) {
			t.Errorf("the demo does not show what README.md does:\n%s\nthe demo:\n%s", shown, played.output)
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
