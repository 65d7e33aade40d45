package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/policy"
)

// A Hearsay is what stamps tell here of a commit in an environment elsewhere.
type Hearsay struct {
	Commit   policy.ObjectID
	Standing policy.Standing // its Record and Withdrawn are stamps, its Time the origin's
	Stamp    ledger.Entry    // of the newest deployment, empty if none is known
	Outcome  policy.Outcome
	Pending  bool // it has an outcome that is not known
	IsLive   bool // as far as stamps tell
	Live     policy.Live
	Forked   uint64        // the record that bars the environment and service, zero if none does
	Speaks   bool          // the keys may speak for the service
	Age      time.Duration // since the newest deployment of the commit
	TooOld   bool
	// Ahead is set where the origin recorded it at a time that is still to come.
	Ahead bool
	// Waiting is set where notes in a repository here have a stamp of the commit
	// that counts and is not on record yet.
	Waiting bool
}

// Counts reports whether an environment after it may rest on what was told, for
// all that does not depend on that environment's rules.
func (h *Hearsay) Counts() bool {
	return h.Standing.Record != 0 && h.Standing.Withdrawn == 0 && h.Forked == 0 && h.Speaks && !h.TooOld && !h.Ahead
}

// Hear tells what stamps say of the question's commit in its environment, which
// is elsewhere. An empty ref stands for any. Its repository is one whose notes
// may have stamps that are not on record, nil if there is none. It writes
// nothing.
func Hear(ctx context.Context, q Question, now func() time.Time) (h Hearsay, err error) {
	env := q.Environment
	if env.Elsewhere == nil {
		return h, errors.New("the environment is on this host")
	}
	if h.Waiting, err = hearNotes(ctx, q, now); err != nil {
		return h, err
	}
	l, err := readBook(ctx, q.Policy, now)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ask := policy.Lookup{Service: q.Service, Environment: env.Name, Repository: repositoryOf(env, q.Service), Refs: env.Refs, Commit: q.Commit, Elsewhere: true}
	if q.Ref != "" {
		exact, err := policy.ParseRefPattern(string(q.Ref))
		if err != nil {
			return h, err
		}
		ask.Refs = []policy.RefPattern{exact}
	}
	p, e, err := l.StampStanding(ask)
	if err != nil {
		return h, err
	}
	h.Commit, h.Standing, h.Stamp, h.Outcome, h.Pending, h.IsLive = q.Commit, p.Standing, e, p.Outcome, p.Pending, p.IsLive
	h.Forked, h.Speaks, h.Age = p.Forked, env.Elsewhere.Speaks(q.Service), l.now.Sub(p.Stamped)
	h.TooOld, h.Ahead = h.Age > env.Elsewhere.MaxAge, h.Age < -policy.MaxAhead
	h.Live, err = l.liveElsewhere(env, q.Service, q.Ref)
	return h, err
}

// hearNotes reports whether the notes of the question's repository have a stamp
// that counts by itself.
func hearNotes(ctx context.Context, q Question, now func() time.Time) (bool, error) {
	if q.Repository == nil {
		return false, nil
	}
	s := &scene{policy: q.Policy, repo: q.Repository, site: policy.Site{Service: q.Service}, listed: true, under: true}
	asked := []question{{q.Environment.Name, q.Commit}}
	in := newIntake(s, now, "", s.ownNotes(ctx, asked))
	if err := in.look(ctx, asked); err != nil {
		return false, err
	}
	return slices.ContainsFunc(in.found, func(p *proven) bool { return p.About == stamp.Deployed }), nil
}
