package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite what cmp, cmpout and ledger compare with")

// A product is the built binaries, laid out as install.sh lays them out.
type product struct {
	once   sync.Once
	prefix string
	tags   string // of the build
	err    error
}

// runner makes the product's folder before the tests and removes it after.
type runner struct {
	m     *testing.M
	built *product
}

// built is what the tests of this process share; TestMain sets its prefix.
var built product

func TestMain(m *testing.M) {
	testscript.Main(runner{m: m, built: &built}, map[string]func(){
		"rawpush": func() { os.Exit(rawpush(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// Run runs all tests of the package.
func (r runner) Run() int {
	prefix, err := os.MkdirTemp("", "pathgate-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(prefix)
	// Some scripts push as another user, who must be able to run the hooks.
	if err := os.Chmod(prefix, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	r.built.prefix = prefix
	return r.m.Run()
}

// build builds the five binaries as they are shipped, once.
func (p *product) build() error {
	p.once.Do(func() { p.err = buildInto(p.prefix, p.tags) })
	return p.err
}

func buildInto(prefix, tags string) error {
	hooks := filepath.Join(prefix, "lib", "pathgate", "hooks")
	out := map[string]string{
		"pathgate":     filepath.Join(prefix, "bin", "pathgate"),
		"pre-receive":  filepath.Join(hooks, "pre-receive"),
		"proc-receive": filepath.Join(hooks, "proc-receive"),
		"post-receive": filepath.Join(hooks, "post-receive"),
		"deploy":       filepath.Join(hooks, "deploy"),
	}
	for name, file := range out {
		cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-ldflags", "-s -w", "-o", file,
			"github.com/pathgate/pathgate/hooks/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, text)
		}
	}
	return nil
}

// TestScript runs the scripts that hold pathgate to its promises.
func TestScript(t *testing.T) {
	if err := built.build(); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, params(filepath.Join("testdata", "script"), built.prefix))
}

// TestHarness runs the scripts that test this package's own commands.
func TestHarness(t *testing.T) {
	testscript.Run(t, params(filepath.Join("testdata", "harness"), ""))
}

func params(dir, prefix string) testscript.Params {
	return testscript.Params{
		Dir:                dir,
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Setup:              func(env *testscript.Env) error { return setup(env, dir, prefix) },
		Condition:          condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"site":        cmdSite,
			"commit":      cmdCommit,
			"tag":         cmdTag,
			"ref":         cmdRef,
			"entries":     cmdEntries,
			"ledger":      cmdLedger,
			"cmpout":      cmdCmpout,
			"sshd":        cmdSSHD,
			"tmpfs":       cmdTmpfs,
			"fill":        cmdFill,
			"killhooks":   cmdKillhooks,
			"killrelease": cmdKillrelease,
			"need":        cmdNeed,
			"waitfor":     cmdWaitfor,
			"idle":        cmdIdle,
			"within":      cmdWithin,
			"await":       cmdAwait,
			"rested":      cmdRested,
			"clock":       cmdClock,
			"keygen":      cmdKeygen,
			"still":       cmdStill,
			"name":        cmdName,
			"hints":       cmdHints,
			"paste":       cmdPaste,
			"syslogd":     cmdSyslogd,
			"host":        cmdHost,
			"stampkey":    cmdStampkey,
			"forge":       cmdForge,
			"chain":       cmdChain,
		},
	}
}

// condition knows [reftable] (git can make such repositories) and
// [git:VERSION] (git is at least VERSION).
func condition(cond string) (bool, error) {
	switch {
	case cond == "reftable":
		return gitAtLeast("2.45")
	case strings.HasPrefix(cond, "git:"):
		return gitAtLeast(strings.TrimPrefix(cond, "git:"))
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

func gitAtLeast(want string) (bool, error) {
	out, err := exec.Command("git", "version").Output()
	if err != nil {
		return false, fmt.Errorf("git version: %w", err)
	}
	var haveMajor, haveMinor, wantMajor, wantMinor int
	if _, err := fmt.Sscanf(string(out), "git version %d.%d", &haveMajor, &haveMinor); err != nil {
		return false, fmt.Errorf("read %q: %w", out, err)
	}
	if _, err := fmt.Sscanf(want, "%d.%d", &wantMajor, &wantMinor); err != nil {
		return false, fmt.Errorf("read version %q: %w", want, err)
	}
	return haveMajor > wantMajor || haveMajor == wantMajor && haveMinor >= wantMinor, nil
}

const gitconfig = `[user]
	name = Ana Example
	email = ana@example.com
[init]
	defaultBranch = main
[protocol "file"]
	allow = always
[advice]
	detachedHead = false
	pushUpdateRejected = false
[gc]
	auto = 0
[receive]
	autogc = false
[maintenance]
	auto = false
`

// keyState is where a script's state is kept among its values.
type keyState struct{}

// A state is what the commands of one script remember.
type state struct {
	t       testscript.T
	file    string            // the script
	minutes int               // how far the clock of commits has gone
	names   map[string]string // object ID to the name that commit gave it
	updates map[string]string // files of the script to rewrite
	still   map[string]string // what cmdStill remembers, by repository
	merges  bool              // the server makes merges here
	hints   []string          // commands to paste
	syslogs map[string]func() // what stops a syslogd, by its socket
}

func stateOf(ts *testscript.TestScript) *state {
	return ts.Value(keyState{}).(*state)
}

func setup(env *testscript.Env, dir, prefix string) error {
	name := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	st := &state{
		t:       env.T(),
		file:    filepath.Join(dir, name+".txtar"),
		names:   map[string]string{},
		updates: map[string]string{},
		still:   map[string]string{},
		syslogs: map[string]func(){},
	}
	env.Values[keyState{}] = st
	env.Defer(func() {
		endRunners(env.WorkDir)
		if err := st.applyUpdates(); err != nil {
			st.t.Fatal(err)
		}
	})
	config := filepath.Join(env.WorkDir, "gitconfig")
	if err := os.WriteFile(config, []byte(gitconfig), 0o644); err != nil {
		return err
	}
	path := env.Getenv("PATH")
	if prefix != "" {
		path = filepath.Join(prefix, "bin") + ":" + path
	}
	for _, kv := range [][2]string{
		{"PATH", path + ":/usr/sbin:/sbin"},
		{"PREFIX", prefix},
		{"HOME", env.WorkDir},
		{"GIT_CONFIG_NOSYSTEM", "1"},
		{"GIT_CONFIG_GLOBAL", config},
		{"GIT_AUTHOR_DATE", dateAt(0)},
		{"GIT_COMMITTER_DATE", dateAt(0)},
		{"GIT_TERMINAL_PROMPT", "0"},
		{"LC_ALL", "C"},
		{"TZ", "UTC"},
		{"PATHGATE_USER", "ana"},
		{"ZERO", strings.Repeat("0", 40)},
	} {
		env.Setenv(kv[0], kv[1])
	}
	return nil
}

// skip skips the script, unless everything has to be tested here.
func skip(ts *testscript.TestScript, reason string) {
	if os.Getenv("PATHGATE_TEST_ALL") == "1" {
		ts.Fatalf("%s (PATHGATE_TEST_ALL is set, so nothing may be skipped)", reason)
	}
	stateOf(ts).t.Skip(reason)
}
