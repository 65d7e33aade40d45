package policy

// Evaluate decides on an update of one of env's refs. It looks at nothing but
// its arguments. Facts that were not fetched, or that answer another question,
// are refused with the code Fault.
func Evaluate(env *Environment, u Update, facts Facts) Decision {
	switch {
	case env == nil:
		return refuse(Fault)
	case u.New.IsZero():
		return refuse(Deletion)
	case !facts.answer(env, u):
		return refuse(Fault)
	}
	switch live := facts.Live; {
	case live.Record != 0 && live.Commit == u.Commit && facts.Here.Stands():
		return Decision{Allowed: true, Kind: Redeploy}
	case facts.Here.Stands() && facts.OnRef != 0 && facts.OnRef < live.Record:
		return rollback(env, facts.OnRef)
	case len(env.After) == 0:
		return Decision{Allowed: true, Kind: Deploy}
	}
	return promote(env, facts.Prior)
}

// refuse returns the decision for what no key of the policy rules.
func refuse(code Code) Decision {
	return Decision{Verdicts: []Verdict{{Code: code}}}
}

// answer reports whether the facts are those that u needs.
func (f Facts) answer(env *Environment, u Update) bool {
	if !f.Fetched || !u.Commit.valid() || u.Commit.IsZero() || !env.has(u.Ref) || len(f.Prior) != len(env.After) {
		return false
	}
	if f.Live.Record != 0 && f.Live.Ref != "" && f.Live.Ref != u.Ref {
		return false
	}
	for i, name := range env.After {
		if f.Prior[i].Environment != name {
			return false
		}
	}
	return true
}

// valid reports whether id has the form of an object ID.
func (id ObjectID) valid() bool {
	if len(id) != 40 && len(id) != 64 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// has reports whether ref is one of the environment's.
func (e *Environment) has(ref RefName) bool {
	for _, p := range e.Refs {
		if p.Match(ref) {
			return true
		}
	}
	return false
}

// rollback decides on going back to a commit that stands here, by the record of
// its last deployment on the ref.
func rollback(env *Environment, record uint64) Decision {
	v := Verdict{Rule: env.Rule("rollback"), Place: env.Place("rollback")}
	if env.Rollback == RollbackDeployed {
		v.OK, v.Record = true, record
	} else {
		v.Code = RollbackNotAllowed
	}
	return Decision{Allowed: v.OK, Kind: Rollback, Verdicts: []Verdict{v}}
}

// promote decides by the environments before.
func promote(env *Environment, priors []PriorFacts) Decision {
	d := Decision{Kind: Promote, Verdicts: make([]Verdict, 0, len(priors))}
	rule, place := env.Rule("after"), env.Place("after")
	for _, prior := range priors {
		v := Verdict{Rule: rule, Place: place, Environment: prior.Environment}
		switch standing := prior.Standing; {
		case standing.Stands():
			v.OK, v.Record = true, standing.Record
			d.Evidence = append(d.Evidence, standing.Record)
		case standing.Record != 0:
			v.Code, v.Record = Withdrawn, standing.Withdrawn
		default:
			v.Code = PriorNotDeployed
		}
		d.Verdicts = append(d.Verdicts, v)
	}
	stand := len(d.Evidence)
	d.Allowed = stand == len(priors) || env.AfterMatch == AfterAny && stand > 0
	switch {
	case !d.Allowed:
		d.Evidence = nil
	case stand < len(priors):
		d.Verdicts = onlyYes(d.Verdicts)
	}
	return d
}

// onlyYes keeps the verdicts that are OK.
func onlyYes(verdicts []Verdict) []Verdict {
	kept := verdicts[:0]
	for _, v := range verdicts {
		if v.OK {
			kept = append(kept, v)
		}
	}
	return kept
}
