package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// Source is the folder whose journal the sinks of a policy are fed from, which
// Ship, All and Look take: the ledger's, or, where hosts share the ledger, that
// of this host's copy, which is brought up to the ledger first. That takes most
// at the longest; zero: as long as it takes. The caller must have closed the
// ledger. An error wraps ErrBehind if there are sinks.
func Source(ctx context.Context, pol *policy.Policy, most time.Duration) (dir string, err error) {
	if !pol.Shared() {
		return pol.Ledger, nil
	}
	if pol.Copy == "" {
		return "", fmt.Errorf("%w: the policy names no folder for this host's copy of the ledger", ErrBehind)
	}
	wait := time.Minute
	if most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, most)
		defer cancel()
		wait = most
	}
	_, err = ledger.UpdateCopy(ctx, pol.Ledger, pol.Copy, ledger.CopyOptions{Wait: wait})
	if err != nil && pol.Audit == nil {
		return "", err // there is no sink that could be behind
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBehind, err)
	}
	return pol.Copy, nil
}

// ShipPolicy is Ship for a policy, from its Source.
func ShipPolicy(ctx context.Context, pol *policy.Policy, upTo uint64) error {
	if pol.Audit == nil {
		return nil
	}
	most := time.Second
	if pol.Audit.Required {
		most = RequiredTime
	}
	dir, err := Source(ctx, pol, most)
	if err != nil {
		return err
	}
	return Ship(ctx, pol.Audit, dir, upTo)
}
