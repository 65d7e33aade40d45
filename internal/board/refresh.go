package board

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Refresh is Write for a process that many pushes start. However many run at
// once, one writes, one more waits for it, and all others return at once with
// wrote false: the one that waits begins to read later than they were called,
// and so tells what they came to tell. A site that is younger than pause is left
// for the rest of that time before it is written anew, so that pushes in a row
// cost one writing each pause; zero is no pause.
func Refresh(ctx context.Context, o Options, pause time.Duration) (r Result, wrote bool, err error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return Result{}, false, err
	}
	fail := func(err error) (Result, bool, error) {
		return Result{}, false, fmt.Errorf("refresh the board %s: %w", o.Out, err)
	}
	dir, err := placeOf(o.Out, o.Policy)
	if err != nil {
		return fail(err)
	}
	release, err := dir.try(nextName)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return Result{}, false, nil
	}
	if err != nil {
		return fail(err)
	}
	next := sync.OnceFunc(release)
	defer next()
	unlock, err := dir.lock(ctx, lockName)
	if err != nil {
		return fail(err)
	}
	defer unlock()
	if err := dir.rest(ctx, pause); err != nil {
		return fail(err)
	}
	// Who comes from here on may come too late for this reading, and waits.
	next()
	if r, err = write(ctx, dir, o); err != nil {
		return fail(err)
	}
	return r, true, nil
}

// rest waits until the site is as old as pause.
func (d folder) rest(ctx context.Context, pause time.Duration) error {
	info, err := os.Stat(filepath.Join(d.path(), Marker))
	if err != nil {
		return nil // there is no site yet, or none of ours: write tells
	}
	left := min(pause-time.Since(info.ModTime()), pause)
	if left <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(left):
		return nil
	}
}

// try takes a lock beside the site, or fails with EWOULDBLOCK. The lock file
// stays: to remove it would let two hold one each.
func (d folder) try(name string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(d.parent, "."+d.name+name), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := d.own(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// lock waits for a lock until ctx is done.
func (d folder) lock(ctx context.Context, name string) (release func(), err error) {
	for {
		release, err := d.try(name)
		if err == nil || !errors.Is(err, unix.EWOULDBLOCK) {
			return release, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
