package explain

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// A ReleaseCase says what is wrong with a push that has to do with releases.
type ReleaseCase string

// The cases. In brackets: the code that goes with each.
const (
	CaseKept        ReleaseCase = "kept"         // pushed to a ref that the server keeps, or deleted it [reserved-ref, deletion]
	CaseNoReleases  ReleaseCase = "no-releases"  // released into an environment that takes none [reserved-ref]
	CaseUnknown     ReleaseCase = "unknown"      // named an environment that is not there [reserved-ref]
	CaseUnnamed     ReleaseCase = "unnamed"      // named no environment, or no branch [reserved-ref]
	CaseBranch      ReleaseCase = "branch"       // named a branch that does not fit [not-from-branch]
	CaseNotReleased ReleaseCase = "not-released" // took out what is not released there [not-released]
	CaseInBase      ReleaseCase = "in-base"      // took out what base contains [not-released]
	CaseRewritten   ReleaseCase = "rewritten"    // would take the place of another commit, and is not what the server's branch is at [not-from-branch]
	CaseNoReason    ReleaseCase = "no-reason"    // started over without a reason [malformed-input]
	CaseNotInBase   ReleaseCase = "not-in-base"  // started over from a commit that base lacks [not-from-branch]
	CaseNoBase      ReleaseCase = "no-base"      // the base does not exist [reserved-ref]
	CaseUnrelated   ReleaseCase = "unrelated"    // has no history in common with the environment [merge-conflict]
	CaseDeploy      ReleaseCase = "deploy"       // deployed by refs/deploy what was not live there before [reserved-ref]
	CaseNotAdopted  ReleaseCase = "not-adopted"  // the ref is there, and nothing of it is on record [stale-old-value]
	CaseNoReset     ReleaseCase = "no-reset"     // deleted refs/release/ENVIRONMENT/reset [deletion]
)

// A ReleaseRefusal is what is known of releases where one is refused. The
// branch that the push names is Refusal.Branch.
type ReleaseRefusal struct {
	// Case is what is wrong; empty where the code or the rules say it.
	Case ReleaseCase
	// Name is the environment's name as pushed, of CaseUnknown.
	Name string
	// Pattern is which branches the environment takes, and Example the short
	// name of one that fits.
	Pattern, Example string
	// Base is what the environment is made from.
	Base policy.RefName
	// Environments are those of the repository that take releases.
	Environments []policy.EnvironmentName
	// Approvals says that the environment asks for approvals.
	Approvals bool
}

// ofCase is what is wrong with a push that has to do with releases.
func (r *Refusal) ofCase() ReleaseCase {
	if r.Release == nil {
		return ""
	}
	return r.Release.Case
}

// misreleased says in plain words what is wrong with it.
func (r *Refusal) misreleased() string {
	d, env, target, base := r.Release, r.Environment, Branch(r.Target), clip(short(r.Release.Base), 24)
	branch := clip(orElse(r.Branch, "the branch"), 40)
	switch d.Case {
	case CaseKept:
		if r.deletes() {
			return fmt.Sprintf("the server keeps %s: it cannot be deleted", target)
		}
		return fmt.Sprintf("the server keeps %s: release your branch, and the server merges it there", target)
	case CaseNoReleases:
		return fmt.Sprintf("%s takes no releases: a branch gets there by a merge into %s", env, target)
	case CaseUnknown:
		return fmt.Sprintf("there is no environment %s here%s", clip(d.Name, 24), r.goInto())
	case CaseUnnamed:
		return "the name must be refs/release/ENVIRONMENT/BRANCH" + r.goInto()
	case CaseBranch:
		return fmt.Sprintf("%s takes branches like %s, and %s is none: they match %s", env, clip(d.Example, 40), branch, clip(d.Pattern, 120))
	case CaseNotReleased:
		return fmt.Sprintf("%s does not hold %s: there is nothing to take out", env, branch)
	case CaseInBase:
		return fmt.Sprintf("%s contains %s, and %s is made from %s: it cannot be taken out here", base, branch, env, base)
	case CaseNoReason:
		return fmt.Sprintf("to start %s over throws all branches out of it, and needs a reason", env)
	case CaseNotInBase:
		return fmt.Sprintf("%s is not in %s: %s starts over only from a commit that is", r.Commit.Short(), base, env)
	case CaseRewritten:
		return fmt.Sprintf("%s has %s at another commit, which this one does not contain; it may take that one's place only if the server's branch is at it", env, branch)
	case CaseNoBase:
		return fmt.Sprintf("%s is made from %s, which does not exist", env, base)
	case CaseUnrelated:
		return fmt.Sprintf("it has no commit in common with %s: there is nothing to merge by", base)
	case CaseDeploy:
		return fmt.Sprintf("it must have been live in %s before, and not taken out since", env)
	case CaseNotAdopted:
		return fmt.Sprintf("%s is there already, and nothing on record says what is in it", target)
	case CaseNoReset:
		return "reset is no branch that could be taken out, but starts the environment over"
	}
	return ""
}

