package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Options say how a ledger is opened.
type Options struct {
	// Root is the policy's root. It must be the one that the ledger was made
	// for, or moved to.
	Root string
	// Wait is how long to wait for other processes, ten seconds if zero.
	Wait time.Duration
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Hints say what will be asked of a ledger in a database.
	Hints Hints
	// ReadOnly opens a ledger in a database without its lock, for a role that
	// may only read: what is asked comes from one moment, and Append fails. One
	// in files has to be locked even so.
	ReadOnly bool
	// Copy is the folder of this host's copy of a ledger in a database, empty if
	// there is none. A database that has not the copy's last line where the copy
	// has it was cut, changed or put back from a backup, and is not opened:
	// ErrContradicted. What was changed before that line UpdateCopy does not see
	// either; Verify does. A copy that is not there yet, or behind, says nothing.
	Copy string

	host   *host  // tests make it fail
	copied uint64 // the copy's last record, which will be wanted
}

// A Ledger is an open ledger. It holds the ledger's lock from Open to Close,
// so nothing slow may happen in between; that of a ledger in a database ends
// with Append, and the next Append takes it again. It is for one goroutine.
type Ledger struct {
	dir     string
	o       Options
	ctx     context.Context // bounds waiting for the index
	cancel  context.CancelFunc
	host    *host
	boot    string
	journal *os.File
	info    fs.FileInfo // the journal when it was opened
	id      string
	head    head
	index   *index // nil if it has to be opened again
	model   kv     // in place of the index: a ledger of the past, which Verify makes
	store   store  // in place of journal and index: a database; nil if the ledger is in files
	goesOn  bool   // the append in hand is one of AppendOn
	failed  error  // why nothing can be appended any more
}

// Open opens the ledger in dir, a folder or the URL of a database, and locks
// it. The index is brought up to date,
// and rebuilt if it has to be. A torn last line is taken off, and a repair
// entry says so. It never creates a ledger.
//
// Its errors wrap ErrMissing, ErrBusy, ErrNetwork, ErrVersion, ErrCut,
// ErrTorn, ErrDamaged or ErrRoot, or are the system's; of a database also
// ErrUnreachable or ErrStale, and with Options.Copy ErrContradicted or ErrCopy.
func Open(ctx context.Context, dir string, o Options) (*Ledger, error) {
	l, err := openBorneOut(ctx, dir, o)
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", nameOf(dir), err)
	}
	return l, nil
}

