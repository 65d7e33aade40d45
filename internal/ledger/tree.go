package ledger

import (
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/tlog"
)

// chunkSize is how many of the tree's stored hashes one value of the index
// holds. They are stored by tlog.StoredHashIndex, which an append only extends.
const chunkSize = 32

func chunkKey(chunk int64) []byte { return keySeq(keyTree, uint64(chunk)) }

// A grower adds leaves to the tree and writes the chunks that they change once,
// however many leaves there are.
type grower struct {
	kv
	dirty map[int64][]byte
}

// grow adds leaves to the tree, the first of which is leaf n.
func grow(s kv, n int64, leaves []tlog.Hash) error {
	g := grower{s, map[int64][]byte{}}
	for i, leaf := range leaves {
		hashes, err := sumdb.StoredHashesForRecordHash(n+int64(i), leaf, g)
		if err != nil {
			return err
		}
		at := sumdb.StoredHashIndex(0, n+int64(i))
		for k := range hashes {
			if err := g.add(at+int64(k), &hashes[k]); err != nil {
				return err
			}
		}
	}
	for chunk, v := range g.dirty {
		if err := s.Put(chunkKey(chunk), v); err != nil {
			return err
		}
	}
	return nil
}

// add puts a hash behind the others.
func (g grower) add(at int64, h *tlog.Hash) error {
	chunk, used := at/chunkSize, int(at%chunkSize)
	v, ok := g.dirty[chunk]
	if !ok {
		v = make([]byte, 0, chunkSize*hashSize)
		if used > 0 {
			old, err := g.Get(chunkKey(chunk))
			if err != nil {
				return err
			}
			v = append(v, old...)
		}
	}
	if len(v) != used*hashSize {
		return fmt.Errorf("%w: the tree has %d bytes in chunk %d and not %d", errIndex, len(v), chunk, used*hashSize)
	}
	g.dirty[chunk] = append(v, h[:]...)
	return nil
}

// ReadHashes implements tlog.HashReader.
func (g grower) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	return readHashes(indexes, func(chunk int64) ([]byte, error) {
		if v, ok := g.dirty[chunk]; ok {
			return v, nil
		}
		return g.Get(chunkKey(chunk))
	})
}

const hashSize = sumdb.HashSize

// stored reads the tree's hashes out of a store.
type stored struct{ kv }

// ReadHashes implements tlog.HashReader.
func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	return readHashes(indexes, func(chunk int64) ([]byte, error) { return s.Get(chunkKey(chunk)) })
}

func readHashes(indexes []int64, get func(chunk int64) ([]byte, error)) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		v, err := get(at / chunkSize)
		if err != nil {
			return nil, err
		}
		from := int(at%chunkSize) * hashSize
		if len(v) < from+hashSize {
			return nil, fmt.Errorf("%w: the tree has no hash %d", errIndex, at)
		}
		copy(hashes[i][:], v[from:])
	}
	return hashes, nil
}

// Tree is the tree of all that is on record: its size is the number of the
// last record.
func (l *Ledger) Tree() (t tlog.Tree, err error) {
	t.N = int64(l.head.seq)
	err = l.look(func(s kv) error {
		t.Hash, err = sumdb.TreeHash(t.N, stored{s})
		return err
	})
	return t, err
}

// ProveRecord proves that a record is in the tree of the first size records.
func (l *Ledger) ProveRecord(record, size uint64) (p tlog.RecordProof, err error) {
	if size > l.head.seq {
		return nil, fmt.Errorf("%w: there are %d records, and not %d", ErrCut, l.head.seq, size)
	}
	if record == 0 || record > size {
		return nil, fmt.Errorf("there is no record %d: the last is %d", record, size)
	}
	err = l.look(func(s kv) error {
		p, err = sumdb.ProveRecord(int64(size), int64(record)-1, stored{s})
		return err
	})
	return p, err
}

// ProveTree proves that the tree of the first old records is the beginning of
// the tree of all. With old zero, or as many as there are, there is nothing to
// prove and the proof is empty.
func (l *Ledger) ProveTree(old uint64) (p tlog.TreeProof, err error) {
	if old > l.head.seq {
		return nil, fmt.Errorf("%w: there are %d records, and not %d", ErrCut, l.head.seq, old)
	}
	if old == 0 || old == l.head.seq {
		return nil, nil
	}
	err = l.look(func(s kv) error {
		p, err = sumdb.ProveTree(int64(l.head.seq), int64(old), stored{s})
		return err
	})
	return p, err
}

// storedAt is where in the tree the hash stands that a chunk's bytes, as they
// should be and as they are, differ in first.
func storedAt(chunk int64, want, have []byte) (leaf int64) {
	i := 0
	for i*hashSize+hashSize <= min(len(want), len(have)) && [hashSize]byte(want[i*hashSize:]) == [hashSize]byte(have[i*hashSize:]) {
		i++
	}
	level, n := sumdb.SplitStoredHashIndex(chunk*chunkSize + int64(i))
	return n << level
}
