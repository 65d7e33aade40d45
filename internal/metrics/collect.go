package metrics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// maxName bounds the names that are kept, in bytes.
const maxName = 200

// Compute reads the journal once, without a lock, and sums the window up. Its
// errors are those of ledger.Read, of the context, and of options that make no
// sense.
func Compute(ctx context.Context, o Options) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("compute metrics: %w", err)
	}
	o.From, o.To = o.From.UTC(), o.To.UTC()
	c := newCollector(o)
	err := ledger.Read(o.Policy.Ledger, 0, func(line *ledger.Line) error {
		if line.Number%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if o.Records > 0 && line.Entry.Seq > o.Records {
			return errEnd
		}
		c.see(&line.Entry)
		return nil
	})
	if err != nil && !errors.Is(err, errEnd) {
		return nil, fmt.Errorf("compute metrics: %w", err)
	}
	return c.report(), nil
}

// errEnd ends reading where Options say.
var errEnd = errors.New("the last record")

// A place is an environment of a service.
type place struct{ service, environment string }

// A tally is all that is known of a place.
type tally struct {
	place
	first     bool
	refs      map[[2]string]*ref // by repository and ref
	changes   []*change          // of the window
	incidents []*incident        // that began in the window and have ended
}

// A collector takes the entries in.
type collector struct {
	o        Options
	stages   map[string]stage
	tallies  map[place]*tally
	attempts map[uint64]*attempt // by deployed entry: those that a status may be about
	trail    *trail
	records  uint64
}

func newCollector(o Options) *collector {
	return &collector{o: o, stages: o.stages(), tallies: map[place]*tally{}, attempts: map[uint64]*attempt{},
		trail: newTrail(o.From.Add(-LookBack))}
}

func (c *collector) see(e *ledger.Entry) {
	c.records = e.Seq
	switch e.Type {
	case ledger.TypeStatus:
		c.status(e)
		return
	case ledger.TypeDeployed, ledger.TypeAdopt:
	default:
		return
	}
	if e.Service == "" || e.Environment == "" || e.Commit == "" || c.o.Service != "" && e.Service != c.o.Service {
		return
	}
	t := c.tally(e)
	if e.Type == ledger.TypeAdopt {
		c.adopt(t, e)
	} else {
		c.deployed(t, e)
	}
}

// tally finds the tally of an entry. Names are kept as copies: those of an
// entry hold on to its whole line.
func (c *collector) tally(e *ledger.Entry) *tally {
	at := place{text.Clean(e.Service, maxName), text.Clean(e.Environment, maxName)}
	t := c.tallies[at]
	if t == nil {
		at = place{strings.Clone(at.service), strings.Clone(at.environment)}
		t = &tally{place: at, refs: map[[2]string]*ref{}, first: c.stages[at.environment].first}
		c.tallies[at] = t
	}
	return t
}

func (t *tally) ref(e *ledger.Entry) *ref {
	at := [2]string{e.Repository, e.Ref}
	r := t.refs[at]
	if r == nil {
		r = &ref{}
		t.refs[[2]string{strings.Clone(e.Repository), strings.Clone(e.Ref)}] = r
	}
	return r
}

// first reports whether a deployed entry is one of a first environment.
func (c *collector) first(t *tally, e *ledger.Entry) bool {
	s := c.stages[t.environment]
	then := e.Kind == string(policy.Deploy)
	if s.order == 0 && then {
		t.first = true
	}
	return s.first || then
}

// deployed takes a deployed entry in.
func (c *collector) deployed(t *tally, e *ledger.Entry) {
	r := t.ref(e)
	first := c.first(t, e)
	way := c.trail.note(e, first)
	u := r.live
	if u == nil || u.commit != e.Commit {
		u = c.begin(t, r, e)
		if u.own {
			u.change.way, u.change.first = way, first
		}
	}
	if e.Deploy == "" {
		c.took(t, u, e.Seq, e.Time)
		return
	}
	c.attempts[e.Seq] = &attempt{tally: t, run: u, external: e.Deploy == ledger.DeployExternal}
	r.open = append(r.open, e.Seq)
	if len(r.open) > maxOpen {
		delete(c.attempts, r.open[0])
		r.open = slices.Delete(r.open, 0, 1)
	}
}

