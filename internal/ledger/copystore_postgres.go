//go:build postgres

package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
)

func migrateStore(ctx context.Context, url string, r Roles) (was, now int, err error) {
	was, err = pgstore.Migrate(ctx, url, pgstore.Roles{Writer: r.Writer, Reader: r.Reader})
	return was, pgstore.Layout, err
}

// Bounds of one transaction of a copy.
const (
	copyLines = 2000
	copyBytes = 1 << 20
	// copyFew is up to how many bytes lines are added as if they were appended:
	// nobody who pushes has to wait for the projections to be made anew.
	copyFew = 256 << 10
	// copyAdd is how many lines are added at once.
	copyAdd = 64
)

// A storeCopier copies lines into a database, some in each transaction. From the
// first of them on the head says that there are no projections, so that nobody
// can open the ledger, until it is rebuilt.
type storeCopier struct {
	ctx    context.Context
	conn   *pgstore.Conn
	o      CopyOptions
	copied Copied
	stale  bool // there are no projections of what is there
	head   head
	lines  []pgstore.Line
	expect uint64 // the last line that is committed
	bytes  int    // of lines
	total  int64
}

func copyToStore(ctx context.Context, from, to string, o CopyOptions) (Copied, error) {
	conn, err := pgstore.Connect(ctx, to)
	if err != nil {
		return Copied{}, explainStore(err)
	}
	defer conn.Close()
	c := &storeCopier{ctx: ctx, conn: conn, o: o}
	if c.total, err = Size(from); err != nil {
		return Copied{}, err
	}
	if err := c.lock(); err != nil {
		return Copied{}, err
	}
	if c.head.seq > 0 && !c.stale && c.total-c.head.end <= copyFew {
		conn.Close()
		return addToStore(ctx, from, to, o)
	}
	err = c.run(from)
	if err == nil && c.stale {
		conn.Close()
		err = rebuildStore(ctx, to, Options{Wait: o.Wait})
	}
	return c.copied, err
}

// lock begins a transaction and finds where the destination ends.
func (c *storeCopier) lock() error {
	l := pgstore.Limits{Statement: time.Minute, Lock: c.o.Wait, Idle: time.Minute}
	got, err := c.conn.Lock(c.ctx, l, pgstore.Want{})
	if err != nil {
		return explainStore(err)
	}
	h := got.Head
	if c.expect != 0 && h.Seq != c.expect {
		return fmt.Errorf("%w: somebody else writes to it", ErrBusy)
	}
	c.expect, c.stale = h.Seq, h.Seq > 0 && h.Schema != schema
	c.copied.Ledger, c.copied.Record, c.copied.Bytes = h.Ledger, h.Seq, h.End
	c.head = head{start: h.Start, end: h.End, seq: h.Seq, time: h.Time}
	copy(c.head.hash[:], h.Hash)
	if h.Seq > 0 {
		c.copied.Hash = c.head.hash.String()
	}
	return nil
}

// run copies what the destination lacks.
func (c *storeCopier) run(from string) error {
	seen := c.head.seq == 0
	err := readFrom(c.ctx, from, c.head.start, func(line *Line) error {
		if !seen {
			seen = true
			return c.same(line)
		}
		return c.take(line)
	})
	switch {
	case !seen && (err == nil || errors.Is(err, ErrDamaged)):
		return fmt.Errorf("%w: %s has no record %d where the database has it%s", ErrContradicted, nameOf(from), c.head.seq, setAside)
	case err == nil && c.head.seq == 0:
		return fmt.Errorf("%w: %s has no line", ErrMissing, nameOf(from))
	case err == nil:
		err = c.flush()
	}
	return err
}

// same checks that the source has the last line of what is there, and that the
// head tells the truth of it.
func (c *storeCopier) same(line *Line) error {
	got, err := c.conn.Fetch(c.ctx, pgstore.Want{Records: []uint64{c.head.seq}})
	if err != nil {
		return explainStore(err)
	}
	if len(got.Lines) != 1 || got.Lines[0].Offset != c.head.start || sha256.Sum256(got.Lines[0].Text) != c.head.hash {
		return damaged(c.head.seq, "the database's head is of another line")
	}
	if !bytes.Equal(got.Lines[0].Text, line.Raw) {
		return fmt.Errorf("%w: record %d of the database is another one%s", ErrContradicted, c.head.seq, setAside)
	}
	return nil
}

// take adds a line to the transaction.
func (c *storeCopier) take(line *Line) error {
	if err := c.head.follows(&line.Entry); err != nil {
		return err
	}
	if c.head.seq == 0 {
		c.copied.Ledger = line.Entry.Ledger
	}
	text := bytes.Clone(line.Raw)
	c.lines = append(c.lines, pgstore.Line{Seq: line.Entry.Seq, Offset: line.Offset, Text: text})
	c.head = head{line.Offset, line.End(), line.Entry.Seq, sha256.Sum256(text), line.Entry.Time}
	c.bytes += len(text)
	if len(c.lines) < copyLines && c.bytes < copyBytes {
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	return c.lock()
}

// flush commits what was taken.
func (c *storeCopier) flush() error {
	if len(c.lines) == 0 {
		return nil
	}
	h := pgstore.Head{Seq: c.head.seq, Start: c.head.start, End: c.head.end, Hash: c.head.hash[:], Time: c.head.time, Ledger: c.copied.Ledger}
	err := c.conn.Commit(c.ctx, pgstore.Change{Expect: c.expect, Head: h, Lines: c.lines})
	if err != nil {
		return writeFailed(err)
	}
	c.copied.Lines, c.copied.Record, c.copied.Bytes = c.copied.Lines+len(c.lines), c.head.seq, c.head.end
	c.copied.Hash, c.stale, c.expect = c.head.hash.String(), true, c.head.seq
	c.lines, c.bytes = nil, 0
	if c.o.Progress != nil {
		c.o.Progress(c.head.end, max(c.total, c.head.end))
	}
	return nil
}
