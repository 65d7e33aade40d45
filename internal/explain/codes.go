package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// reasons says in plain words why the update was refused.
func (r *Refusal) reasons() []string {
	if lines := r.refusedBy(); len(lines) > 0 {
		return lines
	}
	if line := r.ofRelease(); line != "" {
		return []string{line}
	}
	target := Branch(r.Target)
	switch r.Code {
	case policy.MergeConflict:
		return []string{orElse(r.Detail, "it cannot be merged with what is there")}
	case policy.NotReleased:
		return []string{orElse(r.Detail, "it is not in the environment, so that it cannot be taken out")}
	case policy.NotFromBranch:
		return []string{orElse(r.Detail, "it is on none of the branches that may go there")}
	case Rehearsal:
		return []string{"this was a rehearsal: nothing has moved"}
	case policy.Deletion:
		return []string{fmt.Sprintf("%s belongs to %s and cannot be deleted", target, r.Environment)}
	case policy.ReservedRef:
		return []string{orElse(r.Detail, r.reserved())}
	case policy.NotACommit:
		return []string{fmt.Sprintf("%s takes commits, and this is a %s", target, orElse(r.Detail, "different object"))}
	case policy.DuplicateUpdate:
		return []string{fmt.Sprintf("the push names %s more than once", target)}
	case policy.StaleOldValue:
		return []string{fmt.Sprintf("the push takes %s to be somewhere else: it is at %s", target, orElse(r.Detail, "another commit"))}
	case policy.NotAlone:
		return []string{orElse(r.Detail, "a command ref must be the only ref of its push, without --atomic")}
	case policy.NotLocked:
		return []string{"it is not locked"}
	case policy.Alias:
		return []string{orElse(r.Detail, "this name leads to another ref")}
	case policy.UnlistedRepository:
		return []string{"no environment of the policy matches this repository"}
	case policy.TooLarge:
		return []string{orElse(r.Detail, "the push holds more than one push may")}
	case policy.NoIdentity:
		return []string{orElse(r.Detail, "the connection does not say who is pushing")}
	}
	return []string{orElse(r.Detail, "what was sent is not what git would send")}
}

// reserved says why a name that pathgate keeps for itself is closed.
func (r *Refusal) reserved() string {
	if strings.HasPrefix(strings.ToLower(string(r.Ref)), "refs/replace") {
		return "refs there make git take one object for another"
	}
	return "pathgate keeps this name for itself"
}

// again is the command that pushes a commit, or HEAD if it is empty, as it was
// meant: a release as a release.
func (r *Refusal) again(commit policy.ObjectID) string {
	remote := remoteOf(r.Environment, r.Shared)
	if !strings.HasPrefix(string(r.Ref), "refs/release/") {
		return push(remote, commit, r.Target, r.NoCommands)
	}
	what := orElse(commit.Short(), "HEAD")
	if commit.IsZero() {
		what = ""
	}
	return fmt.Sprintf("git push %s %s", remote, quote(what+":"+string(r.Ref)))
}

// tagged is the commit that a refused tag names, if it names one.
func (r *Refusal) tagged() policy.ObjectID {
	if r.Detail == "tag" {
		return r.Commit
	}
	return ""
}

// refusedBy says why, rule by rule.
func (r *Refusal) refusedBy() []string {
	var lines []string
	if r.Any {
		lines = append(lines, "one of these would do:")
	}
	for i := range r.Verdicts {
		if v := &r.Verdicts[i]; !v.OK && !v.Overridden {
			lines = append(lines, no(v)...)
		}
	}
	return lines
}

// hints says what to type next.
func (r *Refusal) hints(p *page) {
	r.hint(p, r.Code)
	if r.Code == policy.Vetoed {
		return
	}
	said := []policy.Code{r.Code}
	for i := range r.Verdicts {
		if v := &r.Verdicts[i]; !v.OK && !v.Overridden && !slices.Contains(said, v.Code) {
			said = append(said, v.Code)
			if v.Code == policy.NeedsApproval && r.lacksEvidence() {
				continue // what is approved of now may not be what gets there
			}
			if slices.Contains(said[:len(said)-1], policy.Withdrawn) && v.Code == policy.PriorNotDeployed {
				continue // the same way leads there
			}
			r.hint(p, v.Code)
		}
	}
}

