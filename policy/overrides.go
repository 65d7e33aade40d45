package policy

// overridable are all rules that an override may go past. Nothing goes past a
// fork: what a ledger says that contradicts itself is no evidence of anything.
func overridable() []string {
	return append(guardRails(), RulePrior, RuleWithdrawn, RuleStamp, RuleRollback)
}

// guardRails are the rules that an override goes past where the policy lists
// none: all but those that the path itself consists of.
func guardRails() []string {
	return []string{
		RuleSuccess, RuleSoak, RuleApprovals, RuleFreeze, RuleLock, RuleVeto, RulePushers,
		RuleBranches, RuleTicket, RuleSigned, RuleFastForward,
	}
}

// override reads the table [override] and hands it to the environments that it
// names.
func (s *source) override(root *node, p *Policy) {
	n := s.subtable(root, "override", "override")
	if n == nil {
		return
	}
	o := &Override{
		Rules:  guardRails(),
		Counts: s.boolean(n, "override_counts", false),
		Place:  s.place(n.at),
	}
	if k := n.kid("by"); k == nil {
		s.missing(n, "by")
	} else if o.By = s.principals(k); len(o.By) == 0 {
		s.fail(k.value, "%s names nobody", k.path())
	}
	if k := n.kid("rules"); k != nil {
		if o.Rules = s.rules(k, overridable()); len(o.Rules) == 0 {
			s.fail(k.value, "%s names no rule", k.path())
		}
	}
	p.Override = o
	for _, e := range p.Environments {
		e.OverrideCounts = o.Counts
	}
	k := n.kid("environments")
	if k == nil {
		s.missing(n, "environments")
		return
	}
	for _, e := range s.environmentsNamed(root, k, p) {
		e.Override = o
	}
}

// environmentsNamed reads a list of environments, which are on this host.
func (s *source) environmentsNamed(root, n *node, p *Policy) []*Environment {
	all := root.kid("environments")
	exists := func(name string) bool { return all != nil && all.kid(name) != nil }
	var found []*Environment
	for _, name := range s.names(n, exists, "unknown environment %s") {
		e, ok := p.Environment(EnvironmentName(name))
		switch {
		case ok && e.Elsewhere != nil:
			s.fail(elementOf(n, name).value, "%s is elsewhere: its own host decides what may go there", name)
		case ok:
			found = append(found, e)
		}
	}
	return found
}

// elementOf returns the first element of a list that has a value.
func elementOf(n *node, value string) *node {
	for _, e := range n.elems {
		if e.val == value {
			return e
		}
	}
	return n
}
