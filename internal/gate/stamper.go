package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

// signTime bounds the stamping of one hook, other writers of the notes included.
const signTime = 15 * time.Second

// stamp signs what this hook has put on record, where the policy has stamps, and
// attaches it to the commits. It is for when the ledger is closed, and it takes
// nothing back: what could not be stamped, reconcile stamps.
func (p *Process) stamp(ctx context.Context, s *scene, entries ...*ledger.Entry) {
	st := &stamper.Stamper{Policy: s.policy, Now: p.Now, Repository: s.repo, Name: s.site.Repository}
	entries = slices.DeleteFunc(slices.Clone(entries), func(e *ledger.Entry) bool { return e == nil || !st.Wants(e) })
	if len(entries) == 0 {
		return
	}
	if err := stampWithin(ctx, st, entries); err != nil {
		p.log(p.pushID(), s.redact("what is on record could not be stamped: "+err.Error()))
		explain.StampLater(p.Stderr, p.pushID())
	}
}

// stampOutcome stamps how a deployment that the push waited for has ended, so that
// whoever fetches after the push has it. The runner does the same: whoever comes
// second finds it there.
func (p *Process) stampOutcome(ctx context.Context, s *scene, env *policy.Environment, e *ledger.Entry) {
	if env.Stamps == nil {
		return
	}
	outcome, found, err := p.outcomeRecord(ctx, s, env, e)
	if err != nil {
		p.log(e.Push, s.redact("how a deployment ended could not be stamped: "+err.Error()))
		explain.StampLater(p.Stderr, e.Push)
	} else if found {
		p.stamp(ctx, s, &outcome)
	}
}

func (p *Process) outcomeRecord(ctx context.Context, s *scene, env *policy.Environment, of *ledger.Entry) (e ledger.Entry, found bool, err error) {
	l, err := p.read(ctx, s, s.toFollow(env, of))
	if err != nil {
		return e, false, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.OutcomeRecord(of.Seq)
}

// stampWithin ends in time, and in an error where it panics: what is on record
// must not look failed.
func stampWithin(ctx context.Context, st *stamper.Stamper, entries []*ledger.Entry) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = recovered(value)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, signTime)
	defer cancel()
	return st.Stamp(ctx, entries...)
}
