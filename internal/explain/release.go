package explain

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/pathgate/pathgate/policy"
)

// A Release is what a command below refs/release did.
type Release struct {
	// Action is what package release says was done: release, replace, remove
	// or reset.
	Action string
	// Branch is the branch's short name, "JIRA-123"; empty for a reset.
	Branch string
	// Head is the branch's commit; of a reset, the commit started over from.
	Head policy.ObjectID
	// Base is what the environment is made from.
	Base policy.RefName
	// CaughtUp is base's commit if it was merged in first, else empty.
	CaughtUp policy.ObjectID
	// Forward says that the environment moved forward to Head without a merge.
	Forward bool
	// Instead is the commit that a rewritten branch was released at before.
	Instead policy.ObjectID
	// Gone are the branches that base contains by now.
	Gone []string
	// StillIn are, of a removal, the branches through which commits of the
	// removed one stay.
	StillIn []string
	// Out are, of a reset, the branches that the environment held.
	Out []string
	// Branches is how many branches the environment holds now.
	Branches int
	// Elsewhere says that the repository has no branch of that name at Head: it
	// has moved on, or was never published.
	Elsewhere bool
}

// pinned is the commit that hints name in place of the branch, whose name may
// mean another one; empty if it does not.
func (d *Release) pinned() policy.ObjectID {
	if d.Elsewhere {
		return d.Head
	}
	return ""
}

// released says what was done, by a receipt's first word after "by".
var released = map[string]string{
	"release": "released",
	"replace": "released anew",
	"remove":  "taken out",
	"reset":   "started over",
}

// release explains what a command below refs/release did.
func (r *Receipt) release(p *page) {
	p.line("success: %s", r.released())
	past := ""
	if r.Kind == policy.Overridden {
		past = " past rules"
	}
	p.line("  %s%s by %s, record %d", orElse(released[r.Release.Action], "released"), past, principal(r.Principal), r.Record)
	p.reason(fmt.Sprintf("%s: %s", Branch(r.Ref), r.fromTo()), "")
	if len(r.Evidence) > 0 {
		p.line("  on the evidence of record%s", list(r.Evidence))
	}
	r.besides(p)
	r.deploying(p)
	r.afterRelease(p)
}

// released is what has happened, in one line.
func (r *Receipt) released() string {
	d, env := r.Release, clip(string(r.Environment), 24)
	switch {
	case d.Action == "remove":
		return fitted(d.Branch, " is out of "+env+"; "+left(d.Branches))
	case d.Action == "reset":
		return fmt.Sprintf("%s starts over from %s at %s", env, clip(short(d.Base), 24), d.Head.Short())
	case d.Forward:
		return env + " has " + fitted(d.Branch, ", moved forward to "+d.Head.Short(), len(env)+5)
	}
	return env + " has " + fitted(d.Branch, fmt.Sprintf(" at %s, merged as %s", d.Head.Short(), r.Commit.Short()), len(env)+5)
}

// fitted is a branch's name cut so that it fits on a line with what follows and
// what comes before.
func fitted(branch, rest string, used ...int) string {
	room := width - len("success: ") - utf8.RuneCountInString(rest)
	for _, n := range used {
		room -= n
	}
	return clip(branch, max(8, room)) + rest
}

// left counts branches.
func left(n int) string {
	switch n {
	case 0:
		return "no branch is left"
	case 1:
		return "1 branch is left"
	}
	return fmt.Sprintf("%d branches are left", n)
}

// fromTo is what the environment's ref was and is: git's own line shows the
// name of the command instead.
func (r *Receipt) fromTo() string {
	from, holds := "new", ""
	if r.Before.Record != 0 {
		from = r.Before.Commit.Short()
	}
	switch n := r.Release.Branches; {
	case r.Release.Action != "release" && r.Release.Action != "replace":
	case n == 1:
		holds = ", holds 1 branch"
	case n > 1:
		holds = fmt.Sprintf(", holds %d branches", n)
	}
	return fmt.Sprintf("%s -> %s%s", from, r.Commit.Short(), holds)
}

// besides says what else a release brought about.
func (r *Receipt) besides(p *page) {
	d, base := r.Release, clip(short(r.Release.Base), 24)
	switch d.Action {
	case "replace":
		p.reason(fmt.Sprintf("built anew from %s: it takes the place of %s, which it does not contain", base, d.Instead.Short()), "")
	case "remove":
		if d.Branches == 0 {
			p.reason(fmt.Sprintf("built anew from %s", base), "")
			break
		}
		p.reason(fmt.Sprintf("built anew from %s and the branches that are left", base), "")
	case "reset":
		p.reason(orElse(d.thrownOut(), "no branch was in it"), "")
	default:
		if d.CaughtUp != "" {
			p.reason(fmt.Sprintf("%s had gone on and was merged first, at %s", base, d.CaughtUp.Short()), "")
		}
	}
	if len(d.StillIn) > 0 {
		p.reason(fmt.Sprintf("commits of it stay: %s %s them", branches(d.StillIn), orElse(map[bool]string{true: "contains"}[len(d.StillIn) == 1], "contain")), "")
	}
	if len(d.Gone) > 0 {
		p.reason(fmt.Sprintf("in %s by now, and no longer counted here: %s", base, branches(d.Gone)), "")
	}
	r.leaves(p)
}

// thrownOut names the branches that a reset took out, empty if there were none.
func (d *Release) thrownOut() string {
	if len(d.Out) == 0 {
		return ""
	}
	return "out, all that it held: " + branches(d.Out)
}

// afterRelease says what to type next.
func (r *Receipt) afterRelease(p *page) {
	d, remote := r.Release, remoteOf(r.Environment, r.Shared)
	switch d.Action {
	case "remove":
		p.hint("to put it back:", bringInto(remote, d.Branch, r.Environment))
		return
	case "reset":
		p.hint("release again what it shall hold:", bringInto(remote, anyBranch, r.Environment))
		return
	}
	r.next(p, d.Branch, d.pinned())
	p.hint(fmt.Sprintf("to take it out of %s again:", clip(string(r.Environment), 40)), takeOut(remote, d.Branch, r.Environment))
}

// Contained tells that there is nothing to do: the environment holds the
// branch's commit already, through base or through the branches by. live is
// what the environment's ref holds, and tree where the ledger stands, as a
// Receipt has it.
func Contained(w io.Writer, env policy.EnvironmentName, ref policy.RefName, branch string, head, live policy.ObjectID, base policy.RefName, by []string, tree string) {
	var p page
	where := clip(string(env), 24)
	p.line("success: %s", where+" has "+fitted(branch, fmt.Sprintf(" at %s already", head.Short()), len(where)+5))
	switch {
	case base != "":
		p.reason(fmt.Sprintf("%s contains it, and %s is made from %s", clip(short(base), 24), where, clip(short(base), 24)), "")
	case len(by) == 1 && by[0] == branch:
		p.line("  it was released before")
	case len(by) > 0:
		p.reason("it came along with "+branches(by)+", and goes out again with that", "")
	}
	p.reason(fmt.Sprintf("nothing to do: %s stays at %s", Branch(ref), live.Short()), "")
	p.tree(tree)
	p.send(w)
}

// branches lists short names, a few of many.
func branches(all []string) string {
	var parts []string
	for _, name := range all[:min(len(all), 6)] {
		parts = append(parts, clip(name, 24))
	}
	if more := len(all) - 6; more > 0 {
		return strings.Join(parts, ", ") + fmt.Sprintf(" and %d more", more)
	}
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}
