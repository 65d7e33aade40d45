package export

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pathgate/pathgate/internal/ledger"
)

// ErrNotBorneOut says that the journal is not the one that was read before: it
// was cut, changed, replaced or restored from a copy.
var ErrNotBorneOut = errors.New("the journal does not bear it out")

// errStop ends the reading of the journal.
var errStop = errors.New("stop")

// A Position is a record that was read, and where. The zero value is the
// beginning of any ledger.
type Position struct {
	Ledger string `json:"ledger"` // the ledger's ID
	Record uint64 `json:"record"` // its seq
	SHA256 string `json:"sha256"` // of its line without the newline, in hex
	Offset int64  `json:"offset"` // of its first byte in the journal
}

// LedgerID reads the ID of the ledger in dir from its first line.
func LedgerID(dir string) (string, error) {
	id := ""
	err := ledger.Read(dir, 0, func(line *ledger.Line) error {
		id = line.Entry.Ledger
		return errStop
	})
	if err != nil && !errors.Is(err, errStop) {
		return "", err
	}
	if id == "" {
		return "", fmt.Errorf("read the ledger %s: %w: line 1 names no ledger", ledger.NameOf(dir), ledger.ErrDamaged)
	}
	return id, nil
}

// A Tail reads a ledger, and goes on where it was when more is there. It takes
// no lock and no notice of the index, and holds each line against the one
// before, so that no line can be lost or put in unseen.
type Tail struct {
	dir  string
	at   Position    // the last line that was read
	end  int64       // where it ended
	file fs.FileInfo // of the journal, when it was last looked at; nil of a ledger in a database
}

// NewTail begins at the first line of the ledger in dir, a folder or the URL of
// a database.
func NewTail(dir string) (*Tail, error) {
	id, err := LedgerID(dir)
	if err != nil {
		return nil, err
	}
	t := &Tail{dir: dir, at: Position{Ledger: id}}
	t.file, _, err = t.stat()
	return t, err
}

// Position tells which line was read last.
func (t *Tail) Position() Position { return t.at }

// stat looks at the journal's file, if it has one, and its size.
func (t *Tail) stat() (file fs.FileInfo, size int64, err error) {
	if ledger.IsURL(t.dir) {
		size, err = ledger.Size(t.dir)
		return nil, size, err
	}
	info, err := os.Stat(filepath.Join(t.dir, ledger.JournalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("read the ledger %s: %w: %w", t.dir, ledger.ErrMissing, err)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the ledger %s: %w", t.dir, err)
	}
	return info, info.Size(), nil
}

// Resume goes to behind p. It fails with ErrNotBorneOut if the journal has not
// that line there.
func (t *Tail) Resume(p Position) error {
	if p.Ledger != t.at.Ledger {
		return fmt.Errorf("%w: it is of ledger %s, this is ledger %s", ErrNotBorneOut, p.Ledger, t.at.Ledger)
	}
	found, end := false, int64(0)
	err := ledger.Read(t.dir, p.Offset, func(line *ledger.Line) error {
		found, end = line.Entry.Seq == p.Record && sumOf(line.Raw) == p.SHA256, line.End()
		return errStop
	})
	if err != nil && !errors.Is(err, errStop) && !errors.Is(err, ledger.ErrDamaged) {
		return err
	}
	if !found {
		return fmt.Errorf("%w: record %d with SHA-256 %s is not at byte %d of the ledger %s: the journal was cut, changed or restored",
			ErrNotBorneOut, p.Record, p.SHA256, p.Offset, ledger.NameOf(t.dir))
	}
	t.at, t.end = p, end
	return nil
}

// History calls fn for each line up to the position, that one included.
func (t *Tail) History(fn func(*ledger.Line) error) error {
	if t.end == 0 {
		return nil
	}
	err := ledger.Read(t.dir, 0, func(line *ledger.Line) error {
		if line.Offset >= t.end {
			return errStop
		}
		return fn(line)
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// Read calls fn for each complete line that it has not read yet. A line that
// does not follow the one before is ErrNotBorneOut; an error of fn is returned
// as it is, and the line counts as not read.
func (t *Tail) Read(fn func(*ledger.Line) error) error {
	return ledger.Read(t.dir, t.end, func(line *ledger.Line) error {
		e := &line.Entry
		if e.Seq != t.at.Record+1 || e.Prev != t.at.SHA256 || t.at.Record == 0 && e.Ledger != t.at.Ledger {
			return fmt.Errorf("%w: the line at byte %d, record %d, does not follow record %d of ledger %s",
				ErrNotBorneOut, line.Offset, e.Seq, t.at.Record, t.at.Ledger)
		}
		if err := fn(line); err != nil {
			return err
		}
		t.at.Record, t.at.SHA256, t.at.Offset, t.end = e.Seq, sumOf(line.Raw), line.Offset, line.End()
		return nil
	})
}

// Grown reports whether the journal is longer than what was read. A journal
// that is another file now, or shorter, must still have the line that was read
// last, or that is ErrNotBorneOut.
func (t *Tail) Grown() (bool, error) {
	file, size, err := t.stat()
	if err != nil {
		return false, err
	}
	replaced := file != nil && !os.SameFile(file, t.file)
	if t.at.Record > 0 && (replaced || size < t.end) {
		if err := t.Resume(t.at); err != nil {
			return false, err
		}
	}
	t.file = file
	return size > t.end, nil
}

func sumOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}