// begin makes another commit live on a ref.
func (c *collector) begin(t *tally, r *ref, e *ledger.Entry) *run {
	u := &run{ref: r, commit: strings.Clone(e.Commit)}
	id := c.trail.id(e.Service, e.Commit)
	switch back := c.goesBack(r, e, id); {
	case back:
		r.blame(r.live, e.Seq)
		u.change = r.goBack(id)
	case e.Action == ledger.ActionRemove:
		r.takeOut(e)
	case e.Action == ledger.ActionReset || e.Kind == string(policy.Redeploy):
	default:
		u.change, u.own = &change{at: e.Time}, true
	}
	if e.Action == ledger.ActionRemove || e.Action == ledger.ActionReset || e.Action == ledger.ActionReplace {
		r.past = nil
	}
	if u.own && c.o.in(e.Time) {
		t.changes = append(t.changes, u.change)
		r.release(e, u.change)
	}
	c.forget(r)
	r.live = u
	r.remember(id, u, c.o.in(e.Time))
	return u
}

// goesBack reports whether e, which brings another commit, is a rollback, by
// its kind or by what it does.
func (c *collector) goesBack(r *ref, e *ledger.Entry, id uint64) bool {
	if e.Kind == ledger.KindOverride && e.Action == "" {
		return r.had(id) >= 0
	}
	return e.Kind == string(policy.Rollback)
}

// adopt takes an adopt entry in: what it brings was there before.
func (c *collector) adopt(t *tally, e *ledger.Entry) {
	r := t.ref(e)
	c.trail.adopt(e, t.first)
	if r.live == nil || r.live.commit != e.Commit {
		c.forget(r)
		r.live = &run{ref: r, commit: strings.Clone(e.Commit)}
		r.remember(c.trail.id(e.Service, e.Commit), r.live, false)
	}
	r.effect = e.Seq
	c.end(t, r, e.Time)
}

// status takes in what became of a deployment.
func (c *collector) status(e *ledger.Entry) {
	a := c.attempts[e.Record]
	if a == nil {
		return
	}
	switch e.State {
	case ledger.StateSuccess:
		c.took(a.tally, a.run, e.Record, e.Time)
	case ledger.StateFailure, ledger.StateError:
		c.failed(a, e)
	case ledger.StateSuperseded:
		if a.run.own {
			a.run.change.superseded = true
		}
	default:
		return
	}
	a.ended = true
	if !a.external || a.run.ref.live != a.run {
		delete(c.attempts, e.Record)
	}
}

// took notes that the deployment of a record took effect.
func (c *collector) took(t *tally, u *run, record uint64, at time.Time) {
	r := u.ref
	if u.since.IsZero() {
		u.since = at
	}
	r.effect = max(r.effect, record)
	if r.incident != nil && record >= r.incident.record {
		c.end(t, r, at)
	}
	if !u.own || !u.change.effect.IsZero() {
		return
	}
	u.change.effect = at
	if !u.change.first {
		u.change.lead, u.change.hasLead = c.trail.arrive(t.environment, u.change.way, at)
	}
}

// failed notes that a deployment failed.
func (c *collector) failed(a *attempt, e *ledger.Entry) {
	r := a.run.ref
	if a.run.own {
		a.run.change.reported = true
	}
	if e.Record < r.effect {
		return // something newer is in effect already
	}
	a.run.since = time.Time{}
	r.fail(e.Time, e.Record)
}

// end ends the incident of a ref, if there is one.
func (c *collector) end(t *tally, r *ref, at time.Time) {
	if r.incident == nil {
		return
	}
	r.incident.end = at
	if c.o.in(r.incident.begin) {
		t.incidents = append(t.incidents, r.incident)
	}
	r.incident = nil
}

// forget lets those deployments of a ref go whose outcome is known: once another
// commit is live, no later report changes it.
func (c *collector) forget(r *ref) {
	r.open = slices.DeleteFunc(r.open, func(record uint64) bool {
		a := c.attempts[record]
		if a != nil && a.ended {
			delete(c.attempts, record)
		}
		return a == nil || a.ended
	})
}
