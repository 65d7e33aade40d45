package deploy

import (
	"context"
	"errors"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A Book is the open ledger, as far as deployments need it.
type Book interface {
	Queued(policy.Service, policy.EnvironmentName) ([]ledger.Queued, error)
	AllQueued() ([]ledger.Queued, error)
	OutcomeOf(record uint64) (ledger.Outcome, bool, error)
	Append(...*ledger.Entry) error
}

// Books opens the ledger for the time of one call of the function. It is never
// called while that function runs, and nothing slow happens in there.
type Books func(context.Context, func(Book) error) error

// InLedger opens the ledger in dir, which belongs to the policy's root.
func InLedger(dir, root string) Books {
	return func(ctx context.Context, f func(Book) error) (err error) {
		l, err := ledger.Open(ctx, dir, ledger.Options{Root: root})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		return f(l)
	}
}

// errElsewhere says that a live runner works here though we hold the lock:
// somebody has replaced the lock's file. That runner looks after the queue.
var errElsewhere = errors.New("another runner is at work here")

// persist calls f until it succeeds, for at most the given time. A ledger that
// is busy or out of space now may be well a little later.
func persist(ctx context.Context, limit time.Duration, f func() error) error {
	end := time.Now().Add(limit)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := f()
		if err == nil || errors.Is(err, errElsewhere) || time.Now().Add(pause).After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// status is an entry about a job.
func status(job *ledger.Queued, state, message string) *ledger.Entry {
	e := ledger.StatusOf(&job.Deployed, state)
	e.Message = message
	return e
}
