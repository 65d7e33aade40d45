package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// project brings the projections from before entry e to after it. It depends
// on nothing but e, its place and what earlier calls left in the store, so
// that every engine comes to the same answers. A type it does not know
// changes nothing.
func project(s kv, e *Entry, at place) error {
	switch e.Type {
	case TypeLedger, TypeRepair:
		if e.Root == "" {
			return nil
		}
		return s.Put(key(keyRoot), []byte(e.Root))
	case TypeIntent:
		return projectIntent(s, e, at)
	case TypeAbandoned:
		return s.Delete(keySeq(keyIntent, e.Intent))
	case TypeDrift:
		return projectDrift(s, e)
	case TypeDeployed, TypeAdopt:
		return projectDeployed(s, e, at)
	}
	return nil
}

// projectIntent opens an intent. The value holds what intents are looked for
// by, so that the ones of others need not be read from the journal.
func projectIntent(s kv, e *Entry, at place) error {
	v := appendPlace(nil, at)
	for _, f := range [...]string{e.Token, e.Service, e.Environment, e.Repository, e.Ref} {
		v = appendField(v, f)
	}
	if err := s.Put(keySeq(keyIntent, e.Seq), v); err != nil {
		return err
	}
	return projectObjects(s, e, at)
}

// projectDrift records what was seen on a ref, unless it is what the ledger
// says: then the drift is over.
func projectDrift(s kv, e *Entry) error {
	k := key(keyDrift, e.Service, e.Environment, e.Repository, e.Ref)
	if e.New == e.Old {
		return s.Delete(k)
	}
	return s.Put(k, []byte(e.New))
}

// projectDeployed makes a commit live on its ref and standing in its
// environment; a rollback withdraws what it goes back from first.
func projectDeployed(s kv, e *Entry, at place) error {
	live := key(keyLive, e.Service, e.Environment, e.Repository, e.Ref)
	before, err := seqAt(s, live)
	if err != nil {
		return err
	}
	record := key(keyRecord, e.Service, e.Environment, e.Repository, e.Commit, e.Ref)
	if e.Type == TypeDeployed && e.Kind == string(policy.Rollback) {
		target, err := seqAt(s, record)
		if err == nil {
			err = withdraw(s, e, before, target)
		}
		if err != nil {
			return err
		}
	}
	if err := standing(s, e); err != nil {
		return err
	}
	where := appendPlace(nil, at)
	history := append(binary.BigEndian.AppendUint64(nil, before), e.Commit...)
	for _, p := range [...]struct{ k, v []byte }{
		{record, where},
		{live, where},
		{keySeq(keyHistory, e.Seq, e.Service, e.Environment, e.Repository, e.Ref), history},
		{key(keyService, e.Service), []byte{1}},
	} {
		if err := s.Put(p.k, p.v); err != nil {
			return err
		}
	}
	if e.Intent != 0 {
		if err := s.Delete(keySeq(keyIntent, e.Intent)); err != nil {
			return err
		}
	}
	if err := s.Delete(key(keyDrift, e.Service, e.Environment, e.Repository, e.Ref)); err != nil {
		return err
	}
	return projectObjects(s, e, at)
}

// standing makes the commit known in its environment. A withdrawal stays: it
// is older than the record that is about to be made, and so says nothing.
func standing(s kv, e *Entry) error {
	k := key(keyCommit, e.Service, e.Environment, e.Repository, e.Commit)
	v, err := s.Get(k)
	if err != nil || v != nil {
		return err
	}
	return s.Put(k, seqValue(0))
}

// withdraw goes down the ref's history from the record last to the record
// target, and withdraws every commit on the way but the one that e goes back
// to. Without a target (zero) that is the whole history.
func withdraw(s kv, e *Entry, last, target uint64) error {
	for last > target {
		v, err := s.Get(keySeq(keyHistory, last, e.Service, e.Environment, e.Repository, e.Ref))
		if err != nil {
			return err
		}
		if len(v) < 8 {
			return fmt.Errorf("%w: the history of record %d is lost", errIndex, last)
		}
		before, commit := binary.BigEndian.Uint64(v), string(v[8:])
		if before >= last {
			return fmt.Errorf("%w: the history of record %d goes on to %d", errIndex, last, before)
		}
		if commit != e.Commit {
			if err := s.Put(key(keyCommit, e.Service, e.Environment, e.Repository, commit), seqValue(e.Seq)); err != nil {
				return err
			}
		}
		last = before
	}
	return nil
}

// projectObjects remembers where the entry tells what an object is. The first
// entry that does stays: what an object ID means never changes.
func projectObjects(s kv, e *Entry, at place) error {
	for i, id := range [...]string{e.New, e.Commit} {
		if id == "" || e.Commit == "" || i == 1 && e.New == e.Commit {
			continue
		}
		k := key(keyObject, id)
		v, err := s.Get(k)
		if err != nil {
			return err
		}
		if v != nil {
			continue
		}
		if err := s.Put(k, appendPlace(nil, at)); err != nil {
			return err
		}
	}
	return nil
}

// seqAt reads the record number of the place at key k, zero if there is none.
func seqAt(s kv, k []byte) (uint64, error) {
	v, err := s.Get(k)
	if err != nil || v == nil {
		return 0, err
	}
	p, _, err := cutPlace(v)
	return p.seq, err
}
