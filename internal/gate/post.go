package gate

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// PostReceive settles what pre-receive announced, now that the refs have
// moved, and tells the developer. It can refuse nothing any more; what it
// cannot record stays an open intent, which the next hook or reconcile
// settles.
func PostReceive(p *Process) (status int) {
	push := p.pushID()
	var s *scene
	defer func() {
		if value := recover(); value != nil {
			status = 1
			p.tellUnrecorded(s, "an environment's ref", false, recovered(value))
		}
	}()
	ctx := context.Background()
	input, err := receive.Read(p.Stdin)
	if err == nil {
		s, err = openScene(p.Getenv("GIT_DIR"))
	}
	if err == nil {
		err = p.postReceive(ctx, s, input.Updates, push)
	}
	if err != nil {
		p.tellUnrecorded(s, "an environment's ref", false, because("", err))
		status = 1
	}
	if yes, err := p.runEarlierHook(s.byRef(input)); !yes || err != nil {
		status = 1
	}
	return status
}

// byRef is git's list for the hook that was here before: where git tells of a
// release by the command's name, it names the environment's ref, which moved.
func (s *scene) byRef(input receive.Input) []byte {
	if s == nil || !bytes.Contains(input.Raw, []byte(" "+releaseRefs+"/")) {
		return input.Raw
	}
	var out bytes.Buffer
	for _, u := range input.Updates {
		if _, _, ok := releaseTarget(u.Ref); ok {
			_, ref := s.aim(u.Ref)
			if u.Old == u.New || ref == "" {
				continue
			}
			u.Ref = ref
		}
		fmt.Fprintf(&out, "%s %s %s\n", u.Old, u.New, u.Ref)
	}
	return out.Bytes()
}

func (p *Process) tellUnrecorded(s *scene, ref policy.RefName, again bool, err error) {
	p.log(p.pushID(), s.redact(err.Error()))
	explain.Unrecorded(p.Stderr, ref, again, publicReason(err), p.pushID())
}

func (p *Process) postReceive(ctx context.Context, s *scene, updates []receive.Update, push string) error {
	var moved []*move
	for i, u := range updates {
		if env, ok := s.site.Environment(u.Ref); ok {
			moved = append(moved, &move{index: i, pushed: u, env: env, ref: u.Ref, old: u.Old})
		} else if _, _, ok := releaseTarget(u.Ref); ok && u.Old != u.New {
			if env, ref := s.aim(u.Ref); env != nil {
				moved = append(moved, &move{index: i, pushed: u, env: env, ref: ref, old: u.Old})
			}
		}
	}
	if len(moved) == 0 {
		return nil
	}
	token, err := p.token()
	if err != nil {
		return err
	}
	done, err := p.settlePush(ctx, s, moved, token, push)
	if err != nil {
		return err
	}
	records := append(done.carried, done.entries...)
	p.startDeployments(s, records)
	for _, d := range done.drifts {
		explain.Drift(p.Stderr, d.env.Name, d.ref, d.live, d.seen, d.record)
	}
	explain.Receipts(p.Stderr, done.receipts)
	p.stamp(ctx, s, done.entries...)
	p.shipLate(ctx, s)
	p.startBoard(s)
	if p.follow(ctx, s, records) {
		p.startBoard(s) // it can tell how they ended
	}
	return nil
}

// recordedSince reports whether another hook has taken the move that the intent
// announced for another push's: it had waited long enough for this one.
func recordedSince(l *book, spot Spot, intent *ledger.Entry) bool {
	live, err := l.live(spot)
	return err == nil && live.Record > intent.Seq && live.New == policy.ObjectID(intent.New) && intent.Old != intent.New
}

// number puts the records that the entries became into what will be told.
// Receipts and drifts each stand in the order of their entries.
func number(entries []*ledger.Entry, receipts []explain.Receipt, drifts []*drift) {
	for _, e := range entries {
		switch e.Type {
		case ledger.TypeDeployed:
			receipts[0].Record, receipts = e.Seq, receipts[1:]
		case ledger.TypeDrift:
			drifts[0].record, drifts = e.Seq, drifts[1:]
		}
	}
}

// An errand is one update of one ref, as an intent announces it.
type errand struct{ ref, old, new string }

// errands are a push's intents by what they announce.
func errands(intents []ledger.Entry) map[errand]*ledger.Entry {
	out := make(map[errand]*ledger.Entry, len(intents))
	for i := range intents {
		e := &intents[i]
		out[errand{e.Ref, e.Old, e.New}] = e
	}
	return out
}

func errandOf(u receive.Update) errand { return errand{string(u.Ref), string(u.Old), string(u.New)} }

