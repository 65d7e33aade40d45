package explain

import (
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// matched reports whether a rule looked for what a push brings, in place of
// exactly one commit.
func matched(d *policy.Detail) bool {
	return d.Match == policy.MatchContained || d.Match == policy.MatchTree
}

// unmatched says which of the commits that a push brings an environment before
// does not bear out, and why.
func unmatched(v *policy.Verdict, d *policy.Detail) (lines []string) {
	env := clip(string(v.Environment), 24)
	// What is withdrawn and what is missing are two verdicts on one environment.
	own := *d
	if d = &own; v.Code == policy.Withdrawn {
		d.MissingCount, d.OverriddenCount = 0, 0
	} else if d.MissingCount+d.OverriddenCount > 0 {
		d.WithdrawnCount = 0
	}
	if d.Match == policy.MatchTree && d.MissingCount > 0 {
		lines = append(lines, fmt.Sprintf("no commit that stands in %s has exactly its files", env))
	} else if d.MissingCount > 0 {
		lines = append(lines, fmt.Sprintf("%s does not contain %s: %s", env, ofBrought(d.MissingCount, d.Brought), shorts(d.Missing)))
	}
	if n := d.WithdrawnCount; n > 0 {
		by := ""
		if v.Code == policy.Withdrawn && v.Record != 0 {
			by = fmt.Sprintf(" (record %d)", v.Record)
		}
		lines = append(lines, fmt.Sprintf("taken out of %s since%s: %s", env, by, shorts(d.Withdrawn)))
	}
	if d.OverriddenCount > 0 {
		lines = append(lines, fmt.Sprintf("in %s by an override only, which is no evidence: %s", env, shorts(d.Overridden)))
	}
	switch {
	case len(lines) > 0:
	case d.NotLive:
		lines = append(lines, fmt.Sprintf("what it brings is not live in %s now", env))
	case d.Match == policy.MatchTree:
		lines = append(lines, fmt.Sprintf("no commit that stands in %s has exactly its files", env))
	default:
		lines = append(lines, fmt.Sprintf("%s does not contain what it brings", env))
	}
	return lines
}

// ofBrought counts the commits that lack evidence among those that need it.
func ofBrought(missing, brought int) string {
	switch {
	case brought == 1:
		return "the commit that this brings"
	case missing == brought:
		return fmt.Sprintf("the %d commits that this brings", brought)
	}
	return fmt.Sprintf("%d of the %d commits that this brings", missing, brought)
}

// hintUnmatched points to the first environment before that lacks something of
// what the push brings, and reports whether there is one.
func (r *Refusal) hintUnmatched(p *page) bool {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.OK || v.Overridden || v.Detail == nil || !matched(v.Detail) {
			continue
		}
		for j := range r.Stages {
			if s := &r.Stages[j]; s.Environment == v.Environment && r.hintBring(p, s, v.Detail) {
				return true
			}
		}
	}
	return false
}

// hintBring says how what is missing in a stage gets there.
func (r *Refusal) hintBring(p *page, s *Stage, d *policy.Detail) bool {
	what, when := "it", "first"
	branch, head := r.Branch, policy.ObjectID("")
	switch {
	case branch != "" && r.Elsewhere:
		head = r.Commit
	case branch == "" && s.Branch != "":
		branch, head = s.Branch, s.Head
		what = clip(branch, 24)
	case branch == "":
		branch = anyBranch
		what = "the branch that brings it"
	}
	if d.MissingCount == 0 && d.WithdrawnCount > 0 {
		when = "again, if it is good"
	}
	remote := remoteOf(s.Environment, s.Shared)
	if branch == anyBranch && s.Release && d.Match == policy.MatchContained {
		p.hint("a squash, a rebase and a merge solved by hand are new commits")
	}
	switch {
	case s.Release:
		p.hint(fmt.Sprintf("release %s into %s %s:", what, s.Environment, when), releaseOf(remote, called(branch, head), branch, s.Environment))
	case s.Ref != "":
		p.hint(fmt.Sprintf("deploy it to %s %s:", s.Environment, when), push(remote, r.Commit, s.Ref, false))
	default:
		return false
	}
	return true
}
