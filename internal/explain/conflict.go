package explain

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/policy"
)

// mostRivals is how many branches are named that another conflicts with.
const mostRivals = 5

// widestCode is how wide the lines of a conflict's files are shown.
const widestCode = 90

// rivals are the released branches that conflict: each by itself, or all of
// them together.
func rivals(c *release.Conflict) []release.Branch {
	if len(c.With) > 0 {
		return c.With
	}
	return c.Touch
}

// conflicts says in one sentence what conflicts with what.
func (r *Refusal) conflicts() string {
	c, env, base := r.Conflict, clip(string(r.Environment), 24), clip(short(r.base()), 24)
	with := against(c, env, base)
	at := clip(c.Branch.Name, 24)
	switch {
	case !c.Rebuild && c.Branch.Name == "":
		return fmt.Sprintf("%s has gone on and is merged first, and conflicts with %s", base, with)
	case r.ownConflict():
		return fmt.Sprintf("branch %s conflicts with %s", at, with)
	}
	without := ""
	if r.removes() && r.Branch != "" {
		without = " without " + clip(r.Branch, 24)
	}
	return fmt.Sprintf("%s would be built anew from %s%s, and there %s conflicts with %s", env, base, without, at, with)
}

func branchNames(all []release.Branch) (names []string) {
	for _, b := range all {
		names = append(names, b.Name)
	}
	return names
}

// against names what a branch conflicts with.
func against(c *release.Conflict, env, base string) string {
	all := branchNames(rivals(c))
	if c.WithBase {
		all = append([]string{base}, all...)
	}
	switch {
	case len(all) == 0:
		return "what " + env + " holds"
	case len(c.With) == 0 && !c.WithBase && len(all) > 1:
		return "what " + branches(all) + " come to together"
	}
	return branches(all)
}

// ownConflict reports whether it is the branch that the push names which
// conflicts, and not base or one that would be put back.
func (r *Refusal) ownConflict() bool {
	at := r.Conflict.Branch.Name
	return at != "" && (r.Branch == "" || at == r.Branch) && !r.removes()
}

// removes reports whether the push takes a branch out.
func (r *Refusal) removes() bool {
	return r.Kind == policy.Remove || strings.HasPrefix(string(r.Ref), "refs/release/") && r.deletes()
}

// base is what the environment is made from.
func (r *Refusal) base() policy.RefName {
	if r.Release == nil {
		return ""
	}
	return r.Release.Base
}

// conflict shows with whose branches it is, and where.
func (r *Refusal) conflict(p *page) {
	c := r.Conflict
	with := rivals(c)
	for _, b := range with[:min(len(with), mostRivals)] {
		p.line("  %s", clip(fmt.Sprintf("%s has %s at %s, by %s, record %d", clip(string(r.Environment), 16), clip(b.Name, 24),
			b.Head.Short(), principal(b.Principal), b.Record), width-2))
	}
	if more := len(with) - mostRivals; more > 0 {
		p.line("  and %d more branches", more)
	}
	if c.Unsearched > 0 {
		p.line("  (%d more released branches were not looked at)", c.Unsearched)
	}
	p.line("  nothing has moved")
	if len(c.Files) > 0 {
		p.line("")
	}
	for i := range c.Files {
		file(p, &c.Files[i], r.sides())
	}
	if c.More > 0 {
		p.line("  and %d more files", c.More)
	}
	p.line("")
}

// sides puts names in the place of here and there, as a conflict's kind has them.
func (r *Refusal) sides() *strings.Replacer {
	there := orElse(r.Conflict.Branch.Name, orElse(short(r.base()), "the base"))
	return strings.NewReplacer(" here", " in "+clip(string(r.Environment), 12), " there", " in "+clip(there, 14))
}

// file shows a file that conflicts and some of the places. No line begins with
// what a pusher wrote, as git colours one that begins with "error", indented or
// not.
func file(p *page, f *release.File, sides *strings.Replacer) {
	kind := clip(sides.Replace(f.Kind), 50)
	p.line("  in %s (%s)", clip(f.Path, width-8-utf8.RuneCountInString(kind)), kind)
	for i := range f.Hunks {
		for _, line := range f.Hunks[i].Lines {
			p.line("    | %s", clip(line, widestCode))
		}
		if f.Hunks[i].Cut {
			p.line("    | ...")
		}
	}
}

// hintConflict gives the commands that reproduce and solve it: the other branch
// is merged into the developer's, never the developer's into the environment's.
func (r *Refusal) hintConflict(p *page) {
	c, remote, with := r.Conflict, remoteOf(r.Environment, r.Shared), rivals(r.Conflict)
	branch, env := orElse(c.Branch.Name, orElse(r.Branch, anyBranch)), clip(string(r.Environment), 24)
	why := "reproduce it in your branch:"
	switch {
	case c.Branch.Name == "" && len(with) == 0:
		p.hint("start over, and release again what it shall hold:", startOver(remote, r.base(), r.Environment)...)
		return
	case c.Branch.Name == "":
		branch = with[0].Name
	case len(with) == 0 && !c.WithBase:
		why = fmt.Sprintf("reproduce it; your branch then holds all that %s does:", env)
	}
	commands := r.reproduce(branch)
	if !r.ownConflict() {
		p.hint(fmt.Sprintf("take %s out of %s, and then try again:", clip(branch, 20), clip(env, 16)), takeOut(remote, branch, r.Environment))
		why = fmt.Sprintf("or solve it in %s and release that again:", clip(branch, 24))
		// It may be somebody else's branch, which is not in this clone yet.
		commands = append([]string{"git fetch " + remote}, commands...)
	}
	p.hint(why, commands...)
	p.hint("solve it, git add, git commit; then, in two pushes:",
		"git push "+remote+" "+word(local(branch)), bringInto(remote, branch, r.Environment))
	if len(with) > 0 && c.Branch.Name != "" {
		p.hint(fmt.Sprintf("%s then goes on only with %s", clip(branch, 16), clip(branches(branchNames(with)), 24)))
	}
}

// reproduce are the commands after which branch has the conflict to solve. What
// is released is fetched with the environment's own ref, as its branch may have
// gone on, or be gone.
func (r *Refusal) reproduce(branch string) []string {
	c, remote, with := r.Conflict, remoteOf(r.Environment, r.Shared), rivals(r.Conflict)
	turn := "git switch " + word(checkedOut(branch))
	if c.Branch.Name == "" || c.WithBase && len(with) == 0 {
		return []string{fetch(remote, r.base()), turn, "git merge FETCH_HEAD"}
	}
	commands := []string{fetch(remote, r.Target), turn}
	if len(with) == 0 || len(with) > mostRivals {
		return append(commands, "git merge FETCH_HEAD")
	}
	for i, b := range with {
		if i > 0 {
			commands = append(commands, "# solve it, git add, git commit; then the next:")
		}
		commands = append(commands, "git merge "+b.Head.Short())
	}
	if c.WithBase {
		commands = append(commands, "# solve it, git add, git commit; then the next:", fetch(remote, r.base())+" && git merge FETCH_HEAD")
	}
	return commands
}
