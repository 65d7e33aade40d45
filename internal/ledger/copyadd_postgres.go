//go:build postgres

package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/tlog"
)

// An adder adds the lines of another ledger to one in a database as Append adds
// its own, with the projections.
type adder struct {
	*Ledger
	o       CopyOptions
	copied  Copied
	buf     []byte
	next    head // after buf
	entries []*Entry
	places  []place
	leaves  []tlog.Hash
}

// addToStore copies what is left where that is little.
func addToStore(ctx context.Context, from, to string, o CopyOptions) (Copied, error) {
	l, err := openStore(ctx, to, Options{Wait: o.Wait})
	if err != nil {
		return Copied{}, err
	}
	defer l.Close()
	a := &adder{Ledger: l, o: o, next: l.head}
	seen := false
	err = readFrom(ctx, from, l.head.start, func(line *Line) error {
		if seen {
			return a.take(line)
		}
		seen = true
		if line.Entry.Seq != l.head.seq || sha256.Sum256(line.Raw) != l.head.hash {
			return fmt.Errorf("%w: record %d of the database is another one%s", ErrContradicted, l.head.seq, setAside)
		}
		return nil
	})
	if !seen && (err == nil || errors.Is(err, ErrDamaged)) {
		err = fmt.Errorf("%w: %s has no record %d where the database has it%s", ErrContradicted, nameOf(from), l.head.seq, setAside)
	}
	if err == nil {
		err = a.flush()
	}
	a.copied.Ledger, a.copied.Record, a.copied.Bytes, a.copied.Hash = l.id, l.head.seq, l.head.end, l.head.hash.String()
	return a.copied, err
}

// take adds a line to the next transaction.
func (a *adder) take(line *Line) error {
	if err := a.next.follows(&line.Entry); err != nil {
		return err
	}
	e := line.Entry
	at := place{e.Seq, line.Offset, int64(len(line.Raw)) + 1, sha256.Sum256(line.Raw)}
	a.buf = append(append(a.buf, line.Raw...), '\n')
	a.entries, a.places, a.leaves = append(a.entries, &e), append(a.places, at), append(a.leaves, tlog.LeafHash(line.Raw))
	a.next = head{line.Offset, line.End(), e.Seq, at.hash, e.Time}
	if len(a.entries) < copyAdd {
		return nil
	}
	return a.flush()
}

// flush commits what was taken.
func (a *adder) flush() error {
	if len(a.entries) == 0 {
		return nil
	}
	if moved, err := a.store.hold(); err != nil || moved {
		if moved {
			err = errors.Join(fmt.Errorf("%w: somebody else writes to it", ErrBusy), err)
		}
		return err
	}
	if err := a.commitLines(a.buf, a.next, a.entries, a.places, a.leaves); err != nil {
		return err
	}
	a.head = a.next
	a.copied.Lines += len(a.entries)
	a.buf, a.entries, a.places, a.leaves = nil, nil, nil, nil
	if a.o.Progress != nil {
		a.o.Progress(a.head.end, a.head.end)
	}
	return nil
}
