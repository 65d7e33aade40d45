package board

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A tale is what the journal tells of one commit or ticket: the newest entries,
// oldest first.
type tale struct {
	name    string
	last    uint64
	entries []*entry
	total   int
}

// A trace is what the store keeps of a commit or a ticket: the newest record
// that counts as one about it, zero if there is none; whether it was ever
// deployed, which tickets leave out; how many entries its tale has, and where
// the newest of them begin.
type trace struct {
	last     uint64
	deployed bool
	total    uint64
	offsets  []int64
}

const traceHead = 17

func (t *trace) encode() string {
	b := make([]byte, 0, traceHead+8*len(t.offsets))
	b = binary.BigEndian.AppendUint64(b, t.last)
	b = append(b, 0)
	if t.deployed {
		b[8] = 1
	}
	b = binary.BigEndian.AppendUint64(b, t.total)
	for _, offset := range t.offsets {
		b = binary.BigEndian.AppendUint64(b, uint64(offset))
	}
	return string(b)
}

func decodeTrace(v string) (t trace) {
	b := []byte(v)
	if len(b) < traceHead {
		return t
	}
	t.last, t.deployed, t.total = binary.BigEndian.Uint64(b), b[8] == 1, binary.BigEndian.Uint64(b[9:])
	for b = b[traceHead:]; len(b) >= 8; b = b[8:] {
		t.offsets = append(t.offsets, int64(binary.BigEndian.Uint64(b)))
	}
	return t
}

// tell adds an entry to the tale, once.
func (t *trace) tell(offset int64) {
	if n := len(t.offsets); n > 0 && t.offsets[n-1] == offset {
		return
	}
	t.total++
	t.offsets = append(t.offsets, offset)
	t.offsets = t.offsets[max(0, len(t.offsets)-maxTale):]
}

// newest keeps names with the newest records about them: those of at least most
// names, none of which another would come before.
type newest struct {
	most int
	last map[string]uint64
}

func (n *newest) saw(name string, record uint64) {
	n.last[name] = record
	if len(n.last) <= 2*n.most {
		return
	}
	for _, old := range n.list()[n.most:] {
		delete(n.last, old)
	}
}

// list is the names, the newest first.
func (n *newest) list() []string {
	return slices.SortedFunc(maps.Keys(n.last), func(a, b string) int { // one record may tell of two commits
		return cmp.Or(cmp.Compare(n.last[b], n.last[a]), cmp.Compare(a, b))
	})
}

// tales are the stories of what gets a page.
type tales struct {
	g        *gathering
	commits  map[string]*tale
	tickets  map[string]*tale
	releases map[uint64]*entry // by record: those that are live somewhere
	wanted   []*entry          // to be read
}

// tell reads the stories of the newest commits and tickets.
func (g *gathering) tell(most int) (*tales, error) {
	t := &tales{g: g, commits: make(map[string]*tale), tickets: make(map[string]*tale), releases: make(map[uint64]*entry)}
	t.chooseCommits(most)
	for _, name := range g.tickets.list()[:min(most, len(g.tickets.last))] {
		t.tickets[name] = t.of(name, g.trace('t', name))
	}
	for _, p := range g.spots {
		for _, r := range p.holding {
			if p.live != nil && t.releases[r.record] == nil {
				t.releases[r.record] = t.want(r.offset, r.record)
			}
		}
	}
	if g.store.err != nil {
		return nil, g.store.err
	}
	return t, g.read(t.wanted)
}

// want makes an entry that will be read; record is zero where it is not known.
func (t *tales) want(offset int64, record uint64) *entry {
	e := &entry{offset: offset}
	e.Seq = record
	t.wanted = append(t.wanted, e)
	return e
}

func (t *tales) of(name string, tr trace) *tale {
	one := &tale{name: name, last: tr.last, total: int(tr.total)}
	for _, offset := range tr.offsets {
		one.entries = append(one.entries, t.want(offset, 0))
	}
	return one
}

// chooseCommits takes what is live, and then the commits with the newest
// entries. Those that were only ever refused get a quarter of the pages at most,
// so that nobody can push what matters off the board.
func (t *tales) chooseCommits(most int) {
	g := t.g
	live := newest{last: make(map[string]uint64)}
	for _, p := range g.spots {
		if p.live != nil {
			live.last[p.commit] = g.trace('c', p.commit).last
		}
	}
	rest, refused := newest{last: make(map[string]uint64)}, (most+3)/4
	for i, name := range g.barred.list() {
		if i < refused {
			rest.last[name] = g.barred.last[name]
		}
	}
	maps.Copy(rest.last, g.commits.last)
	for _, name := range append(live.list(), rest.list()...) {
		if len(t.commits) < most && t.commits[name] == nil {
			t.commits[name] = t.of(name, g.trace('c', name))
		}
	}
}

