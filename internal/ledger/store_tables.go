//go:build postgres

package ledger

import (
	"bytes"
	"errors"
	"slices"

	"github.com/pathgate/pathgate/internal/pgstore"
)

const (
	// firstPage is how many keys of a prefix are read at first, and mostPage how
	// many at most at once.
	firstPage = 512
	mostPage  = 16384
	// historyPage is how many steps down a ref's history are read at once.
	historyPage = 64
	// backPage is how many are read beforehand where somebody may go back.
	backPage = 8
)

// errAgain: others have written since, and what was read before does not go
// with what was read now. It never leaves the package.
var errAgain = errors.New("the ledger went on")

// A cache is what was read of the projections.
type cache struct {
	known  bool // whether anything was read
	schema uint64
	values map[string][]byte // nil for a key that is absent
	spans  []keySpan         // all keys in them that are not in values are absent
}

// A keySpan is the keys from one up to but without another.
type keySpan struct{ from, to string }

func newCache() cache { return cache{values: map[string][]byte{}} }

// absorb takes in what was wanted and what was read. Which keys were looked for
// beside the wanted ones only the server can tell: another version may have
// written what it goes by.
func (c *cache) absorb(want *pgstore.Want, got *pgstore.Got) {
	var sorted []string
	for _, v := range got.Values {
		c.values[string(v.Key)] = v.Value
		if v.Value != nil {
			sorted = append(sorted, string(v.Key))
		}
	}
	slices.Sort(sorted)
	for _, k := range want.Keys {
		c.absent(k)
	}
	for _, r := range want.Ranges {
		c.spans = append(c.spans, spanOf(&r, sorted))
	}
}

// absent notes a key that was asked for, and did not come.
func (c *cache) absent(k []byte) {
	if _, ok := c.values[string(k)]; !ok {
		c.values[string(k)] = nil
	}
}

// spanOf is the part of a range that was read: all, if fewer keys came than
// were wanted at most. More may have come, by other ways.
func spanOf(r *pgstore.Range, sorted []string) keySpan {
	s := keySpan{string(r.From), string(r.To)}
	first, _ := slices.BinarySearch(sorted, s.from)
	end, _ := slices.BinarySearch(sorted, s.to)
	within := sorted[first:end]
	switch {
	case len(within) < r.Most:
	case r.Down:
		s.from = within[len(within)-r.Most]
	default:
		s.to = within[r.Most-1] + "\x00"
	}
	return s
}

// reach is how far from key k on all is known; empty if k is not.
func (c *cache) reach(k string) (to string) {
	for _, s := range c.spans {
		if s.from <= k && k < s.to && s.to > to {
			to = s.to
		}
	}
	return to
}

// write takes in what was written.
func (c *cache) write(puts map[string][]byte) {
	for k, v := range puts {
		c.values[k] = v
	}
}

// endOf is the first key after all that begin with a prefix. No key begins with
// the byte 255.
func endOf(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return []byte{255}
}

// tables is the kv over a remote, with what a commit is about to write above
// what was read.
type tables struct {
	*remote
	puts map[string][]byte // nil for a key that is deleted; the map is nil while nothing may be written
	news map[string][]byte // to be written unless they are there, which is not known
}

var errReadOnly = errors.New("a look at the ledger writes nothing")

// Get implements kv.
func (t *tables) Get(k []byte) ([]byte, error) {
	if v, ok := t.puts[string(k)]; ok {
		return v, nil
	}
	for {
		if v, ok := t.cache.values[string(k)]; ok {
			return v, nil
		}
		if t.cache.reach(string(k)) != "" {
			return nil, nil
		}
		if err := t.fetch(missed(k)); err != nil {
			return nil, err
		}
	}
}

// missed is what to read where a key is asked for that was not hinted at: who
// goes down a history goes on.
func missed(k []byte) pgstore.Want {
	if k[0] == keyHistory && len(k) > 8 {
		return pgstore.Want{Ranges: []pgstore.Range{{From: k[:len(k)-8], To: append(bytes.Clone(k), 0), Most: historyPage, Down: true}}}
	}
	return pgstore.Want{Keys: [][]byte{k}}
}

// putNew implements newPutter: whether the key is there is for the server to find
// out.
func (t *tables) putNew(k, v []byte) error {
	_, put := t.puts[string(k)]
	_, known := t.cache.values[string(k)]
	if t.puts == nil || put || known || t.cache.reach(string(k)) != "" {
		return putAbsent(t, k, v)
	}
	if _, ok := t.news[string(k)]; !ok {
		t.news[string(k)] = append([]byte{}, v...)
	}
	return nil
}

// Put implements kv.
func (t *tables) Put(k, v []byte) error {
	if t.puts == nil {
		return errReadOnly
	}
	t.puts[string(k)] = append([]byte{}, v...)
	return nil
}

// Delete implements kv.
func (t *tables) Delete(k []byte) error {
	if t.puts == nil {
		return errReadOnly
	}
	t.puts[string(k)] = nil
	return nil
}

// Scan implements kv. It reads as much as fn goes through, in pages that grow.
func (t *tables) Scan(prefix []byte, fn func(k, v []byte) error) error {
	end, page := string(endOf(prefix)), firstPage
	for at := string(prefix); at < end; {
		to := t.cache.reach(at)
		if to == "" {
			if err := t.fetch(pgstore.Want{Ranges: []pgstore.Range{{From: []byte(at), To: []byte(end), Most: page}}}); err != nil {
				return err
			}
			page = min(2*page, mostPage)
			continue
		}
		to = min(to, end)
		for _, k := range t.between(at, to) {
			v, ok := t.puts[k]
			if !ok {
				v = t.cache.values[k]
			}
			if err := fn([]byte(k), v); err != nil {
				return err
			}
		}
		at = to
	}
	return nil
}

// between lists the keys that are there from one up to another, in order.
func (t *tables) between(from, to string) (keys []string) {
	for k, v := range t.cache.values {
		if _, over := t.puts[k]; !over && v != nil && from <= k && k < to {
			keys = append(keys, k)
		}
	}
	for k, v := range t.puts {
		if v != nil && from <= k && k < to {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
