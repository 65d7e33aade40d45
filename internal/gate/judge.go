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
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// A judge takes one push from its sorted updates to a decision on record.
//
// The ledger's lock is held only while look-ups are answered from memory and
// entries appended. What takes longer (reading refs, asking git for an object,
// waiting for another push to be recorded) is done between two tries, and each
// try starts from what the ledger says then.
type judge struct {
	process   *Process
	scene     *scene
	push      string
	principal receive.Principal
	token     receive.Token
	sorted    *sorted

	objects map[policy.ObjectID]gitfacts.Object
	dead    map[uint64]bool // intents whose push was over before the refs were read
	seen    map[policy.RefName]sighting
	priors  map[Spot]*priorLook
	late    bool // others have been waited for long enough
	stamps  *intake

	wantStamps []question                      // whose notes must be read
	beside     map[policy.EnvironmentName]bool // elsewhere, of which all notes of the push were read

	refusals []*refusal
	drifts   []*drift
	notices  []explain.Notice // what is told of moves that are let in

	options options
	started []*ledger.Entry // deployments that earlier pushes left to be started
	landed  *landing        // what became of a release
}

// A sighting is a ref found elsewhere than the ledger says. Seen twice with the
// ledger unchanged between, it is drift and not another push on its way.
type sighting struct {
	record uint64
	at     policy.ObjectID
}

// A drift is what the developer is told of a ref that somebody moved.
type drift struct {
	env    *policy.Environment
	ref    policy.RefName
	live   policy.Live
	seen   policy.ObjectID
	record uint64
}

// next is what a try found to do before the following one.
type next int

const (
	done     next = iota
	lookNow       // the refs must be read again
	lookSoon      // the same, after a push that is being recorded
	askGit        // objects must be read
)

// waiting is how long a push waits for another one that has moved a ref and is
// about to record it itself. After that this one does it: a client that does
// not read its answer must not hold up others.
const waiting = 2 * time.Second

// run judges until there is a decision and it is recorded.
func (j *judge) run(ctx context.Context) error {
	j.objects = make(map[policy.ObjectID]gitfacts.Object)
	j.dead, j.seen = make(map[uint64]bool), make(map[policy.RefName]sighting)
	j.priors = make(map[Spot]*priorLook)
	if err := j.readLoose(); err != nil {
		return err
	}
	j.beside = make(map[policy.EnvironmentName]bool)
	j.stamps = newIntake(j.scene, j.process.Now, j.push, j.scene.pushedNotes(j.sorted.all))
	deadline, pause := time.Now().Add(waiting), 5*time.Millisecond
	for {
		observed, err := j.observe(ctx)
		if err != nil {
			return err
		}
		j.lookAtPriors(ctx)
		what, err := j.try(ctx, observed)
		raced := errors.Is(err, ledger.ErrMoved) || j.scene.policy.Shared() && errors.Is(err, ledger.ErrNotOpen)
		if raced && ctx.Err() == nil {
			what, err = lookSoon, nil // others were quicker than the second of two writes
		}
		if err != nil {
			return because("", err)
		}
		switch what {
		case done:
			return nil
		case askGit:
			if err := j.askGit(ctx); err != nil {
				return err
			}
		case lookSoon:
			time.Sleep(pause)
			pause = min(2*pause, 200*time.Millisecond)
			j.late = time.Now().After(deadline)
		}
		if ctx.Err() != nil {
			return because("", ctx.Err())
		}
	}
}

// observe reads the refs that the push would move.
func (j *judge) observe(ctx context.Context) (map[policy.RefName]policy.ObjectID, error) {
	names := make([]policy.RefName, len(j.sorted.moves))
	for i, m := range j.sorted.moves {
		names[i] = m.ref
	}
	for _, m := range j.sorted.moves {
		if m.release != nil {
			names = append(names, m.env.Release.Base)
		}
	}
	at, err := j.scene.repo.ResolveAll(ctx, names)
	if err != nil {
		return nil, because("a ref of this repository cannot be read", err)
	}
	observed := make(map[policy.RefName]policy.ObjectID, len(names))
	for _, m := range j.sorted.moves {
		observed[m.ref] = orZero(at[m.ref].ID, m.pushed.New)
		if m.release != nil {
			m.release.base = orZero(at[m.env.Release.Base].ID, m.pushed.New)
		}
	}
	return observed, nil
}

