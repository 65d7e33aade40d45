package board

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A path is a service and its refs in the order of the path.
type path struct {
	name  string
	of    *service
	stops []*stop
}

// A stop is a ref of an environment on a path.
type stop struct {
	spot
	env     *policy.Environment // nil if the policy does not have it any more
	first   bool                // of its environment
	several bool                // refs of its environment
	place   *place              // nil if nothing was ever deployed there
	there   *there              // of an environment elsewhere, else nil
	moving  bool
	waits   []waiter
	locks   []*entry
}

// layPaths puts the services and their environments in order.
func (g *gathering) layPaths() []*path {
	moving := make(map[spot]bool)
	for _, i := range g.intents {
		moving[i.at] = true
	}
	byService := make(map[string][]*place)
	for _, p := range g.spots {
		byService[p.service] = append(byService[p.service], p)
	}
	var out []*path
	on := g.known()
	for _, name := range slices.Sorted(maps.Keys(on)) {
		pa := &path{name: name, of: g.services[name]}
		if pa.of == nil { // told of, but nothing is live: drift before a first deployment, a stamp
			pa.of = &service{name: name}
		}
		left := make(map[*place]bool)
		for _, p := range byService[name] {
			left[p] = true
		}
		for _, env := range g.pathOf(on[name]) {
			if env.Elsewhere != nil {
				pa.addElsewhere(g, env)
			} else {
				pa.add(g, env, env.Repository.Path(policy.Service(name)), left)
			}
		}
		pa.addLeft(left)
		for _, s := range pa.stops {
			s.moving = moving[s.spot]
		}
		out = append(out, pa)
	}
	return out
}

// known tells in which environments of each service something is known.
func (g *gathering) known() map[string]map[policy.EnvironmentName]bool {
	on := make(map[string]map[policy.EnvironmentName]bool)
	know := func(s spot) {
		if on[s.service] == nil {
			on[s.service] = make(map[policy.EnvironmentName]bool)
		}
		on[s.service][policy.EnvironmentName(s.environment)] = true
	}
	for _, p := range g.spots {
		know(p.spot)
	}
	for _, t := range g.abroad {
		if env, ok := g.pol.Environment(policy.EnvironmentName(t.environment)); ok && env.Elsewhere != nil && t.stamp != nil && of(env, t.spot) {
			know(t.spot)
		}
	}
	return on
}

// pathOf lists the environments of the policy that are on the path of a service,
// in order: those where it is known, and those before and after them. A policy
// can have several paths.
func (g *gathering) pathOf(on map[policy.EnvironmentName]bool) (out []*policy.Environment) {
	for grown := true; grown; {
		grown = false
		for _, env := range g.pol.Environments {
			for _, name := range env.After {
				if on[env.Name] != on[name] {
					on[env.Name], on[name], grown = true, true, true
				}
			}
		}
	}
	for _, env := range g.pol.Environments {
		if on[env.Name] {
			out = append(out, env)
		}
	}
	return out
}

// add adds an environment of the policy: its refs on record, and its exact refs
// that nothing was deployed to.
func (pa *path) add(g *gathering, env *policy.Environment, repository string, left map[*place]bool) {
	var stops []*stop
	for p := range left {
		if p.environment == string(env.Name) && p.repository == repository && matches(env, p.ref) {
			stops = append(stops, &stop{spot: p.spot, env: env, place: p})
			delete(left, p)
		}
	}
	for _, pattern := range env.Refs {
		ref := pattern.String()
		if pattern.Exact() && !slices.ContainsFunc(stops, func(s *stop) bool { return s.ref == ref }) {
			stops = append(stops, &stop{spot: spot{pa.name, string(env.Name), repository, ref}, env: env})
		}
	}
	slices.SortFunc(stops, func(a, b *stop) int { return cmp.Compare(a.ref, b.ref) })
	for i, s := range stops {
		s.first, s.several = i == 0, len(stops) > 1
		s.waits, s.locks = g.waiting(env, s.spot), g.lockedAt(s.spot)
	}
	pa.stops = append(pa.stops, stops...)
}

