package gate

import (
	"context"
	"errors"
	"fmt"

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
	push := newPushID()
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
		err = p.procReceive(ctx, s, talk, push)
	}
	if err != nil {
		p.tellFault(s, push, because("", err))
		denyRest(talk, push)
	}
	if err := talk.Close(); err != nil {
		p.log(push, s.redact(err.Error()))
		return 1
	}
	return 0
}

// denyRest refuses, in git's own list of refs, what has no answer yet.
func denyRest(talk *receive.ProcReceive, push string) {
	for _, u := range talk.Updates {
		if !talk.Answered(u.Ref) {
			talk.Deny(u.Ref, "pathgate could not check this push: "+push)
		}
	}
}

func (p *Process) procReceive(ctx context.Context, s *scene, talk *receive.ProcReceive, push string) error {
	var guarded []receive.Update
	for _, u := range talk.Updates {
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
	token, err := receive.FindToken()
	if err != nil {
		return because("the process that receives this push cannot be found", err)
	}
	intents, err := p.intentsOf(ctx, s, token)
	if err != nil {
		return err
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
		talk.FallThrough(u.Ref)
	}
	return nil
}

func (p *Process) intentsOf(ctx context.Context, s *scene, token receive.Token) (intents []ledger.Entry, err error) {
	l, err := openBook(ctx, s.policy, p.Now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.Intents(ledger.IntentFilter{Token: string(token)})
}

// carryOut does what a command ref asks for: it moves the environment's ref
// the way git would, and records the deployment before it answers.
func (p *Process) carryOut(ctx context.Context, s *scene, talk *receive.ProcReceive, u receive.Update, intents []ledger.Entry) error {
	target, _ := deployTarget(u.Ref)
	env, ok := s.site.Environment(target)
	var intent *ledger.Entry
	for i := range intents {
		if intents[i].Ref == string(target) && intents[i].New == string(u.New) {
			intent = &intents[i]
		}
	}
	if !ok || intent == nil {
		explain.Unjudged(p.Stderr, u.Ref)
		talk.Deny(u.Ref, "pre-receive did not judge this push")
		return nil
	}
	why, err := p.moveRef(ctx, s, talk, intent)
	if err != nil {
		return err
	}
	if why != "" {
		if err := p.giveUp(ctx, s, intent, why); err != nil {
			return err
		}
		explain.NotMoved(p.Stderr, env.Name, target, why)
		talk.Deny(u.Ref, why)
		return nil
	}
	move := receive.Move{Ref: target, Old: policy.ObjectID(intent.Old), New: policy.ObjectID(intent.New)}
	move.Forced = s.forced(ctx, move.Old, move.New)
	talk.Moved(u.Ref, move)
	return p.settleCommand(ctx, s, env, intent)
}

// moveRef moves the intent's ref, after the same checks that git makes for a
// push to the ref itself. A reason means that the ref stays where it is.
func (p *Process) moveRef(ctx context.Context, s *scene, talk *receive.ProcReceive, intent *ledger.Entry) (why string, err error) {
	if talk.Atomic {
		return "a command ref must be pushed without --atomic", nil
	}
	ref, old, id := policy.RefName(intent.Ref), policy.ObjectID(intent.Old), policy.ObjectID(intent.New)
	if old != id {
		_, at, err := s.repo.CheckedOut(ctx, ref)
		if err != nil {
			return "", because("the repository's work trees cannot be listed", err)
		}
		if at {
			return "the branch is checked out in a work tree", nil
		}
	}
	hook, ok, err := s.repo.HookPath(ctx, "update")
	if err != nil {
		return "", because("the repository's update hook cannot be found", err)
	}
	if ok {
		if yes, err := p.runHook(hook, nil, string(ref), string(old), string(id)); err != nil || !yes {
			return "the repository's update hook declined it", err
		}
	}
	err = s.repo.MoveRef(ctx, ref, id, old, fmt.Sprintf("pathgate: %s, record %d", intent.Kind, intent.Seq))
	if errors.Is(err, gitfacts.ErrLostRace) {
		return "the ref was moved by somebody else meanwhile", nil
	}
	if err != nil {
		return "", because("git could not move the ref", err)
	}
	return "", nil
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

// settleCommand records what proc-receive itself has moved. The ref has moved,
// so a fault here is told, not answered.
func (p *Process) settleCommand(ctx context.Context, s *scene, env *policy.Environment, intent *ledger.Entry) error {
	receipt, err := p.recordCommand(ctx, s, env, intent)
	if err != nil {
		p.tellUnrecorded(s, policy.RefName(intent.Ref), intent.Push, because("", err))
		return nil
	}
	explain.Receipts(p.Stderr, []explain.Receipt{receipt})
	return nil
}

func (p *Process) recordCommand(ctx context.Context, s *scene, env *policy.Environment, intent *ledger.Entry) (receipt explain.Receipt, err error) {
	l, err := openBook(ctx, s.policy, p.Now)
	if err != nil {
		return receipt, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if receipt, err = s.receipt(l, env, intent); err != nil {
		return receipt, err
	}
	e := deployed(intent, "")
	if err = l.Append(e); err != nil {
		return receipt, err
	}
	receipt.Record = e.Seq
	return receipt, nil
}

// giveUp settles an intent whose ref did not move.
func (p *Process) giveUp(ctx context.Context, s *scene, intent *ledger.Entry, why string) (err error) {
	l, err := openBook(ctx, s.policy, p.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.Append(abandoned(intent, why))
}