// try takes the ledger's lock once.
func (j *judge) try(ctx context.Context, observed map[policy.RefName]policy.ObjectID) (what next, err error) {
	l, err := j.process.open(ctx, j.scene, j.scene.toJudge(j.sorted.moves))
	if err != nil {
		return done, err
	}
	defer func() {
		if closed := l.Close(); err == nil {
			err = closed
		}
	}()
	j.refusals, j.drifts, j.notices, j.landed = nil, nil, nil, nil
	if err := j.scene.putPolicy(l, *j.entry(ledger.TypePolicy)); err != nil {
		return done, err
	}
	open, err := l.openIntents(ledger.IntentFilter{Service: j.scene.site.Service, Repository: j.scene.site.Repository})
	if err != nil {
		return done, err
	}
	for _, m := range j.sorted.moves {
		if what, err := j.catchUp(l, m, open[j.scene.spot(m.env, m.ref)], observed[m.ref]); what != done || err != nil {
			return what, err
		}
	}
	for _, m := range j.sorted.moves {
		if what, err := j.identify(l, m); what != done || err != nil {
			return what, err
		}
	}
	if what, err := j.admitStamps(l); what != done || err != nil {
		return what, err
	}
	before := make(unsettled)
	for _, m := range j.sorted.moves {
		if what, err := j.catchUpPriors(l, m, before); what != done || err != nil {
			return what, err
		}
	}
	var intents []*ledger.Entry
	what = done
	for _, m := range j.sorted.moves {
		intent, then, err := j.judgeMove(l, m, observed[m.ref])
		if err != nil {
			return done, err
		}
		what = max(what, then)
		intents = append(intents, intent)
	}
	if what != done {
		return what, nil
	}
	if m := j.releasing(); m != nil {
		if j.landed != nil { // it is there already
			return done, nil
		}
		return j.land(ctx, l, m, intents[0])
	}
	return done, j.record(l, intents)
}

// releasing is the move that a release makes, if the push is one that nothing
// refuses.
func (j *judge) releasing() *move {
	if len(j.sorted.moves) == 1 && j.sorted.moves[0].release != nil && len(j.refusals)+len(j.sorted.refusals) == 0 {
		return j.sorted.moves[0]
	}
	return nil
}

// catchUp settles what earlier pushes left on the move's ref, and finds drift.
func (j *judge) catchUp(l *book, m *move, intents []ledger.Entry, observed policy.ObjectID) (next, error) {
	spot := j.scene.spot(m.env, m.ref)
	live, err := l.live(spot)
	if err != nil {
		return done, err
	}
	if err := l.mine(spot, j.scene.site.Environments, live, intents); err != nil {
		return done, err
	}
	if len(intents) > 0 {
		if l.gone(intents, j.process.Now(), j.dead) {
			return lookNow, nil
		}
		drifted, _, err := l.drift(spot)
		if err != nil {
			return done, err
		}
		entries, wait := settleRef(intents, refState{live.New, drifted, observed, j.dead, j.late})
		if wait {
			return lookSoon, nil
		}
		if len(entries) > 0 {
			if err := l.Append(entries...); err != nil {
				return done, err
			}
			j.started = append(j.started, entries...)
			if live, err = l.live(spot); err != nil {
				return done, err
			}
		}
	}
	return j.compare(l, m, live, observed)
}

