package gate

import (
	"context"
	"errors"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// Holdings are the branches that one ref of an environment holds, and those
// that could go on to it.
type Holdings struct {
	Spot Spot
	// Base is what the environment is made from; empty where no branches are
	// released into it.
	Base policy.RefName
	// BaseAt is where Base is; empty if it is absent or could not be read.
	BaseAt policy.ObjectID
	// Unknown is set where the environment was adopted as it is: nobody has told
	// which branches it holds.
	Unknown bool
	// Branches are those released and not taken out, in the order in which they
	// were merged.
	Branches []Held
	// Ready are branches that the environments before hold and this one does
	// not. No rule was asked.
	Ready []Ready
	// Host is the host that has the repository, if it is not this one: then
	// nothing is known of what the repository has.
	Host string
	// Unreadable says why nothing is known of what the repository has: Seen and
	// InBase of Branches are empty then, and there is no Ready.
	Unreadable error

	live policy.Live
}

// A Held is a branch that an environment holds.
type Held struct {
	Branch    string // its short name
	Tickets   []string
	Head      policy.ObjectID // the branch's commit that was released
	Record    uint64          // of the release
	Time      time.Time       // of the release
	Principal string          // who released it
	// Seen is where the branch is in the repository now; empty if it is gone.
	Seen policy.ObjectID
	// InBase is set where the base contains Head, and SeenInBase where it
	// contains Seen.
	InBase, SeenInBase bool
}

// MovedOn reports whether the branch is elsewhere now than at what was
// released.
func (h *Held) MovedOn() bool { return h.Seen != "" && h.Seen != h.Head }

// Ready is a branch that could go on to an environment.
type Ready struct {
	Held
	// From is the first of the environments before that holds it.
	From policy.EnvironmentName
	// Here is the commit of the same branch that the environment holds now,
	// empty if none.
	Here policy.ObjectID
}

// Branches tells which branches the environments of one service hold, in the
// order of the path. It has a row for each ref of an environment with release,
// and of one with match = "contained" that comes after such. The ledger is
// locked for look-ups only; git is asked after that. Where no environment has
// release, the ledger is not even opened.
func Branches(ctx context.Context, pol *policy.Policy, service policy.Service, now func() time.Time) ([]Holdings, error) {
	if !takesReleases(pol.Environments...) {
		return nil, nil
	}
	out, err := recordedHoldings(ctx, pol, service, now)
	if err != nil {
		return nil, err
	}
	seer := &beholder{ctx: ctx, root: pol.Root}
	for i := range out {
		if out[i].Base != "" && out[i].Host == "" {
			seer.look(&out[i])
		}
	}
	for i := range out {
		seer.findReady(pol, &out[i], out)
	}
	return out, nil
}

// takesReleases reports whether branches are released into one of the
// environments.
func takesReleases(environments ...*policy.Environment) bool {
	for _, env := range environments {
		if env.Release != nil {
			return true
		}
	}
	return false
}

// priorsOf lists the environments before one that branches are released into.
func priorsOf(pol *policy.Policy, env *policy.Environment) (list []*policy.Environment) {
	for _, name := range env.After {
		if prior, ok := pol.Environment(name); ok && prior.Release != nil {
			list = append(list, prior)
		}
	}
	return list
}

// recordedHoldings is what the ledger says.
func recordedHoldings(ctx context.Context, pol *policy.Policy, service policy.Service, now func() time.Time) (out []Holdings, err error) {
	l, err := readBook(ctx, pol, now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	lives, err := l.lives(service)
	if err != nil {
		return nil, err
	}
	for _, env := range pol.Environments {
		if env.Elsewhere != nil || env.Release == nil && (env.Match != policy.MatchContained || len(priorsOf(pol, env)) == 0) {
			continue
		}
		var rows []Status
		for _, row := range lives {
			if row.spot.Environment == env.Name {
				rows = append(rows, Status{Spot: row.spot, Live: row.live})
			}
		}
		for _, row := range known(env, service, rows) {
			h := Holdings{Spot: row.Spot, live: row.Live, Host: l.afar(row.Live.Host)}
			if err := h.read(l, env); err != nil {
				return nil, err
			}
			out = append(out, h)
		}
	}
	return out, nil
}

// read completes the holdings of an environment with release.
func (h *Holdings) read(l *book, env *policy.Environment) error {
	if env.Release == nil {
		return nil
	}
	h.Base = env.Release.Base
	entries, err := l.contents(h.Spot, h.live.Commit)
	for _, e := range entries {
		h.Branches = append(h.Branches, Held{Branch: e.Branch, Tickets: e.Tickets, Head: policy.ObjectID(e.Head),
			Record: e.Seq, Time: e.Time, Principal: e.Principal})
	}
	h.Unknown = len(entries) == 0 && h.live.Kind == policy.Adopt
	return err
}
