package ledger

import (
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// Standing answers a lookup: the newest record of the commit on a ref that one
// of the lookup's patterns matches, and whether a rollback took the commit
// away since. The record is read back from the journal before it counts.
func (l *Ledger) Standing(q policy.Lookup) (policy.Standing, error) {
	st, _, err := l.StandingRecord(q)
	return st, err
}

// StandingRecord is Standing, and the record itself; an empty entry if there
// is none. Of an environment elsewhere both are of the stamp.
func (l *Ledger) StandingRecord(q policy.Lookup) (policy.Standing, Entry, error) {
	if q.Elsewhere {
		p, e, err := l.StampStanding(q)
		return p.Standing, e, err
	}
	var at place
	var withdrawn uint64
	err := l.look(func(s kv) (err error) {
		at, withdrawn, err = standingOf(s, q)
		return err
	})
	if err != nil || at.seq == 0 {
		return policy.Standing{}, Entry{}, err
	}
	e, err := l.recordOf(at, q)
	if err != nil {
		return policy.Standing{}, Entry{}, err
	}
	st := policy.Standing{Record: e.Seq, Ref: policy.RefName(e.Ref), Time: e.Time, Principal: e.Principal}
	if withdrawn > e.Seq {
		st.Withdrawn = withdrawn
	}
	return st, *e, nil
}

// standingOf finds the newest record for a lookup, and the newest withdrawal.
func standingOf(s kv, q policy.Lookup) (at place, withdrawn uint64, err error) {
	f := lookupFields(q)
	v, err := s.Get(key(keyCommit, f[:]...))
	if err != nil || v == nil {
		return place{}, 0, err
	}
	if withdrawn, err = seqOf(v); err != nil {
		return place{}, 0, err
	}
	err = eachRecord(s, q, func(_ string, v []byte) error {
		p, _, err := cutPlace(v)
		if err == nil && p.seq > at.seq {
			at = p
		}
		return err
	})
	return at, withdrawn, err
}

// lookupFields are the fields of keys that a lookup is about.
func lookupFields(q policy.Lookup) [4]string {
	return [...]string{cleanString(string(q.Service)), cleanString(string(q.Environment)), cleanString(q.Repository), string(q.Commit)}
}

// eachRecord calls fn for the newest record of the commit on each ref that a
// pattern of the lookup matches, perhaps more than once.
func eachRecord(s kv, q policy.Lookup, fn func(ref string, v []byte) error) error {
	f := lookupFields(q)
	if slices.ContainsFunc(q.Refs, func(p policy.RefPattern) bool { return !p.Exact() }) {
		return s.Scan(key(keyRecord, f[:]...), func(k, v []byte) error {
			f, err := fieldsOf(k, 5)
			if err != nil || !matches(q.Refs, f[4]) {
				return err
			}
			return fn(f[4], v)
		})
	}
	for _, pattern := range q.Refs {
		ref := cleanString(pattern.String())
		v, err := s.Get(key(keyRecord, f[0], f[1], f[2], f[3], ref))
		if err == nil && v != nil {
			err = fn(ref, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func matches(patterns []policy.RefPattern, ref string) bool {
	return slices.ContainsFunc(patterns, func(p policy.RefPattern) bool {
		return p.Match(policy.RefName(ref)) || p.Exact() && cleanString(p.String()) == ref
	})
}

// record reads a deployed or adopt entry back and checks whose it is.
func (l *Ledger) record(at place, service, environment, repository string) (*Entry, error) {
	e, err := l.readBack(at)
	if err != nil {
		return nil, err
	}
	if e.Type != TypeDeployed && e.Type != TypeAdopt {
		return nil, damaged(e.Seq, "it is of type %s, not a deployment", e.Type)
	}
	if e.Service != cleanString(service) || e.Environment != cleanString(environment) || e.Repository != cleanString(repository) {
		return nil, damaged(e.Seq, "it is not about %s of %s in %s", environment, service, repository)
	}
	return e, nil
}

// place reads the place at key k; its seq is zero if there is none.
func (l *Ledger) place(k []byte) (at place, err error) {
	err = l.look(func(s kv) error {
		at = place{}
		v, err := s.Get(k)
		if err == nil && v != nil {
			at, _, err = cutPlace(v)
		}
		return err
	})
	return at, err
}

// OnRef is the record of the commit's last deployment on exactly this ref,
// withdrawn or not; zero if there is none.
func (l *Ledger) OnRef(service policy.Service, environment policy.EnvironmentName, repository string,
	ref policy.RefName, commit policy.ObjectID) (uint64, error) {
	at, err := l.place(cleanKey(keyRecord, string(service), string(environment), repository, string(commit), string(ref)))
	if err != nil || at.seq == 0 {
		return 0, err
	}
	e, err := l.record(at, string(service), string(environment), repository)
	if err != nil {
		return 0, err
	}
	if e.Ref != cleanString(string(ref)) || e.Commit != string(commit) {
		return 0, damaged(e.Seq, "it is not about commit %s on %q", commit, ref)
	}
	return e.Seq, nil
}

// Live is what the ledger says that the ref points to; its Record is zero if
// the ledger knows nothing of the ref.
func (l *Ledger) Live(service policy.Service, environment policy.EnvironmentName, repository string,
	ref policy.RefName) (policy.Live, error) {
	at, err := l.place(cleanKey(keyLive, string(service), string(environment), repository, string(ref)))
	if err != nil || at.seq == 0 {
		return policy.Live{}, err
	}
	return l.live(at, [4]string{string(service), string(environment), repository, cleanString(string(ref))})
}

func (l *Ledger) live(at place, f [4]string) (policy.Live, error) {
	e, err := l.record(at, f[0], f[1], f[2])
	if err != nil {
		return policy.Live{}, err
	}
	if e.Ref != f[3] {
		return policy.Live{}, damaged(e.Seq, "it is not about %q", f[3])
	}
	kind := policy.Kind(e.Kind)
	if e.Type == TypeAdopt {
		kind = policy.Adopt
	}
	return policy.Live{
		Record: e.Seq, Ref: policy.RefName(e.Ref), New: policy.ObjectID(e.New), Commit: policy.ObjectID(e.Commit),
		Subject: e.Subject, Kind: kind, Time: e.Time, Principal: e.Principal, Host: e.Host,
	}, nil
}

// An Object is what an earlier entry recorded of an object ID.
type Object struct {
	Commit  policy.ObjectID // the object, peeled
	Tree    policy.ObjectID
	Subject string
}

// Object tells what an earlier intent, deployment or adoption recorded of an
// object, as the new value of a ref or as its commit; false if none did.
func (l *Ledger) Object(id policy.ObjectID) (Object, bool, error) {
	at, err := l.place(key(keyObject, string(id)))
	if err != nil || at.seq == 0 {
		return Object{}, false, err
	}
	e, err := l.readBack(at)
	if err != nil {
		return Object{}, false, err
	}
	if e.New != string(id) && e.Commit != string(id) {
		return Object{}, false, damaged(e.Seq, "it is not about object %s", id)
	}
	return Object{policy.ObjectID(e.Commit), policy.ObjectID(e.Tree), e.Subject}, true, nil
}

// cleanKey is key with the fields as the encoder writes them.
func cleanKey(kind byte, fields ...string) []byte {
	b := []byte{kind}
	for _, f := range fields {
		b = appendField(b, cleanString(f))
	}
	return b
}
