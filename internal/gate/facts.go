package gate

import (
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/policy"
)

// spot is where the ledger keeps an environment's ref.
func (s *scene) spot(env *policy.Environment, ref policy.RefName) Spot {
	return Spot{Service: s.site.Service, Environment: env.Name,
		Repository: env.Repository.Path(s.site.Service), Ref: ref}
}

func (m *move) update() policy.Update {
	u := policy.Update{Ref: m.ref, Old: m.old, New: m.new, Commit: m.commit}
	if m.release != nil {
		u.Action = m.release.action
	}
	return u
}

// facts fetches from the ledger what the policy needs to know for one move.
func (s *scene) facts(b *book, m *move) (policy.Facts, error) {
	needs := s.policy.Needs(s.site, m.env, m.update())
	facts := policy.Facts{Fetched: true}
	spot := s.spot(m.env, needs.Ref)
	var err error
	if facts.Live, err = b.live(spot); err != nil {
		return policy.Facts{}, err
	}
	if facts.Here, m.here, err = b.StandingRecord(needs.Here); err != nil {
		return policy.Facts{}, err
	}
	if facts.OnRef, err = b.onRef(spot, m.commit); err != nil {
		return policy.Facts{}, err
	}
	for _, lookup := range needs.Prior {
		prior, err := b.Prior(needs, lookup)
		if err != nil {
			return policy.Facts{}, err
		}
		prior.Offered = m.offered[lookup.Environment]
		facts.Prior = append(facts.Prior, prior)
	}
	if err := s.guards(b, m, needs, &facts); err != nil {
		return policy.Facts{}, err
	}
	return facts, nil
}

// stages tells where a commit is on the path up to the move's environment, for
// the explanation of a refusal.
func (s *scene) stages(b *book, m *move) ([]explain.Stage, error) {
	before := make(map[policy.EnvironmentName]bool)
	s.ancestors(m.env, before)
	var stages []explain.Stage
	for _, env := range s.policy.Environments {
		if !before[env.Name] && env != m.env {
			continue
		}
		stage := s.stage(env, refLike(env, m.ref))
		if err := s.stands(b, env, m.commit, &stage); err != nil {
			return nil, err
		}
		stages = append(stages, stage)
	}
	return stages, nil
}

// stands completes a stage with where the commit is, and what is live.
func (s *scene) stands(b *book, env *policy.Environment, commit policy.ObjectID, stage *explain.Stage) (err error) {
	q := policy.Lookup{Service: s.site.Service, Environment: env.Name, Repository: repositoryOf(env, s.site.Service), Refs: env.Refs,
		Commit: commit, Elsewhere: env.Elsewhere != nil}
	if q.Elsewhere {
		there, _, err := b.StampStanding(q)
		if err != nil {
			return err
		}
		stage.Standing = there.Standing
		stage.Live, err = b.liveElsewhere(env, s.site.Service, stage.Ref)
		return err
	}
	if stage.Live, err = b.live(s.spot(env, stage.Ref)); err != nil {
		return err
	}
	stage.Standing, err = b.Standing(q)
	return err
}

// stage is an environment as an explanation shows it.
func (s *scene) stage(env *policy.Environment, ref policy.RefName) explain.Stage {
	refs := ""
	if len(env.Refs) > 0 {
		refs = env.Refs[0].String()
	}
	return explain.Stage{Environment: env.Name, Ref: ref, Refs: refs, Release: env.Release != nil, Shared: s.shared(),
		Approvals: env.Approvals != nil, Elsewhere: env.Elsewhere != nil}
}

// shared reports whether environments share this repository, so that a
// developer has one remote for all of them.
func (s *scene) shared() bool { return len(s.site.Environments) > 1 }

func (s *scene) ancestors(env *policy.Environment, into map[policy.EnvironmentName]bool) {
	for _, name := range env.After {
		if prior, ok := s.policy.Environment(name); ok && !into[name] {
			into[name] = true
			s.ancestors(prior, into)
		}
	}
}

// after lists the environments that wait for env and for which the commit is
// ready, in the order of the path; and at last env itself, if its stamps take
// the commit on to other hosts.
func (s *scene) after(b *book, env *policy.Environment, ref policy.RefName, commit policy.ObjectID) ([]explain.Stage, error) {
	var stages []explain.Stage
	for _, next := range s.policy.Environments {
		target := refLike(next, ref)
		if target == "" || !slices.Contains(next.After, env.Name) {
			continue
		}
		site, ok := s.policy.Site(next.Repository.Path(s.site.Service))
		if !ok || next.Elsewhere != nil {
			continue
		}
		if next.Match != policy.MatchCommit {
			// What is contained there is for git to say, when it is pushed.
			if len(next.After) == 1 {
				stages = append(stages, s.stage(next, target))
			}
			continue
		}
		there := &scene{policy: s.policy, site: site, listed: true, under: true}
		_, ready, err := there.ready(b, &move{env: next, ref: target, new: commit, commit: commit})
		if err != nil {
			return nil, err
		}
		if ready {
			stages = append(stages, s.stage(next, target))
		}
	}
	if env.Stamps != nil {
		stages = append(stages, explain.Stage{Environment: env.Name, Shared: s.shared(), Stamps: true})
	}
	return stages, nil
}

// ready reports whether a commit could be promoted as far as the environments
// before have a say. What other rules ask at that time, such as an approval,
// is left aside.
func (s *scene) ready(b *book, m *move) (policy.Facts, bool, error) {
	m.principal, m.git = "nobody", policy.CommitFacts{Fetched: true}
	facts, err := s.facts(b, m)
	if err != nil {
		return facts, false, err
	}
	d := policy.Evaluate(m.env, m.update(), facts)
	for _, v := range d.Verdicts {
		before := v.Name == policy.RuleVeto || v.Name == policy.RulePrior || v.Name == policy.RuleWithdrawn || v.Name == policy.RuleSuccess ||
			v.Name == policy.RuleStamp || v.Name == policy.RuleFork
		if !v.OK && (before || v.Name == "") {
			return facts, false, nil
		}
	}
	return facts, d.Base == policy.Promote, nil
}

// refLike is the ref of an environment that corresponds to a ref of another
// one: the same name if the environment has it, else its first exact name. An
// environment that has only a pattern has none, nor has one elsewhere whose refs
// the policy does not tell.
func refLike(env *policy.Environment, ref policy.RefName) policy.RefName {
	for _, pattern := range env.Refs {
		if pattern.Match(ref) {
			return ref
		}
	}
	if len(env.Refs) > 0 && env.Refs[0].Exact() {
		return policy.RefName(env.Refs[0].String())
	}
	return ""
}

// peel makes a command move the branch to the commit that a pushed tag names:
// a branch holds commits only, and pathgate moves it itself.
func (m *move) peel() {
	if m.command && m.commit != "" {
		m.new = m.commit
	}
}

// tagOnBranch reports whether git itself would refuse the move, because a tag
// object cannot be a branch's value.
func (m *move) tagOnBranch() bool {
	return m.new != m.commit && strings.HasPrefix(string(m.ref), "refs/heads/")
}
