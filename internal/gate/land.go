package gate

import (
	"context"
	"errors"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/policy"
)

// mostRaces is how often a release is tried again after somebody moved the ref
// without pathgate.
const mostRaces = 3

// land makes the commit of a release, announces it, moves the ref and records
// it, all under the lock under which it was judged: nobody comes between. A
// hook that dies on the way leaves an open intent, and the ref tells what
// became of it.
func (j *judge) land(ctx context.Context, l *book, m *move, intent *ledger.Entry) (next, error) {
	j.landed = &landing{move: m}
	if token, err := receive.FindToken(); err != nil || token != j.token { // anew: receive-pack may have gone
		j.landed.why = "this push was given up meanwhile"
		return done, nil
	}
	within, cancel := context.WithTimeout(ctx, moveTime)
	defer cancel()
	id, err := m.release.plan.Finish(within, l.following())
	if err != nil {
		return done, because("the merge cannot be written", err)
	}
	m.new, m.commit = id, id
	intent.New, intent.Commit, intent.Tree = string(id), string(id), string(m.release.plan.Tree())
	if err := l.AppendOn(j.scene.toRecord([]*move{m}), intent); err != nil {
		return done, err
	}
	if j.landed.receipt, err = j.scene.receipt(l, m.env, intent); err != nil {
		return done, errors.Join(err, l.Append(abandoned(intent, "the ref was not moved")))
	}
	moved, why, err := j.scene.move(ctx, intent)
	if !moved {
		if err == nil {
			err = l.Append(abandoned(intent, why))
		}
		if j.landed.why = why; err == nil && why == raced && m.release.races < mostRaces {
			m.release.races++
			return lookNow, nil
		}
		return done, err
	}
	j.landed.moved = true
	if err := j.recordLanding(l, m, intent); err != nil {
		// The ref has moved: nothing may refuse the push any more.
		j.process.tellUnrecorded(j.scene, m.ref, false, because("", err))
	}
	return done, nil
}

func (j *judge) recordLanding(l *book, m *move, intent *ledger.Entry) error {
	e := deployed(intent, "")
	if err := l.Append(e); err != nil {
		return err
	}
	j.landed.record, j.landed.receipt.Record, j.landed.receipt.Tree = e, e.Seq, l.tree()
	entries, err := l.contents(j.scene.spot(m.env, m.ref), policy.ObjectID(e.Commit))
	j.landed.receipt.Release = m.released(len(entries))
	if err == nil {
		err = j.scene.nextOf(l, m.env, &j.landed.receipt)
	}
	if err != nil { // it is on record; only what comes next cannot be told
		j.process.log(j.push, j.scene.redact(err.Error()))
	}
	return nil
}

// mostGone and mostTickets are how many bytes of names one record holds.
const (
	mostGone    = 6000
	mostTickets = 3000
)

// bounded keeps as many names as fit into a number of bytes of the ledger's
// line, where a name is quoted.
func bounded(names []string, most int) []string {
	for i, name := range names {
		if most -= 2*len(name) + 3; most < 0 {
			return names[:i]
		}
	}
	return names
}

// announce completes a release's intent with what is released.
func (m *move) announce(e *ledger.Entry, reason string) {
	r := m.release
	e.Action, e.Branch, e.Gone = r.plan.Action, r.branch.Name, bounded(r.plan.Gone, mostGone)
	e.Subject = clean(r.subject, 200)
	if r.action == policy.ActionRelease {
		e.Head = string(r.branch.Head)
	}
	switch {
	case r.plan.Action != release.ActionReset:
	case e.Reason == "":
		e.Reason = clean(reason, 1000)
	default:
		e.Reason = clean(reason+"; "+e.Reason, 1000)
	}
}
