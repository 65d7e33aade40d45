package witness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/tlog"
)

// The names in the folder of a witness.
const (
	KeyName        = "witness.key"
	CheckpointName = "checkpoint"
	LogKeyName     = "log.key"
	AlarmsName     = "alarms.jsonl"
	lockName       = "lock"
	ledgersName    = "ledgers"
	forksName      = "forks"
)

// Errors that callers tell apart with errors.Is. They are faults: nothing was
// judged.
var (
	// ErrBusy: another process held the witness for longer than we may wait.
	ErrBusy = errors.New("the witness is busy")
	// ErrState: the folder is not as the witness left it.
	ErrState = errors.New("the witness's state cannot be relied on")
)

// Options say how a witness works.
type Options struct {
	// Key is the file of the secret key; if empty, witness.key in the folder.
	Key string
	// Now is the clock.
	Now func() time.Time
	// Log is told of each alarm in one line; nil if there is no log. loud is
	// true of those that must wake somebody.
	Log func(loud bool, line string)
	// Wait is how long to wait for the lock; if zero, ten seconds.
	Wait time.Duration
}

// A Witness is the memory of what ledgers have said. Several processes may use
// one folder.
type Witness struct {
	dir    string
	signer note.Signer
	own    note.Verifier
	o      Options
	// step is called before each step that a crash may come before; tests make
	// it fail there.
	step func(what string) error
}

// Make makes the folder of a new witness and its key, and returns the verifier
// key. The name is for people: a host name or the like. The folder may be there
// and empty of a key; a key that is there is an error that wraps fs.ErrExist.
func Make(dir, name string, random io.Reader) (verifier string, err error) {
	secret, verifier, err := tlog.GenerateWitnessKey(random, name)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = checkFolder(dir)
	}
	if err == nil {
		err = tlog.WriteKey(filepath.Join(dir, KeyName), secret)
	}
	if err != nil {
		return "", fmt.Errorf("make the witness %s: %w", dir, err)
	}
	return verifier, nil
}

// Open opens the folder of a witness. The folder must not be writable for
// others than its owner, nor the key readable.
func Open(dir string, o Options) (*Witness, error) {
	w, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open the witness %s: %w", dir, err)
	}
	return w, nil
}

func open(dir string, o Options) (*Witness, error) {
	if o.Key == "" {
		o.Key = filepath.Join(dir, KeyName)
	}
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	secret, err := tlog.ReadKey(o.Key)
	if err != nil {
		return nil, err
	}
	signer, err := tlog.NewSigner(secret, o.Now)
	if err != nil {
		return nil, err
	}
	public, err := tlog.VerifierKey(secret)
	if err != nil {
		return nil, err
	}
	if _, ok := tlog.LedgerOf(signer.Name()); ok {
		return nil, fmt.Errorf("the key %s is a ledger's, and not a witness's", o.Key)
	}
	own, err := tlog.NewVerifier(public)
	if err != nil {
		return nil, err
	}
	return &Witness{dir: dir, signer: signer, own: own, o: o, step: func(string) error { return nil }}, nil
}

func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is not a folder", ErrState, dir)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%w: %s may be written by others than its owner (mode %04o): chmod 700", ErrState, dir, info.Mode().Perm())
	}
	return nil
}

// lock takes the lock, and returns what lets go of it.
func (w *Witness) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, w.o.Wait)
	defer cancel()
	f, err := os.OpenFile(filepath.Join(w.dir, lockName), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the witness: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock the witness: %w", err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock the witness: %w: %w", ErrBusy, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Verifier checks the signatures of this witness.
func (w *Witness) Verifier() note.Verifier { return w.own }
