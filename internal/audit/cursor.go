package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A hash is the SHA-256 of a line without its newline.
type hash [sha256.Size]byte

func (h hash) String() string { return hex.EncodeToString(h[:]) }

// A place is a line of the journal that a sink has taken.
type place struct {
	record     uint64
	start, end int64 // in the journal, newline included
	hash       hash
}

// A cursor is how far a sink has come. Its file has two slots that are written
// in turn and in place, each with a checksum: a reader finds one that is whole
// at any moment, also after a crash, and no write has to be synced. What is
// lost of it makes a sink get lines twice.
//
// A slot is text, and newlines up to slotSize:
//
//	pathgate audit cursor 1
//	generation NUMBER          the slot with the higher one counts
//	ledger ID
//	line RECORD START END SHA-256
//	...
//	sha256 HEX                 of all before this line
//
// The last line is of the newest record that was taken; those before it are of
// the newest odd one, the newest that 2 divides and 4 does not, and so on. Where
// a journal was put back from a copy, one of them is in both, and the longer
// ago that copy was made, the farther apart they stand.
type cursor struct {
	f          *os.File
	damaged    bool // there is a file, and no slot of it holds
	generation uint64
	ledger     string
	trail      []place // oldest first; the last one is where to go on
}

const (
	slotSize    = 4096
	cursorMagic = "pathgate audit cursor 1\n"
)

func cursorPath(dir, sink string) string { return filepath.Join(dir, "audit."+sink+".cursor") }

// lockCursor opens a sink's cursor, and makes it if it is missing. It returns
// nil if another process holds it. The lock lasts until close.
func lockCursor(dir, sink string) (*cursor, error) {
	name := cursorPath(dir, sink)
	for range 10 {
		f, err := openCursor(dir, name)
		if err != nil {
			return nil, err
		}
		err = retry(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
		if errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, nil
		}
		if err == nil && !samePath(f, name) {
			f.Close()
			continue
		}
		c := &cursor{f: f}
		if err == nil {
			err = c.load()
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		return c, nil
	}
	return nil, fmt.Errorf("lock %s: it is replaced again and again", name)
}

// openCursor opens the file, and makes it if it is missing.
func openCursor(dir, name string) (*os.File, error) {
	const flags = os.O_RDWR | syscall.O_NONBLOCK | syscall.O_NOFOLLOW
	f, err := os.OpenFile(name, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return create(name, flags, dir)
	}
	return f, err
}

// create makes a file, unless somebody else has just done so. Whatever the umask
// is, it may be used by those who may use the journal in dir, and if root makes
// it, it belongs to the folder's owner.
func create(name string, flags int, dir string) (*os.File, error) {
	journal, err := os.Stat(filepath.Join(dir, ledger.JournalName))
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", name, err)
	}
	f, err := os.OpenFile(name, flags|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return os.OpenFile(name, flags, 0)
	}
	if err != nil {
		return nil, err
	}
	if err := handOver(f, dir, journal.Mode().Perm()&^0o111); err != nil {
		f.Close()
		os.Remove(name)
		return nil, fmt.Errorf("make %s: %w", name, err)
	}
	return f, nil
}

func handOver(f *os.File, dir string, mode fs.FileMode) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(mode)
}

func samePath(f *os.File, name string) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	at, err := os.Lstat(name)
	return err == nil && os.SameFile(have, at)
}

// peek reads how far a sink has come without locking; the zero place if that is
// nowhere.
func peek(dir, sink string) (place, error) {
	f, err := os.OpenFile(cursorPath(dir, sink), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return place{}, nil
	}
	if err != nil {
		return place{}, err
	}
	defer f.Close()
	c := &cursor{f: f}
	if err := c.load(); err != nil || len(c.trail) == 0 {
		return place{}, err
	}
	return c.trail[len(c.trail)-1], nil
}

// load reads the better of the two slots.
func (c *cursor) load() error {
	b := make([]byte, 2*slotSize)
	n, err := c.f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", c.f.Name(), err)
	}
	c.damaged = n > 0
	for _, slot := range [...][]byte{b[:slotSize], b[slotSize:]} {
		if found, ok := parseSlot(slot); ok && (c.damaged || found.generation > c.generation) {
			c.generation, c.ledger, c.trail, c.damaged = found.generation, found.ledger, found.trail, false
		}
	}
	return nil
}

func parseSlot(b []byte) (c cursor, ok bool) {
	body, check, ok := bytes.Cut(bytes.TrimRight(b, "\n\x00"), []byte("sha256 "))
	rest, magic := bytes.CutPrefix(body, []byte(cursorMagic))
	sum := sha256.Sum256(body)
	if !ok || !magic || string(check) != hex.EncodeToString(sum[:]) {
		return c, false
	}
	r := bytes.NewReader(rest)
	if _, err := fmt.Fscanf(r, "generation %d\nledger %s\n", &c.generation, &c.ledger); err != nil {
		return c, false
	}
	for r.Len() > 0 {
		var p place
		var sum string
		if _, err := fmt.Fscanf(r, "line %d %d %d %s\n", &p.record, &p.start, &p.end, &sum); err != nil {
			return c, false
		}
		if n, err := hex.Decode(p.hash[:], []byte(sum)); err != nil || n != len(p.hash) {
			return c, false
		}
		c.trail = append(c.trail, p)
	}
	return c, len(c.trail) > 0
}

// take moves the cursor behind a line, in memory.
func (c *cursor) take(p place) {
	level := bits.TrailingZeros64(p.record)
	c.trail = slices.DeleteFunc(c.trail, func(old place) bool { return bits.TrailingZeros64(old.record) == level })
	c.trail = append(c.trail, p)
	if len(c.trail) > maxTrail {
		c.trail = c.trail[len(c.trail)-maxTrail:]
	}
}

// maxTrail lines fit into a slot, whatever their numbers are.
const maxTrail = 28

// save writes the cursor into the slot that is due. The first time it also
// makes the file itself durable.
func (c *cursor) save() error {
	if len(c.trail) == 0 {
		return nil
	}
	c.generation++
	b := fmt.Appendf(make([]byte, 0, slotSize), "%sgeneration %d\nledger %s\n", cursorMagic, c.generation, c.ledger)
	for _, p := range c.trail {
		b = fmt.Appendf(b, "line %d %d %d %s\n", p.record, p.start, p.end, p.hash)
	}
	b = fmt.Appendf(b, "sha256 %x", sha256.Sum256(b))
	b = append(b, bytes.Repeat([]byte("\n"), slotSize-len(b))...)
	if _, err := c.f.WriteAt(b, int64(c.generation%2)*slotSize); err != nil {
		return fmt.Errorf("write %s: %w", c.f.Name(), err)
	}
	if c.generation == 1 {
		return c.settle()
	}
	return nil
}

// settle makes a new cursor's file durable, so that later writes need no more
// than to be made.
func (c *cursor) settle() error {
	if err := c.f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", c.f.Name(), err)
	}
	d, err := os.Open(filepath.Dir(c.f.Name()))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// close gives up the lock.
func (c *cursor) close() { c.f.Close() }

func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
