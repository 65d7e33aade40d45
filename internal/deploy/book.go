package deploy

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
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

// OfPolicy opens the policy's ledger, with the deployments of all hosts. Hints
// say what one in a database will be asked.
func OfPolicy(pol *policy.Policy, hints ...ledger.Hints) Books {
	o := ledger.Options{Root: pol.Root, Copy: pol.Copy}
	if len(hints) > 0 {
		o.Hints = hints[0]
	}
	return func(ctx context.Context, f func(Book) error) (err error) {
		l, err := ledger.Open(ctx, pol.Ledger, o)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		return f(l)
	}
}

// InPolicy opens the policy's ledger. Where hosts share it, the books know
// only the deployments of this one.
func InPolicy(pol *policy.Policy, hints ...ledger.Hints) Books {
	books := OfPolicy(pol, hints...)
	return func(ctx context.Context, f func(Book) error) error {
		host, err := receive.HostOf(pol)
		if err != nil {
			return err
		}
		return OfHost(books, host)(ctx, f)
	}
}

// OfHost is books that know only the deployments whose repositories lie on a
// host: others have their own runners. Those that name no host are from before
// the ledger was shared, and belong to whoever has the repository. An empty host
// knows all.
func OfHost(books Books, host string) Books {
	if host == "" {
		return books
	}
	return func(ctx context.Context, f func(Book) error) error {
		return books(ctx, func(b Book) error { return f(&ofHost{b, host}) })
	}
}

type ofHost struct {
	Book
	host string
}

func (o *ofHost) Queued(service policy.Service, environment policy.EnvironmentName) ([]ledger.Queued, error) {
	return o.only(o.Book.Queued(service, environment))
}

func (o *ofHost) AllQueued() ([]ledger.Queued, error) { return o.only(o.Book.AllQueued()) }

func (o *ofHost) only(jobs []ledger.Queued, err error) ([]ledger.Queued, error) {
	return slices.DeleteFunc(jobs, func(job ledger.Queued) bool {
		return job.Deployed.Host != o.host && job.Deployed.Host != ""
	}), err
}

// Folder is where this host keeps the files of deployments: the ledger's own
// folder, or, where hosts share the ledger, that of the local copy. It is an
// error if there is none.
func Folder(pol *policy.Policy) (string, error) {
	switch {
	case !pol.Shared():
		return pol.Ledger, nil
	case pol.Copy != "":
		return pol.Copy, nil
	}
	return "", errors.New("this host has no folder for its deployments: set copy in the policy")
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
