package command

import (
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A story chooses the entries that tell one ticket's way to production. The
// ledger is read twice: what somebody approved of is known to be the ticket's
// only by what is released or deployed later.
//
// An entry belongs to the ticket if it names it among its tickets; if it is
// about a branch of it, such as its removal; if it brings what the ticket's
// branches hold into an environment's ref, or takes the last of it out,
// whatever else it is (a start over, a rollback, another branch's release that
// drops what the base has by then); if it is a refusal, an approval, a
// rejection or a veto of a commit that was released or deployed for it; and if
// it is an outcome of one of these deployments. Intents are left out, as what
// became of them tells the same, unless they are asked for by type.
type story struct {
	ticket   string
	branches map[ticketObject]bool
	commits  map[ticketObject]bool
	services map[string]bool // those that have an entry with the ticket

	intents  bool
	lives    map[gateSpot]string
	holding  map[gateSpot]map[string][]string // by commit: branches of the ticket that it holds
	deployed map[uint64]bool
	turns    map[uint64]turn
}

// A ticketObject is a branch or a commit of a service.
type ticketObject struct{ service, name string }

// A gateSpot is a ref of an environment.
type gateSpot struct{ service, environment, repository, ref string }

// A turn is what a deployment changed for a ticket.
type turn int

const (
	stays  turn = iota
	comes       // the environment did not hold it before
	goes        // it does not hold it any more
	merged      // it left the environment's list, as the base has it by now
)

// ticketHelp says in the help of log what --ticket shows.
const ticketHelp = "With --ticket it tells one ticket's whole way: releases of its branches, what\n" +
	"took them out, refusals, approvals and rejections of their commits, and the\n" +
	"deployments that brought them to production with their outcomes. What happened\n" +
	"to another branch is told only where it took the ticket out. Intents are left\n" +
	"out. The other filters choose among that."

// storyOf reads the ledger for what the ticket of a filter is about, nil if it
// names none.
func storyOf(pol *policy.Policy, f *filter) (*story, error) {
	if f.ticket == "" {
		return nil, nil
	}
	s := newStory(f.ticket, slices.Contains(f.types, string(ledger.TypeIntent)))
	names := func(p *ledger.Peek) bool { return p.Has(f.ticket) }
	err := ledger.ReadSome(pol.Ledger, 0, names, func(line *ledger.Line) error {
		s.discover(&line.Entry)
		return nil
	})
	return s, err
}

// newStory makes an empty story; intents says that intents are asked for.
func newStory(ticket string, intents bool) *story {
	return &story{ticket: ticket, intents: intents,
		branches: make(map[ticketObject]bool), commits: make(map[ticketObject]bool), services: make(map[string]bool),
		lives: make(map[gateSpot]string), holding: make(map[gateSpot]map[string][]string),
		deployed: make(map[uint64]bool), turns: make(map[uint64]turn)}
}

// discover takes from an entry what is needed to know others as the ticket's.
func (s *story) discover(e *ledger.Entry) {
	if !s.carries(e) {
		return
	}
	s.services[e.Service] = true
	if e.Branch != "" && (len(e.Tickets) == 0 || e.Tickets[0] == s.ticket) {
		s.branches[ticketObject{e.Service, e.Branch}] = true
	}
	id := e.Head
	if e.Action == "" {
		id = e.Commit
	}
	if id != "" {
		s.commits[ticketObject{e.Service, id}] = true
	}
}

// tells reports whether an entry is of the ticket. It must see all of them, in
// order.
func (s *story) tells(e *ledger.Entry) bool {
	switch e.Type {
	case ledger.TypeDeployed, ledger.TypeAdopt:
		changed := s.follow(e)
		if changed == stays && !s.names(e) {
			return false
		}
		s.deployed[e.Seq], s.turns[e.Seq] = true, changed
		return true
	case ledger.TypeStatus:
		return s.deployed[e.Record]
	case ledger.TypeIntent:
		return s.intents && s.names(e)
	case ledger.TypeApproval, ledger.TypeVeto, ledger.TypeRefused:
		return s.names(e) || s.commits[ticketObject{e.Service, e.Commit}]
	}
	return s.names(e)
}

// names reports whether an entry names the ticket, or a branch of it.
func (s *story) names(e *ledger.Entry) bool {
	return s.carries(e) || e.Branch != "" && s.branches[ticketObject{e.Service, e.Branch}]
}

// carries reports whether an entry has the ticket among its tickets. Where the
// policy finds no tickets in the names of branches, the name stands for it.
func (s *story) carries(e *ledger.Entry) bool {
	return slices.Contains(e.Tickets, s.ticket) || len(e.Tickets) == 0 && e.Branch == s.ticket
}

// follow keeps which of the ticket's branches an environment's commits hold,
// as the ledger does for all branches.
func (s *story) follow(e *ledger.Entry) turn {
	at := gateSpot{e.Service, e.Environment, e.Repository, e.Ref}
	of := s.holding[at]
	was := of[s.lives[at]]
	now := of[e.Commit]
	releases := e.Action == ledger.ActionRelease || e.Action == ledger.ActionReplace
	if releases || e.Action == ledger.ActionRemove || e.Action == ledger.ActionReset {
		now = nil
		for _, branch := range was {
			if e.Action != ledger.ActionReset && branch != e.Branch && !slices.Contains(e.Gone, branch) {
				now = append(now, branch)
			}
		}
		if releases && s.carries(e) {
			now = append(now, e.Branch)
		}
		if of == nil {
			of = make(map[string][]string)
			s.holding[at] = of
		}
		if of[e.Commit] = now; len(now) == 0 {
			delete(of, e.Commit)
		}
	}
	// A ref that is pushed goes on holding what it held, until it is rolled back.
	pushed := e.Action == "" && e.Kind != string(policy.Rollback) && e.Kind != string(policy.Redeploy) && now == nil
	if pushed && (len(was) > 0 || s.carries(e)) {
		if of == nil {
			of = make(map[string][]string)
			s.holding[at] = of
		}
		if of[e.Commit] = was; s.carries(e) {
			of[e.Commit] = append(slices.Clone(was), s.ticket)
		}
	}
	s.lives[at] = e.Commit
	switch {
	case pushed:
		return stays
	case len(was) == 0 && len(now) > 0:
		return comes
	case len(was) > 0 && len(now) == 0 && e.Action != ledger.ActionReset && slices.Contains(e.Gone, was[len(was)-1]):
		return merged
	case len(was) > 0 && len(now) == 0:
		return goes
	}
	return stays
}

// lastOf tells which environments end the path: nothing comes after them, and
// something before.
func lastOf(pol *policy.Policy) map[string]bool {
	last := make(map[string]bool)
	for _, name := range pol.Ends() {
		env, _ := pol.Environment(name)
		last[string(name)] = len(env.After) > 0
	}
	return last
}
