package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A Line is a line of the journal.
type Line struct {
	Entry  Entry
	Raw    []byte // without its newline; valid only during the call
	Offset int64  // of its first byte
	Number int64  // counted from one at the place where reading began
}

// End is where the next line will begin: where to go on reading.
func (l *Line) End() int64 { return l.Offset + int64(len(l.Raw)) + 1 }

// Read calls fn for each line from the offset from, which must be the
// beginning of a line. It takes no lock and no notice of the index, and stops
// before a last line that is not finished: it may be being written. It checks
// each line by itself, not the chain; Verify does that.
//
// A line that is no entry is ErrDamaged, an absent journal ErrMissing; an
// error of fn ends it and is returned as it is.
func Read(dir string, from int64, fn func(*Line) error) error {
	return ReadSome(dir, from, nil, fn)
}

// ReadSome is Read that passes over lines without a look at what else they say:
// those that want, if not nil, has no use for. Nothing of them is checked. It
// is not asked about lines of which a Peek cannot tell enough; these are read.
func ReadSome(dir string, from int64, want func(*Peek) bool, fn func(*Line) error) error {
	f, size, err := openToRead(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	l, p := &Line{}, &Peek{}
	end, tooLong, err := lines(f, from, size, func(raw []byte, at int64) error {
		l.Number++
		if want != nil && p.at(raw) && !want(p) {
			return nil
		}
		l.Entry, l.Raw, l.Offset = Entry{}, raw, at
		if _, err := decode(string(raw), &l.Entry); err != nil {
			return fmt.Errorf("read the ledger %s: %w", nameOf(dir), notALine(at, l.Number, from, err))
		}
		return fn(l)
	})
	if err == nil && tooLong && hasNewline(f, end, size) {
		err = fmt.Errorf("read the ledger %s: %w", nameOf(dir), notALine(end, l.Number+1, from, fmt.Errorf("more than %d bytes", MaxLine)))
	}
	return err
}

// notALine names a line by its number where that is known, else by its offset.
func notALine(at, number, from int64, err error) error {
	if from == 0 {
		return fmt.Errorf("%w: line %d: %w", ErrDamaged, number, err)
	}
	return fmt.Errorf("%w: the line at byte %d: %w", ErrDamaged, at, err)
}

// A journal is what lines are read from: a file, or a database as if it were.
type journal interface {
	io.ReaderAt
	io.Closer
}

// openToRead opens the journal without a lock and tells its size.
func openToRead(dir string) (journal, int64, error) {
	if !isURL(dir) {
		return openFile(dir)
	}
	f, size, err := storeLines(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("read the ledger %s: %w", nameOf(dir), err)
	}
	return f, size, nil
}

// Size is how many bytes the lines of the ledger in dir have, one that is not
// finished included: a folder, or the URL of a database. Its errors are Read's.
func Size(dir string) (int64, error) {
	f, size, err := openToRead(dir)
	if err != nil {
		return 0, err
	}
	return size, f.Close()
}

// openWhole is openToRead for who reads in no order. Of a database it makes a
// copy in a file that has no name.
func openWhole(dir string) (*os.File, int64, error) {
	if isURL(dir) {
		return storeCopy(dir)
	}
	return openFile(dir)
}

func openFile(dir string) (*os.File, int64, error) {
	f, info, err := openRegular(filepath.Join(dir, JournalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("read the ledger %s: %w: %w", dir, ErrMissing, err)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the ledger %s: %w", nameOf(dir), err)
	}
	return f, info.Size(), nil
}
