package command

import (
	"fmt"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/policy"
)

// commandFor is the command that brings a commit to an environment; typed is
// what it was called. Where environments share a repository, that is called
// origin.
func commandFor(pol *policy.Policy, env *policy.Environment, r gate.Rehearsal, typed string) string {
	if env.Release != nil {
		branch := "BRANCH"
		if _, fits := env.Release.Branches.Match(branchRef(typed)); fits && !isHex(typed) {
			branch = typed
		}
		return setup.Command("git", "push", "origin", fmt.Sprintf("%s:refs/release/%s/%s", r.Commit.Short(), env.Name, branch))
	}
	for _, other := range pol.Environments {
		if other != env && other.Repository.String() == env.Repository.String() {
			return explain.PushOrigin(r.Commit, r.Ref)
		}
	}
	return explain.Push(env.Name, r.Commit, r.Ref)
}

// branchNamed is what was typed if it names a branch that some environment takes
// releases of, else empty.
func branchNamed(pol *policy.Policy, typed string) string {
	for _, env := range pol.Environments {
		if env.Release == nil || isHex(typed) {
			continue
		}
		if _, fits := env.Release.Branches.Match(branchRef(typed)); fits {
			return typed
		}
	}
	return ""
}

// isHex reports whether s may be the beginning of an object ID.
func isHex(s string) bool { return hexPrefix(s) == nil }
