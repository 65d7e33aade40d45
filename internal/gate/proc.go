package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// ProcReceive is git's own switch against an absent pre-receive: git moves the
// refs listed in receive.procReceiveRefs only if this hook tells it to, and it
// does so only for updates that pre-receive has announced in the ledger. It
// also carries out the command refs.
func ProcReceive(p *Process) (status int) {
	push := p.pushID()
	var s *scene
	defer func() {
		if value := recover(); value != nil {
			status = 1
			p.tellFault(s, push, recovered(value))
		}
	}()
	ctx := context.Background()
	talk, err := receive.StartProcReceive(p.Stdin, p.Stdout)
	if err != nil {
		p.tellFault(s, push, because("git and its proc-receive hook do not understand each other", err))
		return 1
	}
	if s, err = openScene(p.Getenv("GIT_DIR")); err == nil {
		err = p.procReceive(ctx, s, talk)
	}
	if err != nil {
		p.tellFault(s, push, because("", err))
		denyRest(talk, push)
	}
	if closed := talk.Close(); closed != nil {
		p.log(push, s.redact(closed.Error()))
		status = 1
	}
	if err != nil || talk.Refused() {
		p.shipRefused(ctx, s, err)
	} else {
		p.shipLate(ctx, s)
	}
	return status
}

// denyRest refuses, in git's own list of refs, what has no answer yet.
func denyRest(talk *receive.ProcReceive, push string) {
	for _, u := range talk.Updates {
		if !talk.Answered(u.Ref) {
			talk.Deny(u.Ref, "pathgate could not check this push: "+push)
		}
	}
}

func (p *Process) procReceive(ctx context.Context, s *scene, talk *receive.ProcReceive) error {
	var guarded []receive.Update
	pushedNotes, others := s.handedNotes(talk.Updates)
	denied := p.takeNotes(ctx, s, talk, pushedNotes)
	for _, u := range others {
		_, command := policy.Command(u.Ref)
		_, environment := s.site.Environment(u.Ref)
		if command || environment {
			guarded = append(guarded, u)
		} else {
			talk.FallThrough(u.Ref)
		}
	}
	if len(guarded) == 0 {
		return nil
	}
	if denied && talk.Atomic {
		for _, u := range guarded {
			talk.Deny(u.Ref, "the push is all or nothing, and its notes are refused")
		}
		return nil
	}
	return p.guard(ctx, s, talk, guarded)
}

// guard answers for refs of environments and for command refs.
func (p *Process) guard(ctx context.Context, s *scene, talk *receive.ProcReceive, guarded []receive.Update) error {
	if _, command := policy.Command(guarded[0].Ref); command {
		if err := p.sinksReady(ctx, s); err != nil {
			return err
		}
	}
	if _, _, ok := releaseTarget(guarded[0].Ref); ok && len(guarded) == 1 {
		return p.release(ctx, s, talk, guarded[0])
	}
	if namespace, _, ok := commandTarget(guarded[0].Ref); ok && namespace != deployRefs && len(guarded) == 1 {
		return p.speak(ctx, s, talk, guarded[0])
	}
	token, err := p.token()
	if err != nil {
		return err
	}
	intents, overtaken, err := p.announced(ctx, s, token, guarded)
	if err != nil {
		return err
	}
	if _, command := policy.Command(guarded[0].Ref); !command && len(guarded) > 1 && !talk.Atomic {
		return p.refuseSeveral(ctx, s, talk, guarded, intents)
	}
	announced := errands(intents)
	for _, u := range guarded {
		if _, command := policy.Command(u.Ref); command {
			if err := p.carryOut(ctx, s, talk, u, intents); err != nil {
				return err
			}
			continue
		}
		if announced[errandOf(u)] == nil {
			explain.Unjudged(p.Stderr, u.Ref)
			talk.Deny(u.Ref, "pre-receive did not judge this push")
			continue
		}
		if err := p.passOn(ctx, s, talk, u, announced[errandOf(u)], overtaken); err != nil {
			return err
		}
	}
	return nil
}

