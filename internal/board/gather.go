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

func spotOf(e *ledger.Entry) spot { return spot{e.Service, e.Environment, e.Repository, e.Ref} }

func (s spot) stage() stage { return stage{s.service, s.environment, s.repository} }

// clone is s without the line that it was read from.
func (s spot) clone() spot {
	return spot{strings.Clone(s.service), strings.Clone(s.environment), strings.Clone(s.repository), strings.Clone(s.ref)}
}

// A sighting is where a commit or a ticket was first seen in the journal, and
// the newest record about it.
type sighting struct {
	from     int64
	last     uint64
	deployed bool // it was once; tickets leave it out
}

// A gathering is what the entries of the journal amount to. What grows with the
// journal is kept as numbers; whole entries only where their count is bounded.
type gathering struct {
	pol *policy.Policy
	now time.Time

	head ledger.Entry // the newest entry
	id   string       // of the ledger
	end  int64        // where reading ended

	commits  map[string]uint32 // their numbers
	names    []string          // by number
	seen     []sighting        // by number
	tickets  map[string]*sighting
	branches map[string]uint32
	short    []string // names of branches by number
	releases []release

	spots    map[spot]*place
	stages   map[stage]*environment
	services map[string]*service
	byRecord map[uint64]*deployment // those that are live or listed
	intents  map[uint64]intent      // open ones
	locks    map[spot]*ledger.Entry // without a repository; service and ref may be empty
	vetoes   map[veto]*ledger.Entry

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

// A release is a branch's release into an environment.
type release struct {
	record uint64
	offset int64
	branch uint32
}

// A service is what is told of one service beside its environments.
type service struct {
	name   string
	recent []*deployment // oldest first
	total  int
}

// counted keeps the newest entries of a kind, and how many there are.
type counted struct {
	newest []*ledger.Entry // oldest first, up to twice maxListed
	total  int
}

func (c *counted) add(e *ledger.Entry) {
	c.total++
	c.newest = append(c.newest, e)
	if len(c.newest) >= 2*maxListed {
		c.newest = append(c.newest[:0], c.newest[maxListed:]...)
	}
}

// list is the newest first.
func (c *counted) list() []*ledger.Entry {
	var out []*ledger.Entry
	for i := len(c.newest) - 1; i >= 0 && len(out) < maxListed; i-- {
		out = append(out, c.newest[i])
	}
	return out
}

func newGathering(pol *policy.Policy, now time.Time) *gathering {
	return &gathering{pol: pol, now: now,
		commits: make(map[string]uint32), tickets: make(map[string]*sighting), branches: make(map[string]uint32),
		spots: make(map[spot]*place), stages: make(map[stage]*environment), services: make(map[string]*service),
		byRecord: make(map[uint64]*deployment), intents: make(map[uint64]intent),
		locks: make(map[spot]*ledger.Entry), vetoes: make(map[veto]*ledger.Entry),
		refusals: newRefusals(), override: make(map[stage]int)}
}

// gather reads the whole journal.
func gather(pol *policy.Policy, now time.Time, stop func() error) (*gathering, error) {
	g := newGathering(pol, now)
	err := ledger.Read(pol.Ledger, 0, func(line *ledger.Line) error {
		if line.Number%4096 == 0 {
			if err := stop(); err != nil {
				return err
			}
		}
		g.add(line)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if g.head.Seq == 0 {
		return nil, fmt.Errorf("the ledger %s has no line", pol.Ledger)
	}
	// As the gate does: a clock that went back ends no lock.
	if g.head.Time.After(g.now) {
		g.now = g.head.Time
	}
	return g, nil
}

// add takes one entry in.
func (g *gathering) add(line *ledger.Line) {
	e := &line.Entry
	g.head, g.end = *e, line.End()
	if e.Type != ledger.TypeIntent && e.Type != ledger.TypeAbandoned {
		g.sight(e, line.Offset)
	}
	switch e.Type {
	case ledger.TypeLedger:
		g.id = strings.Clone(e.Ledger)
	case ledger.TypeIntent:
		g.intents[e.Seq] = intent{spotOf(e), noes(e.Rules)}
	case ledger.TypeAbandoned:
		delete(g.intents, e.Intent)
	case ledger.TypeDeployed, ledger.TypeAdopt:
		g.deployed(keep(e), line.Offset)
		g.settled(e)
	case ledger.TypeStatus:
		g.status(keep(e))
	default:
		g.said(keep(e))
	}
}

// said takes in what somebody or pathgate said about a commit or an environment.
func (g *gathering) said(e *ledger.Entry) {
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
		g.refusals.add(e, g.now)
	case ledger.TypeFault:
		g.faults.add(e)
	case ledger.TypeRepair:
		g.repairs.add(e)
	}
}

// keep copies an entry. Its strings share the one line that they were read from.
func keep(e *ledger.Entry) *ledger.Entry {
	c := *e
	return &c
}

func lockOf(e *ledger.Entry) spot { return spot{e.Service, e.Environment, "", e.Ref} }

// sight remembers where the commits and tickets of an entry are told of.
func (g *gathering) sight(e *ledger.Entry, offset int64) {
	for _, id := range [...]string{e.Commit, e.Head} {
		if id != "" {
			s := &g.seen[g.number(id, offset)]
			s.last = e.Seq
			s.deployed = s.deployed || e.Type == ledger.TypeDeployed || e.Type == ledger.TypeAdopt
		}
	}
	for _, ticket := range ticketsOf(e) {
		t := g.tickets[ticket]
		if t == nil {
			t = &sighting{from: offset}
			g.tickets[strings.Clone(ticket)] = t
		}
		t.last = e.Seq
	}
}

// number is the number of a commit.
func (g *gathering) number(id string, offset int64) uint32 {
	n, ok := g.commits[id]
	if !ok {
		id = strings.Clone(id)
		n = uint32(len(g.names))
		g.commits[id] = n
		g.names, g.seen = append(g.names, id), append(g.seen, sighting{from: offset})
	}
	return n
}

// ticketsOf lists the tickets that an entry names. Where the policy finds none
// in the names of branches, the name stands for one.
func ticketsOf(e *ledger.Entry) []string {
	if len(e.Tickets) == 0 && e.Branch != "" {
		return []string{e.Branch}
	}
	return e.Tickets
}

// noes lists the codes in verdicts that are a no and were not overridden.
func noes(rules []string) (codes []string) {
	for _, rule := range rules {
		_, says, _ := strings.Cut(rule, "=")
		switch says {
		case "yes", string(policy.EvidenceEver), string(policy.MatchContained), string(policy.MatchTree):
			continue
		}
		if !strings.HasPrefix(says, "overridden:") && !slices.Contains(codes, says) {
			codes = append(codes, says)
		}
	}
	return codes
}

// settled closes the intent of a deployment, and lists what its environment let
// in without enforcing its rules.
func (g *gathering) settled(e *ledger.Entry) {
	if of, ok := g.intents[e.Intent]; ok && len(of.noes) > 0 && e.Type == ledger.TypeDeployed {
		e := keep(e)
		e.Codes = of.noes
		g.reported.add(e)
	}
	delete(g.intents, e.Intent)
}
