package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// A git runs the git binary on one git directory, and on no other: the
// directory is named, so that git does not look for one.
type git struct{ dir string }

// run returns what git printed. An error holds the first line of what git had
// to say.
func (g git) run(ctx context.Context, args ...string) (string, error) {
	all := append([]string{"-c", "safe.directory=" + g.dir, "--git-dir=" + g.dir}, args...)
	cmd := exec.CommandContext(ctx, "git", all...)
	cmd.Dir = g.dir
	cmd.Env = environment(os.Environ())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, text.Clean(first, 300))
	}
	return stdout.String(), nil
}

// environment is what child processes get: ours without git's variables, but
// for those that say where its configuration is. Nothing is fetched: a partial
// clone's configuration could name any program for that, and we may be root.
func environment(ours []string) []string {
	out := make([]string, 0, len(ours)+4)
	for _, v := range ours {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case name == "GIT_CONFIG_GLOBAL", name == "GIT_CONFIG_SYSTEM", name == "GIT_CONFIG_NOSYSTEM":
		case strings.HasPrefix(name, "GIT_"), name == "LC_ALL", name == "LANGUAGE":
			continue
		}
		out = append(out, v)
	}
	return append(out, "LC_ALL=C", "GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE=/dev/null", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none")
}

// version is git's major and minor version.
func (g git) version(ctx context.Context) (major, minor int, err error) {
	out, err := g.run(ctx, "version")
	if err != nil {
		return 0, 0, err
	}
	return parseVersion(out)
}

func parseVersion(out string) (major, minor int, err error) {
	number := strings.TrimPrefix(strings.TrimSpace(out), "git version ")
	parts := strings.SplitN(number, ".", 3)
	if len(parts) >= 2 {
		var wrong error
		major, err = strconv.Atoi(parts[0])
		minor, wrong = strconv.Atoi(parts[1])
		if err = errors.Join(err, wrong); err == nil {
			return major, minor, nil
		}
	}
	return 0, 0, fmt.Errorf("git names its version as %q", text.Clean(out, 80))
}

// quote makes a word safe to paste into a shell, empty if it cannot be printed.
func quote(word string) string {
	if !text.Printable(word) {
		return ""
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./-_", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Command is a shell command of these words, empty if one cannot be printed.
func Command(words ...string) string { return command(slices.Clone(words)...) }

// command is Command, and changes the words.
func command(words ...string) string {
	for i, w := range words {
		if words[i] = quote(w); words[i] == "" {
			return ""
		}
	}
	return strings.Join(words, " ")
}

// show makes a name or a path from outside fit for a terminal.
func show(s string) string { return text.Clean(s, 400) }