// carryOut does what a command ref asks for: it moves the environment's ref
// the way git would, and records the deployment before it answers.
func (p *Process) carryOut(ctx context.Context, s *scene, talk *receive.ProcReceive, u receive.Update, intents []ledger.Entry) error {
	_, target, _ := commandTarget(u.Ref)
	env, ok := s.site.Environment(target)
	var intent *ledger.Entry
	for i := range intents {
		if intents[i].Ref != string(target) {
			continue
		}
		means, err := s.means(ctx, u.New, policy.ObjectID(intents[i].New))
		if err != nil {
			return because("a pushed object cannot be read", err)
		}
		if means {
			intent = &intents[i]
		}
	}
	if !ok || intent == nil {
		explain.Unjudged(p.Stderr, u.Ref)
		talk.Deny(u.Ref, "pre-receive did not judge this push")
		return nil
	}
	why, err := tooLate, error(nil)
	if !overdue(intent, p.Now()) {
		why, err = p.mayMove(ctx, s, talk, intent)
	}
	if err == nil && why == "" {
		return p.carry(ctx, s, talk, u, env, intent)
	}
	if err == nil {
		err = p.giveUp(ctx, s, why, *intent)
	}
	if err == nil {
		p.deny(talk, u.Ref, env, target, why)
	}
	return err
}

func (p *Process) deny(talk *receive.ProcReceive, command policy.RefName, env *policy.Environment, target policy.RefName, why string) {
	explain.NotMoved(p.Stderr, env.Name, target, why)
	talk.Deny(command, why)
}

// means reports whether a pushed object is the commit that was announced, or a
// tag of it.
func (s *scene) means(ctx context.Context, pushed, announced policy.ObjectID) (bool, error) {
	if pushed == announced {
		return true, nil
	}
	objects, err := s.repo.Commits(ctx, []policy.ObjectID{pushed})
	return objects[pushed].Commit == announced && announced != "", err
}

// mayMove makes the checks that git makes for a push to the ref itself. A
// reason means that the ref stays where it is.
func (p *Process) mayMove(ctx context.Context, s *scene, talk *receive.ProcReceive, intent *ledger.Entry) (why string, err error) {
	if talk.Atomic {
		return "a command ref must be pushed without --atomic", nil
	}
	ref := policy.RefName(intent.Ref)
	if intent.Old != intent.New {
		_, at, err := s.repo.CheckedOut(ctx, ref)
		if err != nil {
			return "", because("the repository's work trees cannot be listed", err)
		}
		if at {
			return "the branch is checked out in a work tree", nil
		}
	}
	yes, err := p.runUpdateHook(ctx, s, intent.Ref, intent.Old, intent.New)
	if err != nil || !yes {
		return declined, err
	}
	return "", nil
}

// moveTime bounds the move of a ref, which happens under the ledger's lock.
const moveTime = 5 * time.Second

// carry moves the ref and records it, under one lock: so nobody can take the
// push for over, and settle its intent, between the two. It must still be the
// push that pre-receive judged, with its intent open.
func (p *Process) carry(ctx context.Context, s *scene, talk *receive.ProcReceive, u receive.Update, env *policy.Environment, intent *ledger.Entry) error {
	move := receive.Move{Ref: policy.RefName(intent.Ref), Old: policy.ObjectID(intent.Old), New: policy.ObjectID(intent.New)}
	move.Forced = s.forced(ctx, move.Old, move.New)
	out, err := p.moveAndRecord(ctx, s, env, intent)
	switch {
	case out.why != "":
		p.deny(talk, u.Ref, env, move.Ref, out.why)
		return err
	case !out.moved:
		return err
	}
	talk.Moved(u.Ref, move)
	if err != nil {
		p.tellUnrecorded(s, move.Ref, intent.Old == intent.New, because("", err))
		return nil
	}
	out.receipt.Sideways = move.Forced
	explain.Receipts(p.Stderr, []explain.Receipt{out.receipt})
	p.startDeployments(s, []*ledger.Entry{out.record})
	p.stamp(ctx, s, out.record)
	return nil
}

