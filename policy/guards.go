package policy

import (
	"regexp/syntax"
	"slices"
	"time"
)

// guards reads the rules of an environment, but for those that stand in tables
// of their own.
func (s *source) guards(st *stage) {
	n, e := st.at, st.env
	e.Evidence = EvidenceRule(s.choice(n, "evidence", "standing", "live", "ever"))
	if n.kid("requires") != nil {
		e.Requires = Requires(s.choice(n, "requires", "success", "accepted"))
	}
	e.Soak = s.duration(n, "soak", 0)
	for _, key := range []string{"after_match", "match", "evidence", "requires", "soak"} {
		if k := n.kid(key); k != nil && n.kid("after") == nil {
			s.fail(k.at, "%s has no meaning without after", key)
		}
	}
	if k := n.kid("pushers"); k != nil {
		e.Pushers = s.principals(k)
	}
	e.Approvals = s.approvals(n)
	e.FastForward = s.boolean(n, "fast_forward", false)
	e.ReportOnly = !s.boolean(n, "enforce", true)
	s.branches(n, e)
	s.ticket(n, e)
	s.signed(n, e)
	e.AppliesToRollback = []string{RulePushers, RuleLock}
	if k := n.kid("applies_to_rollback"); k != nil {
		e.AppliesToRollback = s.rules(k, rollbackRules())
	}
	s.deploy(n, e)
}

// rollbackRules are the rules that can bind a rollback. A veto always does; a
// rollback rests on no environment before, and never contains what is live.
func rollbackRules() []string {
	return []string{RulePushers, RuleLock, RuleFreeze, RuleApprovals, RuleBranches, RuleTicket, RuleSigned}
}

func (s *source) approvals(t *node) *Approvals {
	n := s.subtable(t, "approvals", "environments.NAME.approvals")
	if n == nil {
		return nil
	}
	a := &Approvals{Self: s.boolean(n, "self", false), For: s.duration(n, "for", 24*time.Hour)}
	k := n.kid("by")
	if k != nil {
		a.By = s.principals(k)
	}
	c := n.kid("count")
	if c == nil {
		s.missing(n, "count")
		return a
	}
	count, ok := c.val.(int64)
	switch {
	case !ok:
		s.fail(c.value, "%s must be an integer, not %s", c.path(), kindOf(c.val))
	case count < 1 || count > 100:
		s.fail(c.value, "%s must be between 1 and 100", c.path())
	case k != nil && int(count) > len(a.By):
		s.fail(c.value, "%s can never be met: %d may approve", c.path(), len(a.By))
	default:
		a.Count = int(count)
	}
	return a
}

// branches reads refs and patterns, in any number.
func (s *source) branches(t *node, e *Environment) {
	n := t.kid("branches")
	if n == nil {
		return
	}
	elems, values := s.list(n)
	for i, v := range values {
		pattern, err := ParseRefPattern(v)
		switch {
		case err != nil:
			s.fail(elems[i].value, "%v", err)
		case slices.Contains(e.Branches, pattern):
			s.fail(elems[i].value, "%s stands in this list twice", quote(v))
		default:
			e.Branches = append(e.Branches, pattern)
		}
	}
}

// ticket reads a pattern. It is checked here and compiled by who matches it.
func (s *source) ticket(t *node, e *Environment) {
	n := t.kid("ticket")
	if n == nil {
		return
	}
	v, ok := s.str(n)
	if !ok {
		return
	}
	parsed, err := syntax.Parse(v, syntax.Perl)
	switch {
	case err != nil:
		s.fail(n.value, "%s is not a regular expression that RE2 takes: %v", n.path(), err)
	case blank(parsed):
		s.fail(n.value, "%s asks for nothing: it matches a message without any text", n.path())
	default:
		e.Ticket = v
	}
}

// blank reports whether an expression can match an empty text.
func blank(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) == 0
	case syntax.OpNoMatch, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return false
	case syntax.OpCapture, syntax.OpPlus:
		return blank(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || blank(re.Sub[0])
	case syntax.OpConcat:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !blank(sub) })
	case syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, blank)
	}
	return true // empty matches, anchors, "*" and "?"
}

func (s *source) signed(t *node, e *Environment) {
	n := s.subtable(t, "signed", "environments.NAME.signed")
	if n == nil {
		return
	}
	if k, v := s.required(n, "allowed_signers"); k != nil {
		s.absolute(k, v)
		e.Signed = v
	}
}
