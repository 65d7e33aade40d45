package explain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// Rehearsal is the code of a push that asked only to be judged. No policy
// refuses with it.
const Rehearsal policy.Code = "rehearsal"

// no says in plain words why a rule refuses.
func no(v *policy.Verdict) []string {
	d := v.Detail
	if d == nil {
		d = &policy.Detail{}
	}
	if v.Name == policy.RuleRelease {
		return []string{"it must have been live here before, and not taken out since: refs/deploy only goes back, or deploys again"}
	}
	if matched(d) && (v.Code == policy.PriorNotDeployed || v.Code == policy.Withdrawn) {
		return unmatched(v, d)
	}
	switch v.Code {
	case policy.NoStamp:
		return noStamp(v.Environment, d)
	case policy.StampTooOld:
		return stampTooOld(v.Environment, d)
	case policy.StampForked:
		return stampForked(v)
	case policy.PriorNotDeployed:
		return append([]string{notDeployed(v.Environment, d)}, offered(d)...)
	case policy.Withdrawn:
		return append([]string{fmt.Sprintf("%s was rolled back from it, in record %d", v.Environment, v.Record)}, offered(d)...)
	case policy.NotSuccessful:
		return []string{notSuccessful(v.Environment, d)}
	case policy.Soaking:
		return []string{soaking(v.Environment, d)}
	case policy.NeedsApproval:
		return needsApproval(d)
	case policy.Frozen:
		return []string{fmt.Sprintf("frozen by %q until %s %s", clip(d.Freeze, 30), d.Until.Format("Mon 2006-01-02 15:04"), d.Until.Location())}
	case policy.Locked:
		return []string{fmt.Sprintf("locked by %s%s: %s", principal(d.Principal), until(d.Until), reasonOf(d.Reason))}
	case policy.Vetoed:
		return []string{fmt.Sprintf("vetoed by %s: %s", principal(d.Principal), reasonOf(d.Reason))}
	case policy.NotAPusher:
		return []string{fmt.Sprintf("%s may not push here; %s may", principal(d.Principal), names(d.Allowed, "nobody"))}
	case policy.NotFromBranch:
		return []string{"it is contained in none of " + patterns(d.Branches)}
	case policy.NoTicket:
		return []string{fmt.Sprintf("%s without a ticket like %s: %s", commits(d.Total), clip(d.Pattern, 30), shorts(d.Commits))}
	case policy.Unsigned:
		return unsigned(d)
	case policy.NotFastForward:
		return []string{"it does not contain what is live"}
	case policy.RollbackNotAllowed:
		return []string{"the policy allows nothing to be taken away here (rollback = none)"}
	}
	return nil
}

func notDeployed(environment policy.EnvironmentName, d *policy.Detail) string {
	switch {
	case d.ByOverride:
		return fmt.Sprintf("it came to %s by an override, which is no evidence", environment)
	case d.NotLive:
		return asStamped(fmt.Sprintf("it is not live in %s now", environment), d)
	case d.Back:
		return fmt.Sprintf("it lacks something that is live here; then %s must have deployed exactly this commit, and has not", environment)
	}
	return fmt.Sprintf("%s has not deployed it", environment)
}

func notSuccessful(environment policy.EnvironmentName, d *policy.Detail) string {
	where := "here"
	if environment != "" {
		where = "in " + string(environment)
	}
	switch o := d.Outcome; {
	case d.Pending:
		return asStamped(fmt.Sprintf("its deployment %s has not finished", where), d)
	case o.State == "" || o.State == policy.OutcomeNone:
		return asStamped(fmt.Sprintf("its deployment %s has no outcome: it was overtaken, or nobody has reported it", where), d)
	default:
		see := ""
		if o.URL != "" {
			see = ", see " + clip(o.URL, 120)
		}
		return asStamped(fmt.Sprintf("its deployment %s ended in %s: %s (record %d)%s", where, o.State, reasonOf(o.Message), o.Record, see), d)
	}
}

func soaking(environment policy.EnvironmentName, d *policy.Detail) string {
	said := fmt.Sprintf("soaking in %s: %s of %s", environment, Span(d.Span), Span(d.Wanted))
	switch {
	case !d.Running && d.NotLive:
		return asStamped(said+"; the time does not run, as it is not live there now", d)
	case !d.Running:
		return asStamped(said+"; the time does not run until its deployment there succeeds", d)
	}
	return fmt.Sprintf("%s, %s left, earliest %s", said, Span(d.Left+time.Second-time.Nanosecond), Time(d.Until.Add(time.Minute-time.Nanosecond)))
}

