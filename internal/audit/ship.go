package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of what a hook does.
const (
	// RequiredTime is how long a push waits for sinks that are required.
	RequiredTime = 5 * time.Second
	// HookTime is how long a hook ships where they are not.
	HookTime = 250 * time.Millisecond
	// HookLines is after how many lines of one sink a hook leaves the rest to
	// the next one.
	HookLines = 1000

	poll = 2 * time.Millisecond // between two looks at what another process ships
)

// ErrBehind says that a sink has not taken all that it should have. What it has
// not is still to come: the ledger keeps it.
var ErrBehind = errors.New("an audit sink is behind the ledger")

// Ship hands what the ledger in dir has to the policy's sinks, up to the record
// upTo at least, which the caller has appended. The caller must have closed the
// ledger: nothing is shipped under its lock. Without a table [audit] it does
// nothing.
//
// Where the policy requires the sinks, it returns nil only when all of them
// have taken the record upTo, after RequiredTime at most; the caller must then
// refuse the push. Where it does not, the error is for the server's log: a sink
// that another process serves is left to it, and what HookTime and HookLines
// leave over is shipped by the next call. Errors wrap ErrBehind.
//
// With upTo zero it ships what there is and waits for nothing; it still fails if
// a sink cannot be opened or does not take what there is.
func Ship(ctx context.Context, a *policy.Audit, dir string, upTo uint64) error {
	if a == nil {
		return nil
	}
	_, err := shipAll(ctx, a, hookOptions(a, dir, upTo))
	return err
}

// Required reports whether a push must be refused if Ship fails.
func Required(a *policy.Audit) bool { return a != nil && a.Required }

// A Shipped is what became of one sink.
type Shipped struct {
	Sink   string // file, syslog or journald
	Lines  int    // that were handed over
	Record uint64 // the last record that the sink has taken, by whomever
	Err    error  // why it has not taken all; wraps ErrBehind
}

// All ships everything that is left, however much, and says what became of each
// sink. It ends with the context. Reconcile calls it. The error joins those of
// the sinks.
func All(ctx context.Context, a *policy.Audit, dir string) ([]Shipped, error) {
	if a == nil {
		return nil, nil
	}
	return shipAll(ctx, a, options{dir: dir, socket: journalSocket, now: time.Now})
}

// A Standing is how far a sink has come.
type Standing struct {
	Sink   string
	Record uint64 // the last that it has taken, zero if none
	Behind int64  // bytes of the journal after it
	Err    error  // why that cannot be said
}

// Look says how far each sink has come, without shipping anything or a lock.
func Look(a *policy.Audit, dir string) ([]Standing, error) {
	if a == nil {
		return nil, nil
	}
	info, err := os.Stat(filepath.Join(dir, ledger.JournalName))
	if err != nil {
		return nil, err
	}
	var all []Standing
	for _, o := range outlets(a, dir, journalSocket) {
		last, err := peek(dir, o.name)
		s := Standing{Sink: o.name, Record: last.record, Err: err}
		if err == nil {
			s.Behind = info.Size() - last.end
		}
		all = append(all, s)
	}
	return all, nil
}

// options say how to ship.
type options struct {
	dir       string
	socket    string // journald's
	now       func() time.Time
	upTo      uint64
	wait      bool          // until upTo has been taken
	limit     time.Duration // zero: none
	mostLines int           // of one sink, zero: no bound

	beforeSave func() // tests come in between write and cursor
}

func hookOptions(a *policy.Audit, dir string, upTo uint64) options {
	o := options{dir: dir, socket: journalSocket, now: time.Now, upTo: upTo, limit: HookTime, mostLines: HookLines}
	if a.Required {
		o.wait, o.limit = true, RequiredTime
	}
	return o
}

// shipAll serves all sinks at once: a slow one takes no time from another.
func shipAll(ctx context.Context, a *policy.Audit, o options) ([]Shipped, error) {
	if o.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.limit)
		defer cancel()
	}
	sinks := outlets(a, o.dir, o.socket)
	all := make([]Shipped, len(sinks))
	var wg sync.WaitGroup
	for i, out := range sinks {
		wg.Go(func() {
			s := &shipment{options: o, outlet: out}
			err := s.guarded(ctx)
			last, peekErr := peek(o.dir, out.name)
			err = errors.Join(err, peekErr)
			all[i] = Shipped{Sink: out.name, Lines: s.lines, Record: last.record}
			if err != nil {
				all[i].Err = fmt.Errorf("%w: %s has taken record %d: %w", ErrBehind, out.name, all[i].Record, err)
			}
		})
	}
	wg.Wait()
	var errs []error
	for _, s := range all {
		errs = append(errs, s.Err)
	}
	return all, errors.Join(errs...)
}

// A shipment is all that one process does for one sink.
type shipment struct {
	options
	outlet outlet
	lines  int
	seen   int64 // size of the journal at the last look
}

// guarded is serve, where a defect of ours is a sink that is behind and not the
// end of a hook.
func (s *shipment) guarded(ctx context.Context) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return s.serve(ctx)
}

// serve ships as long as there is something to ship for this process.
//
// Who finds the cursor locked and does not wait has appended its lines before,
// and relies on the holder's last look, after the lock is gone. Where pushes
// wait, each looks after its own.
func (s *shipment) serve(ctx context.Context) error {
	for {
		c, err := lockCursor(s.dir, s.outlet.name)
		if err != nil {
			return err
		}
		if c == nil {
			if done, err := s.elsewhere(ctx); done || err != nil {
				return err
			}
			continue
		}
		if err := s.hold(ctx, c); err != nil || !s.more(ctx) {
			return err
		}
	}
}

// elsewhere deals with a sink that another process serves.
func (s *shipment) elsewhere(ctx context.Context) (done bool, err error) {
	if s.limit > 0 && !s.wait {
		return true, nil
	}
	if last, err := peek(s.dir, s.outlet.name); err == nil && s.wait && last.record >= s.upTo && s.has(last) {
		return true, nil
	}
	return false, pause(ctx, poll)
}

// hold ships while the cursor is ours, and gives it back.
func (s *shipment) hold(ctx context.Context, c *cursor) error {
	defer c.close()
	out, err := s.outlet.open(ctx)
	if err != nil {
		return err
	}
	r := &run{shipment: s, cursor: c, out: out}
	err = r.drain(ctx)
	s.lines += r.sent
	if last := lastOf(c.trail); err == nil && s.wait && last < s.upTo {
		err = fmt.Errorf("the ledger ends with record %d", last)
	}
	return errors.Join(err, out.close())
}

// has reports whether the journal has a line that a cursor names: a cursor from
// before the ledger was put back says nothing about this one.
func (s *shipment) has(p place) bool {
	f, err := os.Open(filepath.Join(s.dir, ledger.JournalName))
	if err != nil {
		return false
	}
	defer f.Close()
	return holds(f, p)
}

// more reports whether the journal has grown meanwhile, and this process is the
// one to look after it. What it saw before and could not ship, an unfinished
// line, is no growth.
func (s *shipment) more(ctx context.Context) bool {
	if ctx.Err() != nil || s.mostLines > 0 && s.lines >= s.mostLines || s.wait && s.upTo > 0 {
		return false
	}
	last, err := peek(s.dir, s.outlet.name)
	size := durableSize(ctx, s.dir, lastTries)
	if err != nil || size <= last.end || size == s.seen {
		return false
	}
	s.seen = size
	return true
}
