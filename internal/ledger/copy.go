package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Copy brings the ledger to, a folder or the URL of a database, up to the ledger
// from, which is either too, and makes its index: what it leaves is a ledger
// that works. Its lines are those of the source, byte for byte; each must follow
// the one before. The source is read without its lock, so that pushes go on.
//
// What is there must be empty or a beginning of the source: a copy that was
// interrupted goes on where it was. If it is not, nothing is written, and the
// error wraps ErrContradicted. A database must have its tables (Migrate). Until
// the copy is whole, a database cannot be opened: ErrStale.
func Copy(ctx context.Context, from, to string, progress func(done, total int64)) (Copied, error) {
	c, err := copyAll(ctx, from, to, CopyOptions{Wait: copyWait, Progress: progress})
	if errors.Is(err, ErrContradicted) {
		err = unlike(from, to, err)
	}
	if err != nil {
		return c, fmt.Errorf("copy the ledger %s to %s: %w", nameOf(from), nameOf(to), err)
	}
	return c, nil
}

// unlike says that the destination has another ledger, where that is why the two
// contradict each other.
func unlike(from, to string, err error) error {
	source, wrong := IDOf(from)
	there, missing := IDOf(to)
	if wrong != nil || missing != nil || source == there {
		return err
	}
	return fmt.Errorf("%w: there is another ledger, ID %s, and this is ledger %s; name another place", ErrContradicted, there, source)
}

// copyWait is how long Copy waits for who works on the destination.
const copyWait = 10 * time.Second

func copyAll(ctx context.Context, from, to string, o CopyOptions) (Copied, error) {
	if isURL(to) {
		return copyToStore(ctx, from, to, o)
	}
	c, err := updateCopy(ctx, from, to, o)
	switch {
	case err != nil:
		return c, err
	case c.Left:
		return c, fmt.Errorf("%w: another process writes to it", ErrBusy)
	}
	return c, indexCopy(ctx, to)
}

// indexCopy makes the index of a journal, whatever policy it was made for.
func indexCopy(ctx context.Context, dir string) (err error) {
	l, err := begin(ctx, dir, Options{Wait: time.Hour})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.rebuild(l.info.Size(), false)
}
