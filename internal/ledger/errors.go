package ledger

import (
	"errors"
	"fmt"
)

// The errors that callers tell apart with errors.Is. Each is wrapped with the
// file or record it is about; all of them are faults, never refusals.
var (
	// ErrExists: Create found a journal, an index or a snapshot.
	ErrExists = errors.New("a ledger is there already")
	// ErrMissing: the folder has no journal. Open never makes one.
	ErrMissing = errors.New("there is no ledger")
	// ErrBusy: another process held the ledger for as long as we may wait.
	ErrBusy = errors.New("the ledger is busy")
	// ErrNetwork: the folder is on a file system whose locks and syncs cannot
	// be relied on.
	ErrNetwork = errors.New("the ledger is on a network or FUSE file system")
	// ErrVersion: a newer pathgate wrote the ledger.
	ErrVersion = errors.New("the ledger has a newer format")
	// ErrCut: the journal is not the one that the index or the snapshot saw:
	// it was cut, replaced, or restored from a copy. Repair goes on from there.
	ErrCut = errors.New("the journal was cut, replaced or restored")
	// ErrTorn: the journal ends in an unfinished line that cannot be taken
	// off, as under chattr +a. Take the attribute off and open it again.
	ErrTorn = errors.New("the journal ends in an unfinished line")
	// ErrDamaged: a complete line does not hold. Nothing mends that but the
	// file as it was.
	ErrDamaged = errors.New("the journal is damaged")
	// ErrNotLinked: the ledger's place is a URL, and this build has only files.
	ErrNotLinked = errors.New("this pathgate was built without PostgreSQL: install it with ./install.sh --postgres")
	// ErrRoot: the ledger was made for another policy root. Repair moves it.
	ErrRoot = errors.New("the ledger belongs to another root")
	// ErrUnreachable: the ledger is in a database, and none of its servers could
	// be reached, or none takes writes.
	ErrUnreachable = errors.New("the ledger's database cannot be reached")
	// ErrDenied: the ledger is in a database that does not let this server in: the
	// role may not log in or lacks a right, or the password is wrong or not there.
	ErrDenied = errors.New("the ledger's database does not let this server in")
	// ErrPassfile: the ledger is in a database, and the file with its password is
	// not there, cannot be read, or can be read by everybody.
	ErrPassfile = errors.New("the ledger's passfile cannot be used")
	// ErrStale: the database has the projections of another version. Rebuild
	// makes them anew; Open does not, as a push would have to wait for it.
	ErrStale = errors.New("the ledger's tables must be made anew")
	// ErrMoved: others have written to a ledger in a database between two calls
	// of Append, and what was to be appended was decided before that. Nothing was
	// written: ask and decide again.
	ErrMoved = errors.New("the ledger went on meanwhile")
	// ErrClock: the clock is more than five minutes behind the last entry.
	// Repair goes on from there.
	ErrClock = errors.New("the clock is behind the ledger")
	// ErrWrite: an entry could not be made durable. It must be taken as not
	// written, and the ledger must be opened anew.
	ErrWrite = errors.New("the ledger could not be written")
	// ErrTooLong: an entry does not fit into MaxLine bytes.
	ErrTooLong = errors.New("the entry is too long")
	// ErrTooMany: more principals have spoken about a commit than are read.
	ErrTooMany = errors.New("there are too many statements")
	// ErrNotOpen: an entry would settle an intent that is not open.
	ErrNotOpen = errors.New("the intent is not open")
	// ErrSound: Repair found nothing that needs accepting.
	ErrSound = errors.New("the ledger needs no repair")

	// errIndex: the index cannot be read or contradicts itself. It never
	// leaves the package: the index is rebuilt.
	errIndex = errors.New("the index is damaged")
)

// damaged says which line does not hold and what that means.
func damaged(line uint64, format string, args ...any) error {
	return fmt.Errorf("%w: line %d: %s; a line was changed, lost or put in, and no repair can make up for it: "+
		"restore the file as it was, or set it aside and start a new ledger", ErrDamaged, line, fmt.Sprintf(format, args...))
}
