package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// What the machine and its user have configured must not be measured. Only
// that garbage is collected in the middle of a measurement is prevented;
// receive-pack still starts "git maintenance" after each push, as on any
// server. Fsync and the limits for unpacking are git's own.
const gitConfig = `[user]
	name = Bench
	email = bench@example.com
[init]
	defaultBranch = main
[gc]
	auto = 0
`

// A runner runs git and other programs in a clean environment.
type runner struct {
	ctx context.Context
	env []string
}

// newRunner writes git's configuration into dir.
func newRunner(ctx context.Context, dir string) (*runner, error) {
	config := filepath.Join(dir, "gitconfig")
	if err := os.WriteFile(config, []byte(gitConfig), 0o644); err != nil {
		return nil, fmt.Errorf("write git's configuration: %w", err)
	}
	return &runner{ctx: ctx, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + config, "GIT_TERMINAL_PROMPT=0",
		identity + "=bench",
	}}, nil
}

// identity is the variable that the bench's policies take the pusher from.
const identity = "PATHGATE_BENCH_USER"

// command makes a command that works in dir.
func (r *runner) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.ctx, name, args...)
	cmd.Dir, cmd.Env = dir, r.env
	return cmd
}

// run runs a program with the given standard input, which may be nil. Its
// output is in the error only.
func (r *runner) run(dir string, stdin io.Reader, name string, args ...string) error {
	cmd := r.command(dir, name, args...)
	cmd.Stdin = stdin
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", label(name, args), err, bytes.TrimSpace(out))
	}
	return nil
}

// line runs git and returns its one line.
func (r *runner) line(dir string, args ...string) (string, error) {
	out, err := r.command(dir, "git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", label("git", args), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func label(name string, args []string) string {
	return filepath.Base(name) + " " + strings.Join(args[:min(len(args), 3)], " ")
}

// initBare makes a bare repository without sample hooks.
func (r *runner) initBare(dir string) error {
	return r.run("", nil, "git", "init", "-q", "--bare", "--template=", dir)
}

// configure sets keys of a repository's own configuration, given in pairs.
func (r *runner) configure(repo string, pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := r.run(repo, nil, "git", "config", pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}
