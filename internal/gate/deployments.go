package gate

import (
	"context"
	"errors"

	"github.com/pathgate/pathgate/internal/deploy"
	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// startDeployments starts the runners of what has just been recorded. A runner
// that cannot be started is no fault of the push: the deployment is queued, and
// reconcile starts it.
func (p *Process) startDeployments(s *scene, entries []*ledger.Entry) {
	started := make(map[deploy.Place]bool)
	for _, e := range entries {
		if e.Type != ledger.TypeDeployed || e.Deploy != ledger.DeployCommand {
			continue
		}
		place, err := placeOf(s.policy, e)
		if err == nil && started[place] {
			continue
		}
		started[place] = true
		hooks := ""
		if err == nil {
			hooks, err = deploy.HooksFolder()
		}
		if err == nil {
			err = deploy.Start(deploy.Launch{Hooks: hooks, Policy: s.policyPath}, place)
		}
		if err != nil {
			p.log(e.Push, s.redact("a deployment could not be started: "+err.Error()))
		}
	}
}

func placeOf(pol *policy.Policy, e *ledger.Entry) (deploy.Place, error) {
	folder, err := deploy.Folder(pol)
	return deploy.Place{Ledger: folder, Service: policy.Service(e.Service), Environment: policy.EnvironmentName(e.Environment)}, err
}

// follow streams the deployments that a push waits for, one after the other,
// and tells how each ended. The runner goes on whether or not anybody listens.
// It reports whether there was one.
func (p *Process) follow(ctx context.Context, s *scene, entries []*ledger.Entry) (followed bool) {
	for _, e := range entries {
		env, ok := s.policy.Environment(policy.EnvironmentName(e.Environment))
		if !ok || env.Deploy == nil || !env.Deploy.Wait || e.Type != ledger.TypeDeployed || e.Deploy != ledger.DeployCommand {
			continue
		}
		place, err := placeOf(s.policy, e)
		log := ""
		if err == nil {
			log, err = place.LogPath(e.Seq)
		}
		if err != nil {
			p.log(e.Push, s.redact(err.Error()))
			continue
		}
		state := deploy.Follow(ctx, p.Stderr, log, deploy.Watch(ctx, place, deploy.InPolicy(s.policy, s.toFollow(env, e)), e.Seq))
		p.tellOutcome(ctx, s, env, e, state)
		p.stampOutcome(ctx, s, env, e)
		followed = true
	}
	return followed
}

// tellOutcome tells how a deployment ended, and what comes next.
func (p *Process) tellOutcome(ctx context.Context, s *scene, env *policy.Environment, e *ledger.Entry, state string) {
	ref, commit := policy.RefName(e.Ref), policy.ObjectID(e.Commit)
	message, next, err := s.aftermath(ctx, p, env, e, state)
	if err != nil {
		p.log(e.Push, s.redact(err.Error()))
	}
	retry := explain.Retry(env.Name, commit, ref)
	if s.shared() {
		retry = explain.PushOrigin(commit, ref)
	}
	if env.Release != nil {
		retry = explain.RetryReleased(env.Name, commit, ref, s.shared())
	}
	for i := range next {
		if next[i].Branch = e.Branch; e.Branch != "" && s.elsewhere(ctx, e.Branch, policy.ObjectID(e.Head)) {
			next[i].Head = policy.ObjectID(e.Head)
		}
	}
	explain.Outcome(p.Stderr, env.Name, state, message, e.Seq, retry, next, commit)
}

func (s *scene) aftermath(ctx context.Context, p *Process, env *policy.Environment, e *ledger.Entry, state string) (message string, next []explain.Stage, err error) {
	l, err := p.read(ctx, s, s.toFollow(env, e))
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	outcome, _, err := l.OutcomeOf(e.Seq)
	if err == nil && state == ledger.StateSuccess && goesOn(env, e.Kind, e.Action) {
		next, err = s.after(l, env, policy.RefName(e.Ref), policy.ObjectID(e.Commit))
	}
	return outcome.Message, next, err
}

// carriedOut is what proc-receive has recorded for this push, which leaves the
// waiting to post-receive; nil if it recorded nothing.
func (s *scene) carriedOut(b *book, m *move, push string) (*ledger.Entry, error) {
	spot := s.spot(m.env, m.ref)
	live, err := b.live(spot)
	if err != nil || live.Record == 0 {
		return nil, err
	}
	_, e, err := b.StandingRecord(policy.Lookup{Service: spot.Service, Environment: spot.Environment,
		Repository: spot.Repository, Refs: m.env.Refs, Commit: live.Commit})
	if err != nil || e.Seq != live.Record || e.Push != push {
		return nil, err
	}
	return &e, nil
}
