package board

import (
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A deployment is a deployed or adopt entry and what became of it.
type deployment struct {
	entry  *entry
	state  string // newest status, empty if there is none
	status *entry // that said so
	before string // outcome of an earlier deployment of the same run, while this one has none

	tickets []string // whose tales tell of it

	live, listed bool
}

// A place is what is told of one ref. The store has, under its number: of each
// commit the newest record, its base and which releases it contains ('r'); its history,
// oldest first ('h'); and of each ticket the newest push that named it ('g').
type place struct {
	spot
	number    int
	commit    string
	live      *deployment // nil before the first
	run       uint64      // the first record since which no other commit was live here
	begin     time.Time   // of the span; zero while there is none (package ledger, Time live)
	drift     *entry
	steps     int       // of its history
	holding   []release // that the live commit contains
	rebuilt   uint64    // the newest deployment that built the branch anew
	based     uint64    // the release or removal that brought the branch's base in; zero if what is live came as it is
	approvals map[string]map[string]*entry
}

// A release is a branch's release into an environment.
type release struct {
	record uint64
	offset int64
	branch string
	head   string
}

// An environment is what is told of one environment of a service. Its store has,
// under its number, of each commit the record that withdrew it last ('w').
type environment struct {
	number int
	places []*place
}

func (g *gathering) withdrawn(env *environment, commit string) uint64 {
	return g.store.number(keyAt('w', env.number, commit))
}

// stands reports whether a commit was deployed and not withdrawn since.
func (g *gathering) stands(env *environment, commit string) bool {
	had := g.had(env, commit)
	return had > 0 && had > g.withdrawn(env, commit)
}

// had is the newest record of a commit, zero if it never was here.
func (g *gathering) had(env *environment, commit string) (record uint64) {
	if env == nil {
		return 0
	}
	for _, p := range env.places {
		record = max(record, g.record(p, commit))
	}
	return record
}

// at finds or makes the place of a ref.
func (g *gathering) at(s spot) (*place, *environment) {
	if p := g.spots[s]; p != nil {
		return p, g.stages[s.stage()]
	}
	s = s.clone()
	env := g.stages[s.stage()]
	if env == nil {
		env = &environment{number: len(g.stages)}
		g.stages[s.stage()] = env
	}
	p := &place{spot: s, number: len(g.spots), approvals: make(map[string]map[string]*entry)}
	g.spots[s] = p
	env.places = append(env.places, p)
	return p, env
}

// deployed makes a commit live, as the ledger's projections do.
func (g *gathering) deployed(e *entry) {
	p, env := g.at(spotOf(e))
	g.takeAway(p, env, e)
	g.hold(p, e)
	was := p.live
	begins := p.run == 0 || p.commit != e.Commit || g.withdrawn(env, e.Commit) > p.run
	if begins {
		p.run, p.begin = e.Seq, time.Time{}
		p.forget(e.Commit)
	}
	if p.begin.IsZero() && e.Deploy == "" {
		p.begin = e.Time
	}
	d := &deployment{entry: e, live: true}
	if !begins {
		if d.before = was.before; finished(was.state) && was.state != ledger.StateSuperseded {
			d.before = was.state
		}
	}
	p.live, p.commit, p.drift = d, e.Commit, nil
	g.remember(p, e)
	g.list(d, was)
	if e.Kind == ledger.KindOverride && !slices.Equal(e.Overrode, []string{ledger.Inherited}) {
		g.overrides.add(e)
		g.override[p.stage()]++
	}
	if e.Type == ledger.TypeAdopt {
		g.adopted.add(e)
	}
}

// list puts a deployment into the list of its service, and forgets those that
// are neither live nor listed any more.
func (g *gathering) list(d, was *deployment) {
	of := g.services[d.entry.Service]
	if of == nil {
		of = &service{name: d.entry.Service}
		g.services[of.name] = of
	}
	of.total++
	of.recent = append(of.recent, d)
	d.listed = true
	g.byRecord[d.entry.Seq] = d
	if was != nil {
		was.live = false
		g.forget(was)
	}
	if len(of.recent) > maxRecent {
		of.recent[0].listed = false
		g.forget(of.recent[0])
		of.recent = slices.Delete(of.recent, 0, 1)
	}
}

func (g *gathering) forget(d *deployment) {
	if !d.live && !d.listed {
		delete(g.byRecord, d.entry.Seq)
	}
}

// takeAway withdraws what e does away with.
func (g *gathering) takeAway(p *place, env *environment, e *entry) {
	if rebuilds(e) {
		target := p.rebuilt
		if target > 0 {
			target-- // its own commit is among them
		}
		g.withdraw(p, env, e, target)
		p.rebuilt = e.Seq
		return
	}
	record := g.record(p, e.Commit)
	back := e.Type == ledger.TypeDeployed && e.Kind == string(policy.Rollback)
	if e.Type == ledger.TypeDeployed && e.Kind == ledger.KindOverride && !releases(e) {
		back = record != 0 && g.stands(env, e.Commit)
	}
	if back {
		g.withdraw(p, env, e, record)
	}
}

// withdraw goes down the history to the record target.
func (g *gathering) withdraw(p *place, env *environment, by *entry, target uint64) {
	for i := p.steps - 1; i >= 0 && g.store.err == nil; i-- {
		s := g.step(p, i)
		if s.record <= target {
			return
		}
		if s.commit != by.Commit {
			if g.stands(env, s.commit) {
				g.lose(s.commit, by)
			}
			g.store.putNumber(keyAt('w', env.number, s.commit), by.Seq)
		}
	}
}

// lose takes a deployment into the tales of a commit that it withdrew, or whose
// branch it took away, and of its ticket.
func (g *gathering) lose(id string, e *entry) {
	g.sightCommit(id, e, true)
	if ticket := g.store.get(keyOf('o', id, e.Service)); ticket != "" {
		g.sightTicket(ticket, e, true)
	}
}

// releases reports whether e merged a branch into the environment's.
func releases(e *entry) bool {
	return e.Type == ledger.TypeDeployed && (e.Action == ledger.ActionRelease || e.Action == ledger.ActionReplace)
}

// rebuilds reports whether e built the environment's branch anew.
func rebuilds(e *entry) bool {
	return e.Type == ledger.TypeDeployed &&
		(e.Action == ledger.ActionReplace || e.Action == ledger.ActionRemove || e.Action == ledger.ActionReset)
}

// hold finds which releases the commit that e deploys contains, and tells of
// those that it does not contain any more.
func (g *gathering) hold(p *place, e *entry) {
	before := p.holding
	switch {
	case releases(e) || rebuilds(e):
		p.holding, p.based = held(before, e), e.Seq
		if e.Action == ledger.ActionReset {
			p.based = 0
		}
	case p.commit != e.Commit:
		p.holding, p.based = g.contents(p, e.Commit)
	}
	for _, r := range before {
		anew := releases(e) && r.branch == e.Branch || slices.Contains(e.Gone, r.branch)
		if !anew && !slices.ContainsFunc(p.holding, func(is release) bool { return is.record == r.record }) {
			g.lose(r.head, e)
		}
	}
}

// held is what a branch holds after a release, a removal or a reset.
func held(before []release, e *entry) []release {
	var now []release
	for _, r := range before {
		if e.Action != ledger.ActionReset && r.branch != e.Branch && !slices.Contains(e.Gone, r.branch) {
			now = append(now, r)
		}
	}
	if releases(e) {
		now = append(now, release{e.Seq, e.offset, strings.Clone(e.Branch), strings.Clone(e.Head)})
	}
	return now
}
