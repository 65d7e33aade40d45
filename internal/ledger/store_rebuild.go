//go:build postgres

package ledger

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
)

// rebuildLimits are for a transaction that makes all values anew.
func rebuildLimits(wait time.Duration) pgstore.Limits {
	return pgstore.Limits{Statement: 4 * time.Hour, Lock: wait, Idle: 4 * time.Hour}
}

// rebuildBatch is how many values one statement of a rebuild takes.
const rebuildBatch = 4096

// rebuildStore makes the projections in a database anew.
func rebuildStore(ctx context.Context, place string, o Options) error {
	r, err := beginStore(ctx, place, o, rebuildLimits(o.waitOf()))
	if err != nil {
		return err
	}
	defer r.Close()
	if r.id == "" {
		return fmt.Errorf("%w: the tables are empty", ErrMissing)
	}
	err = r.replayed(func(x *index, h head) error {
		if h != r.head {
			return fmt.Errorf("%w: the lines end with record %d, SHA-256 %s, and the head says record %d, SHA-256 %s",
				ErrCut, h.seq, h.hash, r.head.seq, r.head.hash)
		}
		return r.replace(x)
	})
	if err != nil {
		return err
	}
	return r.commit(nil, r.head, func(kv) error { return nil })
}

// replayed makes an index of all lines in a temporary folder, as a ledger in
// files does, and calls fn with it and with where the lines end.
func (r *remote) replayed(fn func(x *index, h head) error) error {
	dir, err := os.MkdirTemp("", "pathgate-rebuild-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lines, err := makeFile(filepath.Join(dir, JournalName), defaultMode)
	if err != nil {
		return err
	}
	defer lines.Close()
	size, err := spoolLines(r.ctx, r.dir, lines)
	if err != nil {
		return err
	}
	info, err := lines.Stat()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.ctx, r.o.waitOf())
	defer cancel()
	b := &Ledger{dir: dir, o: r.o, ctx: ctx, host: realHost(), boot: bootID(), journal: lines, info: info, id: r.id}
	f, err := makeFile(b.path(IndexName), defaultMode)
	if err != nil {
		return err
	}
	x, h, err := b.build(f, size, false)
	if err != nil {
		return hard(err)
	}
	defer x.close()
	return fn(x, h)
}

// replace puts the values of an index in the place of all that are there.
func (r *remote) replace(x *index) error {
	if err := r.conn.Clear(r.ctx); err != nil {
		return explainStore(err)
	}
	var batch []pgstore.Value
	flush := func() error {
		err := explainStore(r.conn.Put(r.ctx, batch))
		batch = batch[:0]
		return err
	}
	err := x.view(func(s kv) error {
		return s.Scan(nil, func(k, v []byte) error {
			if k[0] == keyMark {
				return nil
			}
			batch = append(batch, valueFor(append([]byte{}, k...), append([]byte{}, v...)))
			if len(batch) < rebuildBatch {
				return nil
			}
			return flush()
		})
	})
	if err == nil {
		err = flush()
	}
	return hard(err)
}

// repairStore accepts a clock that is behind, and lines that the head did not
// know of. A head that knows more lines than there are is for whoever has a
// copy of the database: nothing can go on from that.
func repairStore(ctx context.Context, place string, o Options, m Mandate) (Entry, error) {
	r, err := beginStore(ctx, place, o, rebuildLimits(o.waitOf()))
	if err != nil {
		return Entry{}, err
	}
	defer r.Close()
	if r.id == "" {
		return Entry{}, fmt.Errorf("%w: the tables are empty", ErrMissing)
	}
	accepted, err := r.acceptLines()
	if err != nil {
		return Entry{}, err
	}
	now := r.o.Now()
	if ahead := r.head.time.Sub(now); ahead > clockSlack {
		accepted = append(accepted, fmt.Sprintf("record %d is %s ahead of the clock", r.head.seq, ahead))
	}
	if len(accepted) == 0 {
		return Entry{}, ErrSound
	}
	e := &Entry{Type: TypeRepair, Principal: m.Principal, Via: m.Via,
		Reason: m.Reason + " (accepted: " + strings.Join(accepted, "; ") + ")"}
	if err := r.append(now, e); err != nil {
		return Entry{}, err
	}
	return *e, nil
}

// acceptLines makes the projections anew and goes on from the last line that is
// there, if the head does not know of it, and says so.
func (r *remote) acceptLines() (accepted []string, err error) {
	err = r.replayed(func(x *index, h head) error {
		switch {
		case h == r.head:
			return nil
		case h.seq <= r.head.seq:
			return fmt.Errorf("%w: the lines end with record %d, and the head says %d: restore the database", ErrCut, h.seq, r.head.seq)
		}
		accepted = append(accepted, fmt.Sprintf("the head said that the last record is %d, SHA-256 %s, and there are %d", r.head.seq, r.head.hash, h.seq))
		if err := r.replace(x); err != nil {
			return err
		}
		r.behind = r.head.seq
		r.forget()
		r.head, r.cache.known, r.cache.schema = h, true, schema
		return nil
	})
	return accepted, err
}
