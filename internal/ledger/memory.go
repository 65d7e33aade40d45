package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// memory is a kv for Verify and for tests. It keeps keys and values in an
// arena, which may lie in a temporary file, and finds them there: of a ledger
// of many entries there are millions, and none of them is an object that the
// garbage collector knows.
//
// A block of the arena is an item: the next item of its group, the lengths of
// key and value, key, value.
type memory struct {
	seed   maphash.Seed
	blocks arena
	keys   table // all items, by their keys
	groups table // by what groupOf says: the newest item of the group
	count  int
}

const (
	itemOlder = 0
	itemKey   = 8
	itemValue = 12
	itemHead  = 16
)

// newMemory makes an empty one in a scratch, which may be nil.
func newMemory(s *scratch) *memory {
	return &memory{seed: maphash.MakeSeed(), blocks: arena{from: s}, keys: table{from: s}, groups: table{from: s}}
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

// item takes the item at a place apart. What it gives is valid until the next Put
// or Delete.
func (m *memory) item(at uint64) (key, value []byte) {
	head := m.blocks.at(at, itemHead)
	k, v := binary.BigEndian.Uint32(head[itemKey:]), binary.BigEndian.Uint32(head[itemValue:])
	b := m.blocks.at(at, itemHead+k+v)[itemHead:]
	return b[:k:k], b[k:]
}

func (m *memory) keyOf(at uint64) []byte {
	key, _ := m.item(at)
	return key
}

// older names the next item of an item's group.
func (m *memory) older(at uint64) []byte { return m.blocks.at(at, itemHead)[itemOlder : itemOlder+8] }

// find gives the place of a key's item, zero if there is none.
func (m *memory) find(hash uint64, key []byte) uint64 {
	return m.keys.find(hash, func(at uint64) bool { return bytes.Equal(m.keyOf(at), key) })
}

// newest gives the newest item of a group, zero if there is none.
func (m *memory) newest(hash uint64, group []byte) uint64 {
	return m.groups.find(hash, func(at uint64) bool { return bytes.Equal(groupOf(m.keyOf(at)), group) })
}

func (m *memory) hash(b []byte) uint64 { return maphash.Bytes(m.seed, b) }

// Get implements kv.
func (m *memory) Get(key []byte) ([]byte, error) {
	at := m.find(m.hash(key), key)
	if at == 0 {
		return nil, nil
	}
	_, value := m.item(at)
	return value, nil
}

// Put implements kv.
func (m *memory) Put(key, value []byte) error {
	hash := m.hash(key)
	old := m.find(hash, key)
	if old != 0 {
		if _, was := m.item(old); len(was) == len(value) {
			copy(was, value)
			return nil
		}
	}
	at, err := m.blocks.take(uint32(itemHead + len(key) + len(value)))
	if err != nil {
		return err
	}
	head := m.blocks.at(at, itemHead)
	clear(head[:itemKey])
	binary.BigEndian.PutUint32(head[itemKey:], uint32(len(key)))
	binary.BigEndian.PutUint32(head[itemValue:], uint32(len(value)))
	k, v := m.item(at)
	copy(k, key)
	copy(v, value)
	if old != 0 { // value may have been in it until now
		m.drop(hash, old)
	}
	m.count++
	if err := m.join(at, groupOf(k)); err != nil {
		return err
	}
	return m.keys.add(hash, at)
}

// join makes an item the newest of its group, if it has one.
func (m *memory) join(at uint64, group []byte) error {
	if len(group) == 0 {
		return nil
	}
	hash := m.hash(group)
	was := m.newest(hash, group)
	if was == 0 {
		return m.groups.add(hash, at)
	}
	binary.BigEndian.PutUint64(m.older(at), was)
	m.groups.change(hash, was, at)
	return nil
}

// leave takes an item out of its group, if it has one.
func (m *memory) leave(at uint64, group []byte) {
	if len(group) == 0 {
		return
	}
	hash := m.hash(group)
	in := m.newest(hash, group)
	if in == at {
		m.groups.change(hash, at, binary.BigEndian.Uint64(m.older(at)))
		return
	}
	for {
		next := binary.BigEndian.Uint64(m.older(in))
		if next == at {
			copy(m.older(in), m.older(at))
			return
		}
		in = next
	}
}

// Delete implements kv.
func (m *memory) Delete(key []byte) error {
	hash := m.hash(key)
	if at := m.find(hash, key); at != 0 {
		m.drop(hash, at)
	}
	return nil
}

// drop takes an item away.
func (m *memory) drop(hash, at uint64) {
	key, value := m.item(at)
	m.leave(at, groupOf(key))
	m.keys.change(hash, at, 0)
	length := uint32(itemHead + len(key) + len(value))
	head := m.blocks.at(at, itemHead) // for each: none, of that length
	clear(head[itemKey:itemValue])
	binary.BigEndian.PutUint32(head[itemValue:], length-itemHead)
	m.blocks.free(at, length)
	m.count--
}

// each calls fn for every key and value in the order in which they lie there.
func (m *memory) each(fn func(key, value []byte)) {
	for n, chunk := range m.blocks.chunks {
		at := 0
		if n == 0 {
			at = arenaStep
		}
		for at < arenaChunk && at+itemHead <= len(chunk) { // no block begins later
			key, value := m.item(uint64(n)<<arenaBits | uint64(at/arenaStep))
			if len(key) > 0 {
				fn(key, value)
			} else if len(value) == 0 {
				break // the rest was never used
			}
			at += int(room(uint32(itemHead + len(key) + len(value))))
		}
	}
}

// Scan implements kv.
func (m *memory) Scan(prefix []byte, fn func(key, value []byte) error) error {
	var found []uint64
	add := func(at uint64) {
		if bytes.HasPrefix(m.keyOf(at), prefix) {
			found = append(found, at)
		}
	}
	var group []byte
	if len(prefix) > 0 {
		group = groupOf(prefix)
	}
	if len(group) == 0 {
		m.keys.each(add)
	} else {
		for at := m.newest(m.hash(group), group); at != 0; at = binary.BigEndian.Uint64(m.older(at)) {
			add(at)
		}
	}
	slices.SortFunc(found, func(a, b uint64) int { return bytes.Compare(m.keyOf(a), m.keyOf(b)) })
	for _, at := range found {
		if err := fn(m.item(at)); err != nil {
			return err
		}
	}
	return nil
}
