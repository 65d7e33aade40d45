package ledger

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// MaxApprovals is the most principals whose statements about one commit on one
// ref are read.
const MaxApprovals = 256

// projectApproval keeps the newest statement of each principal.
func projectApproval(s kv, e *Entry, at place) error {
	return s.Put(key(keyApproval, e.Service, e.Environment, e.Repository, e.Ref, e.Commit, e.Principal), appendPlace(nil, at))
}

// Approvals lists the newest statement of each principal about a commit on a
// ref, oldest first: approvals (kind approve) and rejections (kind reject). An
// approval is left out when it is void: another commit came to be live on the
// ref after it, or the commit was vetoed after it, lifted or not. A rejection
// stays. Whether an approval is too old, and which principals are one person
// by now, is for the caller.
//
// It fails with ErrTooMany if more than MaxApprovals principals have spoken:
// who records an approval must see to it that they cannot.
func (l *Ledger) Approvals(service policy.Service, environment policy.EnvironmentName, repository string,
	ref policy.RefName, commit policy.ObjectID) ([]Entry, error) {
	of := deployment{cleanString(string(service)), cleanString(string(environment)), cleanString(repository), cleanString(string(ref)), string(commit)}
	var places []place
	var on life
	var veto uint64
	err := l.look(func(s kv) (err error) {
		if places, err = approvalsOf(s, of); err != nil || len(places) == 0 {
			return err
		}
		if on, err = lifeAt(s, key(keyLive, of.service, of.environment, of.repository, of.ref)); err != nil {
			return err
		}
		_, veto, err = vetoAt(s, of.service, of.commit)
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, at := range places {
		e, err := l.readBack(at)
		if err != nil {
			return nil, err
		}
		if e.Type != TypeApproval || deploymentOf(e) != of {
			return nil, damaged(e.Seq, "it is no approval of commit %s on %q", commit, ref)
		}
		if e.Kind != KindReject && (e.Seq < veto || e.Seq < on.run || e.Old != on.commit) {
			continue
		}
		all = append(all, *e)
	}
	return all, nil
}

// approvalsOf lists the newest statements on a commit, oldest first.
func approvalsOf(s kv, of deployment) (places []place, err error) {
	err = scanSome(s, key(keyApproval, of.service, of.environment, of.repository, of.ref, of.commit), MaxApprovals+1, func(_, v []byte) error {
		at, _, err := cutPlace(v)
		places = append(places, at)
		return err
	})
	if err == nil && len(places) > MaxApprovals {
		return nil, fmt.Errorf("%w: more than %d principals approved of commit %s or rejected it", ErrTooMany, MaxApprovals, of.commit)
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.seq, b.seq) })
	return places, err
}

// errEnough ends a scan that has read what it wanted.
var errEnough = errors.New("enough")

// scanSome is Scan for the first n keys.
func scanSome(s kv, prefix []byte, n int, fn func(k, v []byte) error) error {
	err := s.Scan(prefix, func(k, v []byte) error {
		if err := fn(k, v); err != nil {
			return err
		}
		if n--; n == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// projectVeto keeps the newest veto or lift of a commit, and the seq of the
// newest veto.
func projectVeto(s kv, e *Entry, at place) error {
	_, veto, err := vetoAt(s, e.Service, e.Commit)
	if err != nil {
		return err
	}
	if e.Kind != KindLift {
		veto = e.Seq
	}
	return s.Put(key(keyVeto, e.Service, e.Commit), binary.BigEndian.AppendUint64(appendPlace(nil, at), veto))
}

// vetoAt finds the newest veto or lift of a commit, and the seq of the newest
// veto; they are the same while it is in force.
func vetoAt(s kv, service, commit string) (at place, veto uint64, err error) {
	v, err := s.Get(key(keyVeto, service, commit))
	if err != nil || v == nil {
		return at, 0, err
	}
	at, rest, err := cutPlace(v)
	if err == nil {
		veto, err = seqOf(rest)
	}
	return at, veto, err
}

// Veto returns the veto that bars a commit from all environments of a service;
// false if none is in force. It is read back from the journal.
func (l *Ledger) Veto(service policy.Service, commit policy.ObjectID) (Entry, bool, error) {
	name, id := cleanString(string(service)), cleanString(string(commit))
	var at place
	err := l.look(func(s kv) (err error) {
		at, _, err = vetoAt(s, name, id)
		return err
	})
	if err != nil || at.seq == 0 {
		return Entry{}, false, err
	}
	e, err := l.readBack(at)
	if err != nil {
		return Entry{}, false, err
	}
	if e.Type != TypeVeto || e.Service != name || e.Commit != id {
		return Entry{}, false, damaged(e.Seq, "it is no veto of commit %s", commit)
	}
	if e.Kind == KindLift {
		return Entry{}, false, nil
	}
	return *e, true, nil
}
