package explain

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// anyBranch stands in a command for a branch's name that only the reader knows.
const anyBranch = "BRANCH"

// origin is what git calls the remote of a clone: that of all environments
// where they share one repository.
const origin = "origin"

// remoteOf is what a hint calls the repository of an environment: origin where
// the environments share one, else the environment's name.
func remoteOf(environment policy.EnvironmentName, shared bool) string {
	if shared {
		return origin
	}
	return string(environment)
}

// Push is the command that brings a commit to an environment, in a form that
// git accepts for every commit, also an older one, and on an empty repository.
// The remote is called by the environment's name.
func Push(environment policy.EnvironmentName, commit policy.ObjectID, ref policy.RefName) string {
	return push(string(environment), commit, ref, false)
}

// PushOrigin is Push where the environments share one repository.
func PushOrigin(commit policy.ObjectID, ref policy.RefName) string {
	return push(origin, commit, ref, false)
}

// push is Push to a remote, and to the ref itself where the repository carries
// out no command refs.
func push(remote string, commit policy.ObjectID, ref policy.RefName, direct bool) string {
	what := commit.Short()
	if what == "" {
		what = "HEAD"
	}
	return fmt.Sprintf("git push %s %s", remote, quote(refspec(what, ref, direct)))
}

// refspec is what to push so that ref takes what: a command ref for a branch,
// if there are any, else the ref itself by force, as it may go back.
func refspec(what string, ref policy.RefName, direct bool) string {
	if branch, ok := strings.CutPrefix(string(ref), "refs/heads/"); ok && !direct {
		return what + ":refs/deploy/" + branch
	}
	return "+" + what + ":" + string(ref)
}

// bringInto is the command that releases a branch into an environment.
func bringInto(remote, branch string, environment policy.EnvironmentName) string {
	return releaseOf(remote, local(branch), branch, environment)
}

// releaseOf is bringInto, of what the developer calls what.
func releaseOf(remote, what, branch string, environment policy.EnvironmentName) string {
	return fmt.Sprintf("git push %s %s", remote, quote(fmt.Sprintf("%s:refs/release/%s/%s", what, environment, branch)))
}

// takeOut is the command that takes a branch out of an environment.
func takeOut(remote, branch string, environment policy.EnvironmentName) string {
	return releaseOf(remote, "", branch, environment)
}

// startOver are the commands that start an environment over from its base, as it
// is on the server.
func startOver(remote string, base policy.RefName, environment policy.EnvironmentName) []string {
	return []string{
		"git fetch " + remote,
		fmt.Sprintf(`git push -o reason="..." %s %s`, remote, quote(fmt.Sprintf("%s/%s:refs/release/%s/reset", remote, short(base), environment))),
	}
}

// fetch is the command that gets what a branch of a remote holds.
func fetch(remote string, ref policy.RefName) string {
	return "git fetch " + remote + " " + word(local(short(ref)))
}

// fetch is the command that gets what the environment's ref holds: by its name
// where the repository has those of other environments too.
func (r *Refusal) fetch() string {
	if !r.Shared || r.Target == "" {
		return "git fetch " + remoteOf(r.Environment, r.Shared)
	}
	return fetch(origin, r.Target)
}

// short is a branch's name without refs/heads/.
func short(ref policy.RefName) string { return strings.TrimPrefix(string(ref), "refs/heads/") }

// local is what git takes for a branch in a command, also where its name looks
// like something else.
func local(branch string) string {
	if strings.HasPrefix(branch, "-") || strings.HasPrefix(branch, "+") || branch == "HEAD" || branch == "@" {
		return "refs/heads/" + branch
	}
	return branch
}

// checkedOut is what git switch takes for a branch; the placeholder for one that
// it would take for something else.
func checkedOut(branch string) string {
	if local(branch) != branch {
		return anyBranch
	}
	return branch
}

// word is one name in a command, quoted for the shell. One that would not print
// as itself cannot be pasted.
func word(name string) string {
	if !text.Printable(name) {
		return anyBranch
	}
	return quote(name)
}

// quote makes a word safe to paste into a shell. A ref name that would not
// print as itself cannot be pasted at all; the placeholder says so.
func quote(word string) string {
	if !text.Printable(word) {
		return "<commit>:<ref>"
	}
	if strings.IndexFunc(word, unsafe) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// unsafe tells characters that some shell may take for something else. A colon
// and a plus sign are git's, in what to push.
func unsafe(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
		strings.ContainsRune("+:./-_", r))
}
