package board

import (
	"encoding/binary"
	"errors"
)

// A step is a commit in the history of a place, or one that a push brought.
type step struct {
	record uint64
	commit string
}

func (s step) encode() string {
	return string(append(binary.BigEndian.AppendUint64(nil, s.record), s.commit...))
}

func decodeStep(v string) step {
	if len(v) < 8 {
		return step{}
	}
	return step{binary.BigEndian.Uint64([]byte(v)), v[8:]}
}

// record is the newest record of a commit, zero if it never was there.
func (g *gathering) record(p *place, commit string) uint64 {
	return decodeStep(g.store.get(keyAt('r', p.number, commit))).record
}

// perPage is how many steps of a history are one value.
const perPage = 16

// pageKey is the key of the part of a history that has a step.
func (p *place) pageKey(i int) string {
	return keyAt('h', p.number, string(binary.BigEndian.AppendUint64(nil, uint64(i/perPage))))
}

// step is a part of the history of a place.
func (g *gathering) step(p *place, i int) (s step) {
	b := []byte(g.store.get(p.pageKey(i)))
	for range i%perPage + 1 {
		v, rest, err := cutBytes(b)
		if err != nil {
			g.store.err = errors.Join(g.store.err, err)
			return step{}
		}
		s, b = decodeStep(string(v)), rest
	}
	return s
}

// remember puts a deployment into what is kept of a place.
func (g *gathering) remember(p *place, e *entry) {
	record := binary.AppendUvarint(binary.BigEndian.AppendUint64(nil, e.Seq), p.based)
	for _, r := range p.holding {
		record = binary.AppendUvarint(record, uint64(r.offset))
	}
	g.store.put(keyAt('r', p.number, e.Commit), string(record))
	here, page := step{e.Seq, e.Commit}.encode(), p.pageKey(p.steps)
	g.store.put(page, string(appendString([]byte(g.store.get(page)), here)))
	p.steps++
	for _, ticket := range e.Tickets {
		if e.Action == "" {
			g.store.put(keyAt('g', p.number, ticket), here)
		}
	}
}

// contents are the releases that a commit contains which was live before, and
// what place.based was then.
func (g *gathering) contents(p *place, commit string) (out []release, based uint64) {
	var numbers []uint64
	for b := []byte(decodeStep(g.store.get(keyAt('r', p.number, commit))).commit); len(b) > 0; {
		number, size := binary.Uvarint(b)
		if size <= 0 {
			g.store.err = errRun
			return nil, 0
		}
		numbers, b = append(numbers, number), b[size:]
	}
	if len(numbers) == 0 {
		return nil, 0
	}
	var entries []*entry
	for _, offset := range numbers[1:] {
		entries = append(entries, &entry{offset: int64(offset)})
	}
	if len(entries) == 0 {
		return nil, numbers[0]
	}
	if err := g.read(entries); err != nil {
		g.store.err = err
	}
	for _, e := range entries {
		out = append(out, release{e.Seq, e.offset, e.Branch, e.Head})
	}
	return out, numbers[0]
}
