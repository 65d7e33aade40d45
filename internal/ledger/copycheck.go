package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrCopy: the folder that a policy names as copy has something else than a
// copy of the shared ledger's lines. Name another folder, an empty one.
var ErrCopy = errors.New("the folder of this host's copy has something else")

// A copyEnd is what a copy of a shared ledger's lines ends with.
type copyEnd struct {
	dir    string
	ledger string // the ID of the ledger that it is of
	head   head   // of its last line; zero if there is none yet
}

// CheckCopyFolder looks whether dir may be the folder of a copy: it is not there
// yet, or empty, or has a copy and not a ledger of its own. The error wraps
// ErrCopy. That the copy is of the right ledger Open finds: see Options.Copy.
func CheckCopyFolder(dir string) error {
	_, err := endOfCopy(dir)
	return err
}

// endOfCopy reads the first and the last line of a copy.
func endOfCopy(dir string) (end copyEnd, err error) {
	end.dir = dir
	if _, err := os.Lstat(filepath.Join(dir, IndexName)); err == nil {
		return end, fmt.Errorf("%w: %s is the folder of a ledger in files, as it has %s; name another folder as copy", ErrCopy, dir, IndexName)
	}
	f, info, err := openRegular(filepath.Join(dir, JournalName))
	if errors.Is(err, fs.ErrNotExist) {
		return end, nil
	}
	if err != nil {
		return end, fmt.Errorf("%w: %w", ErrCopy, err)
	}
	defer f.Close()
	if end.head, err = lastLine(f, info.Size()); err != nil {
		return end, fmt.Errorf("%w: %w", ErrCopy, err)
	}
	if end.head.seq == 0 {
		return end, nil
	}
	first, err := readFirst(f)
	if err != nil {
		return end, fmt.Errorf("%w: %w", ErrCopy, err)
	}
	end.ledger = first.Ledger
	return end, nil
}

// bearOut holds an open shared ledger against the end of a copy that was read
// before: what the copy has, the ledger must have. It asks the database nothing
// if Open was given the copy's last record as a hint.
func (l *Ledger) bearOut(c *copyEnd) error {
	h := c.head
	switch {
	case h.seq == 0:
		return nil
	case c.ledger != l.id:
		return fmt.Errorf("%w: %s is a copy of ledger %s, and this is ledger %s; name another folder as copy", ErrCopy, c.dir, c.ledger, l.id)
	case h.seq > l.head.seq:
		return fmt.Errorf("%w: the copy in %s has record %d, and the ledger ends with record %d: it was cut, or put back from a backup%s",
			ErrContradicted, c.dir, h.seq, l.head.seq, setAside)
	}
	at := l.head.hash
	if h.seq < l.head.seq {
		var err error
		if at, err = l.hashOf(h); err != nil {
			return err
		}
	}
	if at != h.hash {
		return fmt.Errorf("%w: record %d in %s is another one: the ledger was changed, or the copy%s", ErrContradicted, h.seq, c.dir, setAside)
	}
	return nil
}

// hashOf is the hash of the line that the ledger has where h is.
func (l *Ledger) hashOf(h head) (out hash, err error) {
	raw, err := l.bytesAt(place{seq: h.seq, offset: h.start, length: h.end - h.start, hash: h.hash})
	if err != nil || len(raw) == 0 {
		return out, err
	}
	return sha256.Sum256(raw[:len(raw)-1]), nil
}
