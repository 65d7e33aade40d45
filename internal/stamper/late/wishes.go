package late

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

// A place is where a record stands in the journal; of is the deployment that a
// status is of.
type place struct {
	seq, of uint64
	offset  int64
}

// A subject is what a note keeps the newest stamps of.
type subject struct {
	service, ref string
	commit       policy.ObjectID
}

// Newest are the newest records about a subject.
type newest struct{ deployed, status, withdrawal place }

func (n *newest) seq() uint64 { return max(n.deployed.seq, n.status.seq, n.withdrawal.seq) }

// Wishes are the stamps that shall be there.
type wishes struct {
	order []stamper.Target
	of    map[stamper.Target]map[subject]*newest
	// takers are the records that may have taken commits away.
	takers []place
}

func newWishes() *wishes { return &wishes{of: make(map[stamper.Target]map[subject]*newest)} }

// about is what is wished about a subject so far.
func (w *wishes) about(t stamper.Target, s subject) *newest {
	all := w.of[t]
	if all == nil {
		all = make(map[subject]*newest)
		w.of[t], w.order = all, append(w.order, t)
	}
	if all[s] == nil {
		if len(all) >= 2*mostCommits {
			forget(all)
		}
		all[s] = new(newest)
	}
	return all[s]
}

// forget keeps the newest.
func forget(all map[subject]*newest) {
	for _, s := range oldestFirst(all)[:max(0, len(all)-mostCommits)] {
		delete(all, s)
	}
}

func oldestFirst(all map[subject]*newest) []subject {
	list := make([]subject, 0, len(all))
	for s := range all {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b subject) int { return cmp.Compare(all[a].seq(), all[b].seq()) })
	return list
}

// wish takes a line into account.
func (r *run) wish(w *wishes, line *ledger.Line) {
	e := &line.Entry
	item, ok := stamper.ItemOf(e)
	if !ok || e.Host != "" && e.Host != r.host || !r.belongs(e.Service, e.Environment, e.Repository, e.Ref) {
		return
	}
	at := place{e.Seq, item.Of, line.Offset}
	n := w.about(stamper.TargetOf(e), subject{e.Service, e.Ref, item.Commit})
	switch {
	case item.About == stamp.Deployed:
		n.deployed = at
	case at.of >= n.status.of: // a late report of an older deployment changes nothing
		n.status = at
	}
	if e.MayWithdraw() {
		w.takers = append(w.takers, at)
	}
}

// withdrawals asks the ledger what was taken away.
func (r *run) withdrawals(ctx context.Context, w *wishes) error {
	for takers := range slices.Chunk(w.takers, batchCommits) {
		entries := make([]*ledger.Entry, len(takers))
		for i, at := range takers {
			var err error
			if entries[i], err = r.entry(at.offset, at.seq); err != nil {
				return err
			}
		}
		taken, err := r.taken(ctx, entries)
		if err != nil {
			return err
		}
		for i, e := range entries {
			for _, commit := range taken[i] {
				n := w.about(stamper.TargetOf(e), subject{e.Service, e.Ref, commit})
				if takers[i].seq > n.withdrawal.seq {
					n.withdrawal = takers[i]
				}
			}
		}
	}
	return nil
}

func (r *run) taken(ctx context.Context, entries []*ledger.Entry) (taken [][]policy.ObjectID, err error) {
	l, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, e := range entries {
		commits, err := l.Withdrew(e)
		if err != nil {
			return nil, err
		}
		taken = append(taken, commits)
	}
	return taken, nil
}

// writeAll writes what is missing and reports whether nothing failed.
func (r *run) writeAll(ctx context.Context, w *wishes) bool {
	for _, t := range w.order {
		r.writeTarget(ctx, t, w.of[t])
	}
	for _, f := range r.found {
		if f.Err != nil {
			return false
		}
	}
	return true
}

func (r *run) writeTarget(ctx context.Context, t stamper.Target, all map[subject]*newest) {
	forget(all)
	for part := range slices.Chunk(oldestFirst(all), batchCommits) {
		var items []stamper.Item
		for _, s := range part {
			items = append(items, itemsOf(s, all[s])...)
		}
		service := policy.Service(part[0].service)
		n, err := r.stamper.Write(ctx, t, items)
		if n > 0 {
			r.find(t, service).Stamps += n
		}
		switch {
		case err == nil:
		case errors.Is(err, stamper.ErrGone):
			return // reconcile says so
		case errors.Is(err, stamper.ErrTooLong):
			r.find(t, service).TooLong = true
		default:
			r.fail(t, service, err)
			return
		}
	}
}

func itemsOf(s subject, n *newest) (items []stamper.Item) {
	add := func(about stamp.About, at place) {
		if at.seq != 0 {
			items = append(items, stamper.Item{About: about, Service: s.service, Ref: s.ref, Commit: s.commit,
				Record: at.seq, Of: at.of, At: at.offset})
		}
	}
	add(stamp.Deployed, n.deployed)
	add(stamp.Withdrawal, n.withdrawal)
	if n.status.of >= n.deployed.seq {
		add(stamp.Status, n.status)
	}
	return items
}

// load reads the record of an item.
func (r *run) load(item *stamper.Item) (err error) {
	item.Entry, err = r.entry(item.At, item.Record)
	return err
}

var errFound = errors.New("found")

// entry reads one record.
func (r *run) entry(offset int64, seq uint64) (*ledger.Entry, error) {
	var e *ledger.Entry
	err := ledger.Read(r.dir, offset, func(line *ledger.Line) error {
		found := line.Entry
		e = &found
		return errFound
	})
	if err != nil && !errors.Is(err, errFound) {
		return nil, err
	}
	if e == nil || e.Seq != seq {
		return nil, fmt.Errorf("read record %d: it is not where it was", seq)
	}
	return e, nil
}
