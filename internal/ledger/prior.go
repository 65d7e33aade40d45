package ledger

import "github.com/pathgate/pathgate/policy"

// OutcomeAt is what became of a commit in an environment, where record is that
// of its deployment there, zero if there is none. Where the record has no
// outcome to wait for, that is said, so that nobody waits. pending says that a
// deployment of the commit is queued or runs.
func (l *Ledger) OutcomeAt(q policy.Lookup, record uint64) (o policy.Outcome, pending bool, err error) {
	if q.Elsewhere {
		p, _, err := l.StampStanding(q)
		return p.Outcome, p.Pending, err
	}
	found, pending, err := l.Outcome(q.Service, q.Environment, q.Repository, q.Commit)
	if err != nil || record == 0 {
		return o, pending, err
	}
	if found.State != "" {
		return policy.Outcome(found), pending, nil
	}
	_, has, err := l.OutcomeOf(record)
	if err == nil && !has {
		o.State = policy.OutcomeNone
	}
	return o, pending, err
}

// Prior answers what a rule may ask of a commit in an environment before, but
// for what git has to be asked, and why stamps that a push brought do not count.
// Who decides and who verifies ask the same. Of an environment elsewhere it
// answers by stamps.
func (l *Ledger) Prior(needs policy.Needs, q policy.Lookup) (p policy.PriorFacts, err error) {
	if q.Elsewhere {
		p, _, err = l.StampStanding(q)
		return p, err
	}
	p.Environment = q.Environment
	standing, record, err := l.StandingRecord(q)
	if err != nil {
		return p, err
	}
	p.Standing, p.Override = standing, record.Kind == KindOverride
	if needs.PriorOutcome {
		if p.Outcome, p.Pending, err = l.OutcomeAt(q, standing.Record); err != nil {
			return p, err
		}
	}
	if needs.PriorLive {
		p.IsLive, p.LiveSince, p.Soaked, err = l.LiveSpan(q.Service, q.Environment, q.Repository, q.Refs, q.Commit)
	}
	return p, err
}
