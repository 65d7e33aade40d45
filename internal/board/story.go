package board

import (
	"maps"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A story is the page of a commit or a ticket.
type storyBody struct {
	Name    string
	Subject string
	Ticket  bool
	States  []stateRow
	Events  []event
	Left    int // entries that are not told
	Tickets []link
}

// A stateRow is where a commit or a ticket is in one environment.
type stateRow struct {
	Service     link
	Environment string
	State       chip
	At          moment
	By          string
	Holds       []string
}

// listRow is a commit or a ticket in a list.
type listRow struct {
	Link    link
	Subject string
	Where   []string
	Newest  moment
	What    string
}

type listBody struct {
	Noun, Text string
	Rows       []listRow
	Pager      pager
	Tickets    bool
}

func (s *site) commitPages(put func(page) error) error {
	all := list(s.t.commits)
	v := view{s, "../"}
	for _, one := range all {
		entries := one.entries
		body := storyBody{Name: one.name, Subject: subjectOf(entries, one.name), States: v.commitStates(one), Left: one.total - len(entries)}
		var tickets []string
		for _, e := range entries {
			ev := v.event(e)
			if e.Commit == one.name { // the page is about it
				ev.Commit = link{}
			}
			if ev.Subject == body.Subject {
				ev.Subject = ""
			}
			body.Events = append(body.Events, ev)
			if e.Head == one.name || e.Action == "" {
				tickets = append(tickets, e.Tickets...)
			}
		}
		slices.Sort(tickets)
		body.Tickets = v.ticketLinks(slices.Compact(tickets))
		title := "Commit " + orNothing(one.name)
		if err := put(page{File: "commits/" + Slug(one.name) + ".html", Kind: "story", Current: "commit", Title: title, Body: body}); err != nil {
			return err
		}
	}
	return s.lists("commits", "commit", "The commits with the newest entries.", all, view{s, ""}.commitRow, put)
}

func (s *site) ticketPages(put func(page) error) error {
	all := list(s.t.tickets)
	if len(all) == 0 {
		return nil
	}
	v := view{s, "../"}
	for _, one := range all {
		entries := one.entries
		body := storyBody{Name: one.name, Ticket: true, States: v.ticketStates(one), Left: one.total - len(entries)}
		for _, e := range entries {
			body.Events = append(body.Events, v.event(e))
		}
		if err := put(page{File: "tickets/" + Slug(one.name) + ".html", Kind: "story", Current: "ticket", Title: "Ticket " + one.name, Body: body}); err != nil {
			return err
		}
	}
	return s.lists("tickets", "ticket", "The tickets with the newest entries.", all, view{s, ""}.ticketRow, put)
}

// lists makes the pages of a list.
func (s *site) lists(name, noun, text string, all []*tale, row func(*tale) listRow, put func(page) error) error {
	return paged(name, noun, len(all), 2*s.opts.PageSize, func(file string, p pager, from, to int) error {
		body := listBody{Noun: noun, Text: text, Pager: p, Tickets: noun == "ticket"}
		for _, one := range all[from:to] {
			body.Rows = append(body.Rows, row(one))
		}
		title := strings.ToUpper(name[:1]) + name[1:]
		if p.Number > 1 {
			title += ", page " + itoa(p.Number)
		}
		return put(page{File: file, Kind: "list", Current: name, Title: title, Body: body})
	})
}

func (v view) commitRow(one *tale) listRow {
	row := listRow{Link: v.commit(one.name), Subject: subjectOf(one.entries, one.name)}
	for _, st := range v.commitStates(one) {
		if strings.HasPrefix(st.State.Word, "live") {
			row.Where = append(row.Where, st.Service.Text+" "+st.Environment)
		}
	}
	row.newest(one)
	return row
}

func (v view) ticketRow(one *tale) listRow {
	row := listRow{Link: v.ticket(one.name)}
	for _, st := range v.ticketStates(one) {
		if st.State.Tone == good {
			row.Where = append(row.Where, st.Service.Text+" "+st.Environment)
		}
	}
	row.newest(one)
	return row
}

func (r *listRow) newest(one *tale) {
	if n := len(one.entries); n > 0 {
		e := one.entries[n-1]
		_, r.What = words(e)
		r.Newest = at(e.Time)
	}
}

// commitStates tells where a commit is in every environment of its services.
func (v view) commitStates(one *tale) (out []stateRow) {
	for _, pa := range v.pathsOf(one.entries) {
		for _, s := range pa.stops {
			row := stateRow{Service: v.service(pa.name), Environment: s.label(), State: chip{plain, "–", "not here"}}
			if s.there != nil {
				if s.there.commit() == one.name {
					row.State, row.At = chip{plain, icon(plain), "live, as far as stamps tell"}, at(s.there.stamp.Stamped)
					out = append(out, row)
				}
				continue
			}
			var record uint64
			if s.place != nil {
				record = v.g.record(s.place, one.name)
			}
			switch {
			case record == 0:
			case s.live() != nil && s.place.commit == one.name:
				d := s.live()
				row.State, row.At, row.By = chip{good, icon(good), "live"}, at(d.entry.Time), d.entry.Principal
				if c := chipOf(d); c.Tone == bad || c.Tone == wait {
					row.State = chip{c.Tone, c.Icon, "live, " + c.Word}
				}
			case record > v.g.withdrawn(v.g.stages[s.stage()], one.name):
				row.State = chip{plain, icon(plain), "stands, not live"}
			default:
				row.State = chip{warn, "↩", "withdrawn"}
			}
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

// ticketStates tells which environments hold something of a ticket: a branch
// that was released for it, or a commit that a deployment named it with.
func (v view) ticketStates(one *tale) (out []stateRow) {
	for _, pa := range v.pathsOf(one.entries) {
		for _, s := range pa.stops {
			if s.there != nil {
				continue // stamps tell of no tickets
			}
			row := stateRow{Service: v.service(pa.name), Environment: s.label(), State: chip{plain, "–", "not here"}}
			for _, e := range v.held(s) {
				if slices.Contains(ticketsOf(e), one.name) {
					row.State, row.At, row.By = chip{good, icon(good), "holds " + e.Branch}, at(e.Time), e.Principal
				}
			}
			if e := v.named(one, s); row.At.Stamp == "" && e != nil {
				row.State, row.At, row.By = chip{good, icon(good), "deployed"}, at(e.Time), e.Principal
				if !v.g.stands(v.g.stages[s.stage()], e.Commit) {
					row.State = chip{warn, "↩", "withdrawn"}
				}
			}
			out = append(out, row)
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

// pathsOf are the services that entries tell of, in order.
func (v view) pathsOf(entries []*entry) (out []*path) {
	names := make(map[string]bool)
	for _, e := range entries {
		if e.Service != "" {
			names[e.Service] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if pa := v.pathOf(name); pa != nil {
			out = append(out, pa)
		}
	}
	return out
}
