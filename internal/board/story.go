package board

import (
	"maps"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
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
			switch {
			case e.Commit == one.name: // the page is about it
				ev.Commit = link{}
			case takesAway(e, one.name):
				ev.withdraws(e)
			}
			if ev.Subject == body.Subject {
				ev.Subject = ""
			}
			body.Events = append(body.Events, ev)
			if e.Head == one.name || e.Action == "" && !takesAway(e, one.name) {
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
			ev := v.event(e)
			if withdrawsTicket(e, one.name) {
				ev.withdraws(e)
			}
			body.Events = append(body.Events, ev)
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
	row.newest(one, takesAway)
	return row
}

func (v view) ticketRow(one *tale) listRow {
	row := listRow{Link: v.ticket(one.name)}
	for _, st := range v.ticketStates(one) {
		if st.State.Tone == good {
			row.Where = append(row.Where, st.Service.Text+" "+st.Environment)
		}
	}
	row.newest(one, withdrawsTicket)
	return row
}

func (r *listRow) newest(one *tale, withdraws func(e *entry, name string) bool) {
	if n := len(one.entries); n > 0 {
		e := one.entries[n-1]
		if _, r.What = words(e); withdraws(e, one.name) {
			r.What = withdrawalWords(e)
		}
		r.Newest = at(e.Time)
	}
}

// takesAway reports whether an entry in the tale of a commit withdrew it, or took
// its branch away.
func takesAway(e *entry, commit string) bool {
	return e.Type == ledger.TypeDeployed && e.Commit != commit && e.Head != commit
}

// withdrawsTicket reports whether an entry in the tale of a ticket is there
// because it withdrew a commit of it. One with a branch says so itself.
func withdrawsTicket(e *entry, ticket string) bool {
	return e.Type == ledger.TypeDeployed && e.Branch == "" && !slices.Contains(e.Tickets, ticket)
}

// withdraws makes the event say what the entry did to what the page is about.
func (ev *event) withdraws(e *entry) {
	ev.Tone, ev.Icon, ev.What = warn, "↩", withdrawalWords(e)
}

func withdrawalWords(e *entry) string {
	from := "withdrawn from " + e.Environment
	switch _, what := words(e); {
	case e.Action != "":
		return from + ": " + what
	case e.Kind == string(policy.Rollback):
		return from + " by a rollback"
	case e.Kind == ledger.KindOverride:
		return from + " by an override"
	default:
		return from + ": " + what
	}
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
