package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/pathgate/pathgate/internal/tlog"
)

const (
	// replayBatch is how many entries one transaction of a replay takes.
	replayBatch = 4096
	// compactAfter is how many entries leave so many free pages behind that
	// every later commit would have to write a long list of them.
	compactAfter = 20000
)

// catchUp opens the index and brings it to where the journal, of that size,
// ends. An index of another boot or schema, or a damaged one, is rebuilt; one
// that has seen what the journal does not have is ErrCut.
func (l *Ledger) catchUp(size int64) error {
	x, w, err := l.openIndex(size)
	if errors.Is(err, errIndex) {
		return l.rebuild(size, true)
	}
	if err != nil {
		return err
	}
	if w.boot != l.boot || l.boot == "" || w.schema != schema {
		x.close()
		return l.rebuild(size, true)
	}
	l.index = x
	if w.end == size {
		l.head = w.head
		return nil
	}
	h, _, err := l.replay(x, w.head, size)
	if err != nil {
		l.drop()
	}
	if errors.Is(err, errIndex) {
		return l.rebuild(size, true)
	}
	if err == nil {
		l.head = h
	}
	return err
}

// openIndex opens the index and holds its watermark against the journal.
func (l *Ledger) openIndex(size int64) (*index, watermark, error) {
	x, err := openIndexAt(l.path(IndexName), l.host, l.left())
	if err != nil {
		return nil, watermark{}, err
	}
	w, err := x.watermark()
	if err == nil {
		err = w.borneOut(l.journal, l.id, size)
	}
	if err != nil {
		x.close()
		return nil, w, err
	}
	return x, w, nil
}

// left is how long we may still wait.
func (l *Ledger) left() time.Duration {
	t, ok := l.ctx.Deadline()
	if !ok {
		return time.Second
	}
	return time.Until(t)
}

// drop closes an index that cannot be used any more.
func (l *Ledger) drop() {
	l.index.close()
	l.index = nil
}

// replay applies the journal from a head to the byte size to the index.
func (l *Ledger) replay(x *index, from head, size int64) (head, int, error) {
	type item struct {
		e  *Entry
		at place
	}
	var leaves []tlog.Hash
	batch := make([]item, 0, 64)
	total, done := 0, from
	flush := func() error {
		last := batch[len(batch)-1]
		h := head{last.at.offset, last.at.offset + last.at.length, last.at.seq, last.at.hash, last.e.Time}
		err := x.update(watermark{schema, l.id, l.boot, h}, func(s kv) error {
			for _, i := range batch {
				if err := project(s, i.e, i.at); err != nil {
					return err
				}
			}
			return grow(s, int64(batch[0].at.seq)-1, leaves)
		})
		if err == nil {
			total, done, batch, leaves = total+len(batch), h, batch[:0], leaves[:0]
		}
		return err
	}
	_, err := walk(l.journal, from, size, func(e *Entry, at place, raw []byte) error {
		batch, leaves = append(batch, item{e, at}), append(leaves, tlog.LeafHash(raw))
		if len(batch) < replayBatch {
			return nil
		}
		return flush()
	})
	if err == nil && len(batch) > 0 {
		err = flush()
	}
	return done, total, err
}

// rebuild makes a new index out of the journal, with the snapshot's help if
// that is wanted and the journal bears it out.
func (l *Ledger) rebuild(size int64, snapshot bool) error {
	name := l.path(IndexName)
	if err := os.RemoveAll(name + ".new"); err != nil {
		return fmt.Errorf("rebuild the index: %w", err)
	}
	f, err := makeFile(name+".new", modeLike(l.info))
	if err != nil {
		return fmt.Errorf("rebuild the index: %w", err)
	}
	x, h, err := l.build(f, size, snapshot)
	if snapshot && errors.Is(err, errIndex) {
		os.Remove(name + ".new")
		return l.rebuild(size, false)
	}
	if err == nil {
		err = clearTheWay(name)
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		x.close()
		os.Remove(name + ".new")
		return fmt.Errorf("rebuild the index: %w", hard(err))
	}
	l.index, l.head = x, h
	return nil
}

