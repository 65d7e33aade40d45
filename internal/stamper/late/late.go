package late

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/pathgate/pathgate/internal/export"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

const (
	// cursorName is the file beside the journal that says how far it was stamped.
	cursorName = "stamps.cursor"
	// mostCommits is of how many commits of one target the records are kept.
	mostCommits = 10_000
	// batchCommits is how many commits' notes are written at once.
	batchCommits = 100
)

// A Finding is one environment of a repository in which stamps were missing.
type Finding struct {
	stamper.Target
	Service policy.Service
	// Stamps is how many have been written.
	Stamps int
	// TooLong says that of some records no stamp can be made (stamper.ErrTooLong).
	TooLong bool
	// Restored says that somebody had deleted or moved the notes ref, and that it
	// is where pathgate had left it again.
	Restored bool
	// Anew says that the notes, and what pathgate had kept of them, were gone or
	// spoilt, so that the chain of trees does not reach back to what hosts elsewhere
	// know; Ledger is the ID that these have to accept anew.
	Anew   bool
	Ledger string
	// Err is why others are still missing.
	Err error
}

// A run is one run of CatchUp.
type run struct {
	pol  *policy.Policy
	host string
	// dir is the folder with the lines: the ledger's, or that of the copy of a
	// shared one.
	dir     string
	stamper *stamper.Stamper
	lives   []ledger.LiveRef
	whole   *whole
	found   map[stamper.Target]*Finding
	order   []stamper.Target
}

// CatchUp stamps what is on record and has no stamp, in all environments of this
// host that the policy gives stamps. It may run while pushes are under way. host
// is what this host is called in a ledger that hosts share; entries of others are
// passed over.
func CatchUp(ctx context.Context, pol *policy.Policy, host string, now func() time.Time) ([]Finding, error) {
	dir := linesOf(pol)
	if !stamps(pol) {
		return nil, nil
	}
	if dir == "" {
		return nil, errors.New("catch up with stamps: they need the key copy beside a shared ledger: what is missing is found there")
	}
	r := &run{pol: pol, host: host, dir: dir, found: make(map[stamper.Target]*Finding),
		stamper: &stamper.Stamper{Policy: pol, Now: now}}
	r.stamper.Load = r.load
	cursor, err := export.OpenCursor(filepath.Join(dir, cursorName))
	if errors.Is(err, export.ErrInUse) {
		return nil, nil // another reconcile is at it
	}
	if err == nil {
		err = errors.Join(r.catchUp(ctx, cursor), cursor.Close())
	}
	if err != nil {
		err = fmt.Errorf("catch up with stamps: %w", err)
	}
	findings := make([]Finding, len(r.order))
	for i, t := range r.order {
		findings[i] = *r.found[t]
	}
	return findings, err
}

func stamps(pol *policy.Policy) bool {
	for _, env := range pol.Environments {
		if env.Stamps != nil {
			return true
		}
	}
	return false
}

func (r *run) catchUp(ctx context.Context, cursor *export.Cursor) error {
	tail, err := r.begin(cursor)
	if err != nil {
		return err
	}
	began := tail.Position()
	r.stamper.Ledger = began.Ledger
	r.whole = loadWhole(r.dir, began.Ledger)
	if err := r.live(ctx); err != nil {
		return err
	}
	suspects, err := r.suspects(ctx, began.Record)
	if err != nil {
		return err
	}
	wanted := newWishes()
	if len(suspects) > 0 {
		err = tail.History(func(line *ledger.Line) error {
			if suspects[stamper.TargetOf(&line.Entry)] {
				r.wish(wanted, line)
			}
			return nil
		})
	}
	if err == nil {
		err = tail.Read(func(line *ledger.Line) error {
			r.wish(wanted, line)
			return nil
		})
	}
	if err == nil {
		err = r.withdrawals(ctx, wanted)
	}
	if err != nil {
		return err
	}
	done := r.writeAll(ctx, wanted)
	if err := r.keepWhole(ctx); err != nil {
		return err
	}
	if !done || tail.Position() == began {
		return nil
	}
	return cursor.Save(tail.Position())
}

// begin goes to where the last run ended; to the beginning if there was none, or
// if the ledger is not the one that it read.
func (r *run) begin(cursor *export.Cursor) (*export.Tail, error) {
	at, there, err := cursor.Load()
	if err != nil {
		return nil, err
	}
	tail, err := export.NewTail(r.dir)
	if err != nil || !there {
		return tail, err
	}
	if err := tail.Resume(at); errors.Is(err, export.ErrNotBorneOut) {
		return export.NewTail(r.dir)
	} else if err != nil {
		return nil, err
	}
	return tail, nil
}

// live asks the ledger what is live where stamps are wanted.
func (r *run) live(ctx context.Context) (err error) {
	l, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	all, err := l.Lives("", "", "")
	for _, row := range all {
		if (row.Host == "" || row.Host == r.host) && r.belongs(string(row.Service), string(row.Environment), row.Repository, string(row.Ref)) {
			r.lives = append(r.lives, row)
		}
	}
	return err
}

func (r *run) open(ctx context.Context) (*ledger.Ledger, error) {
	return ledger.Open(ctx, r.pol.Ledger, ledger.Options{Root: r.pol.Root, Copy: r.pol.Copy, Now: r.stamper.Now, ReadOnly: true})
}

// belongs reports whether the policy has stamps for an environment, with that
// repository and ref.
func (r *run) belongs(service, environment, repository, ref string) bool {
	env, ok := r.pol.Environment(policy.EnvironmentName(environment))
	if !ok || env.Stamps == nil || env.Repository.Path(policy.Service(service)) != repository {
		return false
	}
	for _, pattern := range env.Refs {
		if pattern.Match(policy.RefName(ref)) {
			return true
		}
	}
	return false
}

// find is the finding of a target.
func (r *run) find(t stamper.Target, service policy.Service) *Finding {
	f := r.found[t]
	if f == nil {
		f = &Finding{Target: t, Service: service}
		r.found[t], r.order = f, append(r.order, t)
	}
	return f
}

func (r *run) fail(t stamper.Target, service policy.Service, err error) {
	f := r.find(t, service)
	f.Err = errors.Join(f.Err, err)
}
