//go:build postgres

package ledger

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
)

// readTime is how long one page may take.
const readTime = 30 * time.Second

// pageSize is how many bytes of lines are read at once.
const pageSize = 512 << 10

// A pager reads the lines of a database as if they stood in a file. It keeps the
// newest page, so that whoever reads on asks the database rarely.
type pager struct {
	conn *pgstore.Conn
	page []byte
	from int64 // offset of the page's first byte
}

// storeLines opens the lines of a database without a lock and tells their size.
func storeLines(place string) (journal, int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	conn, err := pgstore.Connect(ctx, place)
	if err != nil {
		return nil, 0, explainStore(err)
	}
	size, err := conn.Size(ctx)
	if err == nil && size == 0 {
		err = fmt.Errorf("%w: no line", pgstore.ErrMissing)
	}
	if err != nil {
		conn.Close()
		return nil, 0, explainStore(err)
	}
	return &pager{conn: conn}, size, nil
}

// Close implements journal.
func (p *pager) Close() error {
	p.conn.Close()
	return nil
}

// ReadAt implements journal.
func (p *pager) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		at := off + int64(n)
		if at < p.from || at >= p.from+int64(len(p.page)) {
			if err := p.turn(at); err != nil {
				return n, err
			}
		}
		n += copy(b[n:], p.page[at-p.from:])
	}
	return n, nil
}

// turn reads the page that begins with the line that has a byte of the offset.
func (p *pager) turn(off int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	lines, err := p.conn.Page(ctx, off, off+pageSize)
	if err != nil {
		return explainStore(err)
	}
	p.page = p.page[:0]
	for i, l := range lines {
		if i == 0 {
			p.from = l.Offset
		}
		if p.from+int64(len(p.page)) != l.Offset {
			return damaged(l.Seq, "it begins at byte %d, and the line before ends at %d", l.Offset, p.from+int64(len(p.page)))
		}
		p.page = append(append(p.page, l.Text...), '\n')
	}
	if off < p.from || off >= p.from+int64(len(p.page)) {
		return io.EOF
	}
	return nil
}

// storeLine reads one line by its number.
func storeLine(place string, record uint64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	conn, err := pgstore.Connect(ctx, place)
	if err != nil {
		return nil, explainStore(err)
	}
	defer conn.Close()
	l, last, ok, err := conn.LineAt(ctx, record)
	if err == nil && !ok {
		err = fmt.Errorf("there is no record %d: the last is %d", record, last)
	}
	return l.Text, explainStore(err)
}

// storeCopy copies the lines of a database into a file without a name.
func storeCopy(place string) (*os.File, int64, error) {
	f, err := nameless()
	if err != nil {
		return nil, 0, err
	}
	size, err := spoolLines(context.Background(), place, f)
	if err == nil && size == 0 {
		err = fmt.Errorf("%w: no line", ErrMissing)
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("read the ledger %s: %w", nameOf(place), err)
	}
	return f, size, nil
}

// spoolLines writes all lines of a database to f, each where it belongs.
func spoolLines(ctx context.Context, place string, f *os.File) (size int64, err error) {
	first, cancel := context.WithTimeout(ctx, readTime)
	conn, err := pgstore.Connect(first, place)
	cancel()
	if err != nil {
		return 0, explainStore(err)
	}
	defer conn.Close()
	buf := make([]byte, 0, pageSize)
	flush := func() error {
		_, err := f.Write(buf)
		buf = buf[:0]
		return err
	}
	err = conn.EachLine(ctx, func(l pgstore.Line) error {
		if l.Offset != size {
			return damaged(l.Seq, "it begins at byte %d, and the line before ends at %d", l.Offset, size)
		}
		buf = append(append(buf, l.Text...), '\n')
		size += int64(len(l.Text)) + 1
		if len(buf) < pageSize-MaxLine {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return size, explainStore(err)
}

// copyTables copies the projections of a database into an index, as they are at
// one moment.
func copyTables(place string) (x *index, w watermark, note string) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	conn, err := pgstore.Connect(ctx, place)
	cancel()
	if err == nil {
		defer conn.Close()
		x, w, err = copyValues(conn)
	}
	if err != nil {
		return nil, w, "not compared: " + explainStore(err).Error()
	}
	if w.schema != schema {
		note = "not compared: of another version, pathgate ledger rebuild makes it anew"
	}
	return x, w, note
}

func copyValues(conn *pgstore.Conn) (*index, watermark, error) {
	h, each, err := conn.Values(context.Background())
	if err != nil {
		return nil, watermark{}, err
	}
	w := watermark{schema: h.Schema, ledger: h.Ledger, boot: bootID(), head: head{h.Start, h.End, h.Seq, hash{}, h.Time}}
	copy(w.hash[:], h.Hash)
	tmp, err := nameless()
	if err != nil {
		return nil, w, err
	}
	x, err := openIndex(tmp, realHost(), time.Second)
	if err != nil {
		return nil, w, err
	}
	x.fresh = true
	if err = fill(x, w, each); err == nil {
		x.fresh = false
		return x, w, nil
	}
	x.close()
	return nil, w, err
}

// fillBatch is how many values one transaction of an index takes.
const fillBatch = 1 << 16

// fill puts all values into an index.
func fill(x *index, w watermark, each func(func(k, v []byte) error) error) error {
	type pair struct{ k, v []byte }
	var batch []pair
	flush := func() error {
		err := x.update(w, func(s kv) error {
			for _, p := range batch {
				if err := s.Put(p.k, p.v); err != nil {
					return err
				}
			}
			return nil
		})
		batch = batch[:0]
		return err
	}
	err := each(func(k, v []byte) error {
		batch = append(batch, pair{append([]byte{}, k...), append([]byte{}, v...)})
		if len(batch) < fillBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
