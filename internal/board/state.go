package board

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
)

// stateForm is the first line of a state. Whoever changes what an entry makes of
// a gathering, or how that is written, changes it.
const stateForm = "pathgate board state 2\n"

// errOther says that a state is not of this journal as it is now.
var errOther = errors.New("the board's state is of another ledger, or of one that was cut")

// goOn checks that the line that a state ends with is still there.
func (g *gathering) goOn(line *ledger.Line) error {
	if sum := sha256.Sum256(line.Raw); line.Entry.Seq != g.head.Seq || !slices.Equal(sum[:], g.hash) {
		return errOther
	}
	g.newest(line)
	return nil
}

// read fills in entries of which it is known where they stand.
func (g *gathering) read(entries []*entry) error {
	slices.SortStableFunc(entries, func(a, b *entry) int { return cmp.Compare(a.offset, b.offset) })
	var offsets []int64
	for _, e := range entries {
		offsets = append(offsets, e.offset)
	}
	return ledger.ReadAt(g.pol.Ledger, slices.Compact(offsets), func(line *ledger.Line) error {
		for ; len(entries) > 0 && entries[0].offset == line.Offset; entries = entries[1:] {
			e := entries[0]
			if e.Seq != 0 && e.Seq != line.Entry.Seq {
				return errOther
			}
			if e.Entry = line.Entry; len(e.noes) > 0 {
				e.Codes = e.noes
			}
		}
		return nil
	})
}

// code tells a gathering both ways, but for its store.
func (g *gathering) code(c *coder) {
	c.int(&g.most)
	c.string(&g.id)
	c.uint(&g.head.Seq)
	c.int64(&g.last)
	c.bytes(&g.hash)
	for _, n := range []*newest{&g.commits, &g.barred, &g.tickets} {
		codeMap(c, n.last, c.string, c.uint)
	}
	c.uint(&g.hour)
	c.uint(&g.before)
	c.string(&g.plotsOf)
	codeSlice(c, &g.plots, c.plot)
	g.codeDeployments(c)
	g.codePlaces(c)
	g.codeOpen(c)
	codeMap(c, g.override, c.stage, c.int)
	for _, of := range []*counted{&g.refusals.counted, &g.overrides, &g.drifts, &g.adopted, &g.faults, &g.repairs, &g.reported} {
		c.int(&of.total)
		codeSlice(c, &of.newest, c.entry)
	}
	codeMap(c, g.refusals.codes, c.string, func(r **refusal) {
		if !c.writes {
			*r = newRefusal("")
		}
		(*r).code(c)
	})
	g.refusals.other.code(c)
}

// codeOpen tells what is open, and what stamps tell.
func (g *gathering) codeOpen(c *coder) {
	codeMap(c, g.intents, c.uint, func(i *intent) {
		c.spot(&i.at)
		c.strings(&i.noes)
	})
	codeMap(c, g.locks, c.spot, c.entry)
	codeMap(c, g.vetoes, func(v *veto) {
		c.string(&v.service)
		c.string(&v.commit)
	}, c.entry)
	codeMap(c, g.chains, c.stage, func(of *chain) {
		c.string(&of.origin)
		c.entry(&of.forked)
	})
	codeMap(c, g.abroad, c.spot, func(t **there) {
		if !c.writes {
			*t = &there{reports: make(map[uint64]report)}
		}
		(*t).code(c)
	})
}

func (r *refusal) code(c *coder) {
	c.string(&r.name)
	c.int(&r.total)
	c.time(&r.newest)
	codeMap(c, r.days, c.int, c.int)
	codeMap(c, r.where, c.string, c.int)
}

// codeDeployments tells those that are live or listed, and the lists.
func (g *gathering) codeDeployments(c *coder) {
	codeMap(c, g.byRecord, c.uint, func(v **deployment) {
		if !c.writes {
			*v = &deployment{}
		}
		d := *v
		c.entry(&d.entry)
		c.string(&d.state)
		c.entry(&d.status)
		c.string(&d.before)
		c.strings(&d.tickets)
		if d.entry == nil {
			c.fail()
		}
	})
	codeMap(c, g.services, c.string, func(v **service) {
		if !c.writes {
			*v = &service{}
		}
		c.string(&(*v).name)
		c.int(&(*v).total)
		codeSlice(c, &(*v).recent, func(d **deployment) {
			if g.codeDeployment(c, d); *d == nil {
				c.fail()
				return
			}
			(*d).listed = true
		})
	})
}

