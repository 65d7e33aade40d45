package gate

import (
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// lock records that an environment's ref is locked, or a lock taken off.
func (p *Process) lock(l *book, s *scene, said *statement) (policy.Code, string, error) {
	if pushers := said.env.Pushers; pushers != nil && !pushers.Has(said.principal.Name) {
		return policy.NotAPusher, "only who may push here may lock it", nil
	}
	spot := s.spot(said.env, said.target)
	t, words, unlock := ledger.TypeLock, "is locked", said.update.New.IsZero()
	locks, err := l.Locks(spot.Service, spot.Environment, spot.Ref)
	if err != nil {
		return "", "", because("", err)
	}
	own := ownLock(locks, spot)
	switch {
	case unlock && own == nil && wider(locks, l.now) == nil:
		return policy.NotLocked, "", nil
	case unlock && own == nil:
		said.lock = lockOf(wider(locks, l.now))
		return policy.Locked, whoseLock(said.lock), nil
	case own != nil && !mayUnlock(said, own):
		said.lock = lockOf(own)
		return policy.Locked, whoseLock(said.lock), nil
	case unlock:
		t, words = ledger.TypeUnlock, "is unlocked"
	case said.options.reason == "":
		return policy.MalformedInput, `a lock needs a reason: git push -o reason="..."`, nil
	}
	e := said.entry(s, p, t)
	if err := l.Append(e); err != nil {
		return "", "", because("", err)
	}
	explain.Said(p.Stderr, fmt.Sprintf("%s %s", said.env.Name, words), l.tree(), fmt.Sprintf("%s by %s, record %d", explain.Branch(said.target), said.principal.Name, e.Seq))
	return "", "", nil
}

// ownLock is the lock that a push to refs/lock sets and takes off: that of this
// service and ref, not a wider one.
func ownLock(locks []ledger.Entry, spot Spot) *ledger.Entry {
	for i := range locks {
		if e := &locks[i]; e.Service == string(spot.Service) && e.Ref == string(spot.Ref) {
			return e
		}
	}
	return nil
}

// wider is a lock that binds now, nil if none does: an operator's, where there is
// none of the ref's own.
func wider(locks []ledger.Entry, now time.Time) *ledger.Entry {
	for i := range locks {
		if e := &locks[i]; e.Until.IsZero() || now.Before(e.Until) {
			return e
		}
	}
	return nil
}

// whoseLock says whose a lock is and who takes it off.
func whoseLock(l *policy.Lock) string {
	who := "only the same person, one who may override locks, or an operator unlocks it"
	if l.Operator {
		who = "an operator did, and only an operator unlocks it"
	}
	return fmt.Sprintf("%s locked it in record %d; %s", l.Principal, l.Record, who)
}

// mayUnlock reports whether a push may take a lock off, or put another in its
// place: its setter may, and who may override locks; nobody an operator's.
func mayUnlock(said *statement, lock *ledger.Entry) bool {
	if lock.Via == "local" {
		return false
	}
	o := said.env.Override
	return lock.Principal == said.principal.Name ||
		o != nil && slices.Contains(o.Rules, policy.RuleLock) && o.By.Has(said.principal.Name)
}
