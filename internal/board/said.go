package board

import (
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// finished reports whether the state is one that ends a deployment.
func finished(state string) bool { return state != "" && state != ledger.StatePending }

// status takes a deployment one step further. One that is neither live nor
// listed is told nowhere.
func (g *gathering) status(e *entry) {
	d := g.byRecord[e.Record]
	external := d != nil && d.entry.Deploy == ledger.DeployExternal
	if d == nil || d.entry.Deploy == "" || finished(d.state) && !(external && finished(e.State)) {
		return
	}
	d.state, d.status = e.State, e
	if !finished(e.State) || e.State == ledger.StateSuperseded {
		return
	}
	p := g.spots[spotOf(e)]
	if p == nil || p.live == nil || p.run > e.Record || p.live.entry.Commit != e.Commit {
		return
	}
	if p.live != d {
		p.live.before = e.State
	}
	switch {
	case e.State != ledger.StateSuccess:
		p.begin = time.Time{}
	case p.begin.IsZero():
		p.begin = e.Time
	}
}

// drifted remembers where a ref was seen, unless it is back where the record
// has it.
func (g *gathering) drifted(e *entry) {
	g.drifts.add(e)
	p, _ := g.at(spotOf(e))
	if p.drift = e; e.New == e.Old {
		p.drift = nil
	}
}

// approved keeps the newest statement of each principal.
func (g *gathering) approved(e *entry) {
	p, _ := g.at(spotOf(e))
	if p.approvals[e.Commit] == nil {
		p.approvals[e.Commit] = make(map[string]*entry)
	}
	p.approvals[e.Commit][e.Principal] = e
}

// forget drops the approvals that are void with a new run, and all statements
// about what is live now.
func (p *place) forget(live string) {
	delete(p.approvals, live)
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

// voided drops the approvals of a commit that is vetoed: a lift does not bring
// them back.
func (g *gathering) voided(e *entry) {
	for _, p := range g.spots {
		said := p.approvals[e.Commit]
		if p.service != e.Service {
			continue
		}
		for who, approval := range said {
			if approval.Kind != ledger.KindReject {
				delete(said, who)
			}
		}
	}
}