// codeDeployment tells a deployment by its record.
func (g *gathering) codeDeployment(c *coder, d **deployment) {
	var seq uint64
	if *d != nil {
		seq = (*d).entry.Seq
	}
	if c.uint(&seq); c.writes || seq == 0 {
		return
	}
	if *d = g.byRecord[seq]; *d == nil {
		c.fail()
	}
}

// codePlaces tells the environments and their places, by their numbers.
func (g *gathering) codePlaces(c *coder) {
	codeMap(c, g.stages, c.stage, func(v **environment) {
		if !c.writes {
			*v = &environment{}
		}
		c.int(&(*v).number)
	})
	places := slices.SortedFunc(maps.Values(g.spots), func(a, b *place) int { return cmp.Compare(a.number, b.number) })
	codeSlice(c, &places, func(v **place) {
		if !c.writes {
			*v = &place{number: len(g.spots), approvals: make(map[string]map[string]*entry)}
		}
		p := *v
		g.codePlace(c, p)
		if c.writes || c.err != nil {
			return
		}
		env := g.stages[p.stage()]
		if env == nil || g.spots[p.spot] != nil {
			c.fail()
			return
		}
		if env.places, g.spots[p.spot] = append(env.places, p), p; p.live != nil {
			p.live.live = true
		}
	})
}

func (g *gathering) codePlace(c *coder, p *place) {
	c.spot(&p.spot)
	c.string(&p.commit)
	g.codeDeployment(c, &p.live)
	c.uint(&p.run)
	c.time(&p.begin)
	c.entry(&p.drift)
	c.int(&p.steps)
	c.uint(&p.rebuilt)
	c.uint(&p.based)
	codeSlice(c, &p.holding, func(r *release) {
		c.uint(&r.record)
		c.int64(&r.offset)
		c.string(&r.branch)
		c.string(&r.head)
	})
	codeMap(c, p.approvals, c.string, func(said *map[string]*entry) {
		if !c.writes {
			*said = make(map[string]*entry)
		}
		codeMap(c, *said, c.string, c.entry)
	})
}

func (c *coder) spot(s *spot) {
	for _, name := range []*string{&s.service, &s.environment, &s.repository, &s.ref} {
		c.string(name)
	}
}

func (c *coder) stage(s *stage) {
	for _, name := range []*string{&s.service, &s.environment, &s.repository} {
		c.string(name)
	}
}

func (c *coder) plot(p *Plot) {
	for _, text := range []*string{&p.Service, &p.Environment, &p.Title, &p.Definition, &p.Unit} {
		c.string(text)
	}
	codeSlice(c, &p.Points, func(point *Point) {
		bits := math.Float64bits(point.Value)
		c.time(&point.Time)
		c.uint(&bits)
		point.Value = math.Float64frombits(bits)
	})
}

func (c *coder) bytes(v *[]byte) {
	s := string(*v)
	c.string(&s)
	*v = []byte(s)
}

// resume makes a gathering from a state; open opens its run.
func resume(b []byte, o *Options, open func(name string, sum uint32) (*run, error)) (g *gathering, err error) {
	const size = sha256.Size
	if len(b) < len(stateForm)+size || string(b[:len(stateForm)]) != stateForm {
		return nil, fmt.Errorf("%w: another form", errRun)
	}
	body, sum := b[:len(b)-size], b[len(b)-size:]
	if is := sha256.Sum256(body); !slices.Equal(is[:], sum) {
		return nil, errRun
	}
	g = newGathering(o.Policy, o.Now().UTC(), o.MaxCommits)
	c := coder{buf: body[len(stateForm):]}
	var name string
	var list uint32
	c.string(&name)
	c.fixed(&list)
	codeMap(&c, g.store.fresh, c.string, c.string)
	g.code(&c)
	if c.err != nil {
		return nil, c.err
	}
	if g.head.Seq == 0 || g.most != o.MaxCommits {
		return nil, fmt.Errorf("%w: of another number of commits", errOther)
	}
	if name != "" {
		if g.store.run, err = open(name, list); err != nil {
			return nil, err
		}
	}
	return g, g.read(c.entries)
}

// state is a gathering as bytes; name is what its run is called, empty for none.
func (g *gathering) state(name string) []byte {
	sum := sha256.Sum256(g.raw)
	g.hash = sum[:]
	c := coder{buf: []byte(stateForm), writes: true}
	var list uint32
	if g.store.run != nil {
		list = g.store.run.sum
	}
	c.string(&name)
	c.fixed(&list)
	codeMap(&c, g.store.fresh, c.string, c.string)
	g.code(&c)
	sum = sha256.Sum256(c.buf)
	return append(c.buf, sum[:]...)
}
