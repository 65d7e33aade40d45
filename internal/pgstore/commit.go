package pgstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Change is what a transaction writes.
type Change struct {
	Expect uint64 // the number of the last line so far
	Head   Head   // after it
	Next   [][]byte
	Lines  []Line
	Put    []Value // each key once
	New    []Value // the same, of which those that are there stay as they are
	Delete [][]byte
}

const (
	entrySQL = `INSERT INTO pathgate.entry (seq, "offset", line) SELECT * FROM unnest($1, $2, $3)`
	newSQL   = `INSERT INTO pathgate.projection (key, value, records, next)
SELECT v.key, v.value, v.records::bigint[], v.next::bytea[] FROM unnest($1, $2, $3, $4) AS v(key, value, records, next)
ON CONFLICT (key) DO NOTHING`
	putSQL = `INSERT INTO pathgate.projection (key, value, records, next)
SELECT v.key, v.value, v.records::bigint[], v.next::bytea[] FROM unnest($1, $2, $3, $4) AS v(key, value, records, next)
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, records = EXCLUDED.records, next = EXCLUDED.next`
	deleteSQL = `DELETE FROM pathgate.projection WHERE key = ANY ($1)`
	// The division fails, and with it the transaction, where the head is not
	// the one that was locked.
	moveSQL = `WITH moved AS (UPDATE pathgate.head SET seq = $1, starts = $2, ends = $3, hash = $4, at = $5, ledger = $6,
 schema = $7, next_keys = $8 WHERE one AND seq = $9 AND ledger IN ('', $6) RETURNING 1)
SELECT 1 / (SELECT count(*) FROM moved)`
)

// queries are the statements that carry a change out.
func (c *Change) queries() (all []query) {
	if len(c.Lines) > 0 {
		var seqs, offsets []int64
		var lines []string
		for _, l := range c.Lines {
			seqs, offsets, lines = append(seqs, int64(l.Seq)), append(offsets, l.Offset), append(lines, string(l.Text))
		}
		all = append(all, query{entrySQL, []uint32{oidInt8Array, oidInt8Array, oidTextArray},
			[][]byte{int8s(seqs), int8s(offsets), texts(lines)}})
	}
	if len(c.Put) > 0 {
		all = append(all, valuesQuery(putSQL, c.Put))
	}
	if len(c.New) > 0 {
		all = append(all, valuesQuery(newSQL, c.New))
	}
	if len(c.Delete) > 0 {
		all = append(all, query{deleteSQL, []uint32{oidByteaArray}, [][]byte{byteas(c.Delete)}})
	}
	h := &c.Head
	return append(all, query{moveSQL,
		[]uint32{oidInt8, oidInt8, oidInt8, oidBytea, oidInt8, oidText, oidInt8, oidByteaArray, oidInt8},
		[][]byte{int8Value(int64(h.Seq)), int8Value(h.Start), int8Value(h.End), h.Hash, int8Value(h.Time.UnixMicro()),
			[]byte(h.Ledger), int8Value(int64(h.Schema)), byteas(c.Next), int8Value(int64(c.Expect))}})
}

func valuesQuery(sql string, values []Value) query {
	var keys, contents [][]byte
	var records, next []string
	for _, v := range values {
		keys, contents = append(keys, v.Key), append(contents, v.Value)
		records, next = append(records, recordsLiteral(v.Records)), append(next, keysLiteral(v.Next))
	}
	return query{sql, []uint32{oidByteaArray, oidByteaArray, oidTextArray, oidTextArray},
		[][]byte{byteas(keys), byteas(contents), texts(records), texts(next)}}
}

// Commit writes a change and ends the transaction that Lock began, in one round
// trip. It returns nil only if all of it is durable.
//
// With an error that wraps ErrUnknown nobody knows whether it was written; with
// any other, nothing was.
func (c *Conn) Commit(ctx context.Context, change Change) error {
	_, err := c.commit(ctx, &change)
	return err
}

// CommitOn is Commit for who goes on: in the same round trip it begins another
// transaction that holds the head, and reads what is wanted, as Lock does. It
// does not wait for the head: if somebody else has it, Held says so afterwards,
// and there is nothing in what it returns.
func (c *Conn) CommitOn(ctx context.Context, change Change, l Limits, w Want) (Got, error) {
	after := append(begin(forWriting, l), query{sql: headSQL + " FOR UPDATE SKIP LOCKED"}, w.query())
	results, err := c.commit(ctx, &change, after...)
	if err != nil || len(results) != len(after) {
		return Got{}, err
	}
	got, err := gotten(results[2], results[3])
	if err != nil {
		c.Close() // the change is written all the same
		return Got{}, nil
	}
	c.held = true
	return got, nil
}