// openBorneOut is open that holds the ledger against this host's copy. The copy
// is read first: it may have grown when the ledger is open.
func openBorneOut(ctx context.Context, dir string, o Options) (*Ledger, error) {
	if o.Copy == "" {
		return open(ctx, dir, o)
	}
	end, err := endOfCopy(o.Copy)
	if err != nil {
		return nil, err
	}
	o.copied = end.head.seq
	l, err := open(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	if err := l.bearOut(&end); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func open(ctx context.Context, dir string, o Options) (*Ledger, error) {
	if isURL(dir) {
		return openStore(ctx, dir, o)
	}
	l, err := begin(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	if err := l.settle(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// begin locks the journal and reads its first line.
func begin(ctx context.Context, dir string, o Options) (*Ledger, error) {
	l := &Ledger{dir: dir, o: o, host: o.host}
	if l.host == nil {
		l.host = realHost()
	}
	if l.o.Now == nil {
		l.o.Now = time.Now
	}
	l.boot = l.host.bootID()
	l.ctx, l.cancel = withWait(ctx, o.Wait)
	if err := l.host.checkFileSystem(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.cancel()
		return nil, err
	}
	var err error
	l.journal, l.info, err = openJournal(l.ctx, l.path(JournalName), os.O_RDWR|os.O_APPEND, unix.LOCK_EX)
	if err != nil {
		l.cancel()
		return nil, err
	}
	first, err := readFirst(l.journal)
	if err != nil {
		l.Close()
		return nil, err
	}
	l.id = first.Ledger
	return l, nil
}

// readFirst reads the journal's first line, which says whose it is.
func readFirst(journal io.ReaderAt) (Entry, error) {
	var first *Entry
	stop := errors.New("one is enough")
	_, err := walk(journal, head{}, MaxLine, func(e *Entry, _ place, _ []byte) error {
		first = e
		return stop
	})
	switch {
	case err != nil && !errors.Is(err, stop):
		return Entry{}, err
	case first == nil:
		return Entry{}, damaged(1, "there is no first line")
	case first.Version > Version:
		return Entry{}, fmt.Errorf("%w: version %d, and this pathgate knows %d", ErrVersion, first.Version, Version)
	case first.Version < 1 || first.Ledger == "":
		return Entry{}, damaged(1, "it names no ledger or no version")
	}
	return *first, nil
}

// settle makes index and journal agree, and the journal end in a whole line.
func (l *Ledger) settle() error {
	if err := l.catchUp(l.info.Size()); err != nil {
		return err
	}
	return l.finish(l.info.Size())
}

// finish checks the root and takes a torn line off.
func (l *Ledger) finish(size int64) error {
	root, err := l.root()
	if err != nil {
		return err
	}
	if root != rootHash(l.o.Root) {
		return fmt.Errorf("%w than %s: the policy or the ledger is the wrong one, or the root was moved; "+
			"pathgate ledger repair records a move", ErrRoot, l.o.Root)
	}
	if size > l.head.end {
		return l.dropTail(size)
	}
	return nil
}

// root reads the policy root's hash that the ledger goes by now.
func (l *Ledger) root() (root string, err error) {
	err = l.look(func(s kv) error {
		v, err := s.Get(key(keyRoot))
		root = string(v)
		return err
	})
	return root, err
}

// dropTail takes an unfinished line off the journal's end, where a writer was
// interrupted. Nobody was told that it is recorded. The repair is on record,
// with the line's hash, at a time that is not before the last entry's.
func (l *Ledger) dropTail(size int64) error {
	tail := io.NewSectionReader(l.journal, l.head.end, size-l.head.end)
	sum := sha256.New()
	if _, err := io.Copy(sum, tail); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	fd := int(l.journal.Fd())
	if err := l.host.truncate(fd, l.head.end); err != nil {
		return fmt.Errorf("%w after byte %d: %w; take the append-only attribute off (chattr -a %s), "+
			"open the ledger once (pathgate status), and put it on again", ErrTorn, l.head.end, err, l.path(JournalName))
	}
	now := l.o.Now()
	if now.Before(l.head.time) {
		now = l.head.time
	}
	return l.append(now, &Entry{Type: TypeRepair, Reason: fmt.Sprintf(
		"dropped %d bytes of an unfinished line, SHA-256 %s", size-l.head.end, hex.EncodeToString(sum.Sum(nil)))})
}

// Close gives up the lock. It may be called again.
func (l *Ledger) Close() error {
	l.cancel()
	if l.store != nil {
		l.store.close()
		return nil
	}
	l.index.close()
	l.index = nil
	if err := l.journal.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close the ledger %s: %w", l.dir, err)
	}
	return nil
}

// ID is the ledger's own name, 32 hex digits.
func (l *Ledger) ID() string { return l.id }

// IDOf is the ID of the ledger in dir, without a lock.
func IDOf(dir string) (string, error) {
	f, _, err := openToRead(dir)
	if err != nil {
		return "", err
	}
	defer f.Close()
	first, err := readFirst(f)
	if err != nil {
		return "", fmt.Errorf("read the ledger %s: %w", nameOf(dir), err)
	}
	return first.Ledger, nil
}

// Last is the sequence number, time and hash of the last entry.
func (l *Ledger) Last() (seq uint64, at time.Time, sha256 string) {
	return l.head.seq, l.head.time, l.head.hash.String()
}

func (l *Ledger) path(name string) string { return filepath.Join(l.dir, name) }
