//go:build postgres

package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
)

// Linked says that this build can keep a ledger in PostgreSQL.
const Linked = true

// A remote is the store of a ledger in PostgreSQL. What it has read stays with
// it, also that a key is absent, and counts as long as the head is the same.
type remote struct {
	*Ledger
	conn   *pgstore.Conn
	parent context.Context // of Open
	cache  cache
	lines  map[uint64][]byte // by their numbers, without their newlines
	behind uint64            // the number of the last line in the database, if a repair has gone on in thought
	moved  bool              // others wrote after something was read, and nobody has been told
}

var _ store = (*remote)(nil)

// openStore opens the ledger in a database.
func openStore(ctx context.Context, place string, o Options) (*Ledger, error) {
	r, err := beginStore(ctx, place, o, limitsOf(o.waitOf()))
	if err != nil {
		return nil, err
	}
	if err := r.usable(); err != nil {
		r.Close()
		return nil, err
	}
	return r.Ledger, nil
}

// waitOf is how long the options let a ledger wait.
func (o *Options) waitOf() time.Duration {
	if o.Wait == 0 {
		return 10 * time.Second
	}
	return o.Wait
}

func limitsOf(wait time.Duration) pgstore.Limits {
	return pgstore.Limits{Statement: wait, Lock: wait, Idle: wait}
}

// beginStore connects, locks the head and reads what is hinted at.
func beginStore(ctx context.Context, place string, o Options, limits pgstore.Limits) (*remote, error) {
	l := &Ledger{dir: place, o: o}
	if l.o.Now == nil {
		l.o.Now = time.Now
	}
	// Each step has the time that Wait says; the whole has what ctx says.
	l.ctx, l.cancel = context.WithCancel(ctx)
	r := &remote{Ledger: l, parent: l.ctx}
	r.forget()
	l.store = r
	step, cancel := r.step()
	defer cancel()
	var err error
	if r.conn, err = pgstore.Connect(step, place); err == nil {
		err = r.refresh(step, limits)
	}
	if err != nil {
		r.Close()
		return nil, explainStore(err)
	}
	return r, nil
}

// step bounds one thing that is asked of the database.
func (r *remote) step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.parent, r.o.waitOf())
}

// refresh locks the head and reads what is hinted at, or only reads it.
func (r *remote) refresh(ctx context.Context, limits pgstore.Limits) (err error) {
	want := r.hinted()
	var got pgstore.Got
	if r.o.ReadOnly {
		got, err = r.conn.Fetch(ctx, want)
	} else {
		got, err = r.conn.Lock(ctx, limits, want)
	}
	if err != nil {
		return err
	}
	return r.take(&want, &got)
}

// hinted is what the options' hints say that will be wanted.
func (r *remote) hinted() pgstore.Want {
	w := r.o.Hints.want()
	want := pgstore.Want{Keys: w.keys, Records: r.o.Hints.Records}
	if r.o.copied != 0 {
		want.Records = append(slices.Clip(want.Records), r.o.copied)
	}
	for _, p := range w.prefixes {
		want.Ranges = append(want.Ranges, pgstore.Range{From: p, To: endOf(p), Most: firstPage})
	}
	for _, p := range w.ends {
		want.Ranges = append(want.Ranges, pgstore.Range{From: p, To: endOf(p), Most: backPage, Down: true})
	}
	return want
}

// usable checks that the head is one that can be gone on from.
func (r *remote) usable() error {
	switch h := r.head; {
	case r.id == "":
		return fmt.Errorf("%w: the tables are there and empty; pathgate install makes one", ErrMissing)
	case r.cache.schema > schema:
		return fmt.Errorf("%w: its tables have values of version %d, and this pathgate knows %d", ErrVersion, r.cache.schema, schema)
	case r.cache.schema != schema:
		return fmt.Errorf("%w: they have values of version %d, and this pathgate of %d; run pathgate ledger rebuild", ErrStale, r.cache.schema, schema)
	default:
		return r.standsAt(h)
	}
}

// standsAt checks that the last line is the one that the head names.
func (r *remote) standsAt(h head) error {
	text, ok := r.lines[h.seq]
	if !ok || h.end-h.start != int64(len(text))+1 || sha256.Sum256(text) != h.hash {
		return fmt.Errorf("%w: the head says that record %d has the SHA-256 %s, and the line is another", ErrCut, h.seq, h.hash)
	}
	return nil
}

