package policy

// Evaluate decides on an update of one of env's refs, by all its rules at the
// moment Facts.Now. It looks at nothing but its arguments. Facts that were not
// fetched, or that answer another question, are refused with the code Fault.
func Evaluate(env *Environment, u Update, facts Facts) Decision {
	switch {
	case env == nil:
		return refuse(Fault)
	case u.New.IsZero():
		return refuse(Deletion)
	case !facts.answer(env, u):
		return refuse(Fault)
	}
	kind := env.kind(u, &facts)
	if env.closed(kind, u) {
		return env.kept(kind)
	}
	if !facts.known(env, kind) {
		return refuse(Fault)
	}
	d := Decision{Kind: kind, Base: kind}
	j := judgement{env: env, facts: &facts, update: u, decision: &d}
	j.permit()
	switch kind {
	case Rollback, Remove, Reset:
		j.rollback()
	case Promote:
		j.priors()
	}
	j.guards()
	d.settle(env)
	return d
}

// refuse returns the decision for what no key of the policy rules.
func refuse(code Code) Decision {
	return Decision{Verdicts: []Verdict{{Code: code}}}
}

// closed reports whether an update would move a ref that the server keeps, and
// is not one of its own moves.
func (e *Environment) closed(kind Kind, u Update) bool {
	return e.Release != nil && u.Action == ActionNone && (kind == Deploy || kind == Promote)
}

// kept returns the decision on an update that is closed. No override goes past
// it, and it refuses also where no rule does.
func (e *Environment) kept(kind Kind) Decision {
	return Decision{Kind: kind, Base: kind, Verdicts: []Verdict{{
		Name: RuleRelease, Rule: e.Rule("release"), Place: e.Place("release"), Code: ReservedRef,
	}}}
}

// sound reports whether the environment knows the action.
func (a Action) sound(e *Environment) bool {
	switch a {
	case ActionNone:
		return true
	case ActionRelease, ActionRemove, ActionReset:
		return e.Release != nil
	}
	return false
}

// unproven reports whether an action needs no evidence, as it brings nothing
// that was not there.
func (a Action) unproven() bool { return a == ActionRemove || a == ActionReset }

// kind says what an update is by its action and by what the ledger knows.
func (e *Environment) kind(u Update, facts *Facts) Kind {
	switch live := facts.Live; {
	case u.Action == ActionRemove:
		return Remove
	case u.Action == ActionReset:
		return Reset
	case u.Action == ActionRelease && len(e.After) == 0:
		return Deploy
	case u.Action == ActionRelease:
		return Promote
	case live.Record != 0 && live.Commit == u.Commit && facts.Here.Stands():
		return Redeploy
	case facts.Here.Stands() && facts.OnRef != 0 && facts.OnRef < live.Record:
		return Rollback
	case len(e.After) == 0:
		return Deploy
	}
	return Promote
}

// A judgement collects the verdicts on one update.
type judgement struct {
	env      *Environment
	facts    *Facts
	update   Update
	passes   []string // names of the rules that the push's override goes past
	decision *Decision
}

// add notes a verdict.
func (j *judgement) add(v Verdict) {
	v.Overridden = !v.OK && j.overrides(v.Name)
	j.decision.Verdicts = append(j.decision.Verdicts, v)
}

// verdict begins the verdict of a rule that a key of the environment sets.
func (j *judgement) verdict(name, key string) Verdict {
	return Verdict{Name: name, Rule: j.env.Rule(key), Place: j.env.Place(key)}
}

// decide completes a verdict: a yes, or a no with this code.
func (v Verdict) decide(ok bool, code Code) Verdict {
	v.OK = ok
	if !ok {
		v.Code = code
	}
	return v
}

// settle draws the conclusion from the verdicts.
func (d *Decision) settle(env *Environment) {
	var overrode []string
	d.Allowed = true
	for i := range d.Verdicts {
		switch v := &d.Verdicts[i]; {
		case v.refuses():
			d.Allowed = false
		case v.Overridden && !contains(overrode, v.Name):
			overrode = append(overrode, v.Name)
		}
	}
	d.Reported = env.ReportOnly
	switch {
	case !d.Allowed:
		d.Evidence = nil
		d.Allowed, d.WouldRefuse = d.Reported, d.Reported
	case len(overrode) > 0:
		d.Overrode, d.Kind = overrode, Overridden
	}
}

func contains(names []string, name string) bool { return Principals(names).Has(name) }

// rollback judges going back to a commit that stands here, by the record of its
// last deployment on the ref and by the outcome that it had. To take a branch
// out and to start over go back too, but to nothing that had an outcome.
func (j *judgement) rollback() {
	v := j.verdict(RuleRollback, "rollback").decide(j.env.Rollback == RollbackDeployed, RollbackNotAllowed)
	back := j.decision.Kind == Rollback
	if v.OK && back {
		v.Record = j.facts.OnRef
	}
	j.add(v)
	if j.env.Deploy == nil || !back {
		return
	}
	outcome := j.facts.Outcome
	v = j.verdict(RuleSuccess, "deploy").decide(outcome.State == OutcomeSuccess || outcome.State == OutcomeNone, NotSuccessful)
	v.Record, v.Detail = outcome.Record, &Detail{Outcome: outcome}
	j.add(v)
}
