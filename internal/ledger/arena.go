package ledger

import "encoding/binary"

// An arena keeps many small blocks of bytes in few large ones. What was freed
// is used again for blocks of about the same length.
type arena struct {
	chunks [][]byte
	used   int               // of the last chunk
	freed  map[uint32]uint64 // by length: the newest free block, which names the next
}

const (
	arenaChunk = 1 << 20
	arenaStep  = 16 // lengths are rounded up to multiples of it
)

// room is how many bytes a block takes: at least what the name of another needs.
func room(length uint32) uint32 { return (max(length, 8) + arenaStep - 1) / arenaStep * arenaStep }

// put stores a followed by b and says where. Neither may be in a block that is
// free.
func (m *arena) put(a, b []byte) uint64 {
	size := room(uint32(len(a) + len(b)))
	at, ok := m.freed[size]
	if ok {
		if next := binary.BigEndian.Uint64(m.at(at, 8)); next == 0 {
			delete(m.freed, size)
		} else {
			m.freed[size] = next
		}
	} else {
		at = m.grow(int(size))
	}
	to := m.at(at, size)
	copy(to[copy(to, a):], b)
	return at
}

// grow takes a new block from the last chunk. No block is at zero.
func (m *arena) grow(size int) uint64 {
	if len(m.chunks) == 0 {
		m.used = arenaStep
	}
	if last := len(m.chunks) - 1; last < 0 || m.used+size > len(m.chunks[last]) {
		if last >= 0 {
			m.used = 0
		}
		m.chunks = append(m.chunks, make([]byte, max(arenaChunk, m.used+size)))
	}
	at := uint64(len(m.chunks)-1)<<32 | uint64(m.used)
	m.used += size
	return at
}

// at is a block, or its beginning.
func (m *arena) at(at uint64, length uint32) []byte {
	from := uint32(at)
	return m.chunks[at>>32][from : from+length : from+length]
}

// free gives a block of that length back.
func (m *arena) free(at uint64, length uint32) {
	if m.freed == nil {
		m.freed = map[uint32]uint64{}
	}
	size := room(length)
	binary.BigEndian.PutUint64(m.at(at, 8), m.freed[size])
	m.freed[size] = at
}
