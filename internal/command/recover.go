package command

import (
	"context"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/internal/deploy"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/policy"
)

// What is found of deployments, as reconcile prints it.
const (
	deploymentEnded   = "ended"
	deploymentStarted = "started"
	deploymentFailed  = "not-started"
)

// recoverDeployments puts right what killed processes have left of deployments.
func (a *app) recoverDeployments(ctx context.Context, pol *policy.Policy) ([]gate.Finding, error) {
	path, err := a.policyPath()
	if err != nil {
		return nil, err
	}
	start := func(p deploy.Place) error {
		hooks, err := hooksDir("")
		if err != nil {
			return err
		}
		return deploy.Start(deploy.Launch{Hooks: hooks, Policy: path}, p)
	}
	folder, err := deploy.Folder(pol)
	if err != nil && !runsDeployments(pol) {
		return nil, nil // this host runs none
	}
	if err != nil {
		return nil, faulted(err)
	}
	found, err := deploy.Recover(ctx, folder, deploy.InPolicy(pol), a.now(), start)
	out := make([]gate.Finding, len(found))
	for i, f := range found {
		out[i] = gate.Finding{Spot: gate.Spot{Service: f.Service, Environment: f.Environment}, Record: f.Record, Err: f.Err}
		switch f.What {
		case "error":
			out[i].What = deploymentEnded
		case "started":
			out[i].What = deploymentStarted
		default:
			out[i].What = deploymentFailed
		}
	}
	return out, faulted(err)
}

// runsDeployments reports whether pathgate runs the deployments of one of the
// policy's environments.
func runsDeployments(pol *policy.Policy) bool {
	return slices.ContainsFunc(pol.Environments, func(env *policy.Environment) bool {
		return env.Deploy != nil && !env.Deploy.External
	})
}

// deploymentDetail says more of a finding that is about deployments.
func deploymentDetail(f *gate.Finding) string {
	switch f.What {
	case deploymentEnded:
		return "its runner is gone: the deployment ended as an error"
	case deploymentStarted:
		return "a deployment waits, or has left something: a runner was started"
	case deploymentFailed:
		return fmt.Sprintf("the deployment cannot go on: %v", f.Err)
	}
	return ""
}

// undeployed is an error if a deployment could not go on.
func undeployed(found []gate.Finding) error {
	n := 0
	for i := range found {
		if found[i].What == deploymentFailed {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return faulted(fmt.Errorf("%s could not go on", counted(n, "deployment")))
}
