package policy

import "strings"

// permit finds out which rules the push's override may go past.
func (j *judgement) permit() {
	if strings.TrimSpace(j.facts.Override) == "" {
		return
	}
	o := j.env.Override
	if o == nil || !o.By.Has(j.canonical(j.facts.Principal)) {
		j.decision.OverrideDenied = true
		return
	}
	j.passes = o.Rules
}

func (j *judgement) overrides(rule string) bool { return contains(j.passes, rule) }

// guards judges by all rules but those on the environments before.
func (j *judgement) guards() {
	kind := j.decision.Kind
	if j.env.Approvals != nil && j.env.binds(RuleApprovals, kind) {
		j.approvals()
	}
	if j.env.binds(RuleFreeze, kind) {
		for _, f := range j.env.Freezes {
			j.freeze(f)
		}
	}
	if j.env.binds(RuleLock, kind) {
		for i := range j.facts.Locks {
			j.lock(&j.facts.Locks[i])
		}
	}
	if veto := j.facts.Veto; veto != nil && j.env.binds(RuleVeto, kind) {
		j.add(Verdict{Name: RuleVeto, Code: Vetoed, Record: veto.Record,
			Detail: &Detail{Principal: veto.Principal, Reason: veto.Reason}})
	}
	if j.env.Pushers != nil && j.env.binds(RulePushers, kind) {
		who := j.canonical(j.facts.Principal)
		v := j.verdict(RulePushers, "pushers").decide(j.env.Pushers.Has(who), NotAPusher)
		v.Detail = &Detail{Principal: who, Allowed: j.env.Pushers}
		j.add(v)
	}
	j.git(j.env.gitNeeds(kind))
}

func (j *judgement) freeze(f *Freeze) {
	end, frozen := f.Until(j.facts.Now)
	v := Verdict{Name: RuleFreeze, Rule: "freeze." + quoteKey(f.Name), Place: f.Place}.decide(!frozen, Frozen)
	v.Detail = &Detail{Freeze: f.Name, Until: end}
	j.add(v)
}

// lock judges by a lock. One that has run out, or is on something else, says
// nothing.
func (j *judgement) lock(l *Lock) {
	elsewhere := l.Environment != "" && l.Environment != j.env.Name || l.Ref != "" && l.Ref != j.update.Ref
	if elsewhere || !l.Until.IsZero() && !j.facts.Now.Before(l.Until) {
		return
	}
	j.add(Verdict{Name: RuleLock, Code: Locked, Record: l.Record,
		Detail: &Detail{Principal: l.Principal, Reason: l.Reason, Until: l.Until, Lock: l}})
}

// git judges by what was asked of git's objects.
func (j *judgement) git(asked GitNeeds) {
	c := &j.facts.Commit
	if asked.Signed != "" {
		v := j.verdict(RuleSigned, "signed").decide(c.UnsignedCount == 0 && len(c.Unsigned) == 0, Unsigned)
		v.Detail = &Detail{Unsigned: c.Unsigned, Total: max(c.UnsignedCount, len(c.Unsigned))}
		j.add(v)
	}
	if asked.Ticket != "" {
		v := j.verdict(RuleTicket, "ticket").decide(c.NoTicketCount == 0 && len(c.NoTicket) == 0, NoTicket)
		v.Detail = &Detail{Pattern: asked.Ticket, Commits: c.NoTicket, Total: max(c.NoTicketCount, len(c.NoTicket))}
		j.add(v)
	}
	if len(asked.Branches) > 0 {
		v := j.verdict(RuleBranches, "branches").decide(matchAny(asked.Branches, c.Contained), NotFromBranch)
		v.Detail = &Detail{Branches: asked.Branches}
		j.add(v)
	}
	if asked.FastForward {
		v := j.verdict(RuleFastForward, "fast_forward").decide(c.FastForward, NotFastForward)
		j.add(v)
	}
}

func matchAny(patterns []RefPattern, refs []RefName) bool {
	for _, p := range patterns {
		for _, ref := range refs {
			if p.Match(ref) {
				return true
			}
		}
	}
	return false
}
