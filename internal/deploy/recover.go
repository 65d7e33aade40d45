package deploy

import (
	"context"
	"errors"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// patience is how long a pending record is left alone whose runner cannot be
// seen from here, because it runs in another PID namespace.
const patience = 24 * time.Hour

// A Finding is something that Recover did.
type Finding struct {
	// What is "error" (a pending record whose runner is gone was ended),
	// "started" (a runner was started for what is queued or left over) or
	// "failed" (Err says why one of these could not be done).
	What        string
	Service     policy.Service
	Environment policy.EnvironmentName
	Record      uint64 // of "error": the deployment
	Err         error
}

// Recover puts right what killed hosts and processes have left in a ledger, at
// any moment, also while deployments run: pending records whose runner is gone
// end as errors and their commands are killed; a runner is started by start
// where something is queued, and where a checkout was left over, which it
// removes.
//
// Only runners write below the ledger's folder of deployments, and they are
// the ledger's owner (Start). So root may call Recover.
func Recover(ctx context.Context, dir string, books Books, now time.Time, start func(Place) error) ([]Finding, error) {
	var all []ledger.Queued
	err := books(ctx, func(b Book) (err error) {
		all, err = b.AllQueued()
		return err
	})
	if err != nil {
		return nil, err
	}
	s := newSurvey(dir, all, now)
	var found []Finding
	for _, p := range s.order {
		found = append(found, s.recover(ctx, p, books, start)...)
	}
	return found, nil
}

// A survey is what there is to do, by place.
type survey struct {
	order []Place
	dead  map[Place][]ledger.Queued
	needs map[Place]bool // something is queued or left over
	works map[Place]bool // a runner is alive, or may be
}

func newSurvey(dir string, all []ledger.Queued, now time.Time) *survey {
	s := &survey{dead: make(map[Place][]ledger.Queued), needs: make(map[Place]bool), works: make(map[Place]bool)}
	known := make(map[Place]bool)
	add := func(p Place) {
		if !known[p] {
			known[p] = true
			s.order = append(s.order, p)
		}
	}
	for _, job := range all {
		p := Place{dir, policy.Service(job.Deployed.Service), policy.EnvironmentName(job.Deployed.Environment)}
		add(p)
		switch {
		case !job.Pending:
			s.needs[p] = true
		case gone(&job, now):
			s.dead[p] = append(s.dead[p], job)
		default:
			s.works[p] = true
		}
	}
	for _, p := range places(dir) {
		if trees, _ := p.trees(); len(trees) > 0 {
			add(p)
			s.needs[p] = true
		}
	}
	return s
}

func gone(job *ledger.Queued, now time.Time) bool {
	life := receive.Token(job.Token).Life()
	return life == receive.Dead || life == receive.Unknown && now.Sub(job.Started) > patience
}

func (s *survey) recover(ctx context.Context, p Place, books Books, start func(Place) error) (found []Finding) {
	note := func(what string, record uint64, err error) {
		found = append(found, Finding{what, p.Service, p.Environment, record, err})
	}
	ended, err := endKilled(ctx, p, books, s.dead[p])
	for _, record := range ended {
		note("error", record, nil)
	}
	if err != nil {
		note("failed", 0, err)
		return found
	}
	if !s.needs[p] || s.works[p] {
		return found
	}
	if err := start(p); err != nil {
		note("failed", 0, err)
	} else {
		note("started", 0, nil)
	}
	return found
}

// endKilled kills what the runners of dead jobs have left, and then puts the
// end of these on record.
func endKilled(ctx context.Context, p Place, books Books, dead []ledger.Queued) (ended []uint64, err error) {
	if len(dead) == 0 {
		return nil, nil
	}
	for _, job := range dead {
		err = errors.Join(err, killLeft(job.Token))
	}
	if err != nil {
		return nil, err
	}
	err = books(ctx, func(b Book) (err error) {
		ended, err = endDead(b, p, dead)
		return err
	})
	return ended, err
}

// EndOf ends, as errors, the deployments of a host that is gone for ever, which
// nobody else runs, and returns their records. The books must know them.
func EndOf(ctx context.Context, books Books, host, message string) (ended []uint64, err error) {
	err = books(ctx, func(b Book) error {
		for {
			jobs, err := b.AllQueued()
			if err != nil {
				return err
			}
			var entries []*ledger.Entry
			for i := range jobs {
				if jobs[i].Deployed.Host == host {
					entries = append(entries, status(&jobs[i], ledger.StateError, message))
				}
			}
			if len(entries) == 0 {
				return nil
			}
			if err := b.Append(entries...); err != nil {
				return err
			}
			for _, e := range entries {
				ended = append(ended, e.Record)
			}
		}
	})
	return ended, err
}
