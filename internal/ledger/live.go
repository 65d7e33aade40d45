package ledger

import (
	"time"

	"github.com/pathgate/pathgate/policy"
)

// LiveSpan tells how long a commit was live in an environment, on the refs
// that one of the patterns matches: whether it is live there now; since when
// it is without a break, zero while that time does not count; and how long the
// longest span was that has ended. The package comment defines a span. A time
// in the future, which a clock that was wrong leaves, is for the caller to
// take as no time at all.
//
// The entries that begin and end the spans are read back from the journal.
func (l *Ledger) LiveSpan(service policy.Service, environment policy.EnvironmentName, repository string,
	refs []policy.RefPattern, commit policy.ObjectID) (live bool, since time.Time, longest time.Duration, err error) {
	q := policy.Lookup{Service: service, Environment: environment, Repository: repository, Refs: refs, Commit: commit}
	var now life
	var ended stretch
	err = l.look(func(s kv) (err error) {
		now, ended, err = spansOf(s, q)
		return err
	})
	if err == nil && now.at.seq != 0 {
		live = true
		_, err = l.recordOf(now.at, q)
	}
	if err == nil && now.begin.seq != 0 {
		since, err = l.beginning(now.begin.place, q)
	}
	if err == nil && ended.length > 0 {
		longest, err = l.length(ended, q)
	}
	if err != nil {
		return false, time.Time{}, 0, err
	}
	return live, since, longest, nil
}

// spansOf finds the life of the ref on which the commit is live and its span
// began first, and the longest span that has ended on any.
func spansOf(s kv, q policy.Lookup) (now life, longest stretch, err error) {
	f := lookupFields(q)
	v, err := s.Get(key(keyCommit, f[:]...))
	if err != nil || v == nil {
		return now, longest, err
	}
	withdrawn, err := seqOf(v)
	if err != nil {
		return now, longest, err
	}
	err = eachRecord(s, q, func(ref string, v []byte) error {
		record, ended, err := cutRecord(v)
		if err != nil {
			return err
		}
		if record.seq > withdrawn && ended.length > longest.length {
			longest = ended
		}
		on, err := lifeAt(s, key(keyLive, f[0], f[1], f[2], ref))
		if err != nil || on.commit != f[3] {
			return err
		}
		if on.run <= withdrawn {
			on.begin = moment{}
		}
		if now.at.seq == 0 || on.begin.seq != 0 && (now.begin.seq == 0 || on.begin.time < now.begin.time) {
			now = on
		}
		return nil
	})
	return now, longest, err
}

// recordOf reads a deployed or adopt entry back that a lookup found.
func (l *Ledger) recordOf(at place, q policy.Lookup) (*Entry, error) {
	e, err := l.record(at, string(q.Service), string(q.Environment), q.Repository)
	if err != nil {
		return nil, err
	}
	if e.Commit != string(q.Commit) || !matches(q.Refs, e.Ref) {
		return nil, damaged(e.Seq, "it is not about commit %s", q.Commit)
	}
	return e, nil
}

// beginning reads back when a span began: with a deployment that has no
// outcome, or with a success.
func (l *Ledger) beginning(at place, q policy.Lookup) (time.Time, error) {
	e, err := l.readBack(at)
	if err != nil {
		return time.Time{}, err
	}
	f := lookupFields(q)
	if (deployment{f[0], f[1], f[2], e.Ref, f[3]}) != deploymentOf(e) || !matches(q.Refs, e.Ref) {
		return time.Time{}, damaged(e.Seq, "it is not about commit %s", q.Commit)
	}
	switch {
	case e.Type == TypeStatus && e.State == StateSuccess, e.Type == TypeAdopt, e.Type == TypeDeployed && e.Deploy == "":
		return e.Time, nil
	}
	return time.Time{}, damaged(e.Seq, "no time counts from it")
}

// length reads back how long a span was.
func (l *Ledger) length(p stretch, q policy.Lookup) (time.Duration, error) {
	from, err := l.beginning(p.from, q)
	if err != nil {
		return 0, err
	}
	e, err := l.record(p.to, string(q.Service), string(q.Environment), q.Repository)
	if err != nil {
		return 0, err
	}
	if e.Commit == string(q.Commit) || !matches(q.Refs, e.Ref) {
		return 0, damaged(e.Seq, "it does not end a span of commit %s", q.Commit)
	}
	if d := e.Time.Sub(from); d == p.length {
		return d, nil
	}
	return 0, damaged(e.Seq, "the span that it ends was not of %s", p.length)
}
