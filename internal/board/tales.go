package board

import (
	"cmp"
	"errors"
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A tale is what the journal tells of one commit or ticket: the newest entries,
// oldest first.
type tale struct {
	name    string
	last    uint64
	entries []*ledger.Entry
	total   int
}

func (t *tale) add(e *ledger.Entry) {
	t.total++
	t.entries = append(t.entries, e)
	if len(t.entries) >= 2*maxTale {
		t.entries = append(t.entries[:0], t.entries[maxTale:]...)
	}
}

// newest is at most maxTale entries, oldest first.
func (t *tale) newest() []*ledger.Entry { return t.entries[max(0, len(t.entries)-maxTale):] }

// tales are the second reading: the stories of what gets a page.
type tales struct {
	g        *gathering
	commits  map[string]*tale
	tickets  map[string]*tale
	releases map[uint64]*ledger.Entry // by record: those that are live somewhere
	from     int64

	branches map[named]string         // of a service: the ticket of a branch
	objects  map[named]string         // of a service: the ticket of a commit
	deployed map[uint64][]string      // by record: its tickets
	outcomes map[uint64]*ledger.Entry // by record: newest status
}

// named is a branch or a commit of a service.
type named struct{ service, name string }

// tell reads the stories of the newest commits and tickets.
func (g *gathering) tell(most int, stop func() error) (*tales, error) {
	t := &tales{g: g, from: g.end, releases: make(map[uint64]*ledger.Entry),
		branches: make(map[named]string), objects: make(map[named]string),
		deployed: make(map[uint64][]string), outcomes: make(map[uint64]*ledger.Entry)}
	t.chooseCommits(most)
	t.chooseTickets(most)
	t.chooseReleases()
	if t.from >= g.end {
		return t, nil
	}
	err := ledger.Read(g.pol.Ledger, t.from, func(line *ledger.Line) error {
		if line.Offset >= g.end {
			return errEnd
		}
		if line.Number%4096 == 0 {
			if err := stop(); err != nil {
				return err
			}
		}
		t.add(&line.Entry)
		return nil
	})
	if errors.Is(err, errEnd) {
		err = nil
	}
	return t, err
}

// errEnd ends the second reading where the first one ended.
var errEnd = errors.New("the end of the first reading")

// chooseCommits takes what is live, and then the commits with the newest
// entries. Those that were only ever refused get a quarter of the pages at most,
// so that nobody can push what matters off the board.
func (t *tales) chooseCommits(most int) {
	live := make(map[uint32]bool)
	for _, p := range t.g.spots {
		live[p.commit] = live[p.commit] || p.live != nil
	}
	order := make([]uint32, 0, len(t.g.seen))
	for n, s := range t.g.seen {
		if s.last > 0 {
			order = append(order, uint32(n))
		}
	}
	slices.SortFunc(order, func(a, b uint32) int { // one record may tell of two commits
		if live[a] != live[b] {
			return map[bool]int{true: -1, false: 1}[live[a]]
		}
		return cmp.Or(cmp.Compare(t.g.seen[b].last, t.g.seen[a].last), cmp.Compare(t.g.names[a], t.g.names[b]))
	})
	t.commits = make(map[string]*tale)
	refused := (most + 3) / 4
	for _, n := range order {
		s := &t.g.seen[n]
		if len(t.commits) == most || !s.deployed && refused == 0 {
			continue
		}
		if !s.deployed {
			refused--
		}
		t.commits[t.g.names[n]] = &tale{name: t.g.names[n], last: s.last}
		t.from = min(t.from, s.from)
	}
}

func (t *tales) chooseTickets(most int) {
	all := make([]*tale, 0, len(t.g.tickets))
	for name, s := range t.g.tickets {
		all = append(all, &tale{name: name, last: s.last})
	}
	sortTales(all)
	t.tickets = make(map[string]*tale)
	for _, one := range all[:min(most, len(all))] {
		t.tickets[one.name] = one
		t.from = min(t.from, t.g.tickets[one.name].from)
	}
}

// chooseReleases wants those that are live somewhere.
func (t *tales) chooseReleases() {
	for _, p := range t.g.spots {
		if p.live == nil {
			continue
		}
		for _, n := range p.contents[p.commit] {
			r := t.g.releases[n]
			t.releases[r.record] = nil
			t.from = min(t.from, r.offset)
		}
	}
}

// sortTales puts the one with the newest entry first.
func sortTales(all []*tale) {
	slices.SortFunc(all, func(a, b *tale) int {
		return cmp.Or(cmp.Compare(b.last, a.last), cmp.Compare(a.name, b.name))
	})
}

// list is the tales, the newest first.
func list(of map[string]*tale) []*tale {
	all := make([]*tale, 0, len(of))
	for _, one := range of {
		all = append(all, one)
	}
	sortTales(all)
	return all
}

// add takes an entry into the stories that it belongs to.
func (t *tales) add(e *ledger.Entry) {
	switch e.Type {
	case ledger.TypeIntent, ledger.TypeAbandoned, ledger.TypeLedger, ledger.TypeRepair:
		return
	}
	var kept *ledger.Entry
	into := func(one *tale) {
		if one != nil {
			if kept == nil {
				kept = keep(e)
			}
			one.add(kept)
		}
	}
	into(t.commits[aboutOf(e)])
	if e.Head != "" && e.Head != aboutOf(e) {
		into(t.commits[e.Head])
	}
	if _, wanted := t.releases[e.Seq]; wanted {
		t.releases[e.Seq] = keep(e)
	}
	of := t.ticketsOf(e)
	for _, name := range of {
		into(t.tickets[name])
	}
	if kept != nil {
		t.follow(kept, of)
	}
}

// aboutOf is the commit that an entry is about.
func aboutOf(e *ledger.Entry) string {
	if e.Commit == "" && e.Type == ledger.TypeDrift {
		return e.New
	}
	return e.Commit
}

// follow remembers what makes later entries belong to the same tickets.
func (t *tales) follow(e *ledger.Entry, of []string) {
	if e.Type == ledger.TypeStatus {
		t.outcomes[e.Record] = e
	}
	if e.Type != ledger.TypeDeployed || len(of) == 0 {
		return
	}
	t.deployed[e.Seq] = of
	if t.tickets[of[0]] == nil {
		return
	}
	if e.Branch != "" {
		t.branches[named{e.Service, e.Branch}] = of[0]
	}
	id := e.Head
	if e.Action == "" {
		id = e.Commit
	}
	if id != "" {
		t.objects[named{e.Service, id}] = of[0]
	}
}

// ticketsOf lists the tickets whose story an entry belongs to: those that it
// names; the one of its branch; those of the deployment that it reports on; and
// the one whose commit was refused, approved of or vetoed.
func (t *tales) ticketsOf(e *ledger.Entry) []string {
	if e.Type == ledger.TypeStatus {
		return t.deployed[e.Record]
	}
	var out []string
	add := func(name string) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, name := range ticketsOf(e) {
		add(name)
	}
	if e.Branch != "" {
		add(t.branches[named{e.Service, e.Branch}])
	}
	switch e.Type {
	case ledger.TypeApproval, ledger.TypeVeto, ledger.TypeRefused:
		add(t.objects[named{e.Service, e.Commit}])
	}
	return out
}
