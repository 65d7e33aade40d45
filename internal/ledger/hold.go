package ledger

import (
	"encoding/binary"
	"slices"

	"github.com/pathgate/pathgate/policy"
)

const (
	// MaxLocks is the most locks that AllLocks lists.
	MaxLocks = 1000
	// MaxOverrides is the most overrides that Overrides can list.
	MaxOverrides = 1000
)

// lockKey is where a lock is kept; a lock is taken off as it was set.
func lockKey(e *Entry) []byte { return key(keyLock, e.Environment, e.Service, e.Ref) }

// Locks lists the locks that bind a ref of an environment: those set on the
// ref or on all, for the service or for all, at most one each, the wider first. A
// lock that is set again replaces the one before. Locks whose Until has passed
// are among them. They are read back from the journal.
func (l *Ledger) Locks(service policy.Service, environment policy.EnvironmentName, ref policy.RefName) ([]Entry, error) {
	env := cleanString(string(environment))
	var places []place
	err := l.look(func(s kv) error {
		places = nil
		some := false
		err := scanSome(s, key(keyLock, env), 1, func(_, _ []byte) error { some = true; return nil })
		if err != nil || !some {
			return err
		}
		for _, name := range unique(cleanString(string(service))) {
			for _, on := range unique(cleanString(string(ref))) {
				v, err := s.Get(key(keyLock, env, name, on))
				if err != nil {
					return err
				}
				if v == nil {
					continue
				}
				at, _, err := cutPlace(v)
				if err != nil {
					return err
				}
				places = append(places, at)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all, err := l.locks(places)
	for _, e := range all {
		if e.Environment != env || e.Service != "" && e.Service != cleanString(string(service)) || e.Ref != "" && e.Ref != cleanString(string(ref)) {
			return nil, damaged(e.Seq, "it is no lock of %q in %s of %s", ref, environment, service)
		}
	}
	return all, err
}

// unique is "all" and name, once each.
func unique(name string) []string {
	if name == "" {
		return []string{""}
	}
	return []string{"", name}
}

// AllLocks lists all locks that are set, by environment, service and ref; more
// reports whether there are more than MaxLocks, of which the rest is left out.
func (l *Ledger) AllLocks() (locks []Entry, more bool, err error) {
	var places []place
	err = l.look(func(s kv) error {
		places = nil
		return scanSome(s, key(keyLock), MaxLocks+1, func(_, v []byte) error {
			at, _, err := cutPlace(v)
			places = append(places, at)
			return err
		})
	})
	if err != nil {
		return nil, false, err
	}
	if more = len(places) > MaxLocks; more {
		places = places[:MaxLocks]
	}
	locks, err = l.locks(places)
	return locks, more && err == nil, err
}

func (l *Ledger) locks(places []place) ([]Entry, error) {
	var all []Entry
	for _, at := range places {
		e, err := l.readBack(at)
		if err != nil {
			return nil, err
		}
		if e.Type != TypeLock {
			return nil, damaged(e.Seq, "it is of type %s, not a lock", e.Type)
		}
		all = append(all, *e)
	}
	return all, nil
}

// projectOverride keeps a deployment that rules were overridden for, the
// newest first by its key, and how many there are.
func projectOverride(s kv, e *Entry, at place) error {
	if e.Type != TypeDeployed || e.Kind != KindOverride || slices.Equal(e.Overrode, []string{Inherited}) {
		return nil
	}
	n := uint64(0)
	err := scanSome(s, key(keyOverride, e.Service, e.Environment), 1, func(_, v []byte) error {
		_, rest, err := cutPlace(v)
		if err == nil {
			n, err = seqOf(rest)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.Put(keySeq(keyOverride, ^e.Seq, e.Service, e.Environment), binary.BigEndian.AppendUint64(appendPlace(nil, at), n+1))
}

// Overrides lists the newest deployments of an environment that rules were
// overridden for, newest first and at most so many, or MaxOverrides, and says how
// many there have ever been. Those listed are read back from the journal.
func (l *Ledger) Overrides(service policy.Service, environment policy.EnvironmentName, most int) (newest []Entry, total uint64, err error) {
	var places []place
	err = l.look(func(s kv) error {
		places, total = nil, 0
		return scanSome(s, cleanKey(keyOverride, string(service), string(environment)), min(most, MaxOverrides), func(_, v []byte) error {
			at, rest, err := cutPlace(v)
			if err == nil && total == 0 {
				total, err = seqOf(rest)
			}
			places = append(places, at)
			return err
		})
	})
	if err != nil {
		return nil, 0, err
	}
	for _, at := range places {
		e, err := l.readBack(at)
		if err != nil {
			return nil, 0, err
		}
		if e.Type != TypeDeployed || e.Kind != KindOverride || e.Environment != cleanString(string(environment)) || e.Service != cleanString(string(service)) {
			return nil, 0, damaged(e.Seq, "it is no override in %s of %s", environment, service)
		}
		newest = append(newest, *e)
	}
	return newest, total, nil
}
