package ledger

import (
	"bytes"
	"hash/maphash"
	"slices"
)

// memory is a kv for Verify and for tests. It keeps keys and values in an arena
// and finds them by number, without a pointer to any of them: of a ledger of
// many entries there are millions, and the garbage collector need not look at
// them.
type memory struct {
	seed   maphash.Seed
	first  map[uint64]uint32 // by a key's hash: the first item with such a key
	groups map[uint64]uint32 // by the hash of what groupOf says: the newest item in it
	items  []kept            // the first one is none
	unused []uint32          // items that were deleted
	count  int
	blocks arena
}

// A kept is an item: a key and its value.
type kept struct {
	at         uint64 // where they stand in the arena, one after the other
	key, value uint32 // how long they are
	next       uint32 // the next item whose key has the same hash
	older      uint32 // the next item of the group
}

func newMemory() *memory {
	return &memory{seed: maphash.MakeSeed(), first: map[uint64]uint32{}, groups: map[uint64]uint32{}, items: make([]kept, 1)}
}

// groupOf is the beginning of a key or prefix that all keys scanned together
// have; empty for those that are scanned rarely, and for shorter prefixes.
func groupOf(key []byte) []byte {
	fields := 0
	switch key[0] {
	case keyLock:
		fields = 1
	case keyQueue, keyOverride:
		fields = 2
	case keyStamped:
		fields = 3
	case keyRecord:
		fields = 4
	case keyApproval:
		fields = 5
	}
	rest := key[1:]
	for ok := true; fields > 0; fields-- {
		if _, rest, ok = cutField(rest); !ok {
			return nil
		}
	}
	if len(rest) == len(key)-1 {
		return nil
	}
	return key[:len(key)-len(rest)]
}

// keyOf is the key of item n, valid until the next Put or Delete.
func (m *memory) keyOf(n uint32) []byte {
	i := &m.items[n]
	return m.blocks.at(i.at, i.key)
}

func (m *memory) valueOf(n uint32) []byte {
	i := &m.items[n]
	return m.blocks.at(i.at, i.key+i.value)[i.key:]
}

// find gives the item of a key, zero if there is none.
func (m *memory) find(hash uint64, key []byte) uint32 {
	n := m.first[hash]
	for n != 0 && !bytes.Equal(m.keyOf(n), key) {
		n = m.items[n].next
	}
	return n
}

// Get implements kv.
func (m *memory) Get(key []byte) ([]byte, error) {
	if n := m.find(maphash.Bytes(m.seed, key), key); n != 0 {
		return m.valueOf(n), nil
	}
	return nil, nil
}

// Put implements kv.
func (m *memory) Put(key, value []byte) error {
	hash := maphash.Bytes(m.seed, key)
	if n := m.find(hash, key); n != 0 {
		m.change(n, key, value)
		return nil
	}
	i := kept{key: uint32(len(key)), value: uint32(len(value)), next: m.first[hash]}
	i.at = m.blocks.put(key, value)
	n := uint32(len(m.items))
	if last := len(m.unused) - 1; last >= 0 {
		n, m.unused = m.unused[last], m.unused[:last]
	} else {
		m.items = append(m.items, kept{})
	}
	if g := groupOf(key); g != nil {
		of := maphash.Bytes(m.seed, g)
		i.older, m.groups[of] = m.groups[of], n
	}
	m.items[n], m.first[hash] = i, n
	m.count++
	return nil
}

// change gives item n another value.
func (m *memory) change(n uint32, key, value []byte) {
	i := &m.items[n]
	if int(i.value) == len(value) {
		copy(m.valueOf(n), value)
		return
	}
	at := m.blocks.put(key, value)
	m.blocks.free(i.at, i.key+i.value)
	i.at, i.value = at, uint32(len(value))
}

// Delete implements kv.
func (m *memory) Delete(key []byte) error {
	hash := maphash.Bytes(m.seed, key)
	n := m.find(hash, key)
	if n == 0 {
		return nil
	}
	unlink(m.items, m.first, hash, n, func(i *kept) *uint32 { return &i.next })
	if g := groupOf(key); g != nil {
		unlink(m.items, m.groups, maphash.Bytes(m.seed, g), n, func(i *kept) *uint32 { return &i.older })
	}
	i := &m.items[n]
	m.blocks.free(i.at, i.key+i.value)
	*i = kept{}
	m.unused = append(m.unused, n)
	m.count--
	return nil
}

// unlink takes item n out of the list that begins at heads[hash].
func unlink(items []kept, heads map[uint64]uint32, hash uint64, n uint32, next func(*kept) *uint32) {
	after := *next(&items[n])
	if at := heads[hash]; at != n {
		for *next(&items[at]) != n {
			at = *next(&items[at])
		}
		*next(&items[at]) = after
		return
	}
	if heads[hash] = after; after == 0 {
		delete(heads, hash)
	}
}

// Scan implements kv.
func (m *memory) Scan(prefix []byte, fn func(key, value []byte) error) error {
	var found []uint32
	add := func(n uint32) {
		if m.items[n].key > 0 && bytes.HasPrefix(m.keyOf(n), prefix) {
			found = append(found, n)
		}
	}
	if g := groupOfPrefix(prefix); g != nil {
		for n := m.groups[maphash.Bytes(m.seed, g)]; n != 0; n = m.items[n].older {
			add(n)
		}
	} else {
		for n := range m.items {
			add(uint32(n))
		}
	}
	slices.SortFunc(found, func(a, b uint32) int { return bytes.Compare(m.keyOf(a), m.keyOf(b)) })
	for _, n := range found {
		if err := fn(m.keyOf(n), m.valueOf(n)); err != nil {
			return err
		}
	}
	return nil
}

func groupOfPrefix(prefix []byte) []byte {
	if len(prefix) == 0 {
		return nil
	}
	return groupOf(prefix)
}
