package ledger

import (
	"slices"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// stamp checks that a stamp is of the ledger that tells of its service and
// environment, and contradicts none that is on record.
func (v *verifier) stamp(e *Entry) error {
	if e.Kind == KindFork || e.Kind == KindSuccessor {
		if e.Kind == KindFork {
			v.report.Forks++
		}
		return nil
	}
	c, err := chainAt(v.model, e.Service, e.Environment)
	if err != nil {
		return err
	}
	if c.origin != "" && c.origin != e.Origin {
		return finding(e.Seq, meansForged, "it is of ledger %s, and by record %d ledger %s tells of its service and environment", e.Origin, c.at.seq, c.origin)
	}
	if c.forked != 0 {
		return finding(e.Seq, meansForged, "it is of a ledger that contradicts itself by record %d, and no successor is on record", c.forked)
	}
	why, record, err := contradiction(v.model, &c, e)
	if err != nil {
		return err
	}
	if record != 0 {
		return finding(e.Seq, meansForged, "it is not on record as a fork, and %s", why)
	}
	if e.Kind == KindDeployed {
		return v.note(noteStamp, e)
	}
	return nil
}

// signed checks a stamp's signature, and that the policy that it was taken by
// names the key.
func (v *verifier) signed(e *Entry) error {
	if v.judged.signed == nil {
		v.report.Unsigned++
	} else if err := v.judged.signed(e); err != nil {
		return finding(e.Seq, meansForged, "its signature does not hold: %v", err)
	}
	pol, known := v.judged.policies[e.Policy]
	if !known {
		if len(v.judged.policies) > 0 {
			return finding(e.Seq, meansForged, "the policy that it was taken by is not on record")
		}
		return nil
	}
	if v.judged.unsound[e.Policy] {
		return finding(e.Seq, meansForged, "the policy that it was taken by is one that no pathgate judges by")
	}
	if pol == nil {
		return nil
	}
	env, ok := pol.Environment(policy.EnvironmentName(e.Environment))
	if !ok || env.Elsewhere == nil || !env.Elsewhere.Speaks(policy.Service(e.Service)) {
		return finding(e.Seq, meansForged, "the policy that it was taken by has no %s elsewhere for %s", e.Environment, e.Service)
	}
	// It was taken some moments before it was written.
	if !admits(env.Elsewhere, e.Key, e.Time) && !admits(env.Elsewhere, e.Key, e.Time.Add(-clockSlack)) {
		return finding(e.Seq, meansForged, "the policy that it was taken by lets no key %s sign for %s then", e.Key, e.Environment)
	}
	return nil
}

// admits reports whether a key may sign what is received at a time.
func admits(e *policy.Elsewhere, fingerprint string, at time.Time) bool {
	return slices.ContainsFunc(e.Keys, func(k policy.StampKey) bool {
		return k.Fingerprint == fingerprint && !k.Revoked && !at.Before(k.From) && (k.Until.IsZero() || at.Before(k.Until))
	})
}

// stampStands checks that a stamp which the intent e rests on counted at that
// moment.
func (v *verifier) stampStands(e *Entry, seq uint64, d deployment) error {
	c, err := chainAt(v.model, d.service, d.environment)
	if err != nil {
		return err
	}
	switch {
	case c.forked != 0:
		return finding(e.Seq, meansForged, "its evidence, record %d, is of a ledger that contradicts itself by record %d", seq, c.forked)
	case seq <= c.since:
		return finding(e.Seq, meansForged, "its evidence, record %d, is of a ledger that another took the place of in record %d", seq, c.since)
	}
	t, err := slotAt(v.model, &c, stampedKey(d))
	if err != nil {
		return err
	}
	if t.at.seq != seq {
		return finding(e.Seq, meansForged, "its evidence, record %d, is not the newest that was known: record %d is", seq, t.at.seq)
	}
	taken, err := slotAt(v.model, &c, key(keyTaken, d.service, d.environment, d.commit, d.repository))
	if err != nil {
		return err
	}
	if taken.record > t.record && !ever(e.Rules) {
		return finding(e.Seq, meansForged, "its evidence, record %d, was withdrawn by record %d", seq, taken.at.seq)
	}
	return nil
}

// whence checks that what an intent rests on is stamps where its policy says
// that an environment is elsewhere, and nothing else but there.
func (v *verifier) whence(e *Entry, pol *policy.Policy) error {
	for _, seq := range e.Evidence {
		d, stamp, _, err := v.taken(seq)
		if err != nil {
			return err
		}
		env, ok := pol.Environment(policy.EnvironmentName(d.environment))
		switch {
		case ok && env.Elsewhere != nil && !stamp:
			return finding(e.Seq, meansForged, "its evidence, record %d, is no stamp, and %s is elsewhere", seq, d.environment)
		case stamp && (!ok || env.Elsewhere == nil):
			return finding(e.Seq, meansForged, "its evidence, record %d, is a stamp, and %s is not elsewhere", seq, d.environment)
		}
	}
	return nil
}
