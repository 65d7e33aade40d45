package late

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

const (
	// wholeName is the file beside the cursor that says which notes are whole.
	wholeName = "stamps.whole"
	// maxWhole is how long it may be, in bytes: that of some 400,000 targets.
	maxWhole = 64 << 20
)

// Whole says up to which commit the notes of targets are known to have all that
// the ledger has. Whoever holds the cursor may write it. It saves time, and is
// nothing to rely on: of what it does not have, the ledger is read again.
type whole struct {
	Ledger string                     `json:"ledger"`
	Tips   map[string]policy.ObjectID `json:"tips"` // by environment, a blank, and repository
	saved  map[string]policy.ObjectID
}

func keyOf(t stamper.Target) string { return string(t.Environment) + " " + t.Repository }

// loadWhole reads the file in a folder. One that cannot be read, or is of another
// ledger, says nothing.
func loadWhole(dir, id string) *whole {
	w := new(whole)
	f, err := os.OpenFile(filepath.Join(dir, wholeName), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err == nil {
		defer f.Close()
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(f, maxWhole)); err == nil {
			err = json.Unmarshal(b, w)
		}
	}
	if err != nil || w.Ledger != id || w.Tips == nil {
		w = &whole{Ledger: id, Tips: make(map[string]policy.ObjectID)}
	}
	w.saved = maps.Clone(w.Tips)
	return w
}

// save writes what has changed, so that after a crash there is the old file or the
// new one.
func (w *whole) save(dir string) error {
	if maps.Equal(w.Tips, w.saved) {
		return nil
	}
	err := w.write(filepath.Join(dir, wholeName))
	if err != nil {
		return fmt.Errorf("write which stamps are there: %w", err)
	}
	return nil
}

func (w *whole) write(path string) error {
	b, err := json.Marshal(w)
	if err != nil {
		return err
	}
	temporary := path + ".new" // whoever has the cursor is alone
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = ledger.Share(f); err == nil {
		_, err = f.Write(append(b, '\n'))
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	return err
}
