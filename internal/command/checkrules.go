package command

import (
	"fmt"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// A rule is what check says of one rule of an environment.
type rule struct{ name, says string }

// printRules prints what binds each environment beside the path.
func (a *app) printRules(pol *policy.Policy) {
	for _, env := range pol.Environments {
		rules := rulesOf(pol, env, a.now())
		if len(rules) == 0 {
			continue
		}
		fmt.Fprintf(a.stdout, "\n%s\n", env.Name)
		t := newGrid(a.stdout)
		for _, r := range rules {
			t.wide("  "+r.name, r.says)
		}
		t.flush()
	}
}

// wide prints a name and words that are not cut.
func (g *grid) wide(name, words string) { fmt.Fprintf(g.w, "%s\t%s\n", name, words) }

func rulesJSON(pol *policy.Policy, env *policy.Environment, now time.Time) []map[string]any {
	out := []map[string]any{}
	for _, r := range rulesOf(pol, env, now) {
		out = append(out, map[string]any{"rule": r.name, "says": r.says})
	}
	return out
}

// rulesOf lists the rules of an environment, in the order of the reference.
func rulesOf(pol *policy.Policy, env *policy.Environment, now time.Time) (rules []rule) {
	add := func(name, format string, args ...any) {
		rules = append(rules, rule{name, fmt.Sprintf(format, args...)})
	}
	if env.Elsewhere != nil {
		return elsewhereRules(env.Elsewhere, now)
	}
	if env.Stamps != nil {
		add("stamps", "%s", stampsWords(env.Stamps))
	}
	if env.ReportOnly {
		add("enforce", "false: the rules judge and refuse nothing")
	}
	rules = append(rules, releaseRules(env)...)
	if env.Deploy != nil {
		add("deploy", "%s", deployment(env.Deploy))
	}
	if env.Reporters != nil {
		add("reporters", "%s", people(env.Reporters))
	}
	if env.Evidence != "" && env.Evidence != policy.EvidenceStanding {
		add("evidence", "%s", env.Evidence)
	}
	for i, name := range env.After {
		if env.RequiresOf(i) == policy.RequiresSuccess {
			add("requires", "success in %s", name)
		}
	}
	if env.Pushers != nil {
		add("pushers", "%s", people(env.Pushers))
	}
	if env.Soak > 0 {
		add("soak", "%s live without a break in each environment before", span(env.Soak))
	}
	if env.Approvals != nil {
		add("approvals", "%s", approvals(env.Approvals))
	}
	rules = append(rules, commitRules(env)...)
	for _, f := range env.Freezes {
		add("freeze", "%q %s", f.Name, freezeWords(f, now))
	}
	if env.Override != nil {
		add("override", "%s may go past %s", people(env.Override.By), strings.Join(env.Override.Rules, ", "))
	}
	if bound := env.AppliesToRollback; bindsRollback(rules) && env.Rollback == policy.RollbackDeployed {
		add("rollback", "bound by %s", strings.Join(append(append([]string{}, bound...), policy.RuleVeto), ", "))
	}
	return rules
}

// commitRules are the rules that look at git's objects.
func commitRules(env *policy.Environment) (rules []rule) {
	if len(env.Branches) > 0 {
		rules = append(rules, rule{"branches", "contained in one of " + joined(env.Branches)})
	}
	if env.Ticket != "" {
		rules = append(rules, rule{"ticket", fmt.Sprintf("each new commit's message has %q", env.Ticket)})
	}
	if env.Signed != "" {
		rules = append(rules, rule{"signed", fmt.Sprintf("each new commit by a key of %q", env.Signed)})
	}
	if env.FastForward {
		rules = append(rules, rule{"fast_forward", "contains what is live"})
	}
	return rules
}

func deployment(d *policy.Deployment) string {
	if d.External {
		return "external: others deploy, and report how it went"
	}
	words := make([]string, len(d.Command))
	for i, w := range d.Command {
		words[i] = w
		if strings.ContainsAny(w, " \"'\\") || w == "" || !text.Printable(w) {
			words[i] = fmt.Sprintf("%q", w)
		}
	}
	where, wait := "in a clean checkout", "the pusher waits"
	if !d.Checkout {
		where = "without a checkout"
	}
	if !d.Wait {
		wait = "nobody waits"
	}
	return fmt.Sprintf("%s, %s, %s, at most %s", strings.Join(words, " "), where, wait, span(d.Timeout))
}

func people(p policy.Principals) string {
	if len(p) == 0 {
		return "nobody"
	}
	return strings.Join(p, ", ")
}

func approvals(a *policy.Approvals) string {
	by, own := "anybody", "not the pusher's own"
	if a.By != nil {
		by = people(a.By)
	}
	if a.Self {
		own = "also the pusher's own"
	}
	return fmt.Sprintf("%d of %s, %s, valid for %s", a.Count, by, own, span(a.For))
}

// span writes a length of time without zero parts: 2h, not 2h0m0s.
func span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// freezeWords says when a freeze is on next, or until when it is on.
func freezeWords(f *policy.Freeze, now time.Time) string {
	shown := func(t time.Time) string { return t.In(f.Zone).Format("Mon 2006-01-02 15:04") }
	if end, on := f.Until(now); on {
		return fmt.Sprintf("is on until %s %s", shown(end), f.Zone)
	}
	start, end, ok := nextFreeze(f, now)
	if !ok {
		return fmt.Sprintf("is over since %s %s", shown(f.To), f.Zone)
	}
	return fmt.Sprintf("from %s to %s %s", shown(start), shown(end), f.Zone)
}

// nextFreeze finds when a freeze that is not on begins, and when that ends.
func nextFreeze(f *policy.Freeze, now time.Time) (start, end time.Time, ok bool) {
	if f.Weekly == nil {
		return f.From, f.To, now.Before(f.From)
	}
	local := now.In(f.Zone)
	for days := range 9 {
		start = time.Date(local.Year(), local.Month(), local.Day()+days, 0, f.Weekly.FromMinute, 0, 0, f.Zone)
		day := time.Date(local.Year(), local.Month(), local.Day()+days, 12, 0, 0, 0, time.UTC).Weekday()
		if day != f.Weekly.FromDay || !start.After(now) {
			continue
		}
		for _, at := range []time.Time{start, start.Add(time.Hour)} { // later where clocks skip it
			if end, ok = f.Until(at); ok {
				return at, end, true
			}
		}
	}
	return time.Time{}, time.Time{}, false
}
