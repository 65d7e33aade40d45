package ledger

import "encoding/binary"

// A table finds what a memory keeps by a hash, without looking at it: a hash has
// a bucket, which has a slot for each of its hashes with a place in the arena. A
// bucket that is full becomes two (extendible hashing), so that the table is
// never copied, and adding to it touches one bucket or two, and nothing else.
type table struct {
	from    *scratch
	chunks  [][]byte // the buckets
	depths  []uint8  // of each bucket: how many bits its hashes have in common
	buckets []uint32 // by the last bits of a hash, as many as the deepest has
}

const (
	tableChunk  = 64 << 10
	bucketSlots = 64
	bucketBytes = 8 * bucketSlots
	placeBits   = 34 // of a slot; the others are the last of the hash
	hashMask    = 1<<(64-placeBits) - 1
)

func slotOf(hash, at uint64) uint64 { return hash<<placeBits | at }

// bucket is bucket n: slots, and zeros behind them.
func (t *table) bucket(n uint32) []byte {
	const each = tableChunk / bucketBytes
	return t.chunks[n/each][n%each*bucketBytes:][:bucketBytes]
}

// of is the number of a hash's bucket. The table must have one.
func (t *table) of(hash uint64) uint32 { return t.buckets[hash&uint64(len(t.buckets)-1)] }

// find gives the first place with a hash that is right, zero if there is none.
func (t *table) find(hash uint64, right func(at uint64) bool) uint64 {
	if len(t.buckets) == 0 {
		return 0
	}
	b := t.bucket(t.of(hash))
	for i := 0; i < bucketBytes; i += 8 {
		slot := binary.NativeEndian.Uint64(b[i:])
		if slot == 0 {
			break
		}
		if at := slot & (1<<placeBits - 1); slot>>placeBits == hash&hashMask && right(at) {
			return at
		}
	}
	return 0
}

// add takes a place in.
func (t *table) add(hash, at uint64) error {
	if len(t.buckets) == 0 {
		if _, err := t.more(0); err != nil {
			return err
		}
		t.buckets = []uint32{0}
	}
	for {
		n := t.of(hash)
		b := t.bucket(n)
		for i := 0; i < bucketBytes; i += 8 {
			if binary.NativeEndian.Uint64(b[i:]) == 0 {
				binary.NativeEndian.PutUint64(b[i:], slotOf(hash, at))
				return nil
			}
		}
		if err := t.split(n, hash); err != nil {
			return err
		}
	}
}

// more makes an empty bucket of a depth.
func (t *table) more(depth uint8) (uint32, error) {
	n := len(t.depths)
	if n*bucketBytes%tableChunk == 0 {
		chunk, err := t.from.more(tableChunk)
		if err != nil {
			return 0, err
		}
		t.chunks = append(t.chunks, chunk)
	}
	t.depths = append(t.depths, depth)
	return uint32(n), nil
}

// split makes two of bucket n, which is that of a hash.
func (t *table) split(n uint32, hash uint64) error {
	depth := t.depths[n]
	other, err := t.more(depth + 1)
	if err != nil {
		return err
	}
	t.depths[n]++
	bit := uint64(1) << depth
	if int(bit) == len(t.buckets) {
		t.buckets = append(t.buckets, t.buckets...)
	}
	for i := hash&(bit-1) | bit; i < uint64(len(t.buckets)); i += 2 * bit {
		t.buckets[i] = other
	}
	from, to := t.bucket(n), t.bucket(other)
	stays, goes := 0, 0
	for i := 0; i < bucketBytes; i += 8 {
		slot := binary.NativeEndian.Uint64(from[i:])
		if slot>>placeBits&bit != 0 {
			binary.NativeEndian.PutUint64(to[goes:], slot)
			goes += 8
			continue
		}
		binary.NativeEndian.PutUint64(from[stays:], slot)
		stays += 8
	}
	clear(from[stays:])
	return nil
}

// change puts a place where another with the same hash was; none, which is
// zero, takes it out.
func (t *table) change(hash, was, is uint64) {
	b := t.bucket(t.of(hash))
	at, last := 0, 0
	for i := 0; i < bucketBytes && binary.NativeEndian.Uint64(b[i:]) != 0; i += 8 {
		if binary.NativeEndian.Uint64(b[i:]) == slotOf(hash, was) {
			at = i
		}
		last = i
	}
	if is != 0 {
		binary.NativeEndian.PutUint64(b[at:], slotOf(hash, is))
		return
	}
	copy(b[at:at+8], b[last:last+8])
	clear(b[last : last+8])
}

// each calls fn with every place.
func (t *table) each(fn func(at uint64)) {
	for n := range t.depths {
		b := t.bucket(uint32(n))
		for i := 0; i < bucketBytes && binary.NativeEndian.Uint64(b[i:]) != 0; i += 8 {
			fn(binary.NativeEndian.Uint64(b[i:]) & (1<<placeBits - 1))
		}
	}
}