func needsApproval(d *policy.Detail) []string {
	var lines []string
	for _, o := range d.Objected {
		lines = append(lines, fmt.Sprintf("%s objects: %s", principal(o.Principal), reasonOf(o.Reason)))
	}
	if len(d.Approved) < d.Count {
		have := ""
		if len(d.Approved) > 0 {
			have = " (" + names(d.Approved, "") + ")"
		}
		ask := "; ask anybody but the pusher"
		switch {
		case d.Ask == nil && len(d.Objected) > 0:
			ask = ""
		case d.Ask != nil:
			ask = "; ask " + names(d.Ask, "nobody: all who may have")
		}
		lines = append(lines, fmt.Sprintf("%d of %d approvals%s%s", len(d.Approved), d.Count, have, ask))
	}
	return lines
}

func unsigned(d *policy.Detail) []string {
	lines := []string{commits(d.Total) + " without a signature that counts:"}
	for _, u := range d.Unsigned[:min(len(d.Unsigned), 5)] {
		lines = append(lines, fmt.Sprintf("  %s %s", u.Commit.Short(), clip(u.Reason, 50)))
	}
	return lines
}

// Span is a duration as people say it.
func Span(d time.Duration) string {
	switch d = d.Truncate(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second), "m0s") + suffix(d%time.Minute == 0, "m")
	case d < 48*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute), "h0m") + suffix(d%time.Hour < time.Minute, "h")
	}
	return strings.TrimSuffix(fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour), "d0h") + suffix(d%(24*time.Hour) < time.Hour, "d")
}

func suffix(wanted bool, s string) string {
	if wanted {
		return s
	}
	return ""
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + Time(t)
}

func reasonOf(s string) string {
	if s == "" {
		return "no reason given"
	}
	return clip(s, 120)
}

func commits(n int) string {
	if n == 1 {
		return "1 commit"
	}
	return fmt.Sprintf("%d commits", n)
}

func shorts(ids []policy.ObjectID) string {
	parts := make([]string, 0, 5)
	for _, id := range ids[:min(len(ids), 5)] {
		parts = append(parts, id.Short())
	}
	if len(ids) > 5 {
		parts = append(parts, "...")
	}
	return strings.Join(parts, ", ")
}

// names lists persons, a few of many.
func names(all []string, none string) string {
	if len(all) == 0 {
		return none
	}
	var parts []string
	for _, name := range all[:min(len(all), 6)] {
		parts = append(parts, principal(name))
	}
	if len(all) > 6 {
		parts = append(parts, "...")
	}
	return strings.Join(parts, ", ")
}

func patterns(refs []policy.RefPattern) string {
	parts := make([]string, len(refs))
	for i, ref := range refs {
		parts[i] = ref.String()
	}
	return clip(strings.Join(parts, ", "), 120)
}

// A Notice tells of a move that was let in although rules said no: by an
// override, or because the environment only reports.
type Notice struct {
	Environment policy.EnvironmentName
	Ref         policy.RefName
	Commit      policy.ObjectID
	Subject     string
	// Verdicts are what would have refused it, where the environment only
	// reports.
	Verdicts []policy.Verdict
	// Overrode names the rules that the push's override goes past.
	Overrode []string
}

// Notices tells of moves that rules would not have let in.
func Notices(w io.Writer, notices []Notice) {
	var p page
	for i := range notices {
		n := &notices[i]
		if len(n.Overrode) > 0 {
			p.line("warning: %s is overridden: %s", n.Environment, strings.Join(n.Overrode, ", "))
			p.reason("this stays on record, and in pathgate status, for ever", "")
		}
		if len(n.Verdicts) == 0 {
			continue
		}
		head := fmt.Sprintf("warning: %s would refuse %s", n.Environment, n.Commit.Short())
		tail := fmt.Sprintf("   [%s]", n.Verdicts[0].Code)
		p.line("%s%s%s", head, subject(n.Subject, len(head)+len(tail)), tail)
		for _, v := range n.Verdicts {
			for _, line := range no(&v) {
				p.reason(line, "")
			}
		}
		p.line("  nothing is refused: the policy says enforce = false")
	}
	p.send(w)
}

// rehearsal prints each rule's verdict.
func (r *Refusal) rehearsal(p *page) {
	what := "would take it as " + r.taken()
	for _, v := range r.Verdicts {
		if !v.OK && !v.Overridden {
			what = "would refuse it"
		}
	}
	if r.ofRelease() != "" {
		what = "would refuse it"
	}
	if len(r.Verdicts) > 0 {
		what += ":"
	}
	p.line("  %s %s", r.Environment, what)
	if r.LetIn {
		p.line("  (and let it in all the same: the policy says enforce = false)")
	}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		says := "yes"
		if !v.OK {
			says = "no "
		}
		if v.Overridden {
			says = "overridden"
		}
		place := v.RulePlace()
		if place == "" {
			place = v.Name
		}
		p.line("  %s  %s", says, clip(place, width-8))
	}
}

// taken is what a push would be taken as.
func (r *Refusal) taken() string {
	switch {
	case !strings.HasPrefix(string(r.Ref), "refs/release/") || r.Kind == policy.Overridden:
		return string(r.Kind)
	case r.Kind == policy.Remove:
		return "a removal"
	case r.Kind == policy.Reset:
		return "a start over"
	}
	return "a release"
}