// list is the tales, the newest first.
func list(of map[string]*tale) []*tale {
	return slices.SortedFunc(maps.Values(of), func(a, b *tale) int {
		return cmp.Or(cmp.Compare(b.last, a.last), cmp.Compare(a.name, b.name))
	})
}

func (g *gathering) trace(kind byte, name string) trace {
	return decodeTrace(g.store.get(keyOf(kind, name)))
}

// sight takes an entry into the tales that it belongs to.
func (g *gathering) sight(e *entry) {
	switch e.Type {
	case ledger.TypeLedger, ledger.TypeRepair:
		return
	}
	g.sightCommits(e)
	of, named := g.ticketsOf(e), ticketsOf(e)
	for _, name := range of {
		g.sightTicket(name, e, slices.Contains(named, name))
	}
	if e.Type == ledger.TypeDeployed && len(of) > 0 {
		g.follow(e, of)
	}
}

// sightCommits takes an entry into the tales of the commit that it is about, and
// of the head of a branch.
func (g *gathering) sightCommits(e *entry) {
	about := aboutOf(e)
	for _, id := range slices.Compact([]string{about, e.Head}) {
		if id != "" {
			g.sightCommit(id, e, id == e.Commit || id == e.Head)
		}
	}
}

// sightCommit takes an entry into the tale of a commit. One that counts makes it
// newer among all.
func (g *gathering) sightCommit(id string, e *entry, counts bool) {
	t := g.trace('c', id)
	if t.tell(e.offset); counts {
		t.last = e.Seq
		t.deployed = t.deployed || e.Type == ledger.TypeDeployed || e.Type == ledger.TypeAdopt
		if t.deployed {
			g.commits.saw(id, e.Seq)
			delete(g.barred.last, id)
		} else {
			g.barred.saw(id, e.Seq)
		}
	}
	g.store.put(keyOf('c', id), t.encode())
}

// sightTicket is sightCommit of a ticket.
func (g *gathering) sightTicket(name string, e *entry, counts bool) {
	t := g.trace('t', name)
	if t.tell(e.offset); counts {
		t.last = e.Seq
		g.tickets.saw(name, e.Seq)
	}
	g.store.put(keyOf('t', name), t.encode())
}

// aboutOf is the commit that an entry is about.
func aboutOf(e *entry) string {
	if e.Commit == "" && e.Type == ledger.TypeDrift {
		return e.New
	}
	return e.Commit
}

// follow remembers what makes later entries belong to the same tickets.
func (g *gathering) follow(e *entry, of []string) {
	if d := g.byRecord[e.Seq]; d != nil {
		d.tickets = of
	}
	if key := keyOf('b', e.Branch, e.Service); e.Branch != "" {
		if was := g.store.get(key); was != of[0] && (was != "" || of[0] != e.Branch) {
			g.store.put(key, of[0])
		}
	}
	id := e.Head
	if e.Action == "" {
		id = e.Commit
	}
	if id != "" {
		g.store.put(keyOf('o', id, e.Service), of[0])
	}
}

// ticketsOf lists the tickets whose story an entry belongs to: those that it
// names; the one of its branch; those of the deployment that it reports on; and
// the one whose commit was refused, approved of or vetoed.
func (g *gathering) ticketsOf(e *entry) []string {
	if e.Type == ledger.TypeStatus {
		if d := g.byRecord[e.Record]; d != nil {
			return d.tickets
		}
		return nil
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
		add(g.store.get(keyOf('b', e.Branch, e.Service)))
	}
	switch e.Type {
	case ledger.TypeApproval, ledger.TypeVeto, ledger.TypeRefused:
		add(g.store.get(keyOf('o', e.Commit, e.Service)))
	}
	return out
}

// ticketsOf lists the tickets that an entry names. Where the policy finds none
// in the names of branches, the name stands for one.
func ticketsOf(e *entry) []string {
	if len(e.Tickets) == 0 && e.Branch != "" {
		return []string{e.Branch}
	}
	return e.Tickets
}
