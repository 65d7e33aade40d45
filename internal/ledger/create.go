package ledger

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// CreateOptions say what Create needs to know.
type CreateOptions struct {
	// Root is the policy's root; the ledger can be opened only with the same. One
	// in a database is shared by hosts with roots of their own and bound to none.
	Root string
	// Now is the clock, time.Now if nil.
	Now func() time.Time
}

// Create makes a new ledger in the database that a URL names, whose tables
// pathgate ledger migrate has made; or in the folder dir, which is made (mode 0750) if it
// is missing. Where a journal, an index or a snapshot is there already it
// fails with ErrExists: a ledger is never written over, and a journal that was
// lost is never replaced by an empty one. Only install calls it.
func Create(dir string, o CreateOptions) error {
	err := error(nil)
	if isURL(dir) {
		err = createStore(dir, o)
	} else {
		err = create(dir, o, realHost())
	}
	if err != nil {
		return fmt.Errorf("create the ledger %s: %w", nameOf(dir), err)
	}
	return nil
}

func create(dir string, o CreateOptions, h *host) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	if err := h.checkFileSystem(dir); err != nil {
		return err
	}
	for _, name := range [...]string{JournalName, IndexName, SnapshotName} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%w: %s", ErrExists, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	line, err := Encode(firstEntry(o.Now(), o.Root))
	if err != nil {
		return err
	}
	return writeFirst(dir, line)
}

// firstEntry is the first of a new ledger.
func firstEntry(now time.Time, root string) *Entry {
	id := make([]byte, 16)
	rand.Read(id)
	return &Entry{Seq: 1, Time: now.UTC().Truncate(time.Microsecond), Type: TypeLedger,
		Ledger: hex.EncodeToString(id), Version: Version, Root: rootHash(root)}
}

// writeFirst makes the journal appear whole or not at all.
func writeFirst(dir string, line []byte) error {
	var salt [8]byte
	rand.Read(salt[:])
	name := filepath.Join(dir, JournalName+".new-"+hex.EncodeToString(salt[:]))
	f, err := makeFile(name, defaultMode)
	if err != nil {
		return err
	}
	defer os.Remove(name)
	defer f.Close()
	if _, err := f.Write(line); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// Unlike rename, link never replaces what another process just made.
	if err := os.Link(name, filepath.Join(dir, JournalName)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w: %s", ErrExists, JournalName)
		}
		return err
	}
	return syncFolder(dir)
}
