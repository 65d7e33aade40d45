package export

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
)

// maxCursor is more than a cursor file ever has, in bytes.
const maxCursor = 4096

// ErrInUse says that another process has a cursor.
var ErrInUse = errors.New("another process ships with it")

// A Cursor is a file that holds how far a ledger was shipped. One process at a
// time may have it: it holds a flock on a file of that name with ".lock".
type Cursor struct {
	path string
	lock *os.File
}

// OpenCursor takes the cursor at path, which need not exist yet. Its error wraps
// ErrInUse if another process has it.
func OpenCursor(path string) (*Cursor, error) {
	lock, err := openLock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("lock the cursor %s: %w", path, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, fmt.Errorf("lock the cursor %s: %w", path, err)
	}
	return &Cursor{path, lock}, nil
}

// openLock opens a file to lock, and makes it if it is missing: beside a ledger,
// for all who may use that.
func openLock(name string) (*os.File, error) {
	const flags = os.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK
	f, err := os.OpenFile(name, flags|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.OpenFile(name, flags, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := ledger.Share(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close lets others have the cursor.
func (c *Cursor) Close() error { return c.lock.Close() }

// Load reads the cursor; false if there is no file yet. A file that is no
// cursor is an error: nobody knows what was shipped.
func (c *Cursor) Load() (p Position, there bool, err error) {
	f, err := os.OpenFile(c.path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("read the cursor: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCursor+1))
	if err != nil {
		return p, false, fmt.Errorf("read the cursor: %w", err)
	}
	if p, err = parseCursor(b); err != nil {
		return Position{}, false, fmt.Errorf("read the cursor %s: it is no cursor: %w", c.path, err)
	}
	return p, true, nil
}

func parseCursor(b []byte) (p Position, err error) {
	if len(b) > maxCursor {
		return p, fmt.Errorf("it has more than %d bytes", maxCursor)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, errors.New("there is more than one value")
	}
	sum, err := hex.DecodeString(p.SHA256)
	if err != nil || len(sum) != 32 || p.Ledger == "" || p.Record == 0 || p.Offset < 0 {
		return p, errors.New("a field is missing or wrong")
	}
	return p, nil
}

// Save replaces the cursor, so that after a crash there is the old one or the
// new one. What it points behind must have been written before.
func (c *Cursor) Save(p Position) error {
	if err := c.save(p); err != nil {
		return fmt.Errorf("write the cursor %s: %w", c.path, err)
	}
	return nil
}

func (c *Cursor) save(p Position) error {
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	dir := filepath.Dir(c.path)
	f, err := os.CreateTemp(dir, filepath.Base(c.path)+".new-*")
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
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
