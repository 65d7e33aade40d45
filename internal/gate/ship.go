package gate

import (
	"context"
	"errors"
	"time"

	"github.com/pathgate/pathgate/internal/audit"
	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
)

// behind is what a pusher reads of a sink that a push must not go without.
const behind = "the audit log cannot be written"

// ship hands what this hook has recorded to the second sinks of the policy, if
// there are any. It is an error only where the policy requires them; what they
// could not take comes with the next push, or with reconcile.
func (p *Process) ship(ctx context.Context, s *scene) error {
	if s == nil || s.policy.Audit == nil || p.recorded == 0 {
		return nil
	}
	err := audit.ShipPolicy(ctx, s.policy, p.recorded)
	if err == nil {
		return nil
	}
	p.log(p.pushID(), s.redact(err.Error()))
	if !audit.Required(s.policy.Audit) {
		return nil
	}
	return because(behind, err)
}

// Bounds of what a hook adds to this host's copy of a shared ledger.
const (
	copyTime  = time.Second
	copyLines = 1000
)

// copy brings this host's copy of a shared ledger up to it, if the policy has
// one and no sinks that need it. What is left over comes with the next push, or
// with reconcile; what contradicts the ledger stops the next push.
func (p *Process) copy(ctx context.Context, s *scene) {
	if s.policy.Copy == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	if _, err := ledger.UpdateCopy(ctx, s.policy.Ledger, s.policy.Copy, ledger.CopyOptions{Lines: copyLines}); err != nil {
		p.log(p.pushID(), s.redact(err.Error()))
	}
}

// shipRefused is ship for what a refused push has left on record. Where a sink is
// what it was refused for, that one is not waited for again.
func (p *Process) shipRefused(ctx context.Context, s *scene, cause error) {
	if !errors.Is(cause, audit.ErrBehind) {
		_ = p.ship(ctx, s)
	}
}

// shipLate is ship for what has happened and cannot be refused any more.
func (p *Process) shipLate(ctx context.Context, s *scene) {
	if err := p.ship(ctx, s); err != nil {
		explain.Behind(p.Stderr, p.pushID())
	}
	if s != nil && s.policy.Audit == nil && p.recorded != 0 {
		p.copy(ctx, s)
	}
}

// sinksReady refuses to begin what is recorded and done in one go if a sink that
// the policy requires is behind.
func (p *Process) sinksReady(ctx context.Context, s *scene) error {
	if !audit.Required(s.policy.Audit) {
		return nil
	}
	b, err := openBook(ctx, s.policy, p.Now)
	if err != nil {
		return err
	}
	last, _, _ := b.Last()
	if err := b.Close(); err != nil {
		return err
	}
	// All that is on record by now must have got there: also what another push
	// is handing over at this moment.
	if err := audit.ShipPolicy(ctx, s.policy, last); err != nil {
		p.log(p.pushID(), s.redact(err.Error()))
		return because(behind, err)
	}
	return nil
}