// compare holds the ref against the ledger.
func (j *judge) compare(l *book, m *move, live policy.Live, observed policy.ObjectID) (next, error) {
	if orZero(live.New, observed) == observed {
		return done, nil
	}
	sight := sighting{live.Record, observed}
	if j.seen[m.ref] != sight {
		j.seen[m.ref] = sight
		return lookNow, nil
	}
	last, known, err := l.drift(j.scene.spot(m.env, m.ref))
	if err != nil {
		return done, err
	}
	d := &drift{env: m.env, ref: m.ref, live: live, seen: observed}
	if !known || orZero(last, observed) != observed {
		e := driftEntry(j.scene.spot(m.env, m.ref), live, observed)
		e.Push = j.push
		if err := l.Append(e); err != nil {
			return done, err
		}
		d.record = e.Seq
	}
	j.drifts = append(j.drifts, d)
	return done, nil
}

func driftEntry(spot Spot, live policy.Live, observed policy.ObjectID) *ledger.Entry {
	return &ledger.Entry{Type: ledger.TypeDrift, Service: string(spot.Service), Environment: string(spot.Environment),
		Repository: spot.Repository, Ref: string(spot.Ref),
		Old: string(orZero(live.New, observed)), New: string(observed)}
}

// judgeMove gathers the facts of one move, decides, and returns its intent, or
// nil and a refusal in the judge.
func (j *judge) judgeMove(l *book, m *move, observed policy.ObjectID) (*ledger.Entry, next, error) {
	if m.command {
		m.old = observed
	}
	if m.old != observed {
		j.refuse(m, policy.StaleOldValue, whereabouts(observed))
		return nil, done, nil
	}
	if m.release != nil {
		if ok, err := j.prepare(l, m); !ok || err != nil {
			return nil, done, err
		}
	}
	if m.bar.code != "" {
		j.refuse(m, m.bar.code, m.bar.why)
		return nil, done, nil
	}
	if m.commit == "" || m.tagOnBranch() {
		kind := "tag"
		if m.commit == "" {
			kind = j.objects[m.pushed.New].Kind
		}
		j.refuse(m, policy.NotACommit, kind)
		return nil, done, nil
	}
	m.principal, m.override = j.principal.Name, j.options.override
	facts, err := j.scene.facts(l, m)
	if err != nil {
		return nil, done, err
	}
	if what, err := j.history(l, m, &facts); what != done || err != nil {
		return nil, what, err
	}
	decision := policy.Evaluate(m.env, m.update(), facts)
	if m.release != nil {
		if what, settled, err := j.buildable(l, m, facts.Live, decision.Allowed); what != done || settled || err != nil {
			return nil, what, err
		}
	}
	if !decision.Allowed || j.options.rehearse {
		return nil, done, j.refuseMove(l, m, decision)
	}
	j.notice(m, decision)
	e := j.intent(m, decision)
	if m.release != nil {
		m.announce(e, j.options.reason)
	}
	return e, done, nil
}

// intent is what is on record before the ref may move.
func (j *judge) intent(m *move, decision policy.Decision) *ledger.Entry {
	e := j.entry(ledger.TypeIntent)
	e.Environment, e.Ref = string(m.env.Name), string(m.ref)
	e.Old, e.New = string(m.old), string(m.new)
	e.Commit, e.Tree, e.Subject = string(m.commit), string(m.tree), m.subject
	e.Kind, e.Evidence, e.Rules = string(decision.Kind), decision.Evidence, rules(decision.Verdicts)
	if m.env.Evidence == policy.EvidenceEver && len(decision.Evidence) > 0 {
		e.Rules = append(e.Rules, m.env.Rule("evidence")+"=ever")
	}
	if m.env.Match != policy.MatchCommit && len(decision.Evidence) > 0 {
		e.Rules = append(e.Rules, m.env.Rule("match")+"="+string(m.env.Match))
	}
	e.Tickets = m.allTickets()
	switch {
	case len(decision.Overrode) > 0:
		e.Overrode, e.Reason = decision.Overrode, clean(m.override, 1000)
	case m.here.Kind == ledger.KindOverride && (decision.Kind == policy.Redeploy || decision.Kind == policy.Rollback):
		// How the commit came here stays in sight: doing it once more does not
		// make it evidence.
		e.Kind, e.Overrode, e.Reason = ledger.KindOverride, []string{ledger.Inherited}, m.here.Reason
		if !slices.Equal(m.here.Overrode, e.Overrode) {
			e.Reason = clean(fmt.Sprintf("it came by the override of record %d: %s", m.here.Seq, m.here.Reason), 1000)
		}
	}
	if d := m.env.Deploy; d != nil {
		e.Deploy = ledger.DeployCommand
		if d.External {
			e.Deploy = ledger.DeployExternal
		}
	}
	e.Token = string(j.token)
	return e
}

