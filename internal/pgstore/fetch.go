package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Layout is the version of the tables that this package knows.
const Layout = 1

// A Head says where the last line is.
type Head struct {
	Seq        uint64 // its number, zero if there is no line
	Start, End int64  // the offsets of its first byte and of the one after its newline
	Hash       []byte
	Time       time.Time // in whole microseconds
	Ledger     string    // the ledger's ID, empty if there is no line
	Schema     uint64    // version of the values, for the caller
}

// A Range is the keys from From up to but without To: the first Most of them,
// or the last, with Down, the greatest first.
type Range struct {
	From, To []byte
	Most     int
	Down     bool
}

// A Want is what is to be read.
type Want struct {
	Keys    [][]byte
	Ranges  []Range
	Records []uint64 // lines by their numbers
}

// A Value is a row of projection. Of one that was read Value is nil if the row
// was looked for as the next of another, or of the head, and is not there.
type Value struct {
	Key, Value []byte
	Records    []uint64 // of the lines that it names; only written
	Next       [][]byte // the keys that who reads it will want; only written
}

// A Line is a row of entry.
type Line struct {
	Seq    uint64
	Offset int64
	Text   []byte // without its newline
}

// A Got is what was read: the wanted values, those that they name as next, in
// two steps, and the lines that all of them name, with the last one. A wanted key
// that is not there has no value.
type Got struct {
	Head   Head
	Values []Value
	Lines  []Line
}

const headSQL = `SELECT seq, starts, ends, hash, at, ledger, schema, layout FROM pathgate.head WHERE one`

// The LIMIT in each subquery holds the planner to the index, one row after the
// other, whatever it believes of the arrays' sizes.
const fetchSQL = `WITH RECURSIVE found(key, value, records, next, depth) AS (
 (SELECT p.key, p.value, p.records, p.next, 0 FROM unnest($1) AS k(key) CROSS JOIN LATERAL
   (SELECT t.key, t.value, t.records, t.next FROM pathgate.projection t WHERE t.key = k.key LIMIT 1) p
  UNION ALL
  SELECT p.key, p.value, p.records, p.next, 0 FROM unnest($2, $3, $4, $5) AS r(lo, hi, most, down) CROSS JOIN LATERAL (
   (SELECT t.key, t.value, t.records, t.next FROM pathgate.projection t
    WHERE NOT r.down AND t.key >= r.lo AND t.key < r.hi ORDER BY t.key LIMIT r.most)
   UNION ALL
   (SELECT t.key, t.value, t.records, t.next FROM pathgate.projection t
    WHERE r.down AND t.key >= r.lo AND t.key < r.hi ORDER BY t.key DESC LIMIT r.most)) p
  UNION ALL
  SELECT k.key, p.value, p.records, p.next, 2 FROM pathgate.head h CROSS JOIN LATERAL unnest(h.next_keys) AS k(key) LEFT JOIN LATERAL
   (SELECT t.value, t.records, t.next FROM pathgate.projection t WHERE t.key = k.key LIMIT 1) p ON true WHERE h.one)
 UNION ALL
 SELECT k.key, p.value, p.records, p.next, f.depth + 1 FROM found f CROSS JOIN LATERAL unnest(f.next) AS k(key) LEFT JOIN LATERAL
  (SELECT t.value, t.records, t.next FROM pathgate.projection t WHERE t.key = k.key LIMIT 1) p ON true WHERE f.depth < 2
)
SELECT key, value, NULL::bigint, NULL::bigint, NULL::text FROM found GROUP BY key, value
UNION ALL
SELECT NULL, NULL, e.seq, e."offset", e.line FROM
 (SELECT r.seq FROM found f CROSS JOIN LATERAL unnest(f.records) AS r(seq)
  UNION SELECT unnest($6) UNION SELECT h.seq FROM pathgate.head h WHERE h.one) s CROSS JOIN LATERAL
 (SELECT t.seq, t."offset", t.line FROM pathgate.entry t WHERE t.seq = s.seq LIMIT 1) e`

