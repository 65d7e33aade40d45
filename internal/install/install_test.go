package install_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A tree is what the tests of this process share: pathgate as install.sh
// installs it, made when a test first needs it.
type tree struct {
	once   sync.Once
	prefix string
	output string // what install.sh printed
	err    error
}

// shared is set up by TestMain.
var shared tree

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pathgate-install")
	if err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared.prefix = filepath.Join(dir, "prefix")
	return m.Run()
}

// installed runs install.sh once for all tests and returns the prefix.
func installed(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds pathgate: run it without -short")
	}
	shared.once.Do(func() {
		out, status, err := execute(repository(t), nil, "./install.sh", "--prefix", shared.prefix)
		shared.output = out
		if err != nil || status != 0 {
			shared.err = fmt.Errorf("install.sh: status %d, %v\n%s", status, err, out)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.prefix
}

// repository is the root of the source tree.
func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// execute runs a program in dir with extra variables and returns what it
// printed on both outputs, and its exit status.
func execute(dir string, env []string, name string, args ...string) (string, int, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return out.String(), exit.ExitCode(), nil
	}
	return out.String(), 0, err
}

// must is execute where status 0 is the only good one.
func must(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	out, status, err := execute(dir, env, name, args...)
	if err != nil || status != 0 {
		t.Fatalf("%s %s: status %d, %v\n%s", name, strings.Join(args, " "), status, err, out)
	}
	return out
}

func read(t *testing.T, elements ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elements...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestInstallLaysFilesOut(t *testing.T) {
	prefix := installed(t)
	for _, name := range []string{"bin/pathgate", "lib/pathgate/hooks/pre-receive",
		"lib/pathgate/hooks/proc-receive", "lib/pathgate/hooks/post-receive", "lib/pathgate/hooks/deploy"} {
		info, err := os.Stat(filepath.Join(prefix, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode().Perm() != 0o755 {
			t.Errorf("%s has mode %v, want 0755", name, info.Mode().Perm())
		}
	}
	var files []string
	err := filepath.WalkDir(prefix, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) != 6 {
		t.Errorf("the prefix holds %q, %v; want five programs and the policy", files, err)
	}
}

func TestInstallPutsASoundPolicy(t *testing.T) {
	prefix := installed(t)
	policy := filepath.Join(prefix, "etc", "pathgate", "policy.toml")
	info, err := os.Stat(policy)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o644 {
		t.Errorf("the policy has mode %v, want 0644", info.Mode().Perm())
	}
	if got, want := read(t, policy), read(t, repository(t), "internal/command/reference.toml"); got != want {
		t.Errorf("the policy is not the commented reference:\n%s", got)
	}
	must(t, prefix, nil, filepath.Join(prefix, "bin", "pathgate"), "check", policy)
	for _, want := range []string{policy, "install --policy " + policy + " REPO", "adopt", "reconcile --quiet", "doctor"} {
		if !strings.Contains(shared.output, want) {
			t.Errorf("install.sh does not say %q:\n%s", want, shared.output)
		}
	}
}

// TestInstallAgain updates over a running installation: the policy stays, and
// the binaries are replaced, not written into.
func TestInstallAgain(t *testing.T) {
	installed(t)
	prefix := filepath.Join(t.TempDir(), "a prefix")
	policy := filepath.Join(t.TempDir(), "mine.toml")
	if err := os.WriteFile(policy, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	hook := filepath.Join(prefix, "lib", "pathgate", "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("old"), 0o755); err != nil {
		t.Fatal(err)
	}
	running, err := os.Open(hook)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	out := must(t, repository(t), nil, "./install.sh", "--prefix", prefix, "--policy", policy)
	if got := read(t, policy); got != "mine" {
		t.Errorf("the policy was overwritten with %q", got)
	}
	if !strings.Contains(out, "was there, left as it is") {
		t.Errorf("install.sh does not say that the policy stays:\n%s", out)
	}
	old := make([]byte, 8)
	if n, err := running.Read(old); err != nil || string(old[:n]) != "old" {
		t.Errorf("the hook that was open now reads %q, %v: it was written into", old[:n], err)
	}
	if read(t, hook) == "old" {
		t.Error("the hook was not replaced")
	}
	if _, err := os.Stat(filepath.Join(prefix, "etc")); err == nil {
		t.Error("with --policy, a policy under the prefix was made too")
	}
}

func TestInstallErrors(t *testing.T) {
	tools := t.TempDir()
	for _, name := range []string{"sh", "dirname", "sed", "awk", "mkdir", "cat", "mktemp", "rm", "env", "ls"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	stub := func(name, script string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	git, oldGit := stub("git", "echo git version 2.39.5"), stub("git", "echo git version 2.28.1.windows.1")
	oldGo := stub("go", "echo go1.25.9")
	noGo := stub("go", "echo 'go: go.mod requires go >= 1.26' >&2; exit 1")
	newGo := stub("go", "[ $1 = env ] || exit 1; echo go1.99rc1")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "kept"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		path   []string
		args   []string
		status int
		want   string
	}{
		{"no git", nil, nil, 1, "git is missing"},
		{"old git", []string{oldGit}, nil, 1, "git 2.28.1 is too old"},
		{"no go", []string{git}, nil, 1, "go is missing from PATH"},
		{"old go", []string{git, oldGo}, nil, 1, "go 1.25.9 is too old"},
		{"go that may not fetch another", []string{git, noGo}, nil, 1, "go.mod requires go >= 1.26"},
		{"prefix is a file", []string{git, newGo}, []string{"--prefix", file}, 1, "cannot write to " + file + "/bin"},
		{"build fails", []string{git, newGo}, []string{"--prefix", t.TempDir()}, 1, "the build failed"},
		{"demo in a full folder", []string{git, newGo}, []string{"--demo", "--dir", full}, 1, "is not empty"},
		{"unknown argument", nil, []string{"--prefx"}, 2, "unknown argument --prefx"},
		{"no value", nil, []string{"--prefix"}, 2, "--prefix wants a value"},
		{"empty value", nil, []string{"--policy="}, 2, "--policy wants a value"},
		{"dir without demo", nil, []string{"--dir", "x"}, 2, "--dir goes with --demo"},
		{"demo with prefix", nil, []string{"--demo", "--prefix", "x"}, 2, "--demo goes with --dir only"},
		{"unknown demo", nil, []string{"--demo", "relaese"}, 2, "there is no demo relaese"},
		{"unknown demo, other form", nil, []string{"--demo=relaese"}, 2, "there is no demo relaese"},
		{"two demos", nil, []string{"--demo", "--demo", "release"}, 2, "there is more than one --demo"},
		{"demo release with prefix", nil, []string{"--demo", "release", "--prefix", "x"}, 2, "--demo goes with --dir only"},
		{"demo release in a full folder", []string{git, newGo}, []string{"--dir", full, "--demo", "release"}, 1, "is not empty"},
		{"help", nil, []string{"--help"}, 0, "usage: ./install.sh"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := "PATH=" + strings.Join(append(test.path, tools), ":")
			out, status, err := execute(repository(t), []string{path}, filepath.Join(tools, "sh"), append([]string{"install.sh"}, test.args...)...)
			if err != nil || status != test.status || !strings.Contains(out, test.want) {
				t.Errorf("status %d, %v; want %d and %q in\n%s", status, err, test.status, test.want, out)
			}
		})
	}
}
