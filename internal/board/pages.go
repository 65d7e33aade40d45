package board

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// A pager links the pages of a list.
type pager struct {
	Number, Of     int
	Previous, Next string // files, empty where there is none
	From, To, All  int
	Noun           string
}

// paged cuts n items into pages of size and calls fn for each with its file.
func paged(name, noun string, n, size int, fn func(file string, p pager, from, to int) error) error {
	file := func(i int) string {
		if i == 1 {
			return name + ".html"
		}
		return fmt.Sprintf("%s-%d.html", name, i)
	}
	last := max(1, (n+size-1)/size)
	for i := 1; i <= last; i++ {
		from, to := (i-1)*size, min(i*size, n)
		p := pager{Number: i, Of: last, From: from + 1, To: to, All: n, Noun: noun}
		if i > 1 {
			p.Previous = file(i - 1)
		}
		if i < last {
			p.Next = file(i + 1)
		}
		if err := fn(file(i), p, from, to); err != nil {
			return err
		}
	}
	return nil
}

// pages makes every page and hands it to put.
func (s *site) pages(put func(page) error) error {
	for _, make := range []func(func(page) error) error{
		s.indexPages, s.servicePages, s.commitPages, s.ticketPages, s.timelinePage, s.refusalsPage,
		s.exceptionsPage, s.metricsPage, s.searchPage,
	} {
		if err := make(put); err != nil {
			return err
		}
	}
	return nil
}

type indexBody struct {
	Attention []note
	More      int
	Locks     []note // of environments, whatever the service
	Paths     []pathView
	Pager     pager
}

func (s *site) indexPages(put func(page) error) error {
	v := view{s, ""}
	attention, more := v.attention()
	return paged("index", "service", len(s.paths), s.opts.PageSize, func(file string, p pager, from, to int) error {
		body := indexBody{Attention: attention, More: more, Pager: p}
		for _, pa := range s.paths[from:to] {
			body.Paths = append(body.Paths, v.path(pa, maxRefs))
		}
		title := "What is live where"
		if p.Number > 1 {
			title = fmt.Sprintf("%s, page %d", title, p.Number)
		}
		return put(page{File: file, Kind: "index", Current: "index", Title: title, Body: body})
	})
}

// attention lists what is wrong or out of the ordinary anywhere.
func (v view) attention() (out []note, more int) {
	for _, e := range sorted(v.locksNow()) {
		n := lockNote(e)
		n.Where = link{Text: lockScope(e)}
		out = append(out, n)
	}
	whole := make(map[note]bool) // of an environment, whatever the service
	for _, pa := range v.paths {
		for _, s := range pa.stops {
			for _, n := range s.notes(v.g) {
				if n.Word == "locked" || n.Tone != bad && n.Tone != warn {
					continue
				}
				n.Where = v.service(pa.name)
				n.Where.Text += " " + s.label()
				if n.Word == frozen || n.Word == reportOnly {
					n.Where = link{Text: s.environment}
				}
				if !whole[n] {
					out = append(out, n)
				}
				whole[n] = true
			}
		}
	}
	slices.SortStableFunc(out, func(a, b note) int { return cmp.Compare(a.Tone, b.Tone) }) // bad before warn
	if len(out) > maxListed {
		more = len(out) - maxListed
		out = out[:maxListed]
	}
	return out, more
}

func (v view) locksNow() (out []*entry) {
	for _, e := range v.g.locks {
		if holds(e, v.g.now) {
			out = append(out, e)
		}
	}
	return out
}

func lockScope(e *entry) string {
	scope := e.Environment
	if e.Service != "" {
		scope = e.Service + " " + scope
	}
	if e.Ref != "" {
		scope += " " + branchOf(e.Ref)
	}
	return scope
}

type serviceBody struct {
	Path     pathView
	Timeline *timeline
	Recent   []event
	Total    int
	Plots    []plotView
}

func (s *site) servicePages(put func(page) error) error {
	v := view{s, "../"}
	for _, pa := range s.paths {
		body := serviceBody{Path: v.path(pa, 0), Total: pa.of.total, Plots: s.plotsOf(pa.name)}
		recent := pa.of.recent[max(0, len(pa.of.recent)-maxRecent):]
		var lanes []string
		for _, st := range pa.stops {
			if st.there == nil {
				lanes = append(lanes, st.label())
			}
		}
		names := make(map[spot]string)
		for _, st := range pa.stops {
			names[st.spot] = st.label()
		}
		body.Timeline = draw("Deployments of "+pa.name, recent, s.g.now, slices.Compact(lanes),
			func(d *deployment) string { return names[spotOf(d.entry)] })
		for i := len(recent) - 1; i >= 0; i-- {
			ev := v.deployment(recent[i])
			ev.Service = link{} // the page is about it
			body.Recent = append(body.Recent, ev)
		}
		if err := put(page{File: "services/" + Slug(pa.name) + ".html", Kind: "service", Current: "service", Title: pa.name, Body: body}); err != nil {
			return err
		}
	}
	return nil
}

// recent is the newest deployments of all services, oldest first.
func (s *site) recent() []*deployment {
	var all []*deployment
	for _, pa := range s.paths {
		all = append(all, pa.of.recent[max(0, len(pa.of.recent)-maxRecent):]...)
	}
	slices.SortFunc(all, func(a, b *deployment) int { return cmp.Compare(a.entry.Seq, b.entry.Seq) })
	return all[max(0, len(all)-maxRecent):]
}

type timelineBody struct {
	Timeline *timeline
	Recent   []event
	Total    int
}

func (s *site) timelinePage(put func(page) error) error {
	v := view{s, ""}
	recent := s.recent()
	var lanes []string
	for _, env := range s.g.pol.Environments {
		if env.Elsewhere == nil {
			lanes = append(lanes, string(env.Name))
		}
	}
	for _, d := range recent {
		if !slices.Contains(lanes, d.entry.Environment) {
			lanes = append(lanes, d.entry.Environment)
		}
	}
	body := timelineBody{Timeline: draw("Deployments of all services", recent, s.g.now, lanes,
		func(d *deployment) string { return d.entry.Environment })}
	for i := len(recent) - 1; i >= 0; i-- {
		body.Recent = append(body.Recent, v.deployment(recent[i]))
	}
	for _, pa := range s.paths {
		body.Total += pa.of.total
	}
	return put(page{File: "timeline.html", Kind: "timeline", Current: "timeline", Title: "Time line", Body: body})
}

func (s *site) metricsPage(put func(page) error) error {
	if len(s.plots) == 0 {
		return nil
	}
	return put(page{File: "metrics.html", Kind: "metrics", Current: "metrics", Title: "Metrics", Body: s.plotsOf("")})
}

type searchBody struct{ Services []link }

func (s *site) searchPage(put func(page) error) error {
	var body searchBody
	for _, pa := range s.paths[:min(len(s.paths), MaxPage)] {
		body.Services = append(body.Services, view{s, ""}.service(pa.name))
	}
	return put(page{File: "search.html", Kind: "search", Current: "search", Title: "Search", Body: body})
}

// subjectOf is what a commit is called.
func subjectOf(entries []*entry, id string) string {
	for _, e := range entries {
		if e.Commit == id && e.Subject != "" {
			return e.Subject
		}
	}
	for _, e := range entries {
		if e.Head == id {
			return "branch " + e.Branch
		}
	}
	return ""
}

func itoa(n int) string { return strconv.Itoa(n) }
