package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/pathgate/pathgate/internal/tlog"
)

// clockSlack is how far the clock may be behind the last entry.
const clockSlack = 5 * time.Minute

// Append writes the entries at the journal's end, all or none, and returns
// when they are durable. It sets their Seq, Time and Prev, and makes their
// strings safe to print. What an entry refers to must be recorded before.
//
// Its errors wrap ErrClock, ErrTooLong, ErrNotOpen or ErrWrite. After ErrWrite the
// entries must be taken as not written, and the ledger must be opened anew. Of a
// ledger in a database they may wrap ErrMoved, or ErrBusy beside ErrWrite.
// A failure of the index is none: the journal has the entries, and the index
// gets them from there.
func (l *Ledger) Append(entries ...*Entry) error {
	if err := l.hold(entries); err != nil {
		return fmt.Errorf("append to the ledger %s: %w", nameOf(l.dir), err)
	}
	now := l.o.Now()
	if behind := l.head.time.Sub(now); behind > clockSlack {
		return fmt.Errorf("append to the ledger %s: %w: record %d is of %s, %s ahead; set the clock, "+
			"or go on from here with pathgate ledger repair", nameOf(l.dir), ErrClock, l.head.seq,
			l.head.time.Format(time.RFC3339), behind.Round(time.Second))
	}
	for _, e := range entries {
		if e.Type == "" || e.Type == TypeLedger || e.Ledger != "" || e.Version != 0 {
			return fmt.Errorf("append to the ledger %s: an entry of type %q, or one that names a ledger", nameOf(l.dir), e.Type)
		}
		// What has happened goes on record as it is; the rest must be sound.
		if wrong := shape(e); wrong != "" && e.Type != TypeDeployed {
			return fmt.Errorf("append to the ledger %s: an entry of type %s: %s", nameOf(l.dir), e.Type, wrong)
		}
	}
	err := l.checkOpen(entries)
	if err == nil {
		err = l.append(now, entries...)
	}
	if err != nil {
		return fmt.Errorf("append to the ledger %s: %w", nameOf(l.dir), err)
	}
	return nil
}

// AppendOn is Append for who will append more before Close, and says what will be
// asked until then. A ledger in a database takes the lock again with the same
// round trip, unless somebody else is quicker.
func (l *Ledger) AppendOn(next Hints, entries ...*Entry) error {
	l.o.Hints, l.goesOn = next, true
	defer func() { l.goesOn = false }()
	return l.Append(entries...)
}

// checkOpen refuses entries that settle an intent which is not open, or twice.
func (l *Ledger) checkOpen(entries []*Entry) error {
	settled := make(map[uint64]bool)
	for _, e := range entries {
		if e.Type != TypeDeployed && e.Type != TypeAbandoned {
			continue
		}
		at, err := l.place(keySeq(keyIntent, e.Intent))
		if err != nil {
			return err
		}
		if at.seq == 0 || settled[e.Intent] {
			return fmt.Errorf("%w: record %d", ErrNotOpen, e.Intent)
		}
		settled[e.Intent] = true
	}
	return nil
}

// append is Append at the time now.
func (l *Ledger) append(now time.Time, entries ...*Entry) error {
	if l.failed != nil {
		return l.failed
	}
	if len(entries) == 0 {
		return nil
	}
	now = now.UTC().Truncate(time.Microsecond)
	places, leaves := make([]place, len(entries)), make([]tlog.Hash, len(entries))
	c := newEncoder()
	h := l.head
	for i, e := range entries {
		e.Seq, e.Time, e.Prev = h.seq+1, now, h.hash.String()
		from := c.buf.Len()
		if err := c.add(e); err != nil {
			return err
		}
		line := c.buf.Bytes()[from:]
		places[i] = place{e.Seq, h.end, int64(len(line)), sha256.Sum256(line[:len(line)-1])}
		leaves[i] = tlog.LeafHash(line[:len(line)-1])
		h = head{h.end, h.end + places[i].length, e.Seq, places[i].hash, now}
	}
	if l.store != nil {
		return l.commitLines(c.buf.Bytes(), h, entries, places, leaves)
	}
	if err := l.write(c.buf.Bytes()); err != nil {
		return err
	}
	l.head = h
	l.note(entries, places, leaves)
	return nil
}

