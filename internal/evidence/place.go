package evidence

import (
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A spot is a ref of an environment of the service.
type spot struct{ environment, repository, ref string }

// A stage is an environment of the service.
type stage struct{ environment, repository string }

func spotOf(e *ledger.Entry) spot { return spot{e.Environment, e.Repository, e.Ref} }

// A recorded is what is kept of each deployed or adopt entry.
type recorded struct {
	place   *place
	commit  uint32
	at      time.Time
	deploy  string // one of the constants of package ledger
	state   string // likewise
	adopted bool
}

// A stageState is what is kept of an environment.
type stageState struct {
	name      string
	outcomes  map[uint32]*outcome
	withdrawn map[uint32]uint64
	places    []*place
}

// An outcome is what became of a commit's deployments in an environment.
type outcome struct {
	state  string
	record uint64 // the status that says so
	at     time.Time
	newest uint64 // the newest deployment that has an outcome
	open   bool   // and whether that has not ended
}

// A place is what is kept of a ref.
type place struct {
	stage     *stageState
	live      prior
	kind      string // of what made it live
	run       uint64 // the first record since which no other commit was live here
	history   []step // of production
	records   map[uint32]uint64
	rebuilt   uint64                              // the newest deployment that built the branch anew
	approvals map[string]map[string]*ledger.Entry // by commit and principal: the newest
	open      []*change                           // of the window, not taken back
}

// A prior is what was live on a ref.
type prior struct {
	commit string
	record uint64
}

type step struct {
	record uint64
	commit uint32
}

// at finds or makes the place of a ref.
func (g *gathering) at(s spot) *place {
	if p := g.places[s]; p != nil {
		return p
	}
	s = spot{strings.Clone(s.environment), strings.Clone(s.repository), strings.Clone(s.ref)}
	of := stage{s.environment, s.repository}
	st := g.stages[of]
	if st == nil {
		st = &stageState{name: s.environment, outcomes: make(map[uint32]*outcome), withdrawn: make(map[uint32]uint64)}
		g.stages[of] = st
	}
	p := &place{stage: st, records: make(map[uint32]uint64), approvals: make(map[string]map[string]*ledger.Entry)}
	g.places[s] = p
	st.places = append(st.places, p)
	return p
}

// deployed takes a deployment in.
func (g *gathering) deployed(e *ledger.Entry) {
	p, commit := g.at(spotOf(e)), g.number(e.Commit)
	in := g.intents[e.Intent]
	delete(g.intents, e.Intent)
	if e.Type == ledger.TypeDeployed {
		g.change(p, e, in)
	} else {
		g.except(adopted, e, nil)
	}
	g.records[e.Seq] = &recorded{place: p, commit: commit, at: e.Time, deploy: deployOf(e), adopted: e.Type == ledger.TypeAdopt}
	if e.Deploy != "" {
		o := p.stage.outcomes[commit]
		if o == nil {
			o = &outcome{}
			p.stage.outcomes[commit] = o
		}
		o.newest, o.open = e.Seq, true
	}
	if g.production[e.Environment] {
		g.takeBack(p, e, commit)
		p.history = append(p.history, step{e.Seq, commit})
	}
	if p.run == 0 || p.live.commit != e.Commit || p.stage.withdrawn[commit] > p.run {
		p.run = e.Seq
		p.forget()
	}
	p.records[commit] = e.Seq
	p.live, p.kind = prior{strings.Clone(e.Commit), e.Seq}, strings.Clone(e.Kind)
}

// deployOf is the constant that the field deploy has, so that no line is kept
// for it.
func deployOf(e *ledger.Entry) string {
	for _, known := range [...]string{ledger.DeployCommand, ledger.DeployExternal} {
		if e.Deploy == known {
			return known
		}
	}
	return ""
}

// takeBack withdraws what e does away with, and tells the changes that are
// taken back by it. A branch that is released anew, and what stays in an
// environment when another branch is taken out, is not.
func (g *gathering) takeBack(p *place, e *ledger.Entry, commit uint32) {
	if e.Type == ledger.TypeDeployed && e.Action != "" {
		p.rebuild(e, commit)
		return
	}
	target := p.records[commit]
	back := e.Type == ledger.TypeDeployed && e.Kind == string(policy.Rollback)
	if e.Type == ledger.TypeDeployed && e.Kind == ledger.KindOverride {
		back = target != 0 && p.live.commit != e.Commit && p.stage.stands(commit)
	}
	if !back {
		return
	}
	gone := p.withdraw(e.Seq, commit, target)
	for _, other := range p.stage.places {
		other.takenBack(e, func(ch *change) bool { return gone[ch.commit] })
	}
}

// rebuild is takeBack of what has an action.
func (p *place) rebuild(e *ledger.Entry, commit uint32) {
	switch e.Action {
	case ledger.ActionRemove:
		p.takenBack(e, func(ch *change) bool { return ch.releases() && ch.entry.Branch == e.Branch })
	case ledger.ActionReset:
		p.takenBack(e, func(*change) bool { return true })
	}
	if e.Action == ledger.ActionRelease {
		return
	}
	target := p.rebuilt
	if target > 0 {
		target-- // its own commit is among them
	}
	p.withdraw(e.Seq, commit, target)
	p.rebuilt = e.Seq
}

// withdraw goes down the history to the record target, and returns what it has
// withdrawn.
func (p *place) withdraw(by uint64, but uint32, target uint64) map[uint32]bool {
	gone := make(map[uint32]bool)
	for i := len(p.history) - 1; i >= 0 && p.history[i].record > target; i-- {
		if c := p.history[i].commit; c != but {
			p.stage.withdrawn[c], gone[c] = by, true
		}
	}
	return gone
}

// takenBack notes which open changes e took back.
func (p *place) takenBack(e *ledger.Entry, is func(*change) bool) {
	p.open = slices.DeleteFunc(p.open, func(ch *change) bool {
		if ch.entry.Seq == e.Seq || !is(ch) {
			return false
		}
		ch.back = e
		return true
	})
}

// stands reports whether a commit was deployed and not withdrawn since.
func (s *stageState) stands(commit uint32) bool {
	return slices.ContainsFunc(s.places, func(p *place) bool { return p.records[commit] > s.withdrawn[commit] })
}

// forget drops the approvals that are void with a new run.
func (p *place) forget() {
	for commit, said := range p.approvals {
		for who, e := range said {
			if e.Kind != ledger.KindReject {
				delete(said, who)
			}
		}
		if len(said) == 0 {
			delete(p.approvals, commit)
		}
	}
}

func finished(state string) bool { return state != "" && state != ledger.StatePending }

// status takes a deployment one step further, as the ledger does: a status that
// cannot follow changes nothing.
func (g *gathering) status(e *ledger.Entry) {
	d := g.records[e.Record]
	if d == nil || d.bars(e) {
		return
	}
	for _, known := range [...]string{ledger.StatePending, ledger.StateSuccess, ledger.StateFailure, ledger.StateError, ledger.StateSuperseded} {
		if e.State == known {
			d.state = known
		}
	}
	if ch := g.bySeq[e.Record]; ch != nil {
		ch.outcome = keep(e)
	}
	o := d.place.stage.outcomes[d.commit]
	if !finished(d.state) || o == nil {
		return
	}
	o.open = o.open && o.newest != e.Record
	if d.state != ledger.StateSuperseded {
		o.state, o.record, o.at = d.state, e.Seq, e.Time
	}
}

// bars reports whether a status cannot follow.
func (d *recorded) bars(e *ledger.Entry) bool {
	external := d.deploy == ledger.DeployExternal
	switch {
	case d.deploy == "", external && e.State == ledger.StateSuperseded:
		return true
	case finished(d.state):
		return !external || !finished(e.State)
	case external:
		return false
	case d.state == ledger.StatePending:
		return e.State == ledger.StatePending
	}
	return e.State == ledger.StateSuccess || e.State == ledger.StateFailure
}
