package pgstore

import (
	"context"
	"fmt"
)

// pages reads in a transaction of its own, in one round trip.
func (c *Conn) pages(ctx context.Context, q query) ([][][]byte, error) {
	if err := c.alive(ctx); err != nil {
		return nil, err
	}
	results, err := c.batch(ctx, append(begin(forReading, until(ctx)), q, query{sql: "COMMIT"})...)
	if err != nil {
		c.Close()
		return nil, faulty(err)
	}
	return results[2].Rows, nil
}

// Size is the offset after the last line's newline, zero if there is no line.
func (c *Conn) Size(ctx context.Context) (int64, error) {
	rows, err := c.pages(ctx, query{sql: `SELECT "offset" + octet_length(line) + 1 FROM pathgate.entry ORDER BY seq DESC LIMIT 1`})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return int8Of(rows[0][0])
}

// Page reads the lines that have bytes from the offset from up to to, in order.
func (c *Conn) Page(ctx context.Context, from, to int64) ([]Line, error) {
	rows, err := c.pages(ctx, query{`SELECT seq, "offset", line FROM pathgate.entry WHERE "offset" >=
 coalesce((SELECT max("offset") FROM pathgate.entry WHERE "offset" <= $1), 0) AND "offset" < $2 ORDER BY "offset"`,
		[]uint32{oidInt8, oidInt8}, [][]byte{int8Value(from), int8Value(to)}})
	return linesOf(rows, err)
}

// LineAt reads one line by its number; false if it is not there. last is the
// number of the last line.
func (c *Conn) LineAt(ctx context.Context, seq uint64) (l Line, last uint64, ok bool, err error) {
	rows, err := c.pages(ctx, query{`SELECT seq, "offset", line FROM pathgate.entry
 WHERE seq = $1 OR seq = (SELECT max(seq) FROM pathgate.entry) ORDER BY seq`, []uint32{oidInt8}, [][]byte{int8Value(int64(seq))}})
	lines, err := linesOf(rows, err)
	if err != nil || len(lines) == 0 {
		return l, 0, false, err
	}
	return lines[0], lines[len(lines)-1].Seq, lines[0].Seq == seq, nil
}

func linesOf(rows [][][]byte, err error) ([]Line, error) {
	lines := make([]Line, len(rows))
	for i, row := range rows {
		if err == nil {
			lines[i], err = lineOf(row)
		}
	}
	return lines, err
}

// EachLine calls fn for all lines in order, as they are at one moment. Text is
// valid only during the call.
func (c *Conn) EachLine(ctx context.Context, fn func(Line) error) error {
	return c.stream(ctx, `SELECT seq, "offset", line FROM pathgate.entry ORDER BY seq`, func(row [][]byte) error {
		l, err := lineOf(row)
		if err != nil {
			return err
		}
		return fn(l)
	})
}

// Values begins a look at all values as they are at one moment: it returns the
// head of that moment, and each calls fn for all of them in the order of their
// keys. Both are valid only during the call.
func (c *Conn) Values(ctx context.Context) (head Head, each func(fn func(key, value []byte) error) error, err error) {
	if err := c.alive(ctx); err != nil {
		return head, nil, err
	}
	results, err := c.batch(ctx, append(begin(forReading, until(ctx)), query{sql: headSQL})...)
	if err != nil {
		c.Close()
		return head, nil, faulty(err)
	}
	if head, err = headOf(results[2]); err != nil {
		return head, nil, err
	}
	return head, func(fn func(key, value []byte) error) error {
		defer c.Close()
		return c.rows(ctx, `SELECT key, value FROM pathgate.projection ORDER BY key`, func(row [][]byte) error { return fn(row[0], row[1]) })
	}, nil
}

// stream is rows in a transaction of its own.
func (c *Conn) stream(ctx context.Context, sql string, fn func(row [][]byte) error) error {
	if err := c.alive(ctx); err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.batch(ctx, begin(forReading, until(ctx))...); err != nil {
		return faulty(err)
	}
	return c.rows(ctx, sql, fn)
}

// rows calls fn for each row as it comes.
func (c *Conn) rows(ctx context.Context, sql string, fn func(row [][]byte) error) error {
	c.trips++
	r := c.pg.ExecParams(ctx, sql, nil, nil, nil, []int16{1})
	for r.NextRow() {
		if err := fn(r.Values()); err != nil {
			c.Close()
			return err
		}
	}
	if _, err := r.Close(); err != nil {
		return fmt.Errorf("read the tables: %w", faulty(err))
	}
	return nil
}