// write makes b durable with one write and one sync. If that fails it takes
// off what may have been written, so that nothing is left of it.
func (l *Ledger) write(b []byte) error {
	defer runtime.KeepAlive(l.journal)
	fd := int(l.journal.Fd())
	n, err := l.host.write(fd, b)
	if err == nil && n < len(b) {
		err = fmt.Errorf("%d of %d bytes: %w", n, len(b), io.ErrShortWrite)
	}
	if err == nil {
		err = l.host.fdatasync(fd)
	}
	if err == nil {
		return nil
	}
	l.failed = fmt.Errorf("%w: %w", ErrWrite, err)
	undo := l.host.truncate(fd, l.head.end)
	if undo == nil {
		undo = l.host.fdatasync(fd)
	}
	if undo != nil {
		l.failed = fmt.Errorf("%w; and it could not be undone: %w", l.failed, undo)
	}
	return l.failed
}

// note brings the index up to the head. If that fails, the index stays behind
// the journal or is unusable; the next look at it finds out and makes it good.
func (l *Ledger) note(entries []*Entry, places []place, leaves []tlog.Hash) {
	if l.index == nil {
		return
	}
	err := l.index.update(watermark{schema, l.id, l.boot, l.head}, func(s kv) error {
		for i, e := range entries {
			if err := project(s, e, places[i]); err != nil {
				return err
			}
		}
		return grow(s, int64(entries[0].Seq)-1, leaves)
	})
	if err != nil {
		l.drop()
	}
}

// look runs fn on the projections, and opens or rebuilds the index if it has
// to. fn may run more than once.
func (l *Ledger) look(fn func(kv) error) error {
	if l.model != nil {
		return fn(l.model)
	}
	if l.store != nil {
		return l.store.view(fn)
	}
	for try := 0; ; try++ {
		if l.index == nil {
			if err := l.catchUp(l.head.end); err != nil {
				return err
			}
		}
		err := l.index.view(fn)
		if !errors.Is(err, errIndex) {
			return err
		}
		l.drop()
		if try == 2 {
			return hard(err)
		}
		// The snapshot may be what brought the damage: not twice.
		if err := l.rebuild(l.head.end, try == 0); err != nil {
			return err
		}
	}
}

// bytesAt reads the line at p, whatever is there.
func (l *Ledger) bytesAt(p place) ([]byte, error) {
	if l.store != nil {
		return l.store.line(p)
	}
	b := make([]byte, p.length)
	if _, err := l.journal.ReadAt(b, p.offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// readBack reads the entry at p from the journal and checks that it is the one
// that the index saw there. Nothing counts as evidence before that.
func (l *Ledger) readBack(p place) (*Entry, error) {
	if p.length < 2 || p.length > MaxLine || p.offset < 0 {
		return nil, fmt.Errorf("%w: record %d at byte %d, %d bytes", errIndex, p.seq, p.offset, p.length)
	}
	b, err := l.bytesAt(p)
	if err != nil {
		return nil, fmt.Errorf("read record %d: %w", p.seq, err)
	}
	line, ok := bytes.CutSuffix(b, []byte("\n"))
	if !ok || sha256.Sum256(line) != p.hash {
		return nil, damaged(p.seq, "it is not what was written")
	}
	e := new(Entry)
	if _, err := decode(string(line), e); err != nil {
		return nil, damaged(p.seq, "%v", err)
	}
	if e.Seq != p.seq {
		return nil, damaged(p.seq, "it is record %d", e.Seq)
	}
	return e, nil
}