// build fills the empty file f with an index of the journal up to the byte
// size. It takes f over, and what it returns holds f's name.
func (l *Ledger) build(f *os.File, size int64, snapshot bool) (*index, head, error) {
	from, err := head{}, error(nil)
	if snapshot {
		from, err = l.loadSnapshot(f, size)
	}
	var x *index
	if err == nil {
		x, err = openIndex(f, l.host, l.left())
	}
	if err != nil {
		f.Close()
		return nil, head{}, err
	}
	x.fresh = from.seq == 0
	h, n, err := l.replay(x, from, size)
	x.fresh = false
	if err == nil && n > compactAfter {
		x, err = l.compact(x)
	}
	if err == nil && n == 0 { // all came from the snapshot: this boot vouches for it
		err = x.update(watermark{schema, l.id, l.boot, h}, func(kv) error { return nil })
	}
	if err != nil {
		x.close()
		return nil, head{}, err
	}
	return x, h, nil
}

// hard makes an error of a new index one that does not ask for another new
// index.
func hard(err error) error {
	if errors.Is(err, errIndex) {
		return fmt.Errorf("a new index cannot be used: %v", err)
	}
	return err
}

// compact copies a fresh index into a denser one and puts that at its name.
func (l *Ledger) compact(x *index) (*index, error) {
	name := x.file.Name()
	if err := os.RemoveAll(name + ".dense"); err != nil {
		return x, err
	}
	f, err := makeFile(name+".dense", modeLike(l.info))
	if err != nil {
		return x, err
	}
	dense, err := openIndex(f, l.host, l.left())
	if err != nil {
		os.Remove(f.Name())
		return x, err
	}
	err = dense.guard(func() error { return bbolt.Compact(dense.db, x.db, 16<<20) })
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		dense.close()
		os.Remove(f.Name())
		return x, err
	}
	x.close()
	return dense, nil
}

// loadSnapshot copies the snapshot into f and returns the head that it stands
// at; the zero head if there is none that can be used. A snapshot that has
// seen what the journal does not have is ErrCut.
func (l *Ledger) loadSnapshot(f *os.File, size int64) (head, error) {
	w, err := l.copySnapshot(f, size)
	if err == nil && w.schema == schema {
		return w.head, nil
	}
	if errors.Is(err, ErrCut) {
		return head{}, err
	}
	// Not usable: begin with nothing.
	return head{}, f.Truncate(0)
}

func (l *Ledger) copySnapshot(f *os.File, size int64) (w watermark, err error) {
	s, _, err := openRegular(l.path(SnapshotName))
	if err != nil {
		return w, err
	}
	defer s.Close()
	if _, err := io.Copy(f, s); err != nil {
		return w, err
	}
	// bbolt closes the file that it was given; it gets one of its own here.
	own, err := os.OpenFile(f.Name(), os.O_RDWR, 0)
	if err != nil {
		return w, err
	}
	x, err := openIndex(own, l.host, l.left())
	if err != nil {
		return w, err
	}
	defer x.close()
	if w, err = x.watermark(); err != nil {
		return w, err
	}
	return w, w.borneOut(l.journal, l.id, size)
}

// Rebuild makes a new index out of the whole journal. In a database it makes the
// projections anew in one transaction, and others wait for it or give up: they
// never do it themselves, as those who find an index missing do. It fails with ErrCut if
// the old index can still be read and has seen what the journal does not have.
func Rebuild(ctx context.Context, dir string, o Options) error {
	if err := rebuildIn(ctx, dir, o); err != nil {
		return fmt.Errorf("rebuild the ledger %s: %w", nameOf(dir), err)
	}
	return nil
}

func rebuildIn(ctx context.Context, dir string, o Options) error {
	if isURL(dir) {
		return rebuildStore(ctx, dir, o)
	}
	l, err := begin(ctx, dir, o)
	if err != nil {
		return err
	}
	defer l.Close()
	return l.renewIndex(l.info.Size())
}

func (l *Ledger) renewIndex(size int64) error {
	x, _, err := l.openIndex(size)
	x.close()
	if err != nil && !errors.Is(err, errIndex) {
		return err
	}
	if err := l.rebuild(size, false); err != nil {
		return err
	}
	return l.finish(size)
}
