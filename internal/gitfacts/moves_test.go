package gitfacts

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

func TestMoveRef(t *testing.T) {
	bare, work := newRepository(t)
	one, two := commit(t, work, "one"), commit(t, work, "two")
	git(t, work, "push", "-q", bare, "main")
	git(t, bare, "config", "core.logAllRefUpdates", "always")
	r := open(t, bare)
	zero := policy.ObjectID(strings.Repeat("0", 40))
	move := func(to, old policy.ObjectID) error {
		return r.MoveRef(t.Context(), "refs/heads/prd", to, old, "pathgate: deploy")
	}
	if err := move(one, zero); err != nil {
		t.Fatal(err)
	}
	if err := move(two, zero); !errors.Is(err, ErrLostRace) {
		t.Fatalf("made again: %v", err)
	}
	if err := move(one, two); !errors.Is(err, ErrLostRace) {
		t.Fatalf("moved from elsewhere: %v", err)
	}
	if err := move(two, one); err != nil {
		t.Fatal(err)
	}
	checkRef(t, r, "refs/heads/prd", Ref{ID: two})
	if log := git(t, bare, "reflog", "show", "refs/heads/prd"); !strings.Contains(log, "pathgate: deploy") {
		t.Errorf("reflog: %s", log)
	}
	write(t, bare+"/refs/heads/prd.lock", "")
	if err := move(one, two); err == nil || errors.Is(err, ErrLostRace) {
		t.Errorf("locked: %v", err)
	}
	if err := os.Remove(bare + "/refs/heads/prd.lock"); err != nil {
		t.Fatal(err)
	}
	absent := policy.ObjectID(strings.Repeat("1", 40))
	if err := move(absent, two); err == nil || errors.Is(err, ErrLostRace) {
		t.Errorf("to an object that is missing: %v", err)
	}
	write(t, bare+"/hooks/reference-transaction", "#!/bin/sh\nexit 1\n")
	if err := os.Chmod(bare+"/hooks/reference-transaction", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := move(one, two); err == nil || errors.Is(err, ErrLostRace) {
		t.Errorf("refused by reference-transaction: %v", err)
	}
	checkRef(t, r, "refs/heads/prd", Ref{ID: two})
	write(t, bare+"/hooks/reference-transaction", "#!/bin/sh\nsleep 3 &\n") // holds git's output
	if err := move(one, two); err != nil {
		t.Errorf("a hook left a process behind: %v", err)
	}
	for _, ref := range []policy.RefName{"HEAD", "prd", "--stdin", "refs/../x"} {
		if err := r.MoveRef(t.Context(), ref, one, two, "x"); err == nil {
			t.Errorf("%s: moved", ref)
		}
	}
}

// All refs move or none does.
func TestMoveRefs(t *testing.T) {
	bare, work := newRepository(t)
	one, two := commit(t, work, "one"), commit(t, work, "two")
	git(t, work, "push", "-q", bare, "main")
	git(t, bare, "config", "core.logAllRefUpdates", "always")
	r := open(t, bare)
	zero := policy.ObjectID(strings.Repeat("0", 40))
	move := func(to, oldA, oldB policy.ObjectID) error {
		return r.MoveRefs(t.Context(), "pathgate: stamp", Move{"refs/notes/a", to, oldA}, Move{"refs/pathgate/b", to, oldB})
	}
	at := func(want policy.ObjectID) {
		t.Helper()
		checkRef(t, r, "refs/notes/a", Ref{ID: want})
		checkRef(t, r, "refs/pathgate/b", Ref{ID: want})
	}
	if err := move(one, zero, zero); err != nil {
		t.Fatal(err)
	}
	at(one)
	for _, old := range [][2]policy.ObjectID{{two, one}, {one, two}, {one, zero}, {zero, one}} {
		if err := move(two, old[0], old[1]); !errors.Is(err, ErrLostRace) {
			t.Errorf("from %v: %v", old, err)
		}
		at(one)
	}
	write(t, bare+"/refs/pathgate/b.lock", "")
	if err := move(two, one, one); err == nil || errors.Is(err, ErrLostRace) {
		t.Errorf("locked: %v", err)
	}
	at(one)
	if err := os.Remove(bare + "/refs/pathgate/b.lock"); err != nil {
		t.Fatal(err)
	}
	git(t, bare, "symbolic-ref", "refs/notes/a", "refs/heads/other") // is not written through
	if err := r.MoveRefs(t.Context(), "x", Move{"refs/notes/a", two, zero}, Move{"refs/pathgate/b", two, one}); err != nil {
		t.Error(err)
	}
	at(two)
	for _, ref := range []policy.RefName{"HEAD", "refs/../x", "refs/x 1\ndelete refs/heads/main", "refs/x y"} {
		if err := r.MoveRefs(t.Context(), "x", Move{ref, one, two}); err == nil {
			t.Errorf("%q: moved", ref)
		}
	}
	at(two)
}

func TestCheckedOut(t *testing.T) {
	bare, work := newRepository(t)
	id := commit(t, work, "one")
	git(t, work, "push", "-q", bare, "main", "main:stg", "main:prd")
	check := func(r *Repository, ref policy.RefName, want string) {
		t.Helper()
		path, out, err := r.CheckedOut(t.Context(), ref)
		if err != nil || out != (want != "") || path != want {
			t.Errorf("%s of %s: %q, %v, %v", ref, r.GitDir(), path, out, err)
		}
	}
	check(open(t, bare), "refs/heads/main", "")
	linked := filepath.Join(filepath.Dir(work), "linked")
	git(t, bare, "worktree", "add", "-q", linked, "stg")
	check(open(t, bare), "refs/heads/stg", linked)
	check(open(t, bare), "refs/heads/prd", "")
	check(open(t, work), "refs/heads/main", work)
	check(open(t, linked), "refs/heads/main", "")
	git(t, work, "checkout", "-q", "--detach", string(id))
	check(open(t, work), "refs/heads/main", "")
}

func TestHookPath(t *testing.T) {
	bare, work := newRepository(t)
	commit(t, work, "one")
	check := func(r *Repository, wantPath string, wantRuns bool) {
		t.Helper()
		path, runs, err := r.HookPath(t.Context(), "update")
		if err != nil || path != wantPath || runs != wantRuns {
			t.Errorf("got %s, %v, %v, want %s", path, runs, err, wantPath)
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	r := open(t, bare)
	hook := bare + "/hooks/update"
	check(r, hook, false)
	write(t, hook, "#!/bin/sh\n")
	check(r, hook, false) // not executable, for root neither
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	check(r, hook, true)
	git(t, bare, "config", "core.hooksPath", "my")
	check(r, bare+"/my/update", false)
	git(t, bare, "config", "--unset", "core.hooksPath")
	write(t, os.Getenv("HOME")+"/.gitconfig", "[core]\n\thooksPath = /nowhere\n")
	check(r, "/nowhere/update", false)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
	t.Setenv("GIT_CONFIG_VALUE_0", bare+"/hooks")
	check(r, hook, true)
	linked := filepath.Join(filepath.Dir(work), "linked")
	git(t, work, "worktree", "add", "-q", linked)
	t.Setenv("GIT_CONFIG_COUNT", "0")
	if err := os.Remove(os.Getenv("HOME") + "/.gitconfig"); err != nil {
		t.Fatal(err)
	}
	check(open(t, linked), work+"/.git/hooks/update", false)
}

// git gets nothing of the pusher's environment, and works on a repository that
// belongs to somebody else without safe.directory.
func TestGit(t *testing.T) {
	bare, _ := newRepository(t)
	evil := bare + "/evil"
	write(t, evil, "[alias]\n\tevil = version\n[core]\n\thooksPath = /evil\n")
	t.Setenv("GIT_CONFIG_GLOBAL", evil)
	t.Setenv("GIT_DIR", "/nowhere")
	t.Setenv("GIT_TRACE", "1")
	t.Setenv("GIT_NAMESPACE", "x")
	r := open(t, bare)
	if os.Getuid() == 0 {
		if err := os.Chown(bare, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	out, exit, err := r.Git(t.Context(), nil, "rev-parse", "--absolute-git-dir")
	if err != nil || exit != 0 || string(out) != bare+"\n" {
		t.Errorf("got %q, %d, %v", out, exit, err)
	}
	if _, exit, err := r.Git(t.Context(), nil, "evil"); exit == 0 || err != nil {
		t.Errorf("an alias of the user's configuration works: %d, %v", exit, err)
	}
	if out, exit, err := r.Git(t.Context(), strings.NewReader("x"), "hash-object", "--stdin"); exit != 0 || err != nil || len(out) != 41 {
		t.Errorf("hash-object: %q, %d, %v", out, exit, err)
	}
	out, exit, err = r.Git(t.Context(), io.LimitReader(endless{}, maxGitOutput+1), "hash-object", "-w", "--stdin")
	if exit != 0 || err != nil {
		t.Fatalf("hash-object: %d, %v", exit, err)
	}
	if out, _, err := r.Git(t.Context(), nil, "cat-file", "blob", strings.TrimSpace(string(out))); err == nil {
		t.Errorf("%d bytes of output: no error", len(out))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if _, _, err := r.Git(ctx, nil, "version"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timeout: %v", err)
	}
	t.Setenv("PATH", "/nowhere")
	if _, _, err := r.Git(t.Context(), nil, "version"); err == nil {
		t.Error("no git in PATH: no error")
	}
}

// endless is an input without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
