package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openJournal opens the journal and takes its lock, shared or exclusive, by
// the context's deadline. What it returns is locked, a regular file, and still
// the file at that name.
func openJournal(ctx context.Context, name string, flag, how int) (*os.File, fs.FileInfo, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrBusy, err)
		}
		f, err := os.OpenFile(name, flag|unix.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, fmt.Errorf("%w: %w; pathgate install makes one", ErrMissing, err)
		}
		if err != nil {
			return nil, nil, err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%w: %s is not a regular file", ErrDamaged, name)
		}
		if err == nil {
			err = lock(ctx, f, how)
			if errors.Is(err, ErrBusy) {
				return nil, nil, err // lock closes the file when it can
			}
		}
		if err != nil {
			f.Close()
			return nil, nil, err
		}
		if now, err := os.Stat(name); err == nil && os.SameFile(info, now) {
			info, err = f.Stat() // its size, now that nobody else may write
			return f, info, err
		}
		f.Close()
	}
}

// lock takes the lock of f. It waits in the kernel's queue, which is fair and
// wakes up at once. If the wait has to end before that, it fails with ErrBusy,
// and f is closed as soon as the queue lets go of it.
func lock(ctx context.Context, f *os.File, how int) error {
	fd := int(f.Fd())
	err := retry(func() error { return unix.Flock(fd, how|unix.LOCK_NB) })
	if err == nil || !errors.Is(err, unix.EWOULDBLOCK) {
		return err
	}
	got := make(chan error)
	go func() {
		err := retry(func() error { return unix.Flock(fd, how) })
		select {
		case got <- err:
		case <-ctx.Done():
			f.Close()
		}
	}()
	select {
	case err := <-got:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: waited for its lock, %w", ErrBusy, ctx.Err())
	}
}

// withWait bounds ctx by wait, ten seconds if that is zero.
func withWait(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	if wait == 0 {
		wait = 10 * time.Second
	}
	return context.WithTimeout(ctx, wait)
}
