package deploy

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// killed is the message of a deployment whose runner is gone.
const killed = "the host or the runner was killed"

// Settings are what the policy of now says of an environment's deployment.
type Settings struct {
	Root       string             // repositories are relative to it
	Deployment *policy.Deployment // nil if the environment has none
}

// A Runner runs the deployments of one place, one at a time, until none is
// left.
type Runner struct {
	Place    Place
	Books    Books
	Settings func() (Settings, error) // reads the policy file
	Getenv   func(string) string
	Grace    time.Duration // from SIGTERM to SIGKILL
	Log      func(string)  // for the server's administrators

	token receive.Token
}

// Patience with a ledger that cannot be opened or written.
const (
	patienceToBegin = time.Minute
	patienceToEnd   = 10 * time.Minute
)

// dying is how long a killed runner may take to end.
const dying = 3 * time.Second

// Run runs what is queued. It returns at once where another runner is at work.
// When ctx ends, the running command is stopped and recorded as an error; what
// is queued stays queued.
//
// Whoever queues a record and then finds the lock taken may go away, because
// the holder looks at the queue once more after it has given the lock back. A
// holder that is being killed will not, and has the lock until its last thread
// has ended: that is waited for.
func (r *Runner) Run(ctx context.Context) error {
	// The command must die with us: the kernel sees to that when the thread
	// ends that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var err error
	if r.token, err = ownToken(); err != nil {
		return err
	}
	for ctx.Err() == nil {
		lock, err := r.Place.lock(ctx, dying)
		if err != nil || lock == nil {
			return err
		}
		err = r.drain(ctx)
		lock.Close()
		if errors.Is(err, errElsewhere) {
			return nil
		}
		if err != nil {
			return err
		}
		if waiting, err := r.waiting(ctx); err != nil || !waiting {
			return err
		}
	}
	return nil
}

// waiting looks at the queue again, now that the lock is free.
func (r *Runner) waiting(ctx context.Context) (yes bool, err error) {
	err = r.open(ctx, patienceToBegin, func(b Book) error {
		jobs, err := r.queued(b)
		yes = len(jobs) > 0 && !jobs[len(jobs)-1].Pending
		return err
	})
	return yes, err
}

func (r *Runner) open(ctx context.Context, limit time.Duration, f func(Book) error) error {
	return persist(ctx, limit, func() error { return r.Books(ctx, f) })
}

// drain works on the queue until it is empty. The caller holds the lock.
func (r *Runner) drain(ctx context.Context) error {
	if err := r.tidy(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		// A policy that cannot be read is mended some day; until then the
		// queue stays as it is, and reconcile starts the next runner.
		settings, err := r.Settings()
		if err != nil {
			return fmt.Errorf("read the policy: %w", err)
		}
		job, err := r.next(ctx)
		if err != nil || job == nil {
			return err
		}
		if err := r.deploy(ctx, settings, job); err != nil {
			return err
		}
	}
	return nil
}

// tidy ends what runners before have left: their commands, their checkouts and
// their pending records.
func (r *Runner) tidy(ctx context.Context) error {
	var dead []ledger.Queued
	err := r.open(ctx, patienceToBegin, func(b Book) error {
		jobs, err := r.queued(b)
		dead = nil
		for _, job := range jobs {
			if job.Pending && receive.Token(job.Token).Life() == receive.Alive {
				return errElsewhere
			}
			if job.Pending {
				dead = append(dead, job)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, job := range dead {
		if err := killLeft(job.Token); err != nil {
			return err
		}
	}
	if err := r.Place.removeTrees(); err != nil {
		r.log("a checkout could not be removed: %v", err)
	}
	if len(dead) == 0 {
		return nil
	}
	return r.open(ctx, patienceToBegin, func(b Book) error {
		_, err := endDead(b, r.Place, dead)
		return err
	})
}

// endDead records the end of jobs whose runners are gone, unless somebody has
// done so meanwhile.
func endDead(b Book, p Place, dead []ledger.Queued) (gone []uint64, err error) {
	jobs, err := b.Queued(p.Service, p.Environment)
	if err != nil {
		return nil, err
	}
	var entries []*ledger.Entry
	for i := range jobs {
		for _, d := range dead {
			if jobs[i].Pending && jobs[i].Deployed.Seq == d.Deployed.Seq && jobs[i].Token == d.Token {
				gone = append(gone, d.Deployed.Seq)
				entries = append(entries, status(&jobs[i], ledger.StateError, killed))
			}
		}
	}
	if err := b.Append(entries...); err != nil {
		return nil, err
	}
	return gone, nil
}

// next takes the newest job off the queue, and ends those that it overtook.
// What it returns is on record as pending: nobody else starts it.
func (r *Runner) next(ctx context.Context) (job *ledger.Queued, err error) {
	err = r.open(ctx, patienceToBegin, func(b Book) error {
		job = nil
		// A long queue comes in parts, with the newest in each.
		for {
			jobs, err := r.queued(b)
			if err != nil || len(jobs) == 0 {
				return err
			}
			for _, j := range jobs {
				if j.Pending {
					return errElsewhere
				}
			}
			newest := &jobs[len(jobs)-1]
			if len(jobs) == 1 {
				begun := status(newest, ledger.StatePending, "")
				begun.Token = string(r.token)
				job = newest
				return b.Append(begun)
			}
			if err := b.Append(overtaken(jobs[:len(jobs)-1], newest.Deployed.Seq)...); err != nil {
				return err
			}
		}
	})
	return job, err
}

func overtaken(jobs []ledger.Queued, by uint64) []*ledger.Entry {
	var entries []*ledger.Entry
	for i := range jobs {
		entries = append(entries, status(&jobs[i], ledger.StateSuperseded, fmt.Sprintf("overtaken by record %d", by)))
	}
	return entries
}

func (r *Runner) queued(b Book) ([]ledger.Queued, error) {
	return b.Queued(r.Place.Service, r.Place.Environment)
}

func (r *Runner) log(format string, args ...any) {
	if r.Log != nil {
		r.Log(fmt.Sprintf("deployment of %s in %s: %s", r.Place.Service, r.Place.Environment, fmt.Sprintf(format, args...)))
	}
}
