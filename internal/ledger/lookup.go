package ledger

import (
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// Standing answers a lookup: the newest record of the commit on a ref that one
// of the lookup's patterns matches, and whether a rollback took the commit
// away since. The record is read back from the journal before it counts.
func (l *Ledger) Standing(q policy.Lookup) (policy.Standing, error) {
	var at place
	var withdrawn uint64
	err := l.look(func(s kv) (err error) {
		at, withdrawn, err = standingOf(s, q)
		return err
	})
	if err != nil || at.seq == 0 {
		return policy.Standing{}, err
	}
	e, err := l.record(at, string(q.Service), string(q.Environment), q.Repository)
	if err != nil {
		return policy.Standing{}, err
	}
	if e.Commit != string(q.Commit) || !matches(q.Refs, e.Ref) {
		return policy.Standing{}, damaged(e.Seq, "it is not about commit %s", q.Commit)
	}
	st := policy.Standing{Record: e.Seq, Ref: policy.RefName(e.Ref), Time: e.Time, Principal: e.Principal}
	if withdrawn > e.Seq {
		st.Withdrawn = withdrawn
	}
	return st, nil
}

// standingOf finds the newest record for a lookup, and the newest withdrawal.
func standingOf(s kv, q policy.Lookup) (at place, withdrawn uint64, err error) {
	commit := [...]string{cleanString(string(q.Service)), cleanString(string(q.Environment)), cleanString(q.Repository), string(q.Commit)}
	v, err := s.Get(key(keyCommit, commit[:]...))
	if err != nil || v == nil {
		return place{}, 0, err
	}
	if withdrawn, err = seqOf(v); err != nil {
		return place{}, 0, err
	}
	take := func(v []byte) error {
		p, _, err := cutPlace(v)
		if err == nil && p.seq > at.seq {
			at = p
		}
		return err
	}
	for _, pattern := range q.Refs {
		if !pattern.Exact() {
			continue
		}
		v, err := s.Get(key(keyRecord, append(commit[:], cleanString(pattern.String()))...))
		if err == nil && v != nil {
			err = take(v)
		}
		if err != nil {
			return place{}, 0, err
		}
	}
	if !slices.ContainsFunc(q.Refs, func(p policy.RefPattern) bool { return !p.Exact() }) {
		return at, withdrawn, nil
	}
	err = s.Scan(key(keyRecord, commit[:]...), func(k, v []byte) error {
		f, err := fieldsOf(k, 5)
		if err != nil || !matches(q.Refs, f[4]) {
			return err
		}
		return take(v)
	})
	return at, withdrawn, err
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
		Subject: e.Subject, Kind: kind, Time: e.Time, Principal: e.Principal,
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
