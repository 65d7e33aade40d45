package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// fetchTime bounds a fetch from another host.
const fetchTime = 10 * time.Minute

// FetchRef fetches one ref of another repository, by any transport that git
// has, and puts it into the ref to of this one, wherever that was before. It
// returns what the ref holds; empty if the other repository has no such ref.
// No hook runs. What git needs to get there (keys, helpers, proxies) it takes
// from the user's configuration and environment, and asks nobody. What comes is
// checked as git fsck does; nothing bounds how much it is.
func (r *Repository) FetchRef(ctx context.Context, url string, ref, to policy.RefName) (policy.ObjectID, error) {
	for _, name := range []policy.RefName{ref, to} {
		if !strings.HasPrefix(string(name), "refs/") || !policy.ValidRefName(name) {
			return "", fmt.Errorf("fetch ref %q: the name is not valid", name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	_, failed := r.reach(ctx, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-gc",
		"--no-write-fetch-head", "--refmap=", "--", url, "+"+string(ref)+":"+string(to))
	if failed == nil {
		_, id, err := r.Resolve(ctx, to)
		if err == nil && id == "" {
			err = errors.New("git left no ref")
		}
		return id, err
	}
	out, err := r.reach(ctx, "ls-remote", "--quiet", "--refs", "--", url, string(ref))
	if err == nil && !strings.Contains(out, "\t"+string(ref)+"\n") {
		return "", nil
	}
	return "", failed
}

// RemoteRefs lists refs of another repository that fit a pattern (git ls-remote),
// as FetchRef reaches it: those whose names are valid, and not more than fit into
// some kilobytes.
func (r *Repository) RemoteRefs(ctx context.Context, url, pattern string) (names []policy.RefName, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	out, err := r.reach(ctx, "ls-remote", "--quiet", "--refs", "--", url, pattern)
	for line := range strings.Lines(out) {
		_, name, _ := strings.Cut(line, "\t")
		name, whole := strings.CutSuffix(name, "\n")
		if ref := policy.RefName(name); whole && policy.ValidRefName(ref) {
			names = append(names, ref)
		}
	}
	return names, err
}

// reach runs a git that talks to another host: with the user's environment, but
// for what would point it to other objects or refs here, and without hooks.
func (r *Repository) reach(ctx context.Context, args ...string) (string, error) {
	verb := args[0]
	args = append([]string{"--git-dir=" + r.gitDir, "-c", "core.hooksPath=" + os.DevNull, "-c", "fetch.fsckObjects=true",
		"-c", "fetch.writeCommitGraph=false", "-c", "maintenance.auto=false"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.WaitDelay = r.gitDir, time.Second
	cmd.Env = append(travelling(os.Environ()), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_NO_REPLACE_OBJECTS=1")
	out, messages := &bounded{limit: maxGitMessages, drop: true}, &bounded{limit: maxGitMessages, drop: true}
	cmd.Stdout, cmd.Stderr = out, messages
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("git %s: %w", verb, ctx.Err())
	case err != nil:
		return "", fmt.Errorf("git %s: %w: %s", verb, err, strings.TrimSpace(messages.kept.String()))
	}
	return out.kept.String(), nil
}

// travelling leaves out the variables that tie a git to a repository (git
// rev-parse --local-env-vars, but for configuration) or change what history is.
func travelling(environ []string) []string {
	var out []string
	for _, v := range environ {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_IMPLICIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
			"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE",
			"GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS", "GIT_INTERNAL_SUPER_PREFIX", "LC_ALL", "GIT_TERMINAL_PROMPT":
		default:
			out = append(out, v)
		}
	}
	return out
}
