package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// A bucket is the kv over bbolt. Each value ends in a CRC-32C of its key and
// itself, so that a flipped bit is an error and not an answer. bbolt has no
// checksum of its own on its pages, so a damaged key would be one that is not
// there; therefore that a key is absent is proven by its neighbours.
type bucket struct {
	b     *bbolt.Bucket
	trust bool // believe that a key is absent
}

func sum(key, value []byte) uint32 {
	// Another table would have to be computed in every process.
	return crc32.Update(crc32.ChecksumIEEE(key), crc32.IEEETable, value)
}

// checked takes the CRC off a stored value.
func checked(key, stored []byte) ([]byte, error) {
	n := len(stored) - 4
	if n < 0 || binary.BigEndian.Uint32(stored[n:]) != sum(key, stored[:n]) {
		return nil, fmt.Errorf("%w: the value of key %x", errIndex, key)
	}
	return stored[:n:n], nil
}

// Get implements kv.
func (b bucket) Get(key []byte) ([]byte, error) {
	v := b.b.Get(key)
	if v != nil {
		return checked(key, v)
	}
	if b.trust {
		return nil, nil
	}
	return nil, b.absent(key)
}

// absent checks that the keys around the place of key are sound and in order.
// Keys are found by bisection, and that ends beside a damaged one: if it is
// the one that was looked for, and if it led astray.
func (b bucket) absent(key []byte) error {
	c := b.b.Cursor()
	next, v := c.Seek(key)
	if next != nil {
		if _, err := checked(next, v); err != nil {
			return err
		}
		if bytes.Compare(next, key) <= 0 {
			return fmt.Errorf("%w: key %x is out of order", errIndex, next)
		}
	}
	return before(c, next == nil, key)
}

// before checks the key before the cursor, which is after the last one if that
// is said.
func before(c *bbolt.Cursor, after bool, key []byte) error {
	var prev, v []byte
	if after {
		prev, v = c.Last()
	} else {
		prev, v = c.Prev()
	}
	if prev == nil {
		return nil
	}
	if _, err := checked(prev, v); err != nil {
		return err
	}
	if bytes.Compare(prev, key) >= 0 {
		return fmt.Errorf("%w: key %x is out of order", errIndex, prev)
	}
	return nil
}

// Put implements kv.
func (b bucket) Put(key, value []byte) error {
	v := append(make([]byte, 0, len(value)+4), value...)
	return b.b.Put(key, binary.BigEndian.AppendUint32(v, sum(key, value)))
}

// Delete implements kv.
func (b bucket) Delete(key []byte) error { return b.b.Delete(key) }

// Scan implements kv. The keys before and after those of the prefix prove that
// none is missing at either end.
func (b bucket) Scan(prefix []byte, fn func(key, value []byte) error) error {
	c := b.b.Cursor()
	k, stored := c.Seek(prefix)
	if !b.trust && len(prefix) > 0 {
		if err := before(b.at(prefix), k == nil, prefix); err != nil {
			return err
		}
	}
	var last []byte
	for ; k != nil; k, stored = c.Next() {
		v, err := checked(k, stored)
		if err != nil {
			return err
		}
		if last != nil && bytes.Compare(last, k) >= 0 {
			return fmt.Errorf("%w: key %x is out of order", errIndex, k)
		}
		if !bytes.HasPrefix(k, prefix) {
			return nil
		}
		if err := fn(k, v); err != nil {
			return err
		}
		last = k
	}
	return nil
}

// at is a cursor of its own at the place of key.
func (b bucket) at(key []byte) *bbolt.Cursor {
	c := b.b.Cursor()
	c.Seek(key)
	return c
}
