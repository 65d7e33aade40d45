package gate

import (
	"context"
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
	return policy.Update{Ref: m.ref, Old: m.old, New: m.new, Commit: m.commit}
}

// facts fetches what the policy needs to know for one move.
func (s *scene) facts(r records, m *move) (policy.Facts, error) {
	needs := s.policy.Needs(s.site, m.env, m.update())
	facts := policy.Facts{Fetched: true}
	spot := s.spot(m.env, needs.Ref)
	var err error
	if facts.Live, err = r.live(spot); err != nil {
		return policy.Facts{}, err
	}
	if facts.Here, err = r.Standing(needs.Here); err != nil {
		return policy.Facts{}, err
	}
	if facts.OnRef, err = r.onRef(spot, m.commit); err != nil {
		return policy.Facts{}, err
	}
	for _, lookup := range needs.Prior {
		standing, err := r.Standing(lookup)
		if err != nil {
			return policy.Facts{}, err
		}
		facts.Prior = append(facts.Prior, policy.PriorFacts{Environment: lookup.Environment, Standing: standing})
	}
	return facts, nil
}

// stages tells where a commit is on the path up to the move's environment, for
// the explanation of a refusal.
func (s *scene) stages(r records, m *move) ([]explain.Stage, error) {
	before := make(map[policy.EnvironmentName]bool)
	s.ancestors(m.env, before)
	var stages []explain.Stage
	for _, env := range s.policy.Environments {
		if !before[env.Name] && env != m.env {
			continue
		}
		stage := explain.Stage{Environment: env.Name, Ref: refLike(env, m.ref), Refs: env.Refs[0].String()}
		spot := s.spot(env, stage.Ref)
		var err error
		if stage.Live, err = r.live(spot); err != nil {
			return nil, err
		}
		stage.Standing, err = r.Standing(policy.Lookup{Service: spot.Service, Environment: env.Name,
			Repository: spot.Repository, Refs: env.Refs, Commit: m.commit})
		if err != nil {
			return nil, err
		}
		stages = append(stages, stage)
	}
	return stages, nil
}

func (s *scene) ancestors(env *policy.Environment, into map[policy.EnvironmentName]bool) {
	for _, name := range env.After {
		if prior, ok := s.policy.Environment(name); ok && !into[name] {
			into[name] = true
			s.ancestors(prior, into)
		}
	}
}

// after lists the environments that wait for env and would take the commit now,
// in the order of the path.
func (s *scene) after(r records, env *policy.Environment, ref policy.RefName, commit policy.ObjectID) ([]explain.Stage, error) {
	var stages []explain.Stage
	for _, next := range s.policy.Environments {
		target := refLike(next, ref)
		if target == "" || !slices.Contains(next.After, env.Name) {
			continue
		}
		site, ok := s.policy.Site(next.Repository.Path(s.site.Service))
		if !ok {
			continue
		}
		there := &scene{policy: s.policy, site: site, listed: true, under: true}
		m := &move{env: next, ref: target, new: commit, commit: commit}
		facts, err := there.facts(r, m)
		if err != nil {
			return nil, err
		}
		if d := policy.Evaluate(next, m.update(), facts); d.Allowed && d.Kind == policy.Promote {
			stages = append(stages, explain.Stage{Environment: next.Name, Ref: target})
		}
	}
	return stages, nil
}

// refLike is the ref of an environment that corresponds to a ref of another
// one: the same name if the environment has it, else its first exact name. An
// environment that has only a pattern has none.
func refLike(env *policy.Environment, ref policy.RefName) policy.RefName {
	for _, pattern := range env.Refs {
		if pattern.Match(ref) {
			return ref
		}
	}
	if env.Refs[0].Exact() {
		return policy.RefName(env.Refs[0].String())
	}
	return ""
}

// readLoose reads those of the pushed objects that lie loose, as those of a
// small push do, which costs no process.
func (j *judge) readLoose() error {
	for _, m := range j.sorted.moves {
		object, ok, err := j.scene.repo.Loose(m.pushed.New)
		if err != nil {
			return because("a pushed object cannot be read", err)
		}
		if ok {
			j.objects[m.pushed.New] = object
		}
	}
	return nil
}

// identify finds the commit that a move brings: from a loose object, from what
// the ledger has recorded of it, or, next time, from git.
func (j *judge) identify(l *book, m *move) (next, error) {
	id := m.pushed.New
	if object, ok := j.objects[id]; ok {
		m.commit, m.tree = object.Commit, object.Tree
		m.subject = clean(object.Subject, 200)
		m.peel()
		return done, nil
	}
	recorded, ok, err := l.Object(id)
	if err != nil {
		return done, err
	}
	if !ok {
		return askGit, nil
	}
	m.commit, m.tree, m.subject = recorded.Commit, recorded.Tree, recorded.Subject
	m.peel()
	return done, nil
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

// askGit reads all objects that neither lay loose nor are on record.
func (j *judge) askGit(ctx context.Context) error {
	var ids []policy.ObjectID
	asked := make(map[policy.ObjectID]bool)
	for _, m := range j.sorted.moves {
		if _, ok := j.objects[m.pushed.New]; !ok && m.commit == "" && !asked[m.pushed.New] {
			asked[m.pushed.New] = true
			ids = append(ids, m.pushed.New)
		}
	}
	objects, err := j.scene.repo.Commits(ctx, ids)
	if err != nil {
		return because("a pushed object cannot be read", err)
	}
	for id, object := range objects {
		j.objects[id] = object
	}
	return nil
}
