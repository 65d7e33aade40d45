package deploy

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
)

// Bounds of a watch.
const (
	lookAgain = 5 * time.Second  // how often a ledger is opened that has not grown
	lost      = 30 * time.Second // after how long without a runner nobody waits on
)

// Watch returns what Follow asks: whether the deployment of a record has ended
// and how. The state is empty if that cannot be found out, or nobody is going
// to run it: then reconcile will end it. The ledger is opened only when its
// journal has grown, and now and then.
func Watch(ctx context.Context, p Place, books Books, record uint64) func() (state string, ended bool) {
	w := &watch{ctx: ctx, place: p, books: books, record: record, seen: time.Now(), size: -1}
	return w.look
}

type watch struct {
	ctx    context.Context
	place  Place
	books  Books
	record uint64
	size   int64     // of the journal when it was last opened
	looked time.Time // when that was
	seen   time.Time // when a runner was last seen, or the watch began
}

func (w *watch) look() (state string, ended bool) {
	size := int64(-1)
	if info, err := os.Stat(filepath.Join(w.place.Ledger, ledger.JournalName)); err == nil {
		size = info.Size()
	}
	if size == w.size && time.Since(w.looked) < lookAgain {
		return "", false
	}
	w.size, w.looked = size, time.Now()
	err := w.books(w.ctx, func(b Book) error {
		o, has, err := b.OutcomeOf(w.record)
		if err != nil {
			return err
		}
		state, ended = o.State, !has || o.State != "" && o.State != ledger.StatePending
		if ended {
			return nil
		}
		return w.runner(b)
	})
	switch {
	case err == nil && ended:
		return state, true
	case time.Since(w.seen) > lost:
		return "", true
	}
	return "", false
}

// runner looks whether a runner is at work in the place, on whichever record.
func (w *watch) runner(b Book) error {
	jobs, err := b.Queued(w.place.Service, w.place.Environment)
	for _, job := range jobs {
		if job.Pending && receive.Token(job.Token).Life() != receive.Dead {
			w.seen = time.Now()
		}
	}
	return err
}
