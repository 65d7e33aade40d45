package board

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
)

// How many changes a store keeps in memory while it takes many in, and in its
// state, before they go into its run.
const (
	mostFresh = 250_000
	mostKept  = 20_000
)

// A store keeps by key what grows with the journal: most of it in a file that is
// never changed, and what came since in memory. An error stays: whoever is done
// with it asks for it.
type store struct {
	fresh map[string]string
	run   *run // nil for none
	known *filter
	err   error
}

func newStore() *store { return &store{fresh: make(map[string]string)} }

// get is the value of a key, empty if there is none.
func (s *store) get(key string) string {
	if v, ok := s.fresh[key]; ok {
		return v
	}
	if s.run == nil || s.err != nil || s.known != nil && !s.known.has(key) {
		return ""
	}
	v, err := s.run.get(key)
	if err != nil {
		s.err = err
	}
	return v
}

func (s *store) put(key, value string) { s.fresh[key] = value }

// number is the value of a key as a number, zero if there is none.
func (s *store) number(key string) uint64 {
	v := s.get(key)
	if len(v) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64([]byte(v))
}

func (s *store) putNumber(key string, n uint64) {
	s.put(key, string(binary.BigEndian.AppendUint64(nil, n)))
}

// settle writes what is fresh and what the run has into a new run.
func (s *store) settle(w *runWriter) error {
	s.known = newFilter(s.count() + len(s.fresh))
	put := func(key, value string) error {
		s.known.add(key)
		return w.add(key, value)
	}
	keys, err := slices.Sorted(maps.Keys(s.fresh)), s.err
	until := func(key string, all bool) { // what comes before a key of the run
		for ; len(keys) > 0 && err == nil && (all || keys[0] < key); keys = keys[1:] {
			err = put(keys[0], s.fresh[keys[0]])
		}
	}
	if s.run != nil && err == nil {
		err = s.run.each(func(key, value string) error {
			until(key, false)
			if len(keys) == 0 || keys[0] != key { // else there is a newer value
				err = errors.Join(err, put(key, value))
			}
			return err
		})
	}
	until("", true)
	r, err := w.end(err)
	if err != nil {
		return err
	}
	s.close()
	s.run, s.fresh = r, make(map[string]string)
	return nil
}

func (s *store) count() int {
	if s.run == nil {
		return 0
	}
	return int(s.run.count)
}

func (s *store) close() {
	if s.run != nil {
		_ = s.run.file.Close()
	}
	s.run = nil
}

// A filter knows of most keys that are not in a run that they are not.
type filter struct {
	seed maphash.Seed
	bits []uint64
}

func newFilter(n int) *filter {
	return &filter{maphash.MakeSeed(), make([]uint64, n/8+1)}
}

// each calls fn with the four bits of a key, until it returns false.
func (f *filter) each(key string, fn func(word *uint64, bit uint64) bool) bool {
	h := maphash.String(f.seed, key)
	step, n := h>>32|1, uint64(len(f.bits))*64
	for range 4 {
		if i := h % n; !fn(&f.bits[i/64], 1<<(i%64)) {
			return false
		}
		h += step
	}
	return true
}

func (f *filter) add(key string) {
	f.each(key, func(word *uint64, bit uint64) bool { *word |= bit; return true })
}

func (f *filter) has(key string) bool {
	return f.each(key, func(word *uint64, bit uint64) bool { return *word&bit != 0 })
}

// keyOf makes a key of a kind, of names and a last name. What comes before the
// last has its length, so that different names make different keys.
func keyOf(kind byte, last string, before ...string) string {
	b := make([]byte, 0, 64)
	b = append(b, kind)
	for _, name := range before {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	return string(append(b, last...))
}

// keyAt makes a key of a kind, of a number and a name.
func keyAt(kind byte, n int, name string) string {
	b := make([]byte, 0, 64)
	b = binary.AppendUvarint(append(b, kind), uint64(n))
	return string(append(b, name...))
}