func (r *Refusal) hint(p *page, code policy.Code) {
	remote := remoteOf(r.Environment, r.Shared)
	if code == r.Code && r.ofCase() != "" {
		r.hintRelease(p)
		return
	}
	switch code {
	case policy.PriorNotDeployed, policy.Withdrawn:
		r.hintPrior(p)
	case policy.NoStamp, policy.StampTooOld:
		r.hintStamps(p, code)
	case policy.StampForked:
		p.hint("only an operator of this server can settle it:", "pathgate help stamp-forked")
	case policy.MergeConflict:
		if r.Conflict != nil {
			r.hintConflict(p)
		}
	case policy.NotSuccessful:
		r.hintStanding(p, code)
		r.hintRetry(p)
	case policy.Soaking:
		if !r.refusedAs(policy.NotSuccessful) {
			r.hintStanding(p, code)
		}
	case policy.NeedsApproval:
		r.hintApproval(p)
	case policy.Locked:
		r.hintLock(p)
	case policy.Vetoed:
		p.hint("take another commit; only an operator lifts a veto")
	case policy.NotFastForward:
		p.hint("merge what is live first:", r.fetch())
	case policy.NoTicket:
		p.hint("name the ticket in each commit's message, and push again")
	case policy.Unsigned:
		p.hint("sign them (git commit -S), deploy them from the first environment on")
	case policy.RollbackNotAllowed:
		p.hint("go forward instead: revert it in a new commit and deploy that")
	case policy.Deletion:
		if strings.HasPrefix(string(r.Ref), "refs/notes/") {
			return
		}
		p.hint("to take a change back, deploy an earlier commit; these are there:",
			r.fetch()+" && git log --oneline FETCH_HEAD")
	case policy.ReservedRef:
		switch {
		case r.Release != nil && r.ruled(policy.RuleRelease):
			p.hint("release your branch instead:", releaseOf(remote, "HEAD", orElse(r.Branch, anyBranch), r.Environment))
		case r.Environment != "" && r.Target != "" && r.Target != r.Ref && strings.HasPrefix(string(r.Ref), "refs/deploy/"):
			p.hint(fmt.Sprintf("%s takes commits so:", r.Environment), push(remote, r.Commit, r.Target, r.NoCommands))
		}
	case policy.DuplicateUpdate:
		p.hint("push one commit to it:", r.again(r.Commit))
	case policy.StaleOldValue:
		p.hint("look at what is there, then push again:", r.fetch(), r.again(r.Commit))
	case policy.NotAlone:
		p.hint("push it by itself:", r.again(r.Commit))
	case policy.NotACommit:
		p.hint("push a commit:", r.again(r.tagged()))
	case policy.Alias:
		if r.Environment != "" && r.Target != "" {
			p.hint("push to the ref itself:", push(remote, r.Commit, r.Target, r.NoCommands))
		}
	case policy.NoIdentity, policy.UnlistedRepository:
		p.hint("this is for the administrators of the server to mend")
	case policy.TooLarge:
		if strings.HasPrefix(string(r.Ref), "refs/release/") {
			p.hint("release it in steps, an earlier commit of the branch first")
		} else {
			p.hint("push fewer refs, or fewer commits, at a time")
			p.hint("an operator brings in a whole history: pathgate help too-large")
		}
	}
}

// lacksEvidence reports whether an environment before does not bear it out.
func (r *Refusal) lacksEvidence() bool {
	codes := []policy.Code{policy.PriorNotDeployed, policy.Withdrawn, policy.NoStamp, policy.StampTooOld, policy.StampForked}
	return slices.ContainsFunc(r.Verdicts, func(v policy.Verdict) bool {
		return !v.OK && !v.Overridden && slices.Contains(codes, v.Code)
	})
}

// refusedAs reports whether a rule refuses it with a code.
func (r *Refusal) refusedAs(code policy.Code) bool {
	return slices.ContainsFunc(r.Verdicts, func(v policy.Verdict) bool { return v.Code == code && !v.OK && !v.Overridden })
}

// ruled reports whether a rule refuses it.
func (r *Refusal) ruled(name string) bool {
	return slices.ContainsFunc(r.Verdicts, func(v policy.Verdict) bool { return v.Name == name && !v.OK && !v.Overridden })
}

// hintRetry says how to deploy once more what did not go well.
func (r *Refusal) hintRetry(p *page) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Code != policy.NotSuccessful || v.Overridden {
			continue
		}
		if v.Detail != nil && (v.Detail.Pending || v.Detail.Elsewhere) {
			continue
		}
		for _, s := range r.Stages {
			if s.Environment == v.Environment && s.Ref != "" {
				retry := push(remoteOf(s.Environment, s.Shared), r.Commit, s.Ref, false)
				if s.Release {
					retry = RetryReleased(s.Environment, s.Live.Commit, s.Ref, s.Shared)
				}
				p.hint(fmt.Sprintf("mend it, or deploy it to %s once more:", s.Environment), retry)
				return
			}
		}
	}
}

// hintPrior points to the first environment of the path that lacks the commit:
// there the way begins.
func (r *Refusal) hintPrior(p *page) {
	if r.hintUnmatched(p) {
		return
	}
	for _, v := range r.Verdicts {
		if v.Detail != nil && v.Detail.Back && !v.OK {
			p.hint("merge what is live into it; or, to take a change back, revert it in a new commit and take that the usual way")
			return
		}
	}
	if r.hintBrought(p) {
		return
	}
	r.hintStanding(p, policy.PriorNotDeployed)
	for _, s := range r.Stages {
		if s.Environment == r.Environment || s.Release || s.Standing.Stands() || !r.needed(s.Environment) {
			continue
		}
		if s.Elsewhere {
			r.hintWithdrawn(p, &s)
			continue
		}
		why := fmt.Sprintf("deploy it to %s first:", s.Environment)
		if s.Standing.Withdrawn != 0 {
			why = fmt.Sprintf("if it is good after all, deploy it to %s again:", s.Environment)
		}
		if s.Ref == "" {
			p.hint(fmt.Sprintf("%s to one of its refs, %s", strings.TrimSuffix(why, ":"), s.Refs))
			return
		}
		p.hint(why, push(remoteOf(s.Environment, s.Shared), r.Commit, s.Ref, false))
		return
	}
	for _, v := range r.Verdicts {
		if v.Detail != nil && v.Detail.ByOverride && !v.OK {
			p.hint(fmt.Sprintf("take a commit through the rules of %s without an override", v.Environment))
			return
		}
	}
}

// needed reports whether an environment was asked for evidence, or lies on the
// way to one that was.
func (r *Refusal) needed(name policy.EnvironmentName) bool {
	for _, v := range r.Verdicts {
		if v.Environment == name {
			return v.Code != ""
		}
	}
	return true
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
