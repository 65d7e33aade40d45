package policy

import "time"

// priors judges by the environments before.
func (j *judgement) priors() {
	j.decision.Verdicts = make([]Verdict, 0, len(j.facts.Prior))
	for i := range j.facts.Prior {
		j.prior(i)
	}
	if j.env.AfterMatch == AfterAny {
		j.decision.Verdicts = j.enough(j.decision.Verdicts)
	}
	for i := range j.decision.Verdicts {
		if v := &j.decision.Verdicts[i]; v.OK && v.Name == RulePrior {
			j.decision.Evidence = append(j.decision.Evidence, j.evidence(v)...)
		}
	}
}

// prior judges by one environment before: whether the commit stands there, its
// deployment succeeded, and it was live long enough. Of a commit that does not
// stand there, or whose stamp does not count, the rest says nothing, unless an
// override goes past that. Where nothing needs evidence, all three are met.
func (j *judgement) prior(i int) {
	p := &j.facts.Prior[i]
	stands := true
	for _, v := range j.standing(i) {
		j.add(v)
		stands = stands && (v.OK || j.overrides(v.Name))
	}
	if !stands {
		return
	}
	free := j.env.matches() && j.free(p)
	if j.env.RequiresOf(i) == RequiresSuccess {
		state := p.Outcome.State
		v := j.verdict(RuleSuccess, "requires").decide(
			free || state == OutcomeSuccess || state == OutcomeNone && j.env.Requires == "", NotSuccessful)
		v.Environment, v.Record = p.Environment, p.Outcome.Record
		v.Detail = &Detail{Outcome: p.Outcome, Pending: p.Pending, Elsewhere: j.env.elsewhere(i) != nil}
		j.add(v)
	}
	if j.env.Soak > 0 {
		v := j.soak(p, free)
		v.Detail.Elsewhere = j.env.elsewhere(i) != nil
		j.add(v)
	}
}

// standing judges whether what is pushed counts as deployed in an environment
// before.
func (j *judgement) standing(i int) []Verdict {
	p := &j.facts.Prior[i]
	prior := j.env.elsewhere(i)
	switch {
	case prior != nil:
		return j.byStamp(p, prior)
	case !j.env.matches():
		return []Verdict{j.exact(p)}
	case j.env.Match == MatchTree:
		return []Verdict{j.tree(p)}
	case p.Match.Back:
		v := j.exact(p)
		if !v.OK && v.Detail == nil {
			v.Detail = &Detail{Back: true}
		}
		return []Verdict{v}
	}
	return j.contained(p)
}

// exact judges whether exactly this commit's deployment in an environment
// before counts.
func (j *judgement) exact(p *PriorFacts) Verdict {
	v, st := j.verdict(RulePrior, "after"), p.Standing
	v.Environment = p.Environment
	switch {
	case st.Record == 0:
		v.Code = PriorNotDeployed
		return v
	case st.Withdrawn != 0 && j.env.Evidence != EvidenceEver:
		v.Name, v.Code, v.Record = RuleWithdrawn, Withdrawn, st.Withdrawn
		return v
	}
	v.Record = st.Record
	switch {
	case j.env.Evidence == EvidenceLive && !p.IsLive:
		v.Rule, v.Place = j.env.Rule("evidence"), j.env.Place("evidence")
		v.Code, v.Detail = PriorNotDeployed, &Detail{NotLive: true}
	case p.Override && !j.env.OverrideCounts:
		v.Code, v.Detail = PriorNotDeployed, &Detail{ByOverride: true}
	default:
		v.OK = true
	}
	return v
}

// soak judges how long a commit was live in an environment before, without a
// break. Time that it was not live never counts; time that is over still does,
// so that several environments need not have it live at once.
func (j *judgement) soak(p *PriorFacts, free bool) Verdict {
	d := &Detail{Span: max(p.Soaked, 0), Wanted: j.env.Soak, Running: p.IsLive && !p.LiveSince.IsZero()}
	var running time.Duration
	if d.Running {
		running = max(j.facts.Now.Sub(p.LiveSince), 0)
		d.Span = max(d.Span, running)
	}
	if d.Span < d.Wanted && !free {
		d.Left, d.NotLive = d.Wanted-running, !p.IsLive
		if d.Running {
			d.Until = p.LiveSince.Add(d.Wanted)
		}
	}
	v := j.verdict(RuleSoak, "soak").decide(d.Left == 0, Soaking)
	v.Environment, v.Record, v.Detail = p.Environment, j.record(p), d
	return v
}

// enough keeps, where one environment of several is enough, the verdicts of
// those that bear the commit out; where none does without an override, those of
// the first that needs to go past the fewest rules; where none does at all, all.
func (j *judgement) enough(verdicts []Verdict) []Verdict {
	fewest, first := -1, EnvironmentName("")
	for _, p := range j.facts.Prior {
		refused, overridden := tally(verdicts, p.Environment)
		if refused == 0 && (fewest < 0 || overridden < fewest) {
			fewest, first = overridden, p.Environment
		}
	}
	if fewest < 0 {
		return verdicts
	}
	var kept []Verdict
	for _, v := range verdicts {
		refused, overridden := tally(verdicts, v.Environment)
		if v.Environment == first || refused == 0 && overridden == 0 {
			kept = append(kept, v)
		}
	}
	return kept
}

// tally counts the verdicts on one environment before that are no.
func tally(verdicts []Verdict, name EnvironmentName) (refused, overridden int) {
	for i := range verdicts {
		switch v := &verdicts[i]; {
		case v.Environment != name || v.OK:
		case v.Overridden:
			overridden++
		default:
			refused++
		}
	}
	return refused, overridden
}
