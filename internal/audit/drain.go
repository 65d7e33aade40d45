package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
)

// Between two looks at the cursor: so much may come twice after a crash.
const (
	batchLines = 256
	batchBytes = 1 << 20
)

// How often to look for a moment in which nobody writes the ledger: who ships
// all, and who gives a cursor back.
const (
	patientTries = 2000
	lastTries    = 20
)

// A run is what one process ships to one sink while it holds the cursor.
type run struct {
	*shipment
	cursor *cursor
	out    sink
	sent   int
	dirty  bool // the cursor or the sink has what is not safe yet
	lines  int  // since the last flush
	bytes  int
}

var errEnough = errors.New("enough for now")

// drain ships what the journal has after the cursor.
func (r *run) drain(ctx context.Context) error {
	from, err := r.resume(ctx)
	if err != nil {
		return err
	}
	tries := 0 // who writes now ships what he wrote
	if r.upTo == 0 {
		tries = patientTries
	}
	durable := durableSize(ctx, r.dir, tries)
	err = ledger.Read(r.dir, from.end, func(l *ledger.Line) error {
		if l.Entry.Seq > r.upTo && l.End() > durable {
			return errEnough // its writer may still have to take it back
		}
		if err := r.ship(ctx, l, &from); err != nil {
			return err
		}
		return r.bounds(ctx)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return errors.Join(err, r.settle(ctx))
}

// ship hands one line over. from is the line before it.
func (r *run) ship(ctx context.Context, l *ledger.Line, from *place) error {
	p := place{l.Entry.Seq, l.Offset, l.End(), sha256.Sum256(l.Raw)}
	if l.Entry.Seq == 1 {
		r.cursor.ledger = l.Entry.Ledger
	}
	if want := from.hash.String(); from.record+1 != p.record || from.record > 0 && l.Entry.Prev != want {
		err := r.tell(ctx, fmt.Sprintf("record %d does not follow the line before it, record %d: lines of the ledger "+
			"were changed, lost or put in; pathgate ledger verify says more", p.record, from.record))
		if err != nil {
			return err
		}
	}
	m := &message{entry: &l.Entry, ledger: r.cursor.ledger, raw: l.Raw, hash: p.hash}
	if err := r.out.write(ctx, m); err != nil {
		return fmt.Errorf("record %d: %w", p.record, err)
	}
	r.cursor.take(p)
	*from = p
	r.sent, r.lines, r.bytes, r.dirty = r.sent+1, r.lines+1, r.bytes+len(l.Raw), true
	if r.lines >= batchLines || r.bytes >= batchBytes {
		return r.settle(ctx)
	}
	return nil
}

// tell sends an event of our own.
func (r *run) tell(ctx context.Context, reason string) error {
	r.dirty = true
	return r.out.write(ctx, event(r.cursor.ledger, r.now(), reason))
}

// settle makes sure of what was handed over, and only then moves the cursor.
func (r *run) settle(ctx context.Context) error {
	if !r.dirty {
		return nil
	}
	if err := r.out.flush(ctx); err != nil {
		return err
	}
	if r.beforeSave != nil {
		r.beforeSave()
	}
	r.dirty, r.lines, r.bytes = false, 0, 0
	return r.cursor.save()
}

// bounds ends a run that has done its share. What a push waits for is its share
// whatever it takes, and nothing more is.
func (r *run) bounds(ctx context.Context) error {
	if r.wait && r.upTo > 0 {
		if lastOf(r.cursor.trail) >= r.upTo {
			return errEnough
		}
		return ctx.Err()
	}
	if r.mostLines > 0 && r.sent >= r.mostLines || r.limit > 0 && ctx.Err() != nil {
		return errEnough
	}
	return ctx.Err()
}

// resume finds the line after which to go on: the newest one that the sink has
// taken and that the journal still has. If that is not the very last one, the
// sink is told.
func (r *run) resume(ctx context.Context) (place, error) {
	f, err := os.Open(filepath.Join(r.dir, ledger.JournalName))
	if err != nil {
		return place{}, err
	}
	defer f.Close()
	c := r.cursor
	taken := c.trail
	for i := len(taken) - 1; i >= 0; i-- {
		if !holds(f, taken[i]) {
			continue
		}
		if i == len(taken)-1 {
			return taken[i], nil
		}
		c.trail = taken[: i+1 : i+1]
		return taken[i], r.tell(ctx, fmt.Sprintf("the ledger does not have record %d as it was sent: it was cut, put back from "+
			"a copy, or rewritten; what it has after record %d follows", taken[len(taken)-1].record, taken[i].record))
	}
	if len(taken) == 0 && !c.damaged {
		return place{}, nil
	}
	before := c.ledger
	c.trail = nil
	if c.ledger, err = ledgerID(r.dir); err != nil {
		return place{}, err
	}
	reason := fmt.Sprintf("the ledger does not have record %d as it was sent, nor those before it: it was replaced or rewritten", lastOf(taken))
	switch {
	case c.damaged:
		reason = "the note of what was sent is damaged"
	case before != c.ledger:
		reason = fmt.Sprintf("this is ledger %s, and what was sent up to record %d was of ledger %s", c.ledger, lastOf(taken), before)
	}
	return place{}, r.tell(ctx, reason+"; all that it has follows, from record 1")
}

func lastOf(trail []place) uint64 {
	if len(trail) == 0 {
		return 0
	}
	return trail[len(trail)-1].record
}

// holds reports whether the journal still has a line where it was.
func holds(journal io.ReaderAt, p place) bool {
	n := p.end - p.start
	if p.start < 0 || n < 2 || n > ledger.MaxLine {
		return false
	}
	b := make([]byte, n)
	if got, err := journal.ReadAt(b, p.start); got != len(b) || err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	return b[n-1] == '\n' && sha256.Sum256(b[:n-1]) == p.hash
}

// ledgerID reads the journal's first line.
func ledgerID(dir string) (id string, err error) {
	err = ledger.Read(dir, 0, func(l *ledger.Line) error {
		id = l.Entry.Ledger
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return id, err
}

// durableSize is the size of the journal when nobody writes it, so that all of
// it is durable. If somebody does after so many tries more, a millisecond apart,
// it is zero.
func durableSize(ctx context.Context, dir string, tries int) int64 {
	f, err := os.Open(filepath.Join(dir, ledger.JournalName))
	if err != nil {
		return 0 // reading it will say why
	}
	defer f.Close()
	for try := 0; ; try++ {
		err := retry(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) })
		if err == nil {
			break
		}
		if try >= tries || pause(ctx, time.Millisecond) != nil {
			return 0
		}
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
