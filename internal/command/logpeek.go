package command

import (
	"strings"

	"github.com/pathgate/pathgate/internal/export"
	"github.com/pathgate/pathgate/internal/ledger"
)

// wanted tells which lines of the ledger need not be decoded, as neither the
// filter nor the story nor the writer has a use for them; nil if all are
// needed. What it lets through is still to be matched.
func (f *filter) wanted(o *logOptions, tale *story, seen *sightings) func(*ledger.Peek) bool {
	switch {
	case tale != nil:
		return func(p *ledger.Peek) bool {
			f.peekNames(p, seen)
			return tale.wants(p)
		}
	case o.format == string(export.CDEvents):
		return nil // an outcome is nothing without its deployment
	case o.format == "table" && f.onlyPolicies():
		return func(p *ledger.Peek) bool { // each is shown as a change of the one before
			f.peekNames(p, seen)
			return p.Type == ledger.TypePolicy
		}
	}
	return func(p *ledger.Peek) bool { return f.peekNames(p, seen) && f.peek(p) }
}

// peekNames is match for service and environment, and notes that the ledger has
// them.
func (f *filter) peekNames(p *ledger.Peek, seen *sightings) bool {
	service := f.service == "" || string(p.Text("service")) == f.service
	seen.service = seen.service || service
	if f.environment == "" || !service && seen.environment {
		return service
	}
	environment := string(p.Text("environment")) == f.environment
	seen.environment = seen.environment || environment
	return service && environment
}

// peek is match for all else.
func (f *filter) peek(p *ledger.Peek) bool {
	if p.Seq < f.record || !f.matchType(p.Type) || !f.peekTime(p) {
		return false
	}
	is := func(want, field string) bool { return want == "" || string(p.Text(field)) == want }
	begins := func(field string) bool { return strings.HasPrefix(string(p.Text(field)), f.commit) }
	return is(f.push, "push") && (f.commit == "" || begins("new") || begins("commit")) && is(f.principal, "principal")
}

func (f *filter) peekTime(p *ledger.Peek) bool {
	if f.since.IsZero() && f.until.IsZero() {
		return true
	}
	t, ok := p.Time()
	return !ok || (f.since.IsZero() || !t.Before(f.since)) && (f.until.IsZero() || t.Before(f.until))
}

// wants reports whether a line may matter to tells: all that is about the
// ticket is about a service that has an entry with it.
func (s *story) wants(p *ledger.Peek) bool {
	switch p.Type {
	case ledger.TypeStatus:
		return s.deployed[p.Number("record")]
	case ledger.TypeIntent:
		if !s.intents {
			return false
		}
	case ledger.TypeDeployed, ledger.TypeAdopt:
		return s.touches(p)
	}
	return s.services[string(p.Text("service"))]
}

// touches reports whether a deployment may be about the ticket: it names the
// ticket or a branch of it, or the ref holds one before it or with it. All that
// another changes for follow is which commit is live, from one that holds none to
// one that holds none.
func (s *story) touches(p *ledger.Peek) bool {
	service := p.Text("service")
	if !s.services[string(service)] {
		return false
	}
	if p.Has(s.ticket) || s.branches[ticketObject{string(service), string(p.Text("branch"))}] {
		return true
	}
	at := gateSpot{string(service), string(p.Text("environment")), string(p.Text("repository")), string(p.Text("ref"))}
	of := s.holding[at]
	return len(of[s.lives[at]]) > 0 || len(of[string(p.Text("commit"))]) > 0
}
