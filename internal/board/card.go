package board

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A card is a stop of a path as a page shows it.
type card struct {
	Name, Ref string // Ref where an environment has several
	Live      *event
	Outcome   chip
	Untracked bool // nobody is asked for an outcome
	Elsewhere bool // on another host: as far as stamps tell
	Notes     []note
	Waits     []waitView
	Branches  []branchView
	Base      string // of an environment that branches are released into
	Unknown   bool   // it was adopted: nobody has told which branches it holds
	Overrides string // how many there were, if any
}

// A waitView is a commit that waits for an environment.
type waitView struct {
	Commit  link
	Subject string
	From    string
	Since   moment
	Back    bool
	Holds   []string
	Others  string
}

// A branchView is a branch that an environment holds.
type branchView struct {
	Name    string
	Tickets []link
	Head    link
	By      string
	At      moment
	Record  uint64
	In      string   // the base contains it by now, or named its tickets
	Lacks   []string // environments after that do not hold it, or another commit of it
}

// A pathView is a service and its cards.
type pathView struct {
	Service link
	ID      string
	Cards   []card
	More    string // refs that are not shown
}

// path makes the cards of a service; most bounds the refs of an environment,
// zero shows all.
func (v view) path(pa *path, most int) pathView {
	out := pathView{Service: v.service(pa.name), ID: "s-" + Slug(pa.name)}
	shown := make(map[string]int)
	left := 0
	for _, s := range pa.stops {
		if shown[s.environment]++; most > 0 && shown[s.environment] > most {
			left++
			continue
		}
		out.Cards = append(out.Cards, v.card(pa, s))
	}
	if left > 0 {
		out.More = count(left, "more ref")
	}
	return out
}

func (v view) card(pa *path, s *stop) card {
	c := card{Name: s.environment, Notes: s.notes(v.g)}
	if s.several {
		c.Ref = branchOf(s.ref)
	}
	if d := s.live(); d != nil {
		ev := v.deployment(d)
		c.Live, c.Outcome = &ev, chipOf(d)
		c.Live.More = nil
		c.Untracked = d.entry.Deploy == "" && d.entry.Type == ledger.TypeDeployed
	}
	if s.there != nil {
		v.elsewhere(&c, s.there)
	}
	if n := v.g.override[s.stage()]; n > 0 && s.first {
		c.Overrides = count(n, "override") + " on record"
	}
	for _, w := range s.waits {
		c.Waits = append(c.Waits, v.wait(w))
	}
	if s.env != nil && s.env.Release != nil {
		c.Base = branchOf(string(s.env.Release.Base))
		c.Branches = v.branches(pa, s)
		c.Unknown = len(c.Branches) == 0 && s.live() != nil && s.live().entry.Type == ledger.TypeAdopt
	}
	return c
}

func (v view) wait(w waiter) waitView {
	out := waitView{Commit: v.commit(w.d.entry.Commit), Subject: w.d.entry.Subject, From: w.from, Since: at(w.since),
		Back: w.back, Holds: w.holds}
	switch {
	case w.others >= 999:
		out.Others = "1000 or more"
	case w.others > 0:
		out.Others = strconv.Itoa(w.others)
	}
	return out
}

// branches lists what an environment holds, in the order of its merges.
func (v view) branches(pa *path, s *stop) (out []branchView) {
	base := v.base(pa, s)
	for _, e := range v.held(s) {
		b := branchView{Name: e.Branch, Tickets: v.ticketLinks(ticketsOf(e)), Head: v.commit(e.Head), By: e.Principal,
			At: at(e.Time), Record: e.Seq}
		for _, next := range pa.stops {
			if next.env != nil && next.there == nil && slices.Contains(next.env.After, s.env.Name) && !v.has(next, e) {
				b.Lacks = append(b.Lacks, next.label())
			}
		}
		if base != nil && v.standsAt(base, e.Head) {
			b.In = "in " + branchOf(base.ref)
		} else if base != nil && v.has(base, e) {
			b.In = branchOf(base.ref) + " took " + strings.Join(ticketsOf(e), ", ") + " since"
		}
		out = append(out, b)
	}
	return out
}

// has reports whether a stop has a release that an environment before it has:
// the same commit of the branch or, where commits are pushed to it, that very
// commit, or pushes that named all tickets of it, the last of them since, and
// stand. What git knows besides is not asked.
func (v view) has(s *stop, e *entry) bool {
	if s.env.Release != nil {
		return slices.ContainsFunc(v.held(s), func(h *entry) bool { return h.Branch == e.Branch && h.Head == e.Head })
	}
	if s.place == nil || v.standsAt(s, e.Head) {
		return s.place != nil
	}
	var last uint64
	for _, ticket := range ticketsOf(e) {
		by := decodeStep(v.g.store.get(keyAt('g', s.place.number, ticket)))
		if !v.g.stands(v.g.stages[s.stage()], by.commit) {
			return false
		}
		last = max(last, by.record)
	}
	return last > e.Seq
}

// held lists the releases that a stop's live commit contains.
func (v view) held(s *stop) (out []*entry) {
	if s.place == nil {
		return nil
	}
	for _, r := range s.place.holding {
		if e := v.t.releases[r.record]; e != nil {
			out = append(out, e)
		}
	}
	return out
}

// LackText names the environments that a branch waits for.
func (b branchView) LackText() string { return strings.Join(b.Lacks, ", ") }