// deletes reports whether the push deletes the ref.
func (r *Refusal) deletes() bool { return r.Commit == "" || r.Commit.IsZero() }

// goInto names the environments that take releases.
func (r *Refusal) goInto() string {
	var all []string
	for _, name := range r.Release.Environments {
		all = append(all, string(name))
	}
	if len(all) == 0 {
		return "; no environment here takes releases"
	}
	return "; releases go into " + branches(all)
}

// hintRelease says what to type in place of a push that has to do with
// releases.
func (r *Refusal) hintRelease(p *page) {
	d, remote, env := r.Release, remoteOf(r.Environment, r.Shared), clip(string(r.Environment), 24)
	switch d.Case {
	case CaseKept, CaseNoReset:
		r.hintKept(p)
	case CaseDeploy:
		p.hint(fmt.Sprintf("what was live in %s:", env), fetch(remote, r.Target)+" && git log --oneline --first-parent FETCH_HEAD")
		r.hintKept(p)
	case CaseNoReleases:
		r.hintMerge(p)
	case CaseUnknown, CaseUnnamed:
		if len(d.Environments) > 0 {
			first := d.Environments[0]
			p.hint(fmt.Sprintf("to release into %s:", first), bringInto(remoteOf(first, r.Shared), orElse(r.Branch, anyBranch), first))
		}
	case CaseBranch:
		p.hint(fmt.Sprintf("call it after its ticket; with %s for a name like %s:", anyBranch, clip(d.Example, 16)),
			"git branch -m "+anyBranch, "git push "+remote+" "+anyBranch, releaseOf(remote, "HEAD", anyBranch, r.Environment))
	case CaseNotReleased:
		p.hint("what was merged there:", fetch(remote, r.Target)+" && git log --oneline --first-parent FETCH_HEAD")
	case CaseInBase:
		p.hint(fmt.Sprintf("revert it in %s, by way of a branch of its own", clip(short(d.Base), 24)))
	case CaseNoReason, CaseNotInBase:
		p.hint("to start over, say why:", startOver(remote, d.Base, r.Environment)...)
	case CaseNotAdopted:
		p.hint("for the administrators: delete it, or record it by pathgate adopt")
	case CaseRewritten:
		p.hint("if you have rebased or amended the branch, publish it first; then release it again:",
			"git push --force-with-lease "+remote+" "+word(local(orElse(r.Branch, anyBranch))))
	case CaseNoBase:
		p.hint(fmt.Sprintf("bring what %s holds to %s first, then release again", clip(string(r.Environment), 24), clip(short(d.Base), 24)))
	case CaseUnrelated:
		p.hint(fmt.Sprintf("make a branch from %s and cherry-pick your commits:", clip(short(d.Base), 24)),
			fetch(remote, d.Base), "git switch -c "+anyBranch+" FETCH_HEAD")
	default:
		p.hint(fmt.Sprintf("release your branch into %s:", env), releaseOf(remote, "HEAD", orElse(r.Branch, anyBranch), r.Environment))
	}
}

// hintKept says how a ref that the server keeps is changed.
func (r *Refusal) hintKept(p *page) {
	d, remote, env := r.Release, remoteOf(r.Environment, r.Shared), clip(string(r.Environment), 24)
	if d.Case == CaseNoReset || r.deletes() {
		p.hint(fmt.Sprintf("to take one branch out of %s:", env), takeOut(remote, anyBranch, r.Environment))
		p.hint("to start over without any, and say why:", startOver(remote, d.Base, r.Environment)...)
		return
	}
	like := ""
	if d.Example != "" {
		like = ", like " + clip(d.Example, 20)
	}
	p.hint("release it; in place of BRANCH your branch's name"+like+":", releaseOf(remote, "HEAD", anyBranch, r.Environment))
}

// hintMerge says how a branch gets into an environment that takes no releases.
func (r *Refusal) hintMerge(p *page) {
	remote := remoteOf(r.Environment, r.Shared)
	if into, ok := strings.CutPrefix(string(r.Target), "refs/heads/"); ok {
		branch := orElse(r.Branch, anyBranch)
		if r.Release.Approvals {
			p.reviewed(fmt.Sprintf("%s takes reviewed commits; in the branch:", clip(into, 30)), remote, into, branch, "")
			return
		}
		p.hint(fmt.Sprintf("merge it into %s, and push that:", clip(into, 30)), mergeInto(remote, into, branch, "")...)
	}
}

// Words says what is wrong with a push that has to do with releases, as a line
// of the record; empty where the code or the rules say it.
func (r *Refusal) Words() string {
	if r.Release == nil {
		return ""
	}
	return r.ofRelease()
}

// ofRelease says why, where it has to do with releases.
func (r *Refusal) ofRelease() string {
	switch {
	case r.Conflict != nil:
		return r.conflicts()
	case r.ofCase() != "":
		return r.misreleased()
	}
	return ""
}
