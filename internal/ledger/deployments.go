package ledger

import (
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// A trail goes down the history of a ref.
type trail struct {
	names [4]string // service, environment, repository, ref
	next  uint64    // the record to come, zero at the end
}

// trailsOf finds the refs that a pattern of the lookup matches, each once.
func trailsOf(s kv, q policy.Lookup) (all []trail, err error) {
	f := lookupFields(q)
	if slices.ContainsFunc(q.Refs, func(p policy.RefPattern) bool { return !p.Exact() }) {
		err = s.Scan(key(keyLive, f[:3]...), func(k, v []byte) error {
			names, err := fieldsOf(k, 4)
			if err != nil || !matches(q.Refs, names[3]) {
				return err
			}
			at, _, err := cutPlace(v)
			all = append(all, trail{[4]string(names), at.seq})
			return err
		})
		return all, err
	}
	for _, pattern := range q.Refs {
		names := [4]string{f[0], f[1], f[2], cleanString(pattern.String())}
		if slices.ContainsFunc(all, func(t trail) bool { return t.names == names }) {
			continue
		}
		seq, err := seqAt(s, key(keyLive, names[:]...))
		if err != nil {
			return nil, err
		}
		all = append(all, trail{names, seq})
	}
	return all, nil
}

// newest is the trail whose next record is the newest, nil if all have ended.
func newest(all []trail) (first *trail) {
	for i := range all {
		if t := &all[i]; t.next != 0 && (first == nil || t.next > first.next) {
			first = t
		}
	}
	return first
}

// Deployments lists the newest deployed and adopt entries of an environment on
// the refs that a pattern of the lookup matches, newest first over all these
// refs, up to most of them; more says that there are others. The lookup's
// commit does not matter, nor does whether an entry's commit was withdrawn
// since: see Withdrawn. The entries are read back from the journal.
func (l *Ledger) Deployments(q policy.Lookup, most int) (entries []Entry, more bool, err error) {
	var all []deployed
	err = l.look(func(s kv) (err error) {
		all, more, err = deploymentsOf(s, q, most)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	entries = make([]Entry, len(all))
	for i, t := range all {
		e, err := l.record(t.at, string(q.Service), string(q.Environment), q.Repository)
		if err != nil {
			return nil, false, err
		}
		if e.Ref != t.ref || e.Commit != t.commit {
			return nil, false, damaged(e.Seq, "it is not about commit %s on %q", t.commit, t.ref)
		}
		entries[i] = *e
	}
	return entries, more, nil
}

// deployed is a step and the ref that it is of.
type deployed struct {
	ref string
	step
}

// deploymentsOf finds what Deployments lists.
func deploymentsOf(s kv, q policy.Lookup, most int) (all []deployed, more bool, err error) {
	trails, err := trailsOf(s, q)
	if err != nil {
		return nil, false, err
	}
	for t := newest(trails); t != nil; t = newest(trails) {
		if len(all) >= most {
			return all, true, nil
		}
		here, err := stepAt(s, t.names, t.next)
		if err != nil {
			return nil, false, err
		}
		all, t.next = append(all, deployed{t.names[3], here}), here.before
	}
	return all, false, nil
}

// Withdrawn is the newest record that withdrew the lookup's commit from its
// environment: a rollback, or an entry that built a release branch anew; zero
// if none ever did. What was deployed of the commit before that record does not
// stand, on whatever ref; what was deployed after it does. It asks the index
// alone, so that many deployments can be sorted by it.
func (l *Ledger) Withdrawn(q policy.Lookup) (record uint64, err error) {
	f := lookupFields(q)
	err = l.look(func(s kv) error {
		v, err := s.Get(key(keyCommit, f[:]...))
		if record = 0; err == nil && v != nil {
			record, err = seqOf(v)
		}
		return err
	})
	return record, err
}

// LiveBefore is the commit that was live on an entry's ref, by the ledger, until
// that deployed or adopt entry; empty if none was. An entry's Old is where the
// ref really was, which is elsewhere after a drift. It asks the index alone.
func (l *Ledger) LiveBefore(e *Entry) (commit policy.ObjectID, err error) {
	names := [4]string{e.Service, e.Environment, e.Repository, e.Ref}
	err = l.look(func(s kv) error {
		commit = ""
		here, err := stepAt(s, names, e.Seq)
		if err != nil || here.before == 0 {
			return err
		}
		before, err := stepAt(s, names, here.before)
		commit = policy.ObjectID(before.commit)
		return err
	})
	return commit, err
}
