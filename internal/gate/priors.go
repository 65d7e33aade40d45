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

// catchUpPriors settles what unfinished pushes have left in the environments
// before, as far as it bears on m's commit: a deployment of it that is not on
// record yet, and whatever may have taken it away; and where more than the exact
// commit counts, all of it. All refs that
// must be read for that are asked for at once.
func (j *judge) catchUpPriors(l *book, m *move, all unsettled) (next, error) {
	what := done
	for i, name := range m.env.After {
		env, ok := j.scene.policy.Environment(name)
		if !ok || env.Elsewhere != nil {
			continue // Evaluate refuses for want of this answer; or nothing is pushed to it here
		}
		open, err := all.of(l, j.scene.site.Service, env)
		if err != nil {
			return done, err
		}
		for spot, intents := range open {
			if m.env.Match == policy.MatchCommit && !bears(intents, m.commit) {
				continue
			}
			here, afar := l.near(intents)
			then, err := j.awaitAfar(l, m, i, afar)
			if err == nil && len(here) > 0 {
				var own next
				own, err = j.settlePrior(l, spot, here)
				then = max(then, own)
			}
			if err != nil {
				return done, err
			}
			if then == done {
				open[spot] = afar
			}
			what = max(what, then)
		}
	}
	return what, nil
}

// unsettled holds the open intents of environments before, fetched once for all
// moves of a push.
type unsettled map[policy.EnvironmentName]map[Spot][]ledger.Entry

func (u unsettled) of(l *book, service policy.Service, env *policy.Environment) (open map[Spot][]ledger.Entry, err error) {
	if open, known := u[env.Name]; known {
		return open, nil
	}
	u[env.Name], err = l.openIntents(ledger.IntentFilter{Service: service, Environment: env.Name, Repository: env.Repository.Path(service)})
	return u[env.Name], err
}

// bears reports whether the outcome of open intents may change where a commit
// stands.
func bears(intents []ledger.Entry, commit policy.ObjectID) bool {
	return slices.ContainsFunc(intents, func(e ledger.Entry) bool {
		return e.Commit == string(commit) || e.Kind == string(policy.Rollback) || e.Kind == ledger.KindOverride || e.Action != ""
	})
}

func (j *judge) settlePrior(l *book, spot Spot, intents []ledger.Entry) (next, error) {
	seen := j.priors[spot]
	if seen == nil || !coversAll(seen, intents) {
		seen = &priorLook{dead: make(map[uint64]bool)}
		l.gone(intents, j.process.Now(), seen.dead)
		j.priors[spot] = seen
		return lookNow, nil
	}
	if seen.look.err != nil {
		return done, because("an environment before has a push that is not settled, and its ref cannot be read", seen.look.err)
	}
	live, err := l.live(spot)
	if err != nil {
		return done, err
	}
	drifted, _, err := l.drift(spot)
	if err != nil {
		return done, err
	}
	entries, wait := settleRef(intents, refState{live.New, drifted, seen.look.id, seen.dead, j.late})
	if wait {
		delete(j.priors, spot)
		return lookSoon, nil
	}
	if err := l.Append(entries...); err != nil {
		return done, err
	}
	j.started = append(j.started, entries...)
	return done, nil
}

// coversAll reports whether each intent was there when the ref was looked at: one
// that came later may have moved it since.
func coversAll(seen *priorLook, intents []ledger.Entry) bool {
	return slices.IndexFunc(intents, func(e ledger.Entry) bool {
		_, known := seen.dead[e.Seq]
		return !known
	}) < 0
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
