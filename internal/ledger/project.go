package ledger

import (
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
	case TypeStatus:
		return projectStatus(s, e, at)
	case TypeApproval:
		return projectApproval(s, e, at)
	case TypeLock:
		return s.Put(lockKey(e), appendPlace(nil, at))
	case TypeUnlock:
		return s.Delete(lockKey(e))
	case TypeVeto:
		return projectVeto(s, e, at)
	case TypePolicy:
		return projectPolicy(s, e, at)
	case TypeStamp:
		return projectStamp(s, e, at)
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
// environment, after it has withdrawn what the deployment does away with.
func projectDeployed(s kv, e *Entry, at place) error {
	live := key(keyLive, e.Service, e.Environment, e.Repository, e.Ref)
	was, err := lifeAt(s, live)
	if err != nil {
		return err
	}
	p, err := pastOf(s, e)
	if err != nil {
		return err
	}
	if err = takeAway(s, e, was, p); err == nil && was.run != 0 && was.commit != e.Commit {
		err = endSpan(s, e, at, was)
	}
	if err != nil {
		return err
	}
	now := was.next(e, at, p.withdrawn)
	here := step{was.at.seq, at, e.Commit}
	puts := [...]struct{ k, v []byte }{
		{recordKey(deploymentOf(e)), appendSpan(appendPlace(nil, at), p.longest)},
		{live, now.encode()},
		{keySeq(keyHistory, e.Seq, e.Service, e.Environment, e.Repository, e.Ref), here.encode()},
		{key(keyService, e.Service), []byte{1}},
		// A withdrawal stays: it is older than this record, and so says nothing.
		{key(keyCommit, e.Service, e.Environment, e.Repository, e.Commit), seqValue(0)},
	}
	for i, put := range puts {
		if i == len(puts)-1 && p.known {
			break
		}
		if err := s.Put(put.k, put.v); err != nil {
			return err
		}
	}
	if err := projectContents(s, e, at, was.commit); err != nil {
		return err
	}
	return projectSettled(s, e, at)
}

// takeAway withdraws what e does away with: a rollback what it goes back from,
// a release branch built anew what was on it.
func takeAway(s kv, e *Entry, was life, p past) error {
	if rebuilds(actionOf(e)) {
		return withdrawRebuilt(s, e, was.at.seq)
	}
	back, err := goesBack(s, e, p)
	if err != nil || !back {
		return err
	}
	return withdraw(s, e, was.at.seq, p.record.seq)
}

// projectSettled ends the intent and the drift that a deployment ends, and
// keeps what else it tells.
func projectSettled(s kv, e *Entry, at place) error {
	if e.Intent != 0 {
		if err := s.Delete(keySeq(keyIntent, e.Intent)); err != nil {
			return err
		}
	}
	if err := s.Delete(key(keyDrift, e.Service, e.Environment, e.Repository, e.Ref)); err != nil {
		return err
	}
	if err := projectProgress(s, e, at); err != nil {
		return err
	}
	if err := projectOverride(s, e, at); err != nil {
		return err
	}
	return projectObjects(s, e, at)
}

// A past is what the index has of a commit's earlier deployments.
type past struct {
	known     bool    // whether the environment had it, on any ref
	withdrawn uint64  // the newest record that withdrew it there, zero if none did
	record    place   // of the newest record on the ref, its seq is zero if there is none
	longest   stretch // on the ref, since the withdrawal
}

func recordKey(d deployment) []byte {
	return key(keyRecord, d.service, d.environment, d.repository, d.commit, d.ref)
}

// pastOf reads the past of the commit that e deploys.
func pastOf(s kv, e *Entry) (p past, err error) {
	v, err := s.Get(key(keyCommit, e.Service, e.Environment, e.Repository, e.Commit))
	if err != nil || v == nil {
		return p, err
	}
	p.known = true
	if p.withdrawn, err = seqOf(v); err != nil {
		return p, err
	}
	if v, err = s.Get(recordKey(deploymentOf(e))); err != nil || v == nil {
		return p, err
	}
	p.record, p.longest, err = cutRecord(v)
	if p.withdrawn > p.record.seq {
		p.longest = stretch{}
	}
	return p, err
}

// goesBack reports whether e is a rollback: by its kind, or by what it does if
// rules were overridden for it, as then the kind does not say. An override with
// an action is that action, also where its commit was on the ref before.
func goesBack(s kv, e *Entry, p past) (bool, error) {
	if e.Type != TypeDeployed || e.Kind != KindOverride {
		return e.Type == TypeDeployed && e.Kind == string(policy.Rollback), nil
	}
	if actionOf(e) != "" || p.record.seq == 0 { // where it is the live one, there is nothing to withdraw
		return false, nil
	}
	return stands(s, deploymentOf(e), p.record.seq, p.withdrawn)
}

// stands reports whether any ref of the environment has a record of the commit
// that is newer than its withdrawal; the ref of d has the record onRef.
func stands(s kv, d deployment, onRef, withdrawn uint64) (ok bool, err error) {
	if onRef > withdrawn {
		return true, nil
	}
	err = s.Scan(key(keyRecord, d.service, d.environment, d.repository, d.commit), func(_, v []byte) error {
		p, _, err := cutPlace(v)
		ok = ok || p.seq > withdrawn
		return err
	})
	return ok, err
}

// withdraw goes down the ref's history from the record last to the record
// target, and withdraws every commit on the way but the one of e. Without a
// target (zero) that is the whole history.
func withdraw(s kv, e *Entry, last, target uint64) error {
	names := [...]string{e.Service, e.Environment, e.Repository, e.Ref}
	for last > target {
		t, err := stepAt(s, names, last)
		if err != nil {
			return err
		}
		if t.commit != e.Commit {
			if err := s.Put(key(keyCommit, e.Service, e.Environment, e.Repository, t.commit), seqValue(e.Seq)); err != nil {
				return err
			}
		}
		last = t.before
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
		if err := putNew(s, key(keyObject, id), appendPlace(nil, at)); err != nil {
			return err
		}
	}
	return nil
}

// A newPutter is a kv that writes a value unless there is one, and need not read
// for that. Nobody else may ask for the key in the same change.
type newPutter interface {
	putNew(key, value []byte) error
}

// putNew writes a value unless there is one.
func putNew(s kv, k, v []byte) error {
	if n, ok := s.(newPutter); ok {
		return n.putNew(k, v)
	}
	return putAbsent(s, k, v)
}

func putAbsent(s kv, k, v []byte) error {
	was, err := s.Get(k)
	if err != nil || was != nil {
		return err
	}
	return s.Put(k, v)
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
