package ledger

import (
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// MayWithdraw reports whether an entry is a deployment of a kind that takes commits
// away; an override may also take none away.
func (e *Entry) MayWithdraw() bool {
	if e.Type != TypeDeployed {
		return false
	}
	switch e.Action {
	case ActionReplace, ActionRemove, ActionReset:
		return true
	}
	return e.Kind == string(policy.Rollback) || e.Kind == KindOverride
}

// Withdrew lists the commits that the deployed entry e withdrew, and that
// nothing withdrew again since, the one that was live before it first. It is
// empty for an entry that withdrew none.
func (l *Ledger) Withdrew(e *Entry) (commits []policy.ObjectID, err error) {
	if e.Type != TypeDeployed {
		return nil, nil
	}
	err = l.look(func(s kv) error {
		commits = nil
		return withdrewEach(s, e, func(commit string) {
			if id := policy.ObjectID(commit); !slices.Contains(commits, id) {
				commits = append(commits, id)
			}
		})
	})
	if err != nil {
		return nil, fmt.Errorf("find what record %d withdrew: %w", e.Seq, err)
	}
	return commits, nil
}

// withdrewEach goes down the history of the ref from e as long as its entries
// were withdrawn by e or later: what e withdrew was deployed without a gap
// before it.
func withdrewEach(s kv, e *Entry, fn func(commit string)) error {
	names := [...]string{e.Service, e.Environment, e.Repository, e.Ref}
	here, err := stepAt(s, names, e.Seq)
	for next := here.before; err == nil && next != 0; next = here.before {
		if here, err = stepAt(s, names, next); err != nil {
			return err
		}
		if here.commit == e.Commit {
			if rebuilds(actionOf(e)) { // it does not withdraw its own, and goes on
				continue
			}
			return nil
		}
		v, err := s.Get(key(keyCommit, e.Service, e.Environment, e.Repository, here.commit))
		if err != nil {
			return err
		}
		by := uint64(0)
		if v != nil {
			if by, err = seqOf(v); err != nil {
				return err
			}
		}
		if by < e.Seq {
			return nil
		}
		if by == e.Seq {
			fn(here.commit)
		}
	}
	return err
}
