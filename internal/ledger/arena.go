package ledger

import (
	"encoding/binary"
	"fmt"
)

// An arena keeps many small blocks of bytes in few large ones. What was freed
// is used again for blocks of about the same length. A block's place is the
// number of its chunk and, in the last arenaBits bits, how many steps it is from
// the beginning of that.
type arena struct {
	from   *scratch
	chunks [][]byte
	used   int               // of the last chunk
	freed  map[uint32]uint64 // by length: the newest free block, which names the next
}

const (
	arenaBits  = 16
	arenaStep  = 16 // lengths are rounded up to multiples of it
	arenaChunk = arenaStep << arenaBits
)

// room is how many bytes a block takes.
func room(length uint32) uint32 { return (length + arenaStep - 1) / arenaStep * arenaStep }

// take finds a block for so many bytes, which are not zero, and says where it
// is.
func (m *arena) take(length uint32) (uint64, error) {
	size := room(length)
	at, ok := m.freed[size]
	if !ok {
		return m.grow(int(size))
	}
	if next := binary.BigEndian.Uint64(m.at(at, 8)); next == 0 {
		delete(m.freed, size)
	} else {
		m.freed[size] = next
	}
	return at, nil
}

// grow takes a new block from the last chunk. No block is at zero.
func (m *arena) grow(size int) (uint64, error) {
	last := len(m.chunks) - 1
	if last < 0 || m.used >= arenaChunk || m.used+size > len(m.chunks[last]) {
		if last++; last == 0 {
			m.used = arenaStep
		} else {
			m.used = 0
		}
		if last>>(placeBits-arenaBits) != 0 {
			return 0, fmt.Errorf("%w: it is too much", errScratch)
		}
		chunk, err := m.from.more((m.used + size + arenaChunk - 1) / arenaChunk * arenaChunk)
		if err != nil {
			return 0, err
		}
		m.chunks = append(m.chunks, chunk)
	}
	at := uint64(last)<<arenaBits | uint64(m.used/arenaStep)
	m.used += size
	return at, nil
}

// at is a block, or its beginning.
func (m *arena) at(at uint64, length uint32) []byte {
	from := uint32(at%(1<<arenaBits)) * arenaStep
	return m.chunks[at>>arenaBits][from : from+length : from+length]
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
