package policy

// approvals judges who has approved the commit. The newest statement of each
// principal, under whichever name, is the one that counts.
func (j *judgement) approvals() {
	rule := j.env.Approvals
	pusher := j.canonical(j.facts.Principal)
	d := &Detail{Count: rule.Count}
	newest := j.statements()
	for _, a := range newest {
		switch {
		case rule.By != nil && !rule.By.Has(a.Principal):
		case a.Reject:
			d.Objected = append(d.Objected, a)
		case j.counts(a, pusher):
			d.Approved = append(d.Approved, a.Principal)
		}
	}
	for _, name := range rule.By {
		own := name == pusher && !rule.Self
		if !own && !contains(d.Approved, name) && !objects(d.Objected, name) {
			d.Ask = append(d.Ask, name)
		}
	}
	v := j.verdict(RuleApprovals, "approvals").decide(len(d.Approved) >= rule.Count && len(d.Objected) == 0, NeedsApproval)
	v.Detail = d
	j.add(v)
}

// statements returns the newest statement of each principal by canonical name,
// in the order in which they are first met.
func (j *judgement) statements() []Approval {
	var newest []Approval
	for _, a := range j.facts.Approvals {
		a.Principal = j.canonical(a.Principal)
		i := 0
		for i < len(newest) && newest[i].Principal != a.Principal {
			i++
		}
		switch {
		case a.Principal == "":
		case i == len(newest):
			newest = append(newest, a)
		case a.Record > newest[i].Record:
			newest[i] = a
		}
	}
	return newest
}

// counts reports whether an approval is valid now: somebody else's, not too
// old, nothing else live since, and no veto since. It lapses with any later
// deployment on the ref but a redeploy, also with one that went back to what
// was live then.
func (j *judgement) counts(a Approval, pusher string) bool {
	rule, live := j.env.Approvals, j.facts.Live
	vetoed := j.facts.LastVeto
	if j.facts.Veto != nil {
		vetoed = max(vetoed, j.facts.Veto.Record)
	}
	switch {
	case a.Principal == pusher && !rule.Self:
		return false
	case a.Live != live.Commit || a.Record <= vetoed:
		return false
	case a.Record <= live.Record && live.Kind != Redeploy:
		return false
	case a.Time.IsZero() || a.Time.After(j.facts.Now):
		return false
	}
	return j.facts.Now.Before(a.Time.Add(rule.For))
}

func objects(objections []Approval, principal string) bool {
	for _, a := range objections {
		if a.Principal == principal {
			return true
		}
	}
	return false
}

func (j *judgement) canonical(name string) string { return canonical(j.env.aliases, name) }