// unannounced deals with a ref that moved though this push announced nothing:
// either proc-receive has recorded it already, or pre-receive did not run.
func (s *scene) unannounced(l *book, m *move, push string) (*drift, *ledger.Entry, error) {
	spot := s.spot(m.env, m.ref)
	live, err := l.live(spot)
	if err != nil || orZero(live.New, m.pushed.New) == m.pushed.New {
		return nil, nil, err
	}
	// Another push may have moved the ref on since proc-receive recorded this one.
	_, own, err := l.StandingRecord(policy.Lookup{Service: spot.Service, Environment: spot.Environment,
		Repository: spot.Repository, Refs: m.env.Refs, Commit: m.pushed.New})
	if err != nil || own.Push == push {
		return nil, nil, err
	}
	e := driftEntry(spot, live, m.pushed.New)
	e.Push, e.Reason = push, "moved by a push that pre-receive did not judge"
	return &drift{env: m.env, ref: m.ref, live: live, seen: m.pushed.New}, e, nil
}

// receipt is what the developer will be told of a deployment. It must be made
// before the deployment is recorded, to know what was live until then.
func (s *scene) receipt(l *book, env *policy.Environment, intent *ledger.Entry) (explain.Receipt, error) {
	ref := policy.RefName(intent.Ref)
	live, err := l.live(s.spot(env, ref))
	if err != nil {
		return explain.Receipt{}, err
	}
	receipt := explain.Receipt{
		Environment: env.Name, Ref: ref, Kind: policy.Kind(intent.Kind),
		Commit: policy.ObjectID(intent.Commit), Subject: intent.Subject, Principal: intent.Principal,
		Evidence: intent.Evidence, Before: live, NoCommands: !s.carriesOut(deployRefs),
		Deploy: intent.Deploy, Waits: env.Deploy != nil && env.Deploy.Wait,
		CanRollBack: env.Rollback != policy.RollbackNone, Several: len(env.Refs) > 1 || !env.Refs[0].Exact(), Shared: s.shared(),
	}
	if receipt.CanRollBack {
		if receipt.CanRollBack, err = s.wentWell(l, env, live); err != nil {
			return explain.Receipt{}, err
		}
	}
	return receipt, s.goesBack(l, env, intent, &receipt)
}

// goesBack completes the receipt of a move to a commit that was live here
// before: what it withdraws cannot be gone back to.
func (s *scene) goesBack(b *book, env *policy.Environment, intent *ledger.Entry, receipt *explain.Receipt) error {
	if slices.Equal(intent.Overrode, []string{ledger.Inherited}) {
		receipt.Kind, receipt.ByOverride = policy.Rollback, intent.Reason
		if receipt.Before.Commit == receipt.Commit {
			receipt.Kind = policy.Redeploy
		}
	}
	if receipt.Kind != policy.Rollback && receipt.Kind != policy.Overridden || receipt.Before.Commit == receipt.Commit {
		return nil
	}
	spot := s.spot(env, receipt.Ref)
	target, err := b.onRef(spot, receipt.Commit)
	if err != nil || target == 0 {
		return err
	}
	if receipt.Kind == policy.Overridden { // to what was withdrawn itself, it withdraws nothing
		standing, err := b.Standing(policy.Lookup{Service: spot.Service, Environment: spot.Environment,
			Repository: spot.Repository, Refs: env.Refs, Commit: receipt.Commit})
		if err != nil || standing.Withdrawn != 0 {
			return err
		}
	}
	receipt.Withdrawn, receipt.MoreWithdrawn, err = b.since(spot, target)
	receipt.CanRollBack = false
	if err == nil && env.Release != nil {
		receipt.Out, receipt.Back, err = b.changes(spot, receipt.Before.Commit, receipt.Commit)
	}
	return err
}

// wentWell reports whether what was live until now could be gone back to, as
// far as its deployment's outcome has a say.
func (s *scene) wentWell(b *book, env *policy.Environment, live policy.Live) (bool, error) {
	if env.Deploy == nil || live.Record == 0 {
		return true, nil
	}
	spot := s.spot(env, live.Ref)
	outcome, _, err := b.OutcomeAt(policy.Lookup{Service: spot.Service, Environment: spot.Environment,
		Repository: spot.Repository, Commit: live.Commit}, live.Record)
	return outcome.State == policy.OutcomeSuccess || outcome.State == policy.OutcomeNone, err
}

// nextOf adds where the commit can go from here, once it is recorded here.
func (s *scene) nextOf(b *book, env *policy.Environment, receipt *explain.Receipt) (err error) {
	action := ""
	if receipt.Release != nil {
		action = receipt.Release.Action
	}
	if goesOn(env, string(receipt.Kind), action) {
		receipt.Next, err = s.after(b, env, receipt.Ref, receipt.Commit)
	}
	for i := range receipt.Next {
		receipt.Next[i].Pending = receipt.Deploy != ""
	}
	if receipt.Deploy != "" { // how it goes is not known yet, and told when it is
		receipt.Next = slices.DeleteFunc(receipt.Next, func(stage explain.Stage) bool {
			next, _ := s.policy.Environment(stage.Environment)
			return !stage.Stamps && next.Match != policy.MatchCommit && next.RequiresOf(0) == policy.RequiresSuccess
		})
	}
	return err
}