func (w *Want) query() query {
	var lo, hi [][]byte
	var most []int
	var down []bool
	for _, r := range w.Ranges {
		lo, hi, most, down = append(lo, r.From), append(hi, r.To), append(most, r.Most), append(down, r.Down)
	}
	return query{fetchSQL,
		[]uint32{oidByteaArray, oidByteaArray, oidByteaArray, oidInt4Array, oidBoolArray, oidInt8Array},
		[][]byte{byteas(w.Keys), byteas(lo), byteas(hi), int4s(most), bools(down), int8s(w.Records)}}
}

// Lock begins a transaction that holds the head until Commit or Close, and
// reads what is wanted, in one round trip.
//
// Its errors wrap any of this package's but ErrUnknown and ErrMoved.
func (c *Conn) Lock(ctx context.Context, l Limits, w Want) (Got, error) {
	if err := c.alive(ctx); err != nil {
		return Got{}, err
	}
	queries := append(begin(forWriting, l), query{sql: headSQL + " FOR UPDATE"}, w.query())
	results, err := c.batch(ctx, queries...)
	if err != nil {
		c.Close()
		return Got{}, faulty(err)
	}
	got, err := gotten(results[2], results[3])
	if err != nil {
		c.Close()
		return Got{}, err
	}
	c.held = true
	return got, nil
}

// Fetch reads what is wanted and the head, as they are at one moment, in one
// round trip. It is part of the transaction that Lock began, if there is one.
func (c *Conn) Fetch(ctx context.Context, w Want) (Got, error) {
	if c.Held() {
		results, err := c.batch(ctx, query{sql: headSQL}, w.query())
		if err != nil {
			c.Close()
			return Got{}, faulty(err)
		}
		return gotten(results[0], results[1])
	}
	if err := c.alive(ctx); err != nil {
		return Got{}, err
	}
	queries := append(begin(forReading, until(ctx)), query{sql: headSQL}, w.query(), query{sql: "COMMIT"})
	results, err := c.batch(ctx, queries...)
	if err != nil {
		c.Close()
		return Got{}, faulty(err)
	}
	return gotten(results[2], results[3])
}

// gotten reads the answers to headSQL and fetchSQL.
func gotten(head, found *pgconn.Result) (g Got, err error) {
	if g.Head, err = headOf(head); err != nil {
		return g, err
	}
	for _, row := range found.Rows {
		if len(row) != 5 {
			return g, errFormat
		}
		if row[0] != nil {
			g.Values = append(g.Values, Value{Key: row[0], Value: row[1]})
			continue
		}
		l, err := lineOf(row[2:])
		if err != nil {
			return g, err
		}
		g.Lines = append(g.Lines, l)
	}
	return g, nil
}

func lineOf(row [][]byte) (l Line, err error) {
	seq, err := int8Of(row[0])
	if err == nil {
		l.Offset, err = int8Of(row[1])
	}
	l.Seq, l.Text = uint64(seq), row[2]
	return l, err
}

func headOf(r *pgconn.Result) (h Head, err error) {
	if len(r.Rows) != 1 || len(r.Rows[0]) != 8 {
		return h, fmt.Errorf("%w: no head", ErrMissing)
	}
	row := r.Rows[0]
	var n [6]int64
	for i, at := range [...]int{0, 1, 2, 4, 6, 7} {
		if n[i], err = int8Of(row[at]); err != nil {
			return h, err
		}
	}
	if n[5] != Layout {
		return h, fmt.Errorf("%w: %d, and this pathgate knows %d", ErrLayout, n[5], Layout)
	}
	return Head{uint64(n[0]), n[1], n[2], row[3], time.UnixMicro(n[3]).UTC(), string(row[5]), uint64(n[4])}, nil
}
