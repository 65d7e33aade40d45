package gate

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A priorLook is where a ref of an environment before was seen, and which of
// the intents on it belonged to pushes that were over by then.
type priorLook struct {
	dead map[uint64]bool
	look look
	done bool // it has been looked at
}

// catchUpPriors settles what killed pushes of the same commit have left in the
// environments before, so that a commit that has been deployed there is not
// refused for want of a record. A push there that still runs is not waited
// for.
func (j *judge) catchUpPriors(l *book, m *move, open map[Spot][]ledger.Entry) (next, error) {
	for spot, intents := range open {
		if !slices.Contains(m.env.After, spot.Environment) || !announces(intents, m.commit) {
			continue
		}
		seen := j.priors[spot]
		if seen == nil {
			dead := make(map[uint64]bool)
			if gone(intents, j.process.Now(), dead); len(dead) > 0 {
				j.priors[spot] = &priorLook{dead: dead}
				return lookNow, nil
			}
			continue
		}
		if seen.look.err != nil {
			continue // who may push here need not be able to read there
		}
		live, err := l.live(spot)
		if err != nil {
			return done, err
		}
		entries, _ := settleRef(intents, live.New, seen.look.id, seen.dead)
		if err := l.Append(entries...); err != nil {
			return done, err
		}
		delete(open, spot)
	}
	return done, nil
}

func announces(intents []ledger.Entry, commit policy.ObjectID) bool {
	return slices.ContainsFunc(intents, func(e ledger.Entry) bool { return e.Commit == string(commit) })
}

// lookAtPriors reads the refs that catchUpPriors has asked for, without the
// ledger's lock.
func (j *judge) lookAtPriors(ctx context.Context) {
	for spot, seen := range j.priors {
		if seen.done {
			continue
		}
		seen.done = true
		repo, err := gitfacts.Open(filepath.Join(j.scene.policy.Root, filepath.FromSlash(spot.Repository)))
		if err != nil {
			seen.look.err = err
			continue
		}
		_, seen.look.id, seen.look.err = repo.Resolve(ctx, spot.Ref)
	}
}
