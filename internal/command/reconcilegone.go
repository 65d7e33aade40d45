package command

import (
	"context"
	"errors"
	"strings"

	"github.com/pathgate/pathgate/internal/deploy"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/policy"
)

// reconcileGone settles what a host has left that is gone for ever.
func (a *app) reconcileGone(ctx context.Context, pol *policy.Policy, gone gate.GoneHost, format string) error {
	if gone.Host == "" || strings.TrimSpace(gone.Reason) == "" {
		return errors.New("--host and --reason go together: which host is gone for ever, and what says so")
	}
	gone.By = setup.OperatingUser()
	found, err := gate.ReconcileGone(ctx, pol, gone, a.now)
	if errors.Is(err, gate.ErrHost) || errors.Is(err, gate.ErrAlive) {
		return refused(err)
	}
	if err != nil {
		return faulted(err)
	}
	ended, err := deploy.EndOf(ctx, deploy.OfPolicy(pol), gone.Host, gone.Words())
	for _, record := range ended {
		found = append(found, gate.Finding{What: deploymentEnded, Record: record})
	}
	sinks, sinkErr := a.shipAll(ctx, pol)
	return errors.Join(a.printFindings(found, sinks, format, false), faulted(err), sinkErr)
}
