package board

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A spot is a ref of an environment.
type spot struct{ service, environment, repository, ref string }

// A stage is an environment of one service.
type stage struct{ service, environment, repository string }

func spotOf(e *entry) spot { return spot{e.Service, e.Environment, e.Repository, e.Ref} }

func (s spot) stage() stage { return stage{s.service, s.environment, s.repository} }

// clone is s without the line that it was read from.
func (s spot) clone() spot {
	return spot{strings.Clone(s.service), strings.Clone(s.environment), strings.Clone(s.repository), strings.Clone(s.ref)}
}

// An entry is one of the journal, and where it begins there.
type entry struct {
	ledger.Entry
	offset int64
	noes   []string // told as its codes, if there are any
}

// A gathering is what the entries of the journal amount to: it does not depend
// on the policy or the time. What grows with the journal is in the store;
// all else is bounded by what there is of services, refs and open matters.
type gathering struct {
	pol *policy.Policy
	now time.Time

	head ledger.Entry // the newest entry
	last int64        // where it begins
	raw  []byte       // its line
	hash []byte       // of a state: the SHA-256 of the line that it ends with
	id   string       // of the ledger

	hour, before uint64 // of the newest entry, from 1970, and the last record before that hour
	plots        []Plot
	plotsOf      string // what they were made of

	store   *store
	most    int // commits and tickets that get a page
	commits newest
	barred  newest // commits that were never deployed
	tickets newest

	spots    map[spot]*place
	stages   map[stage]*environment
	services map[string]*service
	byRecord map[uint64]*deployment // those that are live or listed
	intents  map[uint64]intent      // open ones
	locks    map[spot]*entry        // without a repository; service and ref may be empty
	vetoes   map[veto]*entry
	chains   map[stage]chain // without a repository
	abroad   map[spot]*there // refs of environments elsewhere

	refusals  *refusals
	overrides counted
	override  map[stage]int
	drifts    counted
	adopted   counted
	faults    counted
	repairs   counted
	reported  counted // let in although rules said no, as the environment does not enforce them
}

type veto struct{ service, commit string }

// An intent is an open one, and the codes of the rules that said no to it and
// were not overridden.
type intent struct {
	at   spot
	noes []string
}

// A service is what is told of one service beside its environments.
type service struct {
	name   string
	recent []*deployment // oldest first
	total  int
}

// counted keeps the newest entries of a kind, and how many there are.
type counted struct {
	newest []*entry // oldest first, up to maxListed
	total  int
}

func (c *counted) add(e *entry) {
	c.total++
	if c.newest = append(c.newest, e); len(c.newest) > maxListed {
		c.newest = slices.Delete(c.newest, 0, 1)
	}
}

// list is the newest first.
func (c *counted) list() []*entry {
	out := slices.Clone(c.newest)
	slices.Reverse(out)
	return out
}

func newGathering(pol *policy.Policy, now time.Time, most int) *gathering {
	return &gathering{pol: pol, now: now, most: most, store: newStore(),
		commits: newest{most: most, last: make(map[string]uint64)}, barred: newest{most: most, last: make(map[string]uint64)},
		tickets: newest{most: most, last: make(map[string]uint64)},
		spots:   make(map[spot]*place), stages: make(map[stage]*environment), services: make(map[string]*service),
		byRecord: make(map[uint64]*deployment), intents: make(map[uint64]intent),
		locks: make(map[spot]*entry), vetoes: make(map[veto]*entry),
		chains: make(map[stage]chain), abroad: make(map[spot]*there),
		refusals: newRefusals(), override: make(map[stage]int)}
}

// gather reads the journal, from what a state has of it on. It calls settle after
// each entry, which may make room in the store.
func (g *gathering) gather(stop, settle func() error) error {
	err := ledger.Read(g.pol.Ledger, g.last, func(line *ledger.Line) error {
		if line.Number%4096 == 0 {
			if err := stop(); err != nil {
				return err
			}
		}
		if line.Number == 1 && g.head.Seq > 0 { // the newest of the state
			return g.goOn(line)
		}
		g.add(line)
		if g.store.err != nil {
			return g.store.err
		}
		return settle()
	})
	if err != nil {
		return err
	}
	if g.raw == nil {
		return fmt.Errorf("the ledger %s has no line", g.pol.Ledger)
	}
	// As the gate does: a clock that went back ends no lock.
	if g.head.Time.After(g.now) {
		g.now = g.head.Time
	}
	return nil
}

// add takes one entry in.
func (g *gathering) add(line *ledger.Line) {
	e := &entry{Entry: line.Entry, offset: line.Offset}
	g.newest(line)
	if hour := hourOf(e.Time); hour != g.hour {
		g.hour, g.before = hour, e.Seq-1
	}
	switch e.Type {
	case ledger.TypeLedger:
		g.id = strings.Clone(e.Ledger)
	case ledger.TypeIntent:
		g.intents[e.Seq] = intent{spotOf(e).clone(), noes(e.Rules)}
	case ledger.TypeAbandoned:
		delete(g.intents, e.Intent)
	case ledger.TypeDeployed, ledger.TypeAdopt:
		g.deployed(e)
		g.settled(e)
	case ledger.TypeStatus:
		g.status(e)
	default:
		g.said(e)
	}
	if e.Type != ledger.TypeIntent && e.Type != ledger.TypeAbandoned {
		g.sight(e)
	}
}

// newest remembers the newest line.
func (g *gathering) newest(line *ledger.Line) {
	g.head, g.last, g.raw = line.Entry, line.Offset, append(g.raw[:0], line.Raw...)
}

// said takes in what somebody or pathgate said about a commit or an environment.
func (g *gathering) said(e *entry) {
	switch e.Type {
	case ledger.TypeDrift:
		g.drifted(e)
	case ledger.TypeApproval:
		g.approved(e)
	case ledger.TypeLock:
		g.locks[lockOf(e)] = e
	case ledger.TypeUnlock:
		delete(g.locks, lockOf(e))
	case ledger.TypeVeto:
		if e.Kind == ledger.KindLift {
			delete(g.vetoes, veto{e.Service, e.Commit})
		} else {
			g.vetoes[veto{e.Service, e.Commit}] = e
			g.voided(e)
		}
	case ledger.TypeRefused:
		g.refusals.add(e)
	case ledger.TypeFault:
		g.faults.add(e)
	case ledger.TypeRepair:
		g.repairs.add(e)
	case ledger.TypeStamp:
		g.stamped(e)
	}
}

func lockOf(e *entry) spot { return spot{e.Service, e.Environment, "", e.Ref} }

// noes lists the codes in verdicts that are a no and were not overridden.
func noes(rules []string) (codes []string) {
	for _, rule := range rules {
		_, says, _ := strings.Cut(rule, "=")
		switch says {
		case "yes", string(policy.EvidenceEver), string(policy.MatchContained), string(policy.MatchTree):
			continue
		}
		if !strings.HasPrefix(says, "overridden:") && !slices.Contains(codes, says) {
			codes = append(codes, strings.Clone(says))
		}
	}
	return codes
}

// settled closes the intent of a deployment, and lists what its environment let
// in without enforcing its rules.
func (g *gathering) settled(e *entry) {
	if of, ok := g.intents[e.Intent]; ok && len(of.noes) > 0 && e.Type == ledger.TypeDeployed {
		told := *e
		told.noes, told.Codes = of.noes, of.noes
		g.reported.add(&told)
	}
	delete(g.intents, e.Intent)
}
