package policy

// matches reports whether more than the exact commit can bear a push out, so
// that git must be asked what of it stands in the environments before.
func (e *Environment) matches() bool { return e.Match != "" && e.Match != MatchCommit }

// whole reports whether all that a push brings is judged, and not only the
// commit itself.
func (j *judgement) whole(p *PriorFacts) bool {
	return j.env.Match == MatchContained && !p.Match.Back
}

// matched reports whether git was asked for every environment before.
func (f *Facts) matched() bool {
	for i := range f.Prior {
		if f.Prior[i].Match == nil {
			return false
		}
	}
	return true
}

// free reports whether nothing that the push brings needs evidence.
func (j *judgement) free(p *PriorFacts) bool {
	m := p.Match
	return j.whole(p) && m.Brought == 0 && j.missing(m)+j.withdrawn(m)+j.overridden(m) == 0
}

// missing, withdrawn and overridden count the commits that do not count for
// this reason.
func (j *judgement) missing(m *MatchFacts) int { return max(m.MissingCount, len(m.Missing)) }

func (j *judgement) withdrawn(m *MatchFacts) int {
	if j.env.Evidence == EvidenceEver {
		return 0
	}
	return max(m.WithdrawnCount, len(m.Withdrawn))
}

func (j *judgement) overridden(m *MatchFacts) int {
	if j.env.OverrideCounts {
		return 0
	}
	return max(m.OverriddenCount, len(m.Overridden))
}

// record returns the record by which what is pushed stands in an environment
// before, zero if there is none.
func (j *judgement) record(p *PriorFacts) uint64 {
	if j.env.matches() && !p.Match.Back && len(p.Match.Evidence) > 0 {
		return p.Match.Evidence[0]
	}
	return p.Standing.Record
}

// evidence returns the records that the yes of a rule on an environment before
// rests on.
func (j *judgement) evidence(v *Verdict) []uint64 {
	if v.Record == 0 {
		return nil
	}
	for i := range j.facts.Prior {
		p := &j.facts.Prior[i]
		if p.Environment == v.Environment && j.env.matches() && j.whole(p) {
			return p.Match.Evidence
		}
	}
	return []uint64{v.Record}
}

// explain returns what was seen of the commits that a push brings.
func (j *judgement) explain(m *MatchFacts) *Detail {
	return &Detail{
		Match: j.env.Match, Brought: m.Brought,
		Missing: m.Missing, MissingCount: j.missing(m),
		Withdrawn: m.Withdrawn, WithdrawnCount: j.withdrawn(m),
		Overridden: m.Overridden, OverriddenCount: j.overridden(m),
	}
}

// contained judges whether all that a push brings stands in an environment
// before. Commits that were withdrawn and commits that are missing are two
// verdicts, as who may go past the one may not go past the other.
func (j *judgement) contained(p *PriorFacts) []Verdict {
	m, v := p.Match, j.verdict(RulePrior, "after")
	v.Environment, v.Detail = p.Environment, j.explain(m)
	var verdicts []Verdict
	withdrawn, missing, overridden := j.withdrawn(m), j.missing(m), j.overridden(m)
	if withdrawn > 0 {
		no := v
		no.Name, no.Code, no.Record, no.Detail = RuleWithdrawn, Withdrawn, m.WithdrawnBy, j.explain(m)
		verdicts = append(verdicts, no)
	}
	switch {
	case missing > 0 || withdrawn == 0 && overridden == 0 && m.Brought != 0 && len(m.Evidence) == 0:
		v.Code = PriorNotDeployed
		if j.env.Evidence == EvidenceLive && !p.IsLive {
			v.Rule, v.Place, v.Detail.NotLive = j.env.Rule("evidence"), j.env.Place("evidence"), true
		}
	case overridden > 0:
		v.Code, v.Record = PriorNotDeployed, m.OverriddenBy
	case withdrawn > 0:
		return verdicts
	default:
		v.OK, v.Record = true, j.record(p)
	}
	v.Detail.ByOverride = overridden > 0
	return append(verdicts, v)
}

// tree judges whether a commit with exactly the files of the one that is pushed
// stands in an environment before, or the commit itself.
func (j *judgement) tree(p *PriorFacts) Verdict {
	m, v := p.Match, j.exact(p)
	if v.OK {
		return v
	}
	if len(m.Evidence) > 0 {
		v = j.verdict(RulePrior, "after").decide(true, "")
		v.Environment, v.Record = p.Environment, m.Evidence[0]
		return v
	}
	seen := v.Detail
	v.Detail = j.explain(m)
	switch {
	case seen != nil:
		v.Detail.NotLive, v.Detail.ByOverride = seen.NotLive, seen.ByOverride
	case p.Standing.Record != 0:
	case j.withdrawn(m) > 0:
		v.Name, v.Code, v.Record = RuleWithdrawn, Withdrawn, m.WithdrawnBy
	case j.overridden(m) > 0:
		v.Record, v.Detail.ByOverride = m.OverriddenBy, true
	}
	return v
}
