//go:build postgres

package ledger

import (
	"context"
	"fmt"

	"github.com/pathgate/pathgate/internal/pgstore"
)

// commit implements store.
func (r *remote) commit(lines []storedLine, h head, update func(kv) error) error {
	t := &tables{remote: r, puts: map[string][]byte{}, news: map[string][]byte{}}
	if err := update(t); err != nil {
		r.conn.Close()
		return fmt.Errorf("%w: %w", ErrWrite, contradicted(err))
	}
	change := t.change(h)
	for _, l := range lines {
		change.Lines = append(change.Lines, pgstore.Line{Seq: l.seq, Offset: l.offset, Text: l.text})
	}
	step, cancel := r.step()
	defer cancel()
	want, got, err := r.send(step, change)
	if err != nil {
		return writeFailed(err)
	}
	r.head, r.behind, r.cache.schema = h, 0, schema
	for _, l := range lines {
		r.lines[l.seq] = l.text
	}
	r.cache.write(t.puts)
	if r.conn.Held() {
		_ = r.settled(r.take(&want, &got)) // what is wrong with it, hold will find out
	}
	return nil
}

// send carries a change out. Where the ledger goes on, it takes the lock again
// and reads what is hinted at.
func (r *remote) send(ctx context.Context, change pgstore.Change) (want pgstore.Want, got pgstore.Got, err error) {
	if !r.goesOn {
		return want, got, r.conn.Commit(ctx, change)
	}
	want = r.hinted()
	got, err = r.conn.CommitOn(ctx, change, limitsOf(r.o.waitOf()), want)
	return want, got, err
}

// change is what the tables become.
func (t *tables) change(h head) pgstore.Change {
	c := pgstore.Change{Expect: t.head.seq, Next: nextKeys(h.seq), Head: pgstore.Head{
		Seq: h.seq, Start: h.start, End: h.end, Hash: h.hash[:], Time: h.time, Ledger: t.id, Schema: schema}}
	if t.behind != 0 {
		c.Expect = t.behind
	}
	for k, v := range t.puts {
		if v == nil {
			c.Delete = append(c.Delete, []byte(k))
			continue
		}
		c.Put = append(c.Put, valueFor([]byte(k), v))
	}
	for k, v := range t.news {
		c.New = append(c.New, valueFor([]byte(k), v))
	}
	return c
}

// valueFor is the row of a key.
func valueFor(k, v []byte) pgstore.Value {
	records, next := follows(k, v)
	return pgstore.Value{Key: k, Value: v, Records: records, Next: next}
}
