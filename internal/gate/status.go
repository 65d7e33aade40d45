package gate

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A Status is how one ref of one environment stands.
type Status struct {
	Spot Spot
	Live policy.Live
	// Seen is where the ref is; empty where it does not exist.
	Seen policy.ObjectID
	// Host is the host that has the repository, if it is not this one: then
	// Seen is not known, and it is nobody's business here.
	Host string
	// Elsewhere is set where stamps tell what is live, and no ref here: Seen is
	// empty, and there may be newer deployments. If Live is empty too, no stamp of
	// it is known, and Spot has neither repository nor ref.
	Elsewhere bool
	// Unreadable says why Seen is not known.
	Unreadable error
	// Moving is set while a push to the ref is under way or not settled yet.
	Moving bool
	// Waiting are the commits that are live in the environments before and
	// would be let in here now.
	Waiting []Waiting
}

// Waiting is a commit that could go on to the next environment.
type Waiting struct {
	// From is the environment before that it is live in.
	From policy.EnvironmentName
	Live policy.Live
	// Withdrawn is set if it was here before and was rolled back.
	Withdrawn bool
}

// Drift reports whether the ref is known to be elsewhere than on record.
func (s *Status) Drift() bool {
	live, seen := sameLength(s.Live.New, s.Seen)
	return s.Unreadable == nil && s.Host == "" && !s.Elsewhere && !s.Moving && live != seen
}

// Survey tells how every environment of one service stands, in the order of
// the path. It writes nothing and holds the ledger's lock for moments only.
func Survey(ctx context.Context, pol *policy.Policy, service policy.Service, now func() time.Time) ([]Status, error) {
	out, err := surveyLedger(ctx, pol, service, now)
	if err != nil {
		return nil, err
	}
	look := &surveyed{}
	for i := range out {
		if out[i].Host == "" && !out[i].Elsewhere {
			look.order = append(look.order, out[i].Spot)
		}
	}
	observed := observeAll(ctx, pol, look)
	for i := range out {
		saw := observed[out[i].Spot]
		out[i].Seen, out[i].Unreadable = saw.id, saw.err
		if pol.Shared() && out[i].Live.Record == 0 && errors.Is(saw.err, fs.ErrNotExist) {
			out[i].Unreadable = nil // it may come to be on any host
		}
	}
	return out, nil
}

func surveyLedger(ctx context.Context, pol *policy.Policy, service policy.Service, now func() time.Time) (out []Status, err error) {
	l, err := readBook(ctx, pol, now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	lives := make(map[policy.EnvironmentName][]Status)
	all, err := l.lives(service)
	if err != nil {
		return nil, err
	}
	for _, row := range all {
		name := row.spot.Environment
		lives[name] = append(lives[name], Status{Spot: row.spot, Live: row.live, Host: l.afar(row.live.Host)})
	}
	open, err := l.openIntents(ledger.IntentFilter{Service: service})
	if err != nil {
		return nil, err
	}
	for _, env := range pol.Environments {
		if env.Elsewhere != nil {
			rows, err := surveyElsewhere(l, env, service)
			if err != nil {
				return nil, err
			}
			lives[env.Name] = rows
			if len(rows) == 0 && heeded(pol, env, service) {
				rows = []Status{{Spot: Spot{Service: service, Environment: env.Name}, Elsewhere: true}}
			}
			out = append(out, rows...)
			continue
		}
		rows := known(env, service, lives[env.Name])
		for i := range rows {
			rows[i].Moving = len(open[rows[i].Spot]) > 0
			if err := surveyRef(l, pol, env, &rows[i], lives); err != nil {
				return nil, err
			}
		}
		out = append(out, rows...)
	}
	return out, nil
}

// known keeps the rows that belong to the environment as the policy has it
// now, and adds one for each exact ref that nothing has been deployed to.
func known(env *policy.Environment, service policy.Service, rows []Status) []Status {
	var out []Status
	have := make(map[policy.RefName]bool)
	repository := env.Repository.Path(service)
	for _, row := range rows {
		if row.Spot.Repository == repository && matches(env, row.Spot.Ref) {
			out, have[row.Spot.Ref] = append(out, row), true
		}
	}
	for _, pattern := range env.Refs {
		if ref := policy.RefName(pattern.String()); pattern.Exact() && !have[ref] {
			out = append(out, Status{Spot: Spot{Service: service, Environment: env.Name, Repository: repository, Ref: ref}})
		}
	}
	return out
}

func matches(env *policy.Environment, ref policy.RefName) bool {
	for _, pattern := range env.Refs {
		if pattern.Match(ref) {
			return true
		}
	}
	return false
}

// surveyRef finds what waits for a ref.
func surveyRef(l *book, pol *policy.Policy, env *policy.Environment, row *Status, lives map[policy.EnvironmentName][]Status) error {
	site, ok := pol.Site(row.Spot.Repository)
	if !ok {
		return nil
	}
	s := &scene{policy: pol, site: site, listed: true}
	for _, name := range env.After {
		for _, prior := range lives[name] {
			priorEnv, ok := pol.Environment(name)
			if !ok || !prior.corresponds(priorEnv, row.Spot.Ref) || prior.Live.Commit == row.Live.Commit {
				continue
			}
			if env.Release != nil || priorEnv.Release != nil {
				continue // branches go there: see Branches
			}
			// What is live there contains itself, so the exact commit is asked for.
			exact := *env
			exact.Match = policy.MatchCommit
			m := &move{env: &exact, ref: row.Spot.Ref, new: prior.Live.Commit, commit: prior.Live.Commit}
			facts, ready, err := s.ready(l, m)
			if err != nil {
				return err
			}
			if ready && !holds(row.Waiting, prior.Live.Commit) {
				row.Waiting = append(row.Waiting, Waiting{name, prior.Live, facts.Here.Withdrawn != 0})
			}
		}
	}
	return nil
}

// surveyElsewhere is what stamps tell of an environment elsewhere.
func surveyElsewhere(l *book, env *policy.Environment, service policy.Service) ([]Status, error) {
	lives, err := l.livesElsewhere(env, service)
	var rows []Status
	for _, live := range lives {
		rows = append(rows, Status{Spot: live.spot, Live: live.live, Elsewhere: true})
	}
	return rows, err
}

// corresponds reports whether a ref of an environment before is the one whose
// commits go on to ref. Where the policy does not tell the refs of one elsewhere,
// that is any.
func (s *Status) corresponds(env *policy.Environment, ref policy.RefName) bool {
	return refLike(env, ref) == s.Spot.Ref || env.Elsewhere != nil && len(env.Refs) == 0
}

func holds(waiting []Waiting, commit policy.ObjectID) bool {
	return slices.ContainsFunc(waiting, func(w Waiting) bool { return w.Live.Commit == commit })
}