// take takes in what was read.
func (r *remote) take(want *pgstore.Want, got *pgstore.Got) error {
	h := head{start: got.Head.Start, end: got.Head.End, seq: got.Head.Seq, time: got.Head.Time}
	if copy(h.hash[:], got.Head.Hash) != len(h.hash) && h.seq > 0 {
		return fmt.Errorf("%w: the head has a hash of %d bytes", ErrCut, len(got.Head.Hash))
	}
	if r.id != "" && r.id != got.Head.Ledger {
		return fmt.Errorf("%w: it is ledger %s by now, and was ledger %s", ErrCut, got.Head.Ledger, r.id)
	}
	r.id = got.Head.Ledger
	moved := r.cache.known && (r.head != h || r.cache.schema != got.Head.Schema)
	if moved {
		r.forget()
		r.moved = true
	}
	r.head, r.cache.known, r.cache.schema = h, true, got.Head.Schema
	r.cache.absorb(want, got)
	for _, l := range got.Lines {
		r.lines[l.Seq] = l.Text
	}
	if moved {
		return errAgain
	}
	return nil
}

// forget drops all that was read of another head. Lines never change, but a
// server that takes another's place may not have all of them.
func (r *remote) forget() {
	r.cache, r.lines = newCache(), map[uint64][]byte{}
}

// hold implements store. That others wrote is remembered whoever found it out:
// a look that came upon it, or an earlier Append of what had happened anyway.
func (r *remote) hold() (moved bool, err error) {
	if r.o.ReadOnly {
		return false, errors.New("it was opened to be read")
	}
	if r.failed != nil || r.conn.Held() {
		return r.moved, r.failed
	}
	step, cancel := r.step()
	defer cancel()
	err = r.settled(r.refresh(step, limitsOf(r.o.waitOf())))
	return r.moved, explainStore(err)
}

// settled is for what was read with the lock: that the head is another one is no
// error then.
func (r *remote) settled(err error) error {
	if errors.Is(err, errAgain) {
		err = r.usable()
	}
	if err != nil {
		r.conn.Close() // the lock may be ours, of a head that cannot be gone on from
	}
	return err
}

// heed implements store.
func (r *remote) heed() { r.moved = false }

// fetch reads more. errAgain says that the head is another one by now.
func (r *remote) fetch(want pgstore.Want) error {
	step, cancel := r.step()
	defer cancel()
	got, err := r.conn.Fetch(step, want)
	if err != nil {
		return explainStore(err)
	}
	if r.behind != 0 && got.Head.Seq == r.behind {
		// Within a repair the lines that are being accepted count already.
		got.Head.Seq, got.Head.Start, got.Head.End, got.Head.Time = r.head.seq, r.head.start, r.head.end, r.head.time
		got.Head.Hash, got.Head.Schema = r.head.hash[:], r.cache.schema
	}
	return r.take(&want, &got)
}

// view implements store.
func (r *remote) view(fn func(kv) error) error {
	for range 8 {
		err := fn(&tables{remote: r})
		if errors.Is(err, errAgain) {
			if err := r.usable(); err != nil {
				return err
			}
			continue
		}
		return contradicted(err)
	}
	return fmt.Errorf("%w: others write to it faster than it can be read", ErrBusy)
}

// contradicted makes an error of what the tables say one that leaves the
// package.
func contradicted(err error) error {
	if errors.Is(err, errIndex) {
		return fmt.Errorf("the ledger's tables contradict themselves, pathgate ledger rebuild makes them anew: %v", err)
	}
	return err
}

// line implements store.
func (r *remote) line(at place) ([]byte, error) {
	for range 2 {
		if text, ok := r.lines[at.seq]; ok {
			return append(append(make([]byte, 0, len(text)+1), text...), '\n'), nil
		}
		if err := r.fetch(pgstore.Want{Records: []uint64{at.seq}}); err != nil && !errors.Is(err, errAgain) {
			return nil, err
		}
	}
	return nil, damaged(at.seq, "the table has no such line")
}

// close implements store.
func (r *remote) close() { r.conn.Close() }

// trips implements store.
func (r *remote) trips() int { return r.conn.Trips() }
