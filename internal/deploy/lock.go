package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tryLock takes the place's lock without waiting; nil if somebody else has it.
// The lock is held as long as the file is open, by this process alone: no
// command inherits it.
//
// Who gives the lock back must look at the queue once more. Whoever found it
// taken for long enough relies on that and goes away.
func (p Place) tryLock() (*os.File, error) {
	if err := p.make(); err != nil {
		return nil, err
	}
	for range 10 {
		f, err := p.open(lockName, os.O_RDONLY)
		if err != nil {
			return nil, fmt.Errorf("open the lock of deployments: %w", err)
		}
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case errors.Is(err, unix.EINTR):
			f.Close()
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			f.Close()
			return nil, nil
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("lock the deployments: %w", err)
		}
		if p.holds(f) {
			return f, nil
		}
		f.Close()
	}
	return nil, errors.New("lock the deployments: the lock is replaced again and again")
}

// lock takes the place's lock; nil if somebody else has it for as long as limit.
func (p Place) lock(ctx context.Context, limit time.Duration) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		f, err := p.tryLock()
		if f != nil || err != nil {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// holds reports whether the locked file is still the one at its path.
func (p Place) holds(f *os.File) bool {
	have, err := f.Stat()
	if err != nil {
		return false
	}
	at, err := os.Stat(f.Name())
	return err == nil && os.SameFile(have, at)
}
