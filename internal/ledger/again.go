package ledger

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// RuleText is how a verdict stands in the rules of an entry: the key of the
// rule, or its name where no key sets it, the environment before that it looked
// at, and what it said.
func RuleText(v policy.Verdict) string {
	name, says := v.Rule, "yes"
	if name == "" {
		name = v.Name
	}
	if v.Environment != "" {
		name += ":" + string(v.Environment)
	}
	if !v.OK {
		says = string(v.Code)
	}
	if v.Overridden {
		says = "overridden:" + says
	}
	return name + "=" + says
}

// again judges an intent again, by the policy that is on record and by what the
// ledger had before it. What git said is taken from its rules.
func (v *verifier) again(e *Entry, pol *policy.Policy, refused verdict) error {
	env, ok := pol.Environment(policy.EnvironmentName(e.Environment))
	if !ok || env.Repository.Path(policy.Service(e.Service)) != e.Repository || !matches(env.Refs, e.Ref) {
		return finding(e.Seq, meansForged, "the policy that it was judged by has no environment %q with this repository and ref", e.Environment)
	}
	if refused.rule != "" && !env.ReportOnly {
		return finding(e.Seq, meansForged, "it was let in although rule %s said %s", refused.rule, refused.says)
	}
	if err := v.whence(e, pol); err != nil {
		return err
	}
	j := hindsight{Ledger: v.past(), entry: e, policy: pol, env: env}
	wrong, err := j.differs(e.Time)
	if err == nil && wrong != "" {
		// It was judged some moments before it was written.
		if sooner, wrongly := j.differs(e.Time.Add(-clockSlack)); wrongly == nil && sooner == "" {
			wrong = ""
		}
	}
	if err != nil {
		return fmt.Errorf("judge record %d again: %w", e.Seq, err)
	}
	if wrong != "" {
		return finding(e.Seq, meansForged, "judged again by what is on record before it, %s", wrong)
	}
	v.report.Judged++
	return nil
}

// past is the ledger as it was before the next line.
func (v *verifier) past() *Ledger {
	return &Ledger{dir: v.judged.dir, journal: v.judged.journal, id: v.report.Ledger, head: v.head, model: v.model}
}

// A hindsight judges one intent by a ledger of the past.
type hindsight struct {
	*Ledger
	entry  *Entry
	policy *policy.Policy
	env    *policy.Environment
}

// differs judges as at the time now, and says what came out otherwise than it
// is on record; empty if nothing did.
func (j *hindsight) differs(now time.Time) (string, error) {
	e := j.entry
	u := policy.Update{Ref: policy.RefName(e.Ref), Old: policy.ObjectID(e.Old), New: policy.ObjectID(e.New),
		Commit: policy.ObjectID(e.Commit), Action: policy.Action(e.Action)}
	if e.Action == ActionReplace {
		u.Action = policy.ActionRelease
	}
	facts, err := j.facts(u)
	if err != nil {
		return "", err
	}
	facts.Now = now
	d := policy.Evaluate(j.env, u, facts)
	if d.Base == "" {
		return "it could not have been judged", nil
	}
	if !j.whole() && d.Base == policy.Promote {
		if missing := j.unasked(); missing != "" {
			return fmt.Sprintf("no rule says what %s had of it", missing), nil
		}
	}
	recorded := j.comparable(e.Rules)
	var want []string
	for _, v := range d.Verdicts {
		want = append(want, RuleText(v))
	}
	want = j.comparable(want)
	for i := range max(len(want), len(recorded)) {
		switch {
		case i >= len(want):
			return fmt.Sprintf("no rule says %s", recorded[i]), nil
		case i >= len(recorded):
			return fmt.Sprintf("%s is missing", want[i]), nil
		case want[i] != recorded[i]:
			return fmt.Sprintf("it is %s, and not %s", want[i], recorded[i]), nil
		}
	}
	return j.conclusion(&d), nil
}

// conclusion compares what follows from the verdicts.
func (j *hindsight) conclusion(d *policy.Decision) string {
	e := j.entry
	kind := string(d.Base)
	inherited := slices.Equal(e.Overrode, []string{Inherited}) && (d.Base == policy.Redeploy || d.Base == policy.Rollback)
	// What was overridden of environments before may be known by the rules alone.
	if len(d.Overrode) > 0 || !j.whole() && !inherited && len(e.Overrode) > 0 {
		kind = KindOverride
	}
	switch {
	case j.whole() && !d.Allowed:
		return "it is refused"
	case e.Kind != kind && !inherited:
		return fmt.Sprintf("it is of kind %s, and not %s", kind, e.Kind)
	case j.whole() && !slices.Equal(d.Evidence, e.Evidence):
		return fmt.Sprintf("it rests on records %v, and not %v", d.Evidence, e.Evidence)
	}
	return ""
}

// whole reports whether the record has all that the decision rested on. Where a
// push is held against the environments before by what its commits contain, or
// a branch is merged, git alone knew what was asked.
func (j *hindsight) whole() bool {
	return j.entry.Action == "" && (j.env.Match == policy.MatchCommit || len(j.env.After) == 0)
}

// unasked is an environment before that no verdict on record is about, though
// one must be; empty if there is none. What git said of it is taken as recorded,
// but not that nobody asked.
func (j *hindsight) unasked() (missing string) {
	for _, name := range j.env.After {
		asked := slices.ContainsFunc(j.entry.Rules, func(r string) bool {
			rule, _, _ := strings.Cut(r, "=")
			return strings.HasSuffix(rule, ":"+string(name)) && !strings.HasPrefix(rule, "freeze.")
		})
		switch {
		case asked && j.env.AfterMatch == policy.AfterAny:
			return ""
		case !asked:
			missing = string(name)
		}
	}
	return missing
}

// comparable are the rules that can be judged again.
func (j *hindsight) comparable(rules []string) (out []string) {
	for _, r := range rules {
		name, _, _ := strings.Cut(r, "=")
		_, prior, about := strings.Cut(name, ":")
		switch {
		case ever([]string{r}) || matched([]string{r}):
		case j.whole():
			out = append(out, r)
		case about && prior != "" && !strings.HasPrefix(name, "freeze."): // of an environment before
		case j.entry.Action == "" || strings.HasSuffix(name, ".pushers") || name == policy.RuleLock || strings.HasPrefix(name, "freeze."):
			out = append(out, r)
		}
	}
	return out
}