// A carried intent is one that proc-receive has tried to carry out.
type carried struct {
	moved   bool
	why     string // the ref stays where it is
	receipt explain.Receipt
	record  *ledger.Entry // nil if it could not be written
}

func (p *Process) moveAndRecord(ctx context.Context, s *scene, env *policy.Environment, intent *ledger.Entry) (out carried, err error) {
	l, err := p.open(ctx, s, s.toCarryOut(env, intent))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	open, err := p.stillOpen(l, intent)
	if err != nil {
		return out, err
	}
	if !open {
		out.why = "this push was given up meanwhile"
		return out, nil
	}
	if out.why, err = s.barredSince(l, env, intent); err != nil || out.why != "" {
		if err == nil {
			err = l.Append(abandoned(intent, out.why))
		}
		return out, err
	}
	if out.receipt, err = s.receipt(l, env, intent); err != nil {
		return out, err
	}
	if out.moved, out.why, err = s.move(ctx, intent); !out.moved {
		if err == nil {
			err = l.Append(abandoned(intent, out.why))
		}
		return out, err
	}
	e := deployed(intent, "")
	if err = l.Append(e); err != nil {
		return out, err
	}
	out.record = e
	out.receipt.Record, out.receipt.Tree = e.Seq, l.tree()
	if err := s.nextOf(l, env, &out.receipt); err != nil { // it is on record; only what comes next cannot be told
		p.log(intent.Push, s.redact(err.Error()))
	}
	return out, nil
}

// stillOpen reports whether the intent is open and its push goes on.
func (p *Process) stillOpen(l *book, intent *ledger.Entry) (bool, error) {
	token, err := receive.FindToken() // anew: receive-pack may have gone
	if err != nil || string(token) != intent.Token {
		return false, nil
	}
	intents, err := l.Intents(ledger.IntentFilter{Token: intent.Token})
	return slices.ContainsFunc(intents, func(e ledger.Entry) bool { return e.Seq == intent.Seq }), err
}

// raced is why a ref was not moved that no longer was where it had been.
const raced = "the ref was moved by somebody else meanwhile"

// move moves the ref by compare and swap. Where git fails, the ref itself is
// asked whether it moved.
func (s *scene) move(ctx context.Context, intent *ledger.Entry) (moved bool, why string, err error) {
	ref, old, id := policy.RefName(intent.Ref), policy.ObjectID(intent.Old), policy.ObjectID(intent.New)
	within, cancel := context.WithTimeout(ctx, moveTime)
	defer cancel()
	err = s.repo.MoveRef(within, ref, id, old, fmt.Sprintf("pathgate: %s, record %d", intent.Kind, intent.Seq))
	if err == nil {
		return true, "", nil
	}
	if errors.Is(err, gitfacts.ErrLostRace) {
		return false, raced, nil
	}
	_, at, readErr := s.repo.Resolve(ctx, ref)
	switch {
	case readErr != nil:
		return false, "", because("git failed to move the ref; it may have moved", errors.Join(err, readErr))
	case old != id && orZero(at, id) == id:
		return true, "", nil
	}
	return false, "git could not move the ref; is there one whose name is in its way?", nil
}

// forced tells git's client whether to mark the move as forced. That is for
// display only, so a failure to find out is no fault.
func (s *scene) forced(ctx context.Context, old, id policy.ObjectID) bool {
	if old.IsZero() || old == id {
		return false
	}
	_, exit, err := s.repo.Git(ctx, nil, "merge-base", "--is-ancestor", string(old), string(id))
	return err == nil && exit == 1
}

// giveUp settles an intent whose ref did not move.
func (p *Process) giveUp(ctx context.Context, s *scene, why string, intents ...ledger.Entry) (err error) {
	l, err := p.open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	entries := make([]*ledger.Entry, len(intents))
	for i := range intents {
		entries[i] = abandoned(&intents[i], why)
	}
	return l.Append(entries...)
}
