package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/text"
)

// branchesHelp names the fields that status --format json has for branches.
const branchesHelp = "In JSON, a ref of such an environment has base, base_commit, branches_unknown\n" +
	"(it was adopted), branches_unreadable where the repository cannot be read,\n" +
	"and branches: branch, tickets, head (the commit that was released), record,\n" +
	"time, principal, seen (where the branch is now; empty if it is gone),\n" +
	"moved_on, in_base. With match = \"contained\" there is ready, of the same\n" +
	"fields, from and here (the commit of it that this environment has): what the\n" +
	"environment before holds and this one does not; no rule was asked."

// branches are what status tells of release branches.
type branches struct{ rows []gate.Holdings }

// settle takes out of the rows of status what has no meaning where branches are
// released: nobody pushes what is live in one environment to the next.
func (b *branches) settle(all []gate.Status) {
	for i := range all {
		if h := b.of(all[i].Spot); h != nil && h.Base != "" {
			all[i].Waiting = nil
		}
	}
}

// of finds what is known of a ref's branches, nil if it has none.
func (b *branches) of(spot gate.Spot) *gate.Holdings {
	for i := range b.rows {
		if b.rows[i].Spot == spot {
			return &b.rows[i]
		}
	}
	return nil
}

// print tells it in a table, and below that what the table has no room for.
func (b *branches) print(w io.Writer) {
	rows := 0
	for i := range b.rows {
		rows += len(b.rows[i].Branches)
	}
	if rows > 0 {
		fmt.Fprintln(w)
		g := newGrid(w, "service", "environment", "branch", "ticket", "released", "by", "since", "record", "now")
		for i := range b.rows {
			h := &b.rows[i]
			for k := range h.Branches {
				held := &h.Branches[k]
				g.row(string(h.Spot.Service), string(h.Spot.Environment), held.Branch, strings.Join(held.Tickets, " "), held.Head.Short(),
					held.Principal, explain.Time(held.Time), fmt.Sprint(held.Record), nowOf(h, held))
			}
		}
		g.flush()
	}
	for i := range b.rows {
		printHoldings(w, &b.rows[i])
	}
}

func printHoldings(w io.Writer, h *gate.Holdings) {
	where := fmt.Sprintf("%s %s", h.Spot.Service, h.Spot.Environment)
	for i := range h.Ready {
		r := &h.Ready[i]
		instead := ""
		if r.Here != "" {
			instead = "; it has " + r.Here.Short() + " of it"
		}
		fmt.Fprintf(w, "waiting: %s lacks %s at %s, in %s since %s%s\n", where, text.Clean(r.Branch, 40), r.Head.Short(), r.From,
			explain.Time(r.Time), instead)
	}
	if h.Unknown {
		fmt.Fprintf(w, "unknown: %s: it was adopted, and which branches it holds is not on record\n", where)
	}
	if h.Unreadable != nil {
		fmt.Fprintf(w, "warning: %s: its branches cannot be looked at: %v\n", where, h.Unreadable)
	}
}

// nowOf is what became of a branch since it was released.
func nowOf(h *gate.Holdings, held *gate.Held) string {
	if h.Unreadable != nil {
		return "?"
	}
	var parts []string
	if held.InBase {
		parts = append(parts, "in "+explain.Branch(h.Base))
	}
	switch {
	case held.Seen == "":
		parts = append(parts, "gone")
	case held.MovedOn() && !(held.InBase && held.SeenInBase):
		parts = append(parts, "moved on to "+held.Seen.Short())
	}
	return strings.Join(parts, ", ")
}

// addTo puts what print tells into the rows of JSON, which stand in the order
// of the rows of status.
func (b *branches) addTo(out []map[string]any, all []gate.Status) []map[string]any {
	for i := range all {
		h := b.of(all[i].Spot)
		if h == nil {
			continue
		}
		if h.Base != "" {
			list := []map[string]any{}
			for k := range h.Branches {
				list = append(list, heldJSON(&h.Branches[k]))
			}
			out[i]["base"], out[i]["base_commit"], out[i]["branches_unknown"], out[i]["branches"] = h.Base, h.BaseAt, h.Unknown, list
		}
		ready := []map[string]any{}
		for k := range h.Ready {
			row := heldJSON(&h.Ready[k].Held)
			row["from"], row["here"] = h.Ready[k].From, h.Ready[k].Here
			ready = append(ready, row)
		}
		out[i]["ready"] = ready
		if h.Unreadable != nil {
			out[i]["branches_unreadable"] = h.Unreadable.Error()
		}
	}
	return out
}

func heldJSON(h *gate.Held) map[string]any {
	return map[string]any{"branch": h.Branch, "tickets": append([]string{}, h.Tickets...), "head": h.Head, "record": h.Record,
		"time": h.Time, "principal": h.Principal, "seen": h.Seen, "moved_on": h.MovedOn(), "in_base": h.InBase}
}