// commit writes a change and ends its transaction. What is to be done after that
// is none of it: its results are returned if all of them are there.
func (c *Conn) commit(ctx context.Context, change *Change, after ...query) ([]*pgconn.Result, error) {
	if !c.Held() {
		return nil, fmt.Errorf("%w: no transaction is open any more", ErrLost)
	}
	inner, cancel := withReserve(ctx)
	defer cancel()
	queries := append(change.queries(), query{sql: "COMMIT"})
	end := len(queries)
	results, err := c.batch(inner, append(queries, after...)...)
	c.held = false
	committed := len(results) >= end && results[end-1].CommandTag.String() == "COMMIT"
	switch {
	case err == nil && committed && !c.warned:
		return results[end:], nil
	case err == nil && !committed:
		c.Close()
		return nil, fmt.Errorf("%w: the server rolled it back", ErrLost)
	case committed && !c.warned && !broken(err): // what was to be done after it failed
		c.Close()
		return nil, nil
	case err != nil && !broken(err):
		c.Close()
		return nil, explained(err)
	}
	// pgconn.SafeToRetry says yes of batches that the server has carried out, so
	// that it is asked in any case. Also after a warning: an administrator may have
	// ended the wait for the standby, and a COMMIT that succeeds then is on one
	// server only.
	if err == nil {
		err = errWarned
	}
	c.Close()
	return nil, c.settle(ctx, change, err)
}

// withReserve keeps time back to ask what became of a COMMIT.
func withReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	t, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	left := time.Until(t)
	return context.WithDeadline(ctx, t.Add(-min(left/3, 3*time.Second)))
}

// settle finds out whether a change was written whose COMMIT was not answered.
func (c *Conn) settle(ctx context.Context, change *Change, cause error) error {
	for {
		written, err := c.ask(ctx, change)
		switch {
		case err == nil && written:
			return nil
		case err == nil && len(change.Lines) == 0:
			// Values alone were written, and the head is the same either way.
			return fmt.Errorf("%w: %v", ErrUnknown, cause)
		case err == nil:
			return fmt.Errorf("%w: %v", ErrLost, cause)
		}
		c.Close()
		if !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%w: %v; asked again: %w", ErrUnknown, cause, err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}

// errWarned: the server said something beside its answer, as it does where it
// did not wait for its standby.
var errWarned = errors.New("the server answered with a warning")

// ask reports whether all lines of a change are there. It waits for the head's
// lock, which the transaction that is asked about held to its end, and its own
// COMMIT for whatever made that one durable.
func (c *Conn) ask(ctx context.Context, change *Change) (bool, error) {
	if err := c.alive(ctx); err != nil {
		return false, err
	}
	var want Want
	for _, l := range change.Lines {
		want.Records = append(want.Records, l.Seq)
	}
	queries := append(begin(forWriting, until(ctx)), query{sql: headSQL + " FOR UPDATE"}, want.query(), query{sql: "COMMIT"})
	results, err := c.batch(ctx, queries...)
	if err == nil && (c.warned || results[4].CommandTag.String() != "COMMIT") {
		err = errWarned
	}
	if err != nil {
		return false, faulty(err)
	}
	got, err := gotten(results[2], results[3])
	if err != nil {
		return false, err
	}
	if len(change.Lines) == 0 {
		return false, nil
	}
	there := make(map[uint64]Line, len(got.Lines))
	for _, l := range got.Lines {
		there[l.Seq] = l
	}
	for _, l := range change.Lines {
		if have, ok := there[l.Seq]; !ok || have.Offset != l.Offset || !bytes.Equal(have.Text, l.Text) {
			return false, nil
		}
	}
	return true, nil
}

// Clear takes all values away, in the transaction that Lock began.
func (c *Conn) Clear(ctx context.Context) error {
	return c.within(ctx, query{sql: `DELETE FROM pathgate.projection`})
}

// Put writes values, each key once, in the transaction that Lock began.
func (c *Conn) Put(ctx context.Context, values []Value) error {
	if len(values) == 0 {
		return nil
	}
	return c.within(ctx, valuesQuery(putSQL, values))
}

func (c *Conn) within(ctx context.Context, q query) error {
	if !c.Held() {
		return fmt.Errorf("%w: no transaction is open any more", ErrLost)
	}
	_, err := c.batch(ctx, q)
	return faulty(err)
}
