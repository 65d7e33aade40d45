package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

const bucketName = "pathgate"

// An index is a bbolt file that can be thrown away. bbolt panics on a damaged
// file, so everything that touches it runs under guard; after a panic its
// locks may be held for ever, and only the file itself can be closed.
type index struct {
	db       *bbolt.DB
	file     *os.File
	host     *host
	panicked bool
	fresh    bool // being filled by this process: absent keys need no proof
}

// openIndex takes over file, which must be open for reading and writing, and
// takes bbolt's own lock on it within wait. An error wraps errIndex where the
// file is damaged.
func openIndex(file *os.File, h *host, wait time.Duration) (*index, error) {
	x := &index{file: file, host: h}
	err := x.guard(func() (err error) {
		x.db, err = bbolt.Open(file.Name(), 0, &bbolt.Options{
			Timeout:      max(wait, 100*time.Millisecond), // bbolt looks every 50 ms
			NoSync:       true,
			NoGrowSync:   true,
			NoStatistics: true,
			FreelistType: bbolt.FreelistArrayType,
			OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return file, nil },
		})
		return err
	})
	switch {
	case err == nil:
		return x, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		err = fmt.Errorf("%w: another process holds its index", ErrBusy)
	case !errors.Is(err, errIndex):
		err = fmt.Errorf("%w: %v", errIndex, err)
	}
	x.close()
	return nil, err
}

// guard runs f and turns a panic, also one of the memory mapping, into an
// error that wraps errIndex.
func (x *index) guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			x.panicked = true
			err = fmt.Errorf("%w: %v", errIndex, r)
		}
	}()
	return f()
}

// close gives the file and its lock back. After a panic it leaves the memory
// mapping behind, as bbolt cannot be asked any more.
func (x *index) close() {
	if x == nil {
		return
	}
	if x.db != nil && !x.panicked && x.guard(x.db.Close) == nil {
		return
	}
	// A mapping that is left behind would keep the file's lock.
	_ = unix.Flock(int(x.file.Fd()), unix.LOCK_UN)
	_ = x.file.Close() // a second close is harmless
}

// view runs f on the projections as they are.
func (x *index) view(f func(kv) error) error {
	return x.guard(func() error {
		return x.db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucketName))
			if b == nil {
				return fmt.Errorf("%w: no bucket", errIndex)
			}
			return f(bucket{b, x.fresh})
		})
	})
}

// update runs f and sets the watermark, in one transaction.
func (x *index) update(w watermark, f func(kv) error) error {
	return x.guard(func() error {
		return x.db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucketName))
			if err != nil {
				return err
			}
			if err := f(bucket{b, x.fresh}); err != nil {
				return err
			}
			if err := (bucket{b, true}).Put(key(keyMark), w.encode()); err != nil {
				return err
			}
			return x.host.commit()
		})
	})
}

// watermark reads what the index has seen. A watermark that is not there or
// has a wrong checksum is an error that wraps errIndex.
func (x *index) watermark() (w watermark, err error) {
	err = x.guard(func() error {
		return x.db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucketName))
			if b == nil {
				return fmt.Errorf("%w: no bucket", errIndex)
			}
			v, err := bucket{b, true}.Get(key(keyMark))
			if err != nil {
				return err
			}
			var ok bool
			if w, ok = decodeWatermark(v); !ok {
				return fmt.Errorf("%w: no watermark", errIndex)
			}
			return nil
		})
	})
	return w, err
}

// openIndexAt opens the index file of that name and makes sure that it is
// still the one at its name once it is locked: if it was removed meanwhile,
// another process could hold a second one.
func openIndexAt(name string, h *host, wait time.Duration) (*index, error) {
	for range 8 {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errIndex, err)
		}
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			f.Close()
			return nil, fmt.Errorf("%w: %s is not a regular file", errIndex, name)
		}
		x, err := openIndex(f, h, wait)
		if err != nil {
			return nil, err
		}
		now, err := os.Stat(name)
		if err == nil && os.SameFile(info, now) {
			return x, nil
		}
		x.close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %w", errIndex, err)
		}
	}
	return nil, fmt.Errorf("%w: %s does not stay the same file", ErrBusy, name)
}
