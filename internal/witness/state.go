package witness

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/tlog"
)

// A Known is the newest that a witness has seen of a ledger.
type Known struct {
	tlog.Checkpoint
	// Signed is the checkpoint as a signed note, with the signatures that it
	// came with, if any, and the witness's.
	Signed []byte
	// Seen is when the witness signed it: when it last saw that nothing is
	// missing. To the second.
	Seen time.Time
	// Forks is how much evidence against this ledger lies in the folder.
	Forks int
}

// Known is what the witness has seen of a ledger, by its ID; nil if it does
// not know it. It takes no lock.
func (w *Witness) Known(ledger string) (*Known, error) {
	k, err := w.known(ledger)
	if err == nil && k != nil {
		k.Forks, err = w.forks(ledger)
	}
	if err != nil {
		return nil, fmt.Errorf("read the witness %s: %w", w.dir, err)
	}
	return k, nil
}

// All is what the witness has seen of all ledgers, in the order of their IDs.
func (w *Witness) All() (all []*Known, err error) {
	entries, err := os.ReadDir(filepath.Join(w.dir, ledgersName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the witness %s: %w", w.dir, err)
	}
	for _, e := range entries {
		if _, ok := tlog.LedgerOf(tlog.Origin(e.Name())); !ok {
			continue
		}
		k, err := w.Known(e.Name())
		if err != nil {
			return nil, err
		}
		if k != nil {
			all = append(all, k)
		}
	}
	return all, nil
}

func (w *Witness) folder(ledger string) string { return filepath.Join(w.dir, ledgersName, ledger) }

func (w *Witness) known(ledger string) (*Known, error) {
	if _, ok := tlog.LedgerOf(tlog.Origin(ledger)); !ok {
		return nil, fmt.Errorf("%.60q is not the ID of a ledger", ledger)
	}
	name := filepath.Join(w.folder(ledger), CheckpointName)
	signed, err := readFile(name, tlog.MaxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var k *Known
	if err == nil {
		k, err = w.read(signed)
	}
	if err == nil && k.Origin != tlog.Origin(ledger) {
		err = fmt.Errorf("it is of %.80q", k.Origin)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrState, name, err)
	}
	return k, nil
}

// read reads a checkpoint that the witness has signed.
func (w *Witness) read(signed []byte) (*Known, error) {
	c, err := tlog.Peek(signed)
	if err != nil {
		return nil, err
	}
	n, err := note.Open(signed, note.VerifierList(w.own))
	if err != nil || len(n.Sigs) != 1 {
		return nil, fmt.Errorf("it is not signed by %s, this witness", w.own.Name())
	}
	// The key's ID, 4 bytes, and the time, 8 bytes, begin the signature.
	b, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil || len(b) < 12 || binary.BigEndian.Uint64(b[4:]) > math.MaxInt64 {
		return nil, fmt.Errorf("the key of %s is not one of a witness", w.own.Name())
	}
	return &Known{Checkpoint: c, Signed: signed, Seen: time.Unix(int64(binary.BigEndian.Uint64(b[4:])), 0).UTC()}, nil
}

// keep makes a checkpoint the newest that the witness has seen. It must be
// signed by the witness, and the lock be held.
func (w *Witness) keep(ledger string, signed []byte, logKey string) (*Known, error) {
	k, err := w.read(signed)
	if err != nil {
		return nil, fmt.Errorf("keep the checkpoint: %w", err)
	}
	dir := w.folder(ledger)
	if err := w.step("mkdir"); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep the checkpoint: %w", err)
	}
	if logKey != "" {
		if err := w.replace(dir, LogKeyName, []byte(logKey)); err != nil {
			return nil, fmt.Errorf("keep the ledger's key: %w", err)
		}
	}
	if err := w.replace(dir, CheckpointName, signed); err != nil {
		return nil, fmt.Errorf("keep the checkpoint: %w", err)
	}
	if err := errors.Join(syncFolder(w.dir), syncFolder(filepath.Dir(dir))); err != nil {
		return nil, fmt.Errorf("keep the checkpoint: %w", err)
	}
	if err := w.step("answer"); err != nil {
		return nil, err
	}
	return k, nil
}

// replace puts a file in the place of another, whole or not at all.
func (w *Witness) replace(dir, name string, b []byte) error {
	made := filepath.Join(dir, name+".new")
	if err := w.step("write " + name); err != nil {
		return err
	}
	if err := writeFile(made, b); err != nil {
		return err
	}
	if err := w.step("rename " + name); err != nil {
		return err
	}
	if err := os.Rename(made, filepath.Join(dir, name)); err != nil {
		return err
	}
	if err := w.step("sync " + name); err != nil {
		return err
	}
	return syncFolder(dir)
}

func writeFile(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// readFile reads a regular file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() > limit) {
		err = fmt.Errorf("%s is not a regular file of at most %d bytes", name, limit)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// logKeys are the keys that may sign for a ledger; none if none was given yet.
func (w *Witness) logKeys(ledger string) ([]note.Verifier, error) {
	b, err := readFile(filepath.Join(w.folder(ledger), LogKeyName), maxLogKeys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var keys []note.Verifier
	if err == nil {
		keys, err = parseKeys(string(b))
	}
	if err == nil && len(keys) == 0 {
		err = errors.New("it holds no key")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s of %s: %w", ErrState, LogKeyName, ledger, err)
	}
	return keys, nil
}

// maxLogKeys is the most bytes of a file with a ledger's verifier keys.
const maxLogKeys = 16 << 10

// parseKeys reads verifier keys, one a line; "#" begins a comment.
func parseKeys(text string) (keys []note.Verifier, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := tlog.NewVerifier(line)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}
