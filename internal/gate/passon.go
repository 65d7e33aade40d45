package gate

import (
	"context"
	"errors"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// mostDelay is how long after it was judged a push may still move its ref. A
// client that does not read holds up its own push for as long as it likes.
const mostDelay = time.Minute

// overdue reports whether what an intent announced was judged too long ago.
func overdue(intent *ledger.Entry, now time.Time) bool { return now.Sub(intent.Time) > mostDelay }

// tooLate is why a push that was judged too long ago does not go on.
const tooLate = "it was judged more than a minute ago: push again"

// barredSince says whether a veto or a lock came after the push was judged, as
// it can while a hook takes its time.
func (s *scene) barredSince(l *book, env *policy.Environment, intent *ledger.Entry) (why string, err error) {
	spot := s.spot(env, policy.RefName(intent.Ref))
	veto, err := l.veto(spot.Service, policy.ObjectID(intent.Commit))
	if err != nil {
		return "", err
	}
	if veto != nil && veto.Record > intent.Seq {
		return "the commit was vetoed meanwhile", nil
	}
	locks, err := l.locks(spot)
	for _, lock := range locks {
		if lock.Record > intent.Seq && !env.ReportOnly {
			return "the environment was locked meanwhile", err
		}
	}
	return "", err
}

// several is why refs of environments are not moved one after the other: what git
// has to say of one that it cannot move comes before it moves the next, and waits
// for a client that does not read. With --atomic nothing moves then.
const several = "push several refs of environments with --atomic, or one by one"

func (p *Process) refuseSeveral(ctx context.Context, s *scene, talk *receive.ProcReceive, guarded []receive.Update, intents []ledger.Entry) error {
	for _, u := range guarded {
		talk.Deny(u.Ref, several)
	}
	if env, ok := s.site.Environment(guarded[0].Ref); ok {
		explain.NotMoved(p.Stderr, env.Name, guarded[0].Ref, several)
	}
	return p.giveUp(ctx, s, several, intents...)
}

// passOn lets git move an environment's ref, as it does next and without a word
// to the client, which could hold it up by not reading.
func (p *Process) passOn(ctx context.Context, s *scene, talk *receive.ProcReceive, u receive.Update, intent *ledger.Entry, overtaken map[uint64]string) error {
	why := overtaken[intent.Seq]
	if why == "" {
		talk.FallThrough(u.Ref)
		return nil
	}
	if env, ok := s.site.Environment(u.Ref); ok {
		p.deny(talk, u.Ref, env, u.Ref, why)
	}
	return p.giveUp(ctx, s, why, *intent)
}

// announced lists what pre-receive announced of this push, and why what it let
// in then may not go on now.
func (p *Process) announced(ctx context.Context, s *scene, token receive.Token, guarded []receive.Update) (intents []ledger.Entry, overtaken map[uint64]string, err error) {
	l, err := p.read(ctx, s, s.toPass(guarded))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if intents, err = l.Intents(ledger.IntentFilter{Token: string(token)}); err != nil {
		return nil, nil, err
	}
	overtaken = make(map[uint64]string)
	announced := errands(intents)
	for _, u := range guarded {
		intent := announced[errandOf(u)]
		env, ok := s.site.Environment(u.Ref)
		if intent == nil || !ok {
			continue
		}
		if overtaken[intent.Seq], err = s.barredSince(l, env, intent); err != nil {
			return nil, nil, err
		}
		if overdue(intent, l.now) {
			overtaken[intent.Seq] = tooLate
		}
	}
	return intents, overtaken, nil
}
