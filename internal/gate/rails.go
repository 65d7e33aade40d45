package gate

import (
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// approvals are what has been said of a commit, by the names that their
// principals go by now.
func (b *book) approvals(pol *policy.Policy, s Spot, commit policy.ObjectID) ([]policy.Approval, error) {
	entries, err := b.Approvals(s.Service, s.Environment, s.Repository, s.Ref, commit)
	var out []policy.Approval
	for _, e := range entries {
		out = append(out, policy.Approval{Principal: pol.Canonical(e.Principal), Record: e.Seq, Time: e.Time,
			Reject: e.Kind == ledger.KindReject, Live: policy.ObjectID(e.Old), Reason: e.Reason})
	}
	return out, err
}

func (b *book) locks(s Spot) ([]policy.Lock, error) {
	entries, err := b.Locks(s.Service, s.Environment, s.Ref)
	var out []policy.Lock
	for _, e := range entries {
		out = append(out, *lockOf(&e))
	}
	return out, err
}

func lockOf(e *ledger.Entry) *policy.Lock {
	return &policy.Lock{Service: policy.Service(e.Service), Environment: policy.EnvironmentName(e.Environment),
		Ref: policy.RefName(e.Ref), Principal: e.Principal, Reason: e.Reason, Record: e.Seq, Until: e.Until, Operator: e.Via == "local"}
}

func (b *book) veto(service policy.Service, commit policy.ObjectID) (*policy.Veto, error) {
	e, ok, err := b.Veto(service, commit)
	if err != nil || !ok {
		return nil, err
	}
	return &policy.Veto{Record: e.Seq, Principal: e.Principal, Reason: e.Reason}, nil
}

// guards adds the facts that guard rails look at.
func (s *scene) guards(b *book, m *move, needs policy.Needs, facts *policy.Facts) (err error) {
	spot := s.spot(m.env, m.ref)
	facts.Now, facts.Principal, facts.Override, facts.Commit = b.now, m.principal, m.override, m.git
	if facts.Locks, err = b.locks(spot); err != nil {
		return err
	}
	if facts.Veto, err = b.veto(spot.Service, m.commit); err != nil {
		return err
	}
	if needs.Outcome {
		if facts.Outcome, _, err = b.OutcomeAt(needs.Here, facts.Here.Record); err != nil {
			return err
		}
	}
	if needs.Approvals {
		facts.Approvals, err = b.approvals(s.policy, spot, m.commit)
	}
	return err
}