// addLeft adds what the policy does not have any more.
func (pa *path) addLeft(left map[*place]bool) {
	rest := slices.SortedFunc(maps.Keys(left), func(a, b *place) int {
		return cmp.Or(cmp.Compare(a.environment, b.environment), cmp.Compare(a.repository, b.repository), cmp.Compare(a.ref, b.ref))
	})
	for _, p := range rest {
		pa.stops = append(pa.stops, &stop{spot: p.spot, place: p, first: true})
	}
}

func matches(env *policy.Environment, ref string) bool {
	return slices.ContainsFunc(env.Refs, func(p policy.RefPattern) bool { return p.Match(policy.RefName(ref)) })
}

// live is the deployment that is live, nil if there is none.
func (s *stop) live() *deployment {
	if s.place == nil {
		return nil
	}
	return s.place.live
}

// label names the stop.
func (s *stop) label() string {
	if s.several {
		return s.environment + " " + branchOf(s.ref)
	}
	return s.environment
}

// What notes of a whole environment say.
const (
	frozen     = "frozen"
	reportOnly = "report only"
)

// notes are what there is to know about a stop, the worst first.
func (s *stop) notes(g *gathering) (out []note) {
	live := s.live()
	if live != nil {
		out = liveNotes(g, live)
	}
	if s.place != nil && s.place.drift != nil {
		d := s.place.drift
		out = append(out, newNote(bad, "drift", "the ref was seen at "+orNothing(d.New)+", on record is "+orNothing(d.Old), d.Time))
	}
	for _, lock := range s.locks {
		out = append(out, lockNote(lock))
	}
	if live != nil && live.entry.Kind == ledger.KindOverride {
		e := live.entry
		out = append(out, newNote(warn, "overridden", strings.Join(e.Overrode, ", ")+" "+saying(e), e.Time))
	}
	if s.there != nil {
		out = append(out, s.there.notes(g, s)...)
	}
	out = append(out, s.policyNotes(g.now)...)
	if s.moving {
		out = append(out, newNote(wait, "moving", "a push is under way or not settled yet", time.Time{}))
	}
	return out
}

// liveNotes tell that what is live is barred, or that its deployment failed.
func liveNotes(g *gathering, live *deployment) (out []note) {
	if v := g.vetoes[veto{live.entry.Service, live.entry.Commit}]; v != nil {
		out = append(out, newNote(bad, "vetoed", "what is live is barred "+saying(v), v.Time))
	}
	if c := chipOf(live); c.Tone == bad {
		text := "the deployment of what is live"
		if live.status.Message != "" {
			text += ": " + live.status.Message
		}
		out = append(out, newNote(bad, c.Word, text, live.status.Time))
	}
	return out
}

// policyNotes are what the policy says of an environment.
func (s *stop) policyNotes(at time.Time) (out []note) {
	if s.env == nil {
		return []note{newNote(plain, "past", "the policy does not have it any more", time.Time{})}
	}
	for _, f := range s.env.Freezes {
		if end, now := f.Until(at); now {
			out = append(out, newNote(warn, frozen, f.Name+", until "+stampText(end), time.Time{}))
		}
	}
	if s.env.ReportOnly {
		out = append(out, newNote(warn, reportOnly, "the rules judge and refuse nothing", time.Time{}))
	}
	return out
}

// stampText is a time in words.
func stampText(t time.Time) string { return at(t).Text }

func lockNote(lock *entry) note {
	text := saying(lock)
	if !lock.Until.IsZero() {
		text = "until " + at(lock.Until).Text + " " + text
	}
	return newNote(warn, "locked", text, lock.Time)
}

func orNothing(id string) string {
	if o := policy.ObjectID(id); o == "" || o.IsZero() {
		return "nothing"
	}
	return policy.ObjectID(id).Short()
}
