package gate

import (
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// A wish collects what a ledger in a database will be asked, so that it answers
// all in one round trip. It is no more than a guess: what is missing costs
// another round trip, and what is too much next to nothing. Of a ledger in files
// nothing is asked beforehand.
type wish struct {
	scene *scene
	ledger.Hints
}

func (s *scene) wish() *wish {
	w := &wish{scene: s}
	w.Service, w.Policy = s.site.Service, s.policy.Hash
	return w
}

// mostHinted is for how many moves of a push the ledger is asked beforehand.
const mostHinted = 100

// toJudge is what is asked before moves are let in.
func (s *scene) toJudge(moves []*move) ledger.Hints {
	w := s.wish()
	for _, m := range moves[:min(len(moves), mostHinted)] {
		w.spot(m.env, m.ref)
		w.commit(m.pushed.New, m.commit)
		w.path(m.env)
	}
	w.beside()
	return w.Hints
}

// toPass is what is asked before git may move refs.
func (s *scene) toPass(guarded []receive.Update) ledger.Hints {
	w := s.wish()
	for _, u := range guarded[:min(len(guarded), mostHinted)] {
		if env, ok := s.site.Environment(u.Ref); ok {
			w.spot(env, u.Ref)
			w.commit(u.New)
		}
	}
	return w.Hints
}

// toRecord is what is asked when moves that have been made are put on record,
// and told: where they can go from there, too.
func (s *scene) toRecord(moves []*move) ledger.Hints {
	w := s.wish()
	for _, m := range moves[:min(len(moves), most)] {
		w.spot(m.env, m.ref)
		w.commit(m.pushed.New, m.commit, m.pushed.Old)
		w.after(m.env, m.ref)
	}
	w.Back = true
	return w.Hints
}

// toCarryOut is what is asked when proc-receive does what an intent announced.
func (s *scene) toCarryOut(env *policy.Environment, intent *ledger.Entry) ledger.Hints {
	m := &move{env: env, ref: policy.RefName(intent.Ref), commit: policy.ObjectID(intent.Commit)}
	m.pushed.New, m.pushed.Old = policy.ObjectID(intent.New), policy.ObjectID(intent.Old)
	w := wish{scene: s, Hints: s.toRecord([]*move{m})}
	w.Records = append(w.Records, intent.Seq)
	return w.Hints
}

// toState is what is asked when an approval, a rejection or a lock is recorded.
func (s *scene) toState(said *statement) ledger.Hints {
	w := s.wish()
	w.spot(said.env, said.target)
	w.spot(said.env, "") // where the repository's newest record is from
	w.commit(said.update.New, said.commit)
	w.before(said.env)
	return w.Hints
}

// toFollow is what is asked about a deployment whose outcome is waited for, and
// told.
func (s *scene) toFollow(env *policy.Environment, e *ledger.Entry) ledger.Hints {
	w := s.wish()
	w.spot(env, policy.RefName(e.Ref))
	w.commit(policy.ObjectID(e.Commit))
	w.after(env, policy.RefName(e.Ref))
	w.Records = append(w.Records, e.Seq)
	return w.Hints
}

func (w *wish) add(h ledger.Hint) {
	if w.scene.policy.Shared() && !slices.Contains(w.Spots, h) {
		w.Spots = append(w.Spots, h)
	}
}

func (w *wish) spot(env *policy.Environment, ref policy.RefName) {
	w.add(ledger.Hint{Environment: env.Name, Repository: w.repository(env), Ref: ref})
}

func (w *wish) repository(env *policy.Environment) string {
	if env.Elsewhere != nil {
		return repositoryOf(env, w.Service)
	}
	return env.Repository.Path(w.Service)
}

func (w *wish) commit(ids ...policy.ObjectID) {
	if !w.scene.policy.Shared() {
		return
	}
	for _, id := range ids {
		if id != "" && !id.IsZero() && !slices.Contains(w.Commits, id) {
			w.Commits = append(w.Commits, id)
		}
	}
}

// before adds the environments before one.
func (w *wish) before(env *policy.Environment) {
	for _, name := range env.After {
		if prior, ok := w.scene.policy.Environment(name); ok {
			w.spot(prior, "")
		}
	}
}

// path adds all environments on the way to one, which a refusal tells of.
func (w *wish) path(env *policy.Environment) {
	known := len(w.Spots)
	w.before(env)
	for _, s := range w.Spots[known:] {
		if prior, ok := w.scene.policy.Environment(s.Environment); ok {
			w.path(prior)
		}
	}
}

// after adds the environments that come after one, with what those rest on.
func (w *wish) after(env *policy.Environment, ref policy.RefName) {
	for _, next := range w.scene.policy.Environments {
		if target := refLike(next, ref); target != "" && next.Elsewhere == nil && slices.Contains(next.After, env.Name) {
			w.spot(next, target)
			w.before(next)
		}
	}
}

// beside adds the refs by which it is known on which host the repository is, as
// far as they are few.
func (w *wish) beside() {
	if !w.scene.policy.Shared() {
		return
	}
	for _, env := range w.scene.site.Environments {
		if !slices.ContainsFunc(env.Refs, func(p policy.RefPattern) bool { return !p.Exact() }) {
			w.spot(env, "")
		}
	}
}

// wanted are the hints that a caller gave, if it gave any.
func wanted(hints []ledger.Hints) ledger.Hints {
	if len(hints) == 0 {
		return ledger.Hints{}
	}
	return hints[0]
}
