package ledger

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// releases reports whether action puts a branch into an environment.
func releases(action string) bool { return action == ActionRelease || action == ActionReplace }

// rebuilds reports whether action builds an environment's branch anew, so that
// what was there before is gone.
func rebuilds(action string) bool {
	return action == ActionReplace || action == ActionRemove || action == ActionReset
}

// actionOf is what the deployed entry e does to a release branch, empty if
// that is nothing or nothing known.
func actionOf(e *Entry) string {
	if e.Type == TypeDeployed && (releases(e.Action) || rebuilds(e.Action)) {
		return e.Action
	}
	return ""
}

// withdrawRebuilt withdraws what e, which builds the branch anew, did away
// with: what was deployed on the ref since the last entry that did, the newest
// of which is last. That one withdrew what was before it, so this is never
// gone through twice.
func withdrawRebuilt(s kv, e *Entry, last uint64) error {
	k := key(keyRebuilt, e.Service, e.Environment, e.Repository, e.Ref)
	v, err := s.Get(k)
	if err != nil {
		return err
	}
	target := uint64(0)
	if v != nil {
		if target, err = seqOf(v); err != nil {
			return err
		}
		target-- // its own commit is among them
	}
	if err := withdraw(s, e, last, target); err != nil {
		return err
	}
	return s.Put(k, seqValue(e.Seq))
}

// projectContents keeps which releases the commit that e deploys contains, if
// e changes that; was is the commit that was live on the ref.
func projectContents(s kv, e *Entry, at place, was string) error {
	action := actionOf(e)
	if action == "" {
		return nil
	}
	var now []byte
	if action != ActionReset && was != "" {
		before, err := contentsAt(s, deployment{e.Service, e.Environment, e.Repository, e.Ref, was})
		if err != nil {
			return err
		}
		for _, r := range before {
			if r.branch != e.Branch && !slices.Contains(e.Gone, r.branch) {
				now = binary.BigEndian.AppendUint64(now, r.at.seq)
			}
		}
	}
	if releases(action) {
		if err := s.Put(keySeq(keyRelease, e.Seq), append(appendPlace(nil, at), e.Branch...)); err != nil {
			return err
		}
		now = binary.BigEndian.AppendUint64(now, e.Seq)
	}
	k := contentsKey(deploymentOf(e))
	if len(now) == 0 {
		return s.Delete(k)
	}
	return s.Put(k, now)
}

func contentsKey(d deployment) []byte {
	return key(keyContents, d.service, d.environment, d.repository, d.ref, d.commit)
}

// A release is what the index keeps of the entry of a release.
type release struct {
	at     place
	branch string
}

// contentsAt lists the releases that the commit of d contains, in order.
func contentsAt(s kv, d deployment) ([]release, error) {
	v, err := s.Get(contentsKey(d))
	if err != nil || v == nil {
		return nil, err
	}
	if len(v)%8 != 0 {
		return nil, fmt.Errorf("%w: contents of %d bytes", errIndex, len(v))
	}
	all := make([]release, len(v)/8)
	for i := range all {
		seq := binary.BigEndian.Uint64(v[8*i:])
		b, err := s.Get(keySeq(keyRelease, seq))
		if err != nil {
			return nil, err
		}
		at, branch, err := cutPlace(b)
		if err != nil {
			return nil, err
		}
		if at.seq != seq {
			return nil, fmt.Errorf("%w: release %d is said to be record %d", errIndex, seq, at.seq)
		}
		all[i] = release{at, string(branch)}
	}
	return all, nil
}

// Contents lists the releases that a commit of a release branch contains, in
// the order in which they are in it: the deployed entries with the action
// release or replace, at most one of a branch. It is empty for a commit that
// the ledger does not know on exactly this ref, and for one that no release
// made. The entries are read back from the journal.
func (l *Ledger) Contents(service policy.Service, environment policy.EnvironmentName, repository string,
	ref policy.RefName, commit policy.ObjectID) ([]Entry, error) {
	of := deployment{cleanString(string(service)), cleanString(string(environment)), cleanString(repository), cleanString(string(ref)), string(commit)}
	var in []release
	err := l.look(func(s kv) (err error) {
		in, err = contentsAt(s, of)
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, r := range in {
		e, err := l.record(r.at, of.service, of.environment, of.repository)
		if err != nil {
			return nil, err
		}
		if e.Ref != of.ref || !releases(actionOf(e)) || e.Branch != r.branch {
			return nil, damaged(e.Seq, "it is no release of branch %q on %q", r.branch, ref)
		}
		all = append(all, *e)
	}
	return all, nil
}
