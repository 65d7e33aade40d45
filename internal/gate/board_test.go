package gate_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/hook"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/policyfile"
)

// The test binary is a hook if it is run under the name of one.
func TestMain(m *testing.M) {
	p := func() *gate.Process { return hook.Process(os.Stdin, os.Stdout, os.Stderr, os.Getenv, os.Args) }
	switch filepath.Base(os.Args[0]) {
	case "pre-receive":
		os.Exit(gate.PreReceive(p()))
	case "post-receive":
		os.Exit(gate.PostReceive(p()))
	}
	os.Exit(m.Run())
}

// A boardSite is a repository behind hooks that lie as install.sh puts them, and
// a command pathgate that only notes how it was started.
type boardSite struct {
	t              *testing.T
	dir, bare      string
	command, notes string
}

// patience is how long a push may take on a slow machine, and what is waited for.
// It is shorter than fakeCommand takes.
const patience = 4 * time.Minute

// fakeCommand notes its arguments, its session and its descriptors, and goes on
// for longer than any push of this test may take.
const fakeCommand = `#!/bin/sh
printf '%s\n' "$@" >NOTES/args
cut -d' ' -f1,6 /proc/$$/stat >NOTES/session
ls -l /proc/$$/fd >NOTES/fds
env >NOTES/env
echo $$ >NOTES/pid.new
mv NOTES/pid.new NOTES/pid
echo noise
exec sleep 600
`

func newBoardSite(t *testing.T) *boardSite {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	prefix := filepath.Join(dir, "prefix")
	s := &boardSite{t: t, dir: dir, bare: filepath.Join(dir, "srv", "shop", "prd.git"),
		command: filepath.Join(prefix, "bin", "pathgate"), notes: filepath.Join(dir, "notes")}
	hooks := filepath.Join(prefix, "lib", "pathgate", "hooks")
	for _, folder := range []string{hooks, filepath.Dir(s.command), s.notes, filepath.Join(dir, "ledger")} {
		must(t, os.MkdirAll(folder, 0o755))
	}
	s.git("init", "-q", "--bare", s.bare)
	self, err := os.Executable()
	must(t, err)
	binary, err := os.ReadFile(self)
	must(t, err)
	for _, name := range []string{"pre-receive", "post-receive"} {
		must(t, os.WriteFile(filepath.Join(hooks, name), binary, 0o755))
		must(t, os.MkdirAll(filepath.Join(s.bare, "hooks"), 0o755))
		must(t, os.Symlink(filepath.Join(hooks, name), filepath.Join(s.bare, "hooks", name)))
	}
	s.policy("")
	s.git("--git-dir="+s.bare, "config", policyfile.Key, filepath.Join(dir, "policy.toml"))
	must(t, ledger.Create(filepath.Join(dir, "ledger"), ledger.CreateOptions{Root: filepath.Join(dir, "srv")}))
	s.git("init", "-q", "-b", "main", filepath.Join(dir, "work"))
	t.Cleanup(s.end)
	return s
}

func (s *boardSite) policy(more string) {
	s.t.Helper()
	text := "version = 1\nroot = \"DIR/srv\"\nledger = \"DIR/ledger\"\n[identity]\nsource = \"ssh\"\n" +
		"[environments.prd]\nrepository = \"{service}/prd.git\"\nrefs = [\"refs/heads/main\"]\npushers = [\"ana\"]\n" + more
	must(s.t, os.WriteFile(filepath.Join(s.dir, "policy.toml"), []byte(strings.ReplaceAll(text, "DIR", s.dir)), 0o644))
}

func (s *boardSite) fake() {
	s.t.Helper()
	must(s.t, os.WriteFile(s.command, []byte(strings.ReplaceAll(fakeCommand, "NOTES", s.notes)), 0o755))
}