// notice tells of a move that is let in although rules said no.
func (j *judge) notice(m *move, decision policy.Decision) {
	if !decision.WouldRefuse && len(decision.Overrode) == 0 {
		return
	}
	j.notices = append(j.notices, explain.Notice{Environment: m.env.Name, Commit: m.commit, Subject: m.subject,
		Ref: m.ref, Verdicts: decision.Refusals(), Overrode: decision.Overrode})
}

func (j *judge) refuse(m *move, code policy.Code, detail string) {
	commit := m.commit
	if commit == "" {
		commit = m.pushed.New
	}
	j.refusals = append(j.refusals, &refusal{index: m.index, old: m.old, new: m.pushed.New, move: m, Refusal: explain.Refusal{
		Code: code, Environment: m.env.Name, Ref: m.pushed.Ref, Target: m.ref,
		Commit: commit, Subject: m.subject, Detail: detail, NoCommands: j.sorted.noCommands,
		Any: m.env.AfterMatch == policy.AfterAny && len(m.env.After) > 1}})
	j.refusals[len(j.refusals)-1].Brought = j.stamps.brought()
	if m.release != nil && m.release.action == policy.ActionRemove {
		r := j.refusals[len(j.refusals)-1]
		r.Commit, r.Subject, r.kind, r.Kind = "", "", policy.Remove, policy.Remove
	}
}

func (j *judge) refuseMove(l *book, m *move, decision policy.Decision) error {
	stages, err := j.scene.stages(l, m)
	if err == nil {
		err = j.scene.onPath(l, m, stages, decision.Verdicts)
	}
	if err != nil {
		return err
	}
	code := firstCode(decision)
	if j.options.rehearse {
		code = explain.Rehearsal
	}
	j.refuse(m, code, "")
	r := j.refusals[len(j.refusals)-1]
	r.Stages, r.Verdicts, r.kind = stages, decision.Verdicts, decision.Kind
	r.Rehearsal, r.OverrideDenied, r.Kind = j.options.rehearse, decision.OverrideDenied, decision.Kind
	r.LetIn = decision.WouldRefuse
	return nil
}

// record writes the outcome: an intent for each move if nothing was refused,
// else the refusals.
func (j *judge) record(l *book, intents []*ledger.Entry) error {
	j.refusals = append(j.refusals, j.sorted.refusals...)
	j.inInputOrder()
	if len(j.refusals) == 0 {
		return l.Append(intents...)
	}
	entries := j.refusedEntries()
	if err := l.Append(entries...); err != nil {
		return err
	}
	for i, e := range entries[:min(len(entries), most)] {
		j.refusals[i].Record = e.Seq
	}
	return nil
}

func (j *judge) inInputOrder() {
	slices.SortStableFunc(j.refusals, func(a, b *refusal) int { return a.index - b.index })
}

// entry begins an entry with what all entries of the push share.
func (j *judge) entry(t ledger.Type) *ledger.Entry {
	return &ledger.Entry{Type: t, Push: j.push, Service: string(j.scene.site.Service),
		Repository: clean(j.scene.site.Repository, 400),
		Principal:  j.principal.Name, Via: j.principal.Via, Address: j.principal.Address,
		Policy: j.scene.policy.Hash}
}

func clean(s string, limit int) string { return text.Clean(s, limit) }
