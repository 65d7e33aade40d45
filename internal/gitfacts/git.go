package gitfacts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Bounds of a git process.
const (
	gitTimeout     = 60 * time.Second
	maxGitOutput   = 64 << 20
	maxGitMessages = 4 << 10
)

// scope says whose configuration a git process follows.
type scope bool

const (
	// hermetic: the repository's own alone. Facts rest on nothing else.
	hermetic scope = false
	// served: also what receive-pack would follow, that is the system's, the
	// user's and "-c" of the command line (for core.hooksPath and the like).
	served scope = true
)

// ErrOutput says that git printed more than is read.
var ErrOutput = errors.New("too much output")

// result is what a git process left.
type result struct {
	out      []byte
	messages string // the start of its standard error
	exit     int
}

// Git runs git on the repository and returns its standard output and exit
// status. A status other than zero is not an error; a git that cannot be
// started, is killed, takes longer than a minute or than ctx, or prints more
// than 64 MiB is one.
//
// git is the one in PATH; git itself puts its own folder first there for
// hooks. Nothing else of the environment is passed on: no replace refs, no
// grafts, no user's or system's configuration, the C locale; the quarantine is
// visible if UseQuarantine found one. Since the git directory is named, git
// does not ask who owns it, and safe.directory need not be set.
func (r *Repository) Git(ctx context.Context, stdin io.Reader, args ...string) (stdout []byte, exit int, err error) {
	res, err := r.run(ctx, hermetic, stdin, args...)
	return res.out, res.exit, err
}

func (r *Repository) run(ctx context.Context, s scope, stdin io.Reader, args ...string) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	cmd := r.command(ctx, s, args...)
	out, messages := &bounded{limit: maxGitOutput}, &bounded{limit: maxGitMessages, drop: true}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, out, messages
	err := cmd.Run()
	res := result{out: out.kept.Bytes(), messages: messages.kept.String()}
	var status *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return res, fmt.Errorf("git %s: %w", args[0], ctx.Err())
	case out.over:
		return res, fmt.Errorf("git %s: %w: more than %d bytes", args[0], ErrOutput, maxGitOutput)
	case errors.As(err, &status) && status.Exited():
		res.exit = status.ExitCode()
	case errors.Is(err, exec.ErrWaitDelay) && s == served:
		// git itself succeeded; a process that a hook left behind holds its
		// output.
	case err != nil:
		return res, fmt.Errorf("git %s: %w", args[0], err)
	}
	return res, nil
}

// command prepares a git process in the git directory, where hooks run too.
func (r *Repository) command(ctx context.Context, s scope, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--git-dir=" + r.gitDir}, args...)...)
	cmd.Dir = r.gitDir
	cmd.Env = r.environment(s)
	cmd.WaitDelay = time.Second
	return cmd
}

func (r *Repository) environment(s scope) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"LC_ALL=C",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_GRAFT_FILE=/dev/null",
		"GIT_SHALLOW_FILE=", // none: where history is cut off, git fails
		"GIT_NO_LAZY_FETCH=1",
		"GIT_ALLOW_PROTOCOL=none", // the same for a git that does not know the former
		"GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_COMMITTER_NAME=pathgate",
		"GIT_COMMITTER_EMAIL=pathgate@localhost",
	}
	if s == hermetic {
		env = append(env, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
		return append(env, r.objectEnvironment()...)
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name == "HOME" || name == "XDG_CONFIG_HOME" || strings.HasPrefix(name, "GIT_CONFIG_") {
			env = append(env, v)
		}
	}
	return env
}

// bounded keeps the first limit bytes of what is written to it. More is
// dropped, or else is an error that ends the process by a broken pipe. The
// buffer is not embedded: its ReadFrom would go round the bound.
type bounded struct {
	kept  bytes.Buffer
	limit int
	drop  bool
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.kept.Len()
	if len(p) <= room {
		return b.kept.Write(p)
	}
	b.over = true
	b.kept.Write(p[:room])
	if b.drop {
		return len(p), nil
	}
	return room, ErrOutput
}
