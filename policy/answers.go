package policy

// answer reports whether the facts are those that u needs.
func (f *Facts) answer(env *Environment, u Update) bool {
	if !f.Fetched || !u.Commit.valid() || u.Commit.IsZero() || !env.has(u.Ref) || !u.Action.sound(env) {
		return false
	}
	if f.Live.Record != 0 && f.Live.Ref != "" && f.Live.Ref != u.Ref {
		return false
	}
	if u.Action.unproven() {
		return true
	}
	if len(f.Prior) != len(env.After) {
		return false
	}
	for i, name := range env.After {
		if f.Prior[i].Environment != name || f.Prior[i].Elsewhere != (env.elsewhere(i) != nil) {
			return false
		}
	}
	return true
}

// known reports whether the facts that the rules on an update of this kind look
// at are known: the time, the pusher, and what git says.
func (f *Facts) known(env *Environment, kind Kind) bool {
	timed := env.Soak > 0 || env.Approvals != nil || len(env.Freezes) > 0 || len(f.Locks) > 0 || env.stamped()
	if timed && f.Now.IsZero() {
		return false
	}
	personal := env.Pushers != nil || env.Approvals != nil || f.Override != ""
	if personal && f.Principal == "" {
		return false
	}
	asked := env.gitNeeds(kind)
	return (f.Commit.Fetched || asked.None()) && (!asked.Prior || f.matched())
}

// GitNeeds returns what the decision on u needs to know of git's objects, given
// all other facts. It asks for less than Needs.Git where u is no new
// deployment.
func (e *Environment) GitNeeds(u Update, facts Facts) GitNeeds {
	kind := e.kind(u, &facts)
	if e.closed(kind, u) {
		return GitNeeds{}
	}
	return e.gitNeeds(kind)
}

// mostGit is the most that the decision on u can need of git's objects,
// whatever the ledger knows.
func (e *Environment) mostGit(u Update) GitNeeds {
	switch {
	case u.Action != ActionNone:
		return e.gitNeeds(e.kind(u, &Facts{}))
	case e.Release != nil:
		return e.gitNeeds(Rollback)
	}
	return e.gitNeeds(Promote)
}

func (e *Environment) gitNeeds(kind Kind) GitNeeds {
	var g GitNeeds
	if e.binds(RuleBranches, kind) {
		g.Branches = e.Branches
	}
	if e.binds(RuleTicket, kind) {
		g.Ticket = e.Ticket
	}
	if e.binds(RuleSigned, kind) {
		g.Signed = e.Signed
	}
	g.FastForward = e.FastForward && e.Release == nil && e.binds(RuleFastForward, kind)
	g.Prior = kind == Promote && e.matches() && len(e.After) > 0
	return g
}

// binds reports whether a rule binds updates of a kind.
func (e *Environment) binds(rule string, kind Kind) bool {
	switch kind {
	case Rollback:
		return rule == RuleVeto || contains(e.AppliesToRollback, rule)
	case Reset:
		return e.binds(rule, Rollback)
	case Remove: // what is vetoed may be taken out
		return rule != RuleVeto && e.binds(rule, Rollback)
	case Redeploy:
		return rule == RulePushers || rule == RuleLock || rule == RuleFreeze || rule == RuleVeto
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
