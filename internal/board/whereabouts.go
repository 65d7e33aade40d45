package board

import (
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
)

// commitStates tells where a commit is in every environment of its services.
func (v view) commitStates(one *tale) (out []stateRow) {
	for _, pa := range v.pathsOf(one.entries) {
		for _, s := range pa.stops {
			if s.there != nil {
				if s.there.commit() == one.name {
					out = append(out, stateRow{Service: v.service(pa.name), Environment: s.label(),
						State: chip{plain, icon(plain), "live, as far as stamps tell"}, At: at(s.there.stamp.Stamped)})
				}
				continue
			}
			row := v.commitState(pa, s, one.name)
			for _, w := range s.waits {
				if w.d.entry.Commit == one.name {
					row.State, row.Holds = chip{wait, icon(wait), "waits"}, w.holds
				}
			}
			out = append(out, row)
		}
	}
	return out
}

func (v view) commitState(pa *path, s *stop, commit string) stateRow {
	row := stateRow{Service: v.service(pa.name), Environment: s.label()}
	d, was := s.live(), s.place != nil && v.g.record(s.place, commit) > 0
	switch {
	case was && d != nil && s.place.commit == commit:
		row.State, row.At, row.By = chip{good, icon(good), "live"}, at(d.entry.Time), d.entry.Principal
		if c := chipOf(d); c.Tone == bad || c.Tone == wait {
			row.State = chip{c.Tone, c.Icon, "live, " + c.Word}
		}
	case was && v.standsAt(s, commit):
		row.State = chip{plain, icon(plain), "stands, not live"}
	case v.holds(&row, s, func(e *entry) bool { return e.Head == commit }):
	default:
		row.State = v.absent(pa, s, []string{commit}, was)
	}
	return row
}

// ticketStates tells which environments hold something of a ticket: a branch
// that was released for it, a commit that was deployed for it, or what the base
// of an environment's branch brought.
func (v view) ticketStates(one *tale) (out []stateRow) {
	commits := commitsOf(one)
	for _, pa := range v.pathsOf(one.entries) {
		for _, s := range pa.stops {
			if s.there == nil { // stamps tell of no tickets
				out = append(out, v.ticketState(pa, s, one, commits))
			}
		}
	}
	return out
}

func (v view) ticketState(pa *path, s *stop, one *tale, commits []string) stateRow {
	row := stateRow{Service: v.service(pa.name), Environment: s.label()}
	stands := func(commit string) bool { return v.standsAt(s, commit) }
	named := v.named(one, s)
	switch {
	case v.holds(&row, s, func(e *entry) bool { return slices.Contains(ticketsOf(e), one.name) }):
	case named != nil && stands(named.Commit):
		row.State, row.At, row.By = chip{good, icon(good), "deployed"}, at(named.Time), named.Principal
	case slices.ContainsFunc(commits, stands):
		row.State = chip{good, icon(good), "deployed"}
		if d := s.live(); slices.Contains(commits, s.place.commit) {
			row.At, row.By = at(d.entry.Time), d.entry.Principal
		}
	default:
		was := s.place != nil && slices.ContainsFunc(commits, func(id string) bool { return v.g.record(s.place, id) > 0 })
		row.State = v.absent(pa, s, commits, was)
		if named != nil {
			row.At, row.By = at(named.Time), named.Principal
		}
	}
	return row
}

// holds fills in the newest release that a stop holds and that is one of those
// asked for.
func (v view) holds(row *stateRow, s *stop, is func(*entry) bool) (found bool) {
	for _, e := range v.held(s) {
		if is(e) {
			row.State, row.At, row.By, found = chip{good, icon(good), "holds " + e.Branch}, at(e.Time), e.Principal, true
		}
	}
	return found
}

// absent is the state of commits that a stop neither holds nor had deployed and
// kept; was says that it had them. They may have come by the base of its branch.
func (v view) absent(pa *path, s *stop, commits []string, was bool) chip {
	base := v.base(pa, s)
	in := func(from func(string) bool) bool { return base != nil && slices.ContainsFunc(commits, from) }
	switch {
	case in(func(id string) bool { return v.brought(s, base, id) }):
		return chip{good, icon(good), "has it through " + branchOf(base.ref)}
	case in(func(id string) bool { return v.standsAt(base, id) }):
		return chip{plain, icon(plain), "in " + branchOf(base.ref)}
	case was:
		return chip{warn, "↩", "withdrawn"}
	}
	return chip{plain, "–", "not here"}
}

// standsAt reports whether a commit was deployed to a stop and not withdrawn.
func (v view) standsAt(s *stop, commit string) bool {
	return s.place != nil && v.g.record(s.place, commit) > v.g.withdrawn(v.g.stages[s.stage()], commit)
}

// base is the stop whose ref is the base of a stop's branch; nil where there is
// none, or nothing is on record of it.
func (v view) base(pa *path, s *stop) *stop {
	if s.env == nil || s.env.Release == nil {
		return nil
	}
	for _, b := range pa.stops {
		if b.there == nil && b.place != nil && b.repository == s.repository && b.ref == string(s.env.Release.Base) {
			return b
		}
	}
	return nil
}

// brought reports whether the base of a stop's branch had a commit when it was
// last brought in: a release or a removal brings all of it, and what came as it
// is, such as by a reset, has what base had when it was there.
func (v view) brought(s, base *stop, commit string) bool {
	if s.place == nil || s.place.live == nil {
		return false
	}
	until := s.place.based
	if until == 0 {
		until = v.g.record(base.place, s.place.commit)
	}
	came, gone := v.g.record(base.place, commit), v.g.withdrawn(v.g.stages[base.stage()], commit)
	return came > 0 && came <= until && (gone < came || gone > until)
}

// commitsOf lists the commits that were released or deployed for a ticket, as
// far as its tale goes.
func commitsOf(one *tale) (out []string) {
	for _, e := range one.entries {
		if e.Type != ledger.TypeDeployed || !slices.Contains(ticketsOf(e), one.name) {
			continue
		}
		id := e.Head
		if e.Action == "" {
			id = e.Commit
		}
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// named is the newest push to a ref that named the ticket.
func (v view) named(one *tale, s *stop) *entry {
	entries := one.entries
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; e.Type == ledger.TypeDeployed && e.Action == "" && spotOf(e) == s.spot && slices.Contains(e.Tickets, one.name) {
			return e
		}
	}
	return nil
}
