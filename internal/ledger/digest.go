package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// digests tell whether two stores have the same keys and values, in whatever
// order they are read: of each projection, how many there are and the sum of
// their SHA-256 behind a key that nobody else knows. Without that key nobody can
// make other values of the same sum (MSet-Add-Hash of Clarke, Devadas, van Dijk,
// Gassend and Suh, 2003).
type digests struct {
	secret [sha256.Size]byte
	of     [256]digest // by the first byte of the key
	buf    []byte
}

type digest struct {
	count int
	sum   [sha256.Size / 8]uint64
}

// newDigests are two for stores that are to be held against each other.
func newDigests() (a, b digests) {
	_, _ = rand.Read(a.secret[:]) // never fails
	b.secret = a.secret
	return a, b
}

// add takes in a key, which is not empty, and its value.
func (d *digests) add(key, value []byte) {
	d.buf = append(d.buf[:0], d.secret[:]...)
	d.buf = binary.BigEndian.AppendUint64(d.buf, uint64(len(key)))
	d.buf = append(append(d.buf, key...), value...)
	hash, to, carry := sha256.Sum256(d.buf), &d.of[key[0]], uint64(0)
	to.count++
	for i := range to.sum {
		to.sum[i], carry = bits.Add64(to.sum[i], binary.LittleEndian.Uint64(hash[8*i:]), carry)
	}
}