func (s *boardSite) run(cmd *exec.Cmd, user string) (string, error) {
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b", "PATHGATE_USER="+user, "SECRET=of the pusher")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *boardSite) git(args ...string) {
	s.t.Helper()
	if out, err := s.run(exec.Command("git", args...), ""); err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// push pushes a new commit, with a descriptor that the client waits for. It
// returns what the client read, and fails if anything keeps the client waiting.
func (s *boardSite) push(user string) (out string, accepted bool) {
	s.t.Helper()
	s.git("-C", "work", "commit", "-q", "--allow-empty", "-m", "change")
	read, write, err := os.Pipe()
	must(s.t, err)
	defer read.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", "-C", "work", "push", s.bare, "HEAD:refs/heads/main")
	cmd.ExtraFiles, cmd.WaitDelay = []*os.File{write}, time.Second
	out, err = s.run(cmd, user)
	if ctx.Err() != nil {
		s.t.Fatalf("something keeps the push: %v", err)
	}
	must(s.t, write.Close())
	must(s.t, read.SetReadDeadline(time.Now().Add(patience)))
	if _, err := io.ReadAll(read); err != nil {
		s.t.Errorf("something holds the client's descriptor: %v", err)
	}
	return out, err == nil
}

// note waits for what the command has noted, and reads it.
func (s *boardSite) note(name string) string {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.notes, "pid")); err == nil {
			b, err := os.ReadFile(filepath.Join(s.notes, name))
			must(s.t, err)
			return string(b)
		}
	}
	s.t.Fatal("the command was not started")
	return ""
}

// end ends the command, if it was started.
func (s *boardSite) end() {
	b, err := os.ReadFile(filepath.Join(s.notes, "pid"))
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && pid > 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestBoardStarts: an accepted push starts the board, which belongs to nothing
// that the client waits for.
func TestBoardStarts(t *testing.T) {
	s := newBoardSite(t)
	s.fake()
	s.policy("[board]\nout = \"DIR/www\"\npause = \"15s\"\n")
	out, accepted := s.push("ana")
	if !accepted || !strings.Contains(out, "prd") || strings.Contains(out, "noise") {
		t.Fatalf("%s", out)
	}
	want := strings.Join([]string{"board", "--policy", s.dir + "/policy.toml", "--out", s.dir + "/www", "--pause", "15s", "--within", "5m0s", ""}, "\n")
	if got := s.note("args"); got != want {
		t.Errorf("arguments %q", got)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(s.note("pid"))); err != nil || syscall.Kill(pid, 0) != nil {
		t.Errorf("the push has waited until %d ended: %v", pid, err)
	}
	if got := strings.Fields(s.note("session")); len(got) != 2 || got[0] != got[1] {
		t.Errorf("no session of its own: %q", got)
	}
	for line := range strings.Lines(s.note("fds")) {
		if strings.Contains(line, " -> ") && !strings.Contains(line, "/dev/null") && !strings.Contains(line, s.command) && !strings.Contains(line, s.notes) {
			t.Errorf("a descriptor: %s", line)
		}
	}
	if env := s.note("env"); strings.Contains(env, "SECRET") || strings.Contains(env, "GIT_DIR") {
		t.Errorf("the push's environment: %s", env)
	}
}

// TestBoardNotStarted: without the table, and after a push that was refused,
// nothing is started.
func TestBoardNotStarted(t *testing.T) {
	s := newBoardSite(t)
	s.fake()
	if out, accepted := s.push("ana"); !accepted {
		t.Fatalf("%s", out)
	}
	s.policy("[board]\nout = \"DIR/www\"\n")
	if out, accepted := s.push("mallory"); accepted {
		t.Fatalf("%s", out)
	}
	time.Sleep(200 * time.Millisecond) // of a start that should not be
	if entries, err := os.ReadDir(s.notes); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestBoardMissing: where the command is not, or cannot be run, the push goes on
// as if nothing were.
func TestBoardMissing(t *testing.T) {
	s := newBoardSite(t)
	s.policy("[board]\nout = \"DIR/www\"\n")
	for _, spoil := range []func(){
		func() {},
		func() { must(t, os.WriteFile(s.command, []byte("no program"), 0o755)) },
		func() { must(t, os.Chmod(s.command, 0o644)) },
	} {
		spoil()
		out, accepted := s.push("ana")
		if !accepted || strings.Contains(out, "board") || strings.Contains(out, "warning") || strings.Contains(out, s.command) {
			t.Errorf("%s", out)
		}
		var last ledger.Entry
		must(t, ledger.Read(filepath.Join(s.dir, "ledger"), 0, func(l *ledger.Line) error { last = l.Entry; return nil }))
		if last.Type != ledger.TypeDeployed {
			t.Errorf("recorded %+v", last)
		}
	}
}
