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
	entry  *ledger.Entry
	state  string        // newest status, empty if there is none
	status *ledger.Entry // that said so
	before string        // outcome of an earlier deployment of the same run, while this one has none

	live, listed bool
}

// A place is what is told of one ref.
type place struct {
	spot
	commit    uint32
	live      *deployment // nil before the first
	run       uint64      // the first record since which no other commit was live here
	begin     time.Time   // of the span; zero while there is none (package ledger, Time live)
	drift     *ledger.Entry
	history   []step
	records   map[uint32]uint64 // the newest of each commit
	contents  map[uint32][]uint32
	rebuilt   uint64 // the newest deployment that built the branch anew
	approvals map[uint32]map[string]*ledger.Entry
	brought   map[string]step // by ticket: the newest push that named it
}

type step struct {
	record uint64
	commit uint32
}

// An environment is what is told of one environment of a service.
type environment struct {
	places    []*place
	withdrawn map[uint32]uint64 // record that withdrew a commit last
}

// stands reports whether a commit was deployed and not withdrawn since.
func (env *environment) stands(commit uint32) bool {
	if env == nil {
		return false
	}
	return slices.ContainsFunc(env.places, func(p *place) bool { return p.records[commit] > env.withdrawn[commit] })
}

// had is the newest record of a commit, zero if it never was here.
func (env *environment) had(commit uint32) (record uint64) {
	if env == nil {
		return 0
	}
	for _, p := range env.places {
		record = max(record, p.records[commit])
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
		env = &environment{withdrawn: make(map[uint32]uint64)}
		g.stages[s.stage()] = env
	}
	p := &place{spot: s, records: make(map[uint32]uint64), contents: make(map[uint32][]uint32),
		approvals: make(map[uint32]map[string]*ledger.Entry), brought: make(map[string]step)}
	g.spots[s] = p
	env.places = append(env.places, p)
	return p, env
}

// deployed makes a commit live, as the ledger's projections do.
func (g *gathering) deployed(e *ledger.Entry, offset int64) {
	p, env := g.at(spotOf(e))
	commit := g.number(e.Commit, offset)
	g.takeAway(p, env, e, commit)
	g.hold(p, e, commit, offset)
	was := p.live
	begins := p.run == 0 || p.commit != commit || env.withdrawn[commit] > p.run
	if begins {
		p.run, p.begin = e.Seq, time.Time{}
		p.forget(commit)
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
	p.live, p.commit, p.drift = d, commit, nil
	p.records[commit] = e.Seq
	p.history = append(p.history, step{e.Seq, commit})
	for _, ticket := range e.Tickets {
		if e.Action == "" {
			p.brought[strings.Clone(ticket)] = step{e.Seq, commit}
		}
	}
	g.list(d, was)
	if e.Kind == ledger.KindOverride {
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
	if len(of.recent) >= 2*maxRecent {
		for _, old := range of.recent[:maxRecent] {
			old.listed = false
			g.forget(old)
		}
		of.recent = append(of.recent[:0], of.recent[maxRecent:]...)
	}
}

func (g *gathering) forget(d *deployment) {
	if !d.live && !d.listed {
		delete(g.byRecord, d.entry.Seq)
	}
}

// takeAway withdraws what e does away with.
func (g *gathering) takeAway(p *place, env *environment, e *ledger.Entry, commit uint32) {
	if rebuilds(e) {
		target := p.rebuilt
		if target > 0 {
			target-- // its own commit is among them
		}
		p.withdraw(env, e.Seq, commit, target)
		p.rebuilt = e.Seq
		return
	}
	record := p.records[commit]
	back := e.Type == ledger.TypeDeployed && e.Kind == string(policy.Rollback)
	if e.Type == ledger.TypeDeployed && e.Kind == ledger.KindOverride && !releases(e) {
		back = record != 0 && env.stands(commit)
	}
	if back {
		p.withdraw(env, e.Seq, commit, record)
	}
}

// withdraw goes down the history to the record target.
func (p *place) withdraw(env *environment, by uint64, but uint32, target uint64) {
	for i := len(p.history) - 1; i >= 0 && p.history[i].record > target; i-- {
		if c := p.history[i].commit; c != but {
			env.withdrawn[c] = by
		}
	}
}

// releases reports whether e merged a branch into the environment's.
func releases(e *ledger.Entry) bool {
	return e.Type == ledger.TypeDeployed && (e.Action == ledger.ActionRelease || e.Action == ledger.ActionReplace)
}

// rebuilds reports whether e built the environment's branch anew.
func rebuilds(e *ledger.Entry) bool {
	return e.Type == ledger.TypeDeployed &&
		(e.Action == ledger.ActionReplace || e.Action == ledger.ActionRemove || e.Action == ledger.ActionReset)
}

// hold keeps which releases the commit that e deploys contains.
func (g *gathering) hold(p *place, e *ledger.Entry, commit uint32, offset int64) {
	if !releases(e) && !rebuilds(e) {
		return
	}
	var now []uint32
	if e.Action != ledger.ActionReset && p.live != nil {
		for _, n := range p.contents[p.commit] {
			if name := g.short[g.releases[n].branch]; name != e.Branch && !slices.Contains(e.Gone, name) {
				now = append(now, n)
			}
		}
	}
	if releases(e) {
		now = append(now, uint32(len(g.releases)))
		g.releases = append(g.releases, release{e.Seq, offset, g.branch(e.Branch)})
	}
	if len(now) == 0 {
		delete(p.contents, commit)
		return
	}
	p.contents[commit] = slices.Clip(now)
}

// branch is the number of a branch's name.
func (g *gathering) branch(name string) uint32 {
	n, ok := g.branches[name]
	if !ok {
		n = uint32(len(g.short))
		name = string([]byte(name))
		g.branches[name] = n
		g.short = append(g.short, name)
	}
	return n
}
