package evidence

import (
	"bufio"
	"fmt"
	"os"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/tlog"
)

// A forest keeps the hashes of the journal's tree in a file without a name, so
// that proofs need neither the index nor memory that grows with the ledger.
type forest struct {
	file  *os.File
	w     *bufio.Writer
	front tlog.Frontier
}

// newForest makes the file in a folder. It is gone when it is closed.
func newForest(dir string) (*forest, error) {
	f, err := os.CreateTemp(dir, "tree-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return &forest{file: f, w: bufio.NewWriterSize(f, 1<<20)}, nil
}

// add adds a line. Hashes are stored by sumdb.StoredHashIndex, which is the
// order in which they become complete.
func (t *forest) add(line []byte) error {
	for _, h := range t.front.Add(tlog.LeafHash(line)) {
		if _, err := t.w.Write(h[:]); err != nil {
			return fmt.Errorf("keep the tree: %w", err)
		}
	}
	return nil
}

// done ends the adding.
func (t *forest) done() (tlog.Tree, error) {
	if err := t.w.Flush(); err != nil {
		return tlog.Tree{}, fmt.Errorf("keep the tree: %w", err)
	}
	return t.front.Tree(), nil
}

// ReadHashes implements sumdb.HashReader.
func (t *forest) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if _, err := t.file.ReadAt(hashes[i][:], at*sumdb.HashSize); err != nil {
			return nil, fmt.Errorf("read hash %d of the tree: %w", at, err)
		}
	}
	return hashes, nil
}

// prove proves a line of the journal, which must be the one that was added.
func (t *forest) prove(record uint64, line []byte) (sumdb.RecordProof, error) {
	leaf := int64(record) - 1
	was, err := t.ReadHashes([]int64{sumdb.StoredHashIndex(0, leaf)})
	if err != nil {
		return nil, err
	}
	if was[0] != tlog.LeafHash(line) {
		return nil, fmt.Errorf("record %d of the journal was changed while it was read", record)
	}
	return sumdb.ProveRecord(t.front.Size(), leaf, t)
}
