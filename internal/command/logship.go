package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/export"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// shipHelp says in the help of log what --follow and --cursor do.
const shipHelp = "With --follow it goes on to wait for new entries, as tail -f does, or until the\n" +
	"time of --until is over; a table begins with the last ten, unless there is\n" +
	"--since. With --cursor it goes on where the last run with that file ended. The\n" +
	"file is written after the output was, so that nothing is left out and a crash\n" +
	"can only repeat what was written last. If the ledger does not have the record\n" +
	"that the file names, or a line does not follow the one before, that is status\n" +
	"3, never a gap. The formats of others are on the page formats."

const (
	followEvery = time.Second // how often the journal is looked at
	saveEvery   = time.Second // how often the cursor is written while there is more
	lateEntry   = time.Second // how long an entry may take from its time to the journal
	followRows  = 10          // of a table, that --follow begins with
	shipBuffer  = 64 << 10    // bytes of output that are written at once
)

// errInterrupted ends a run that was told to end.
var errInterrupted = errors.New("interrupted")

// logFormats are the values of log --format.
var logFormats = [...]string{"table", "json", "csv", "ecs", "ocsf", "cef", "cdevents"}

// logOptions say how log prints.
type logOptions struct {
	format, cursor string
	follow         bool
	fresh          bool // there is no --since
}

// check looks whether the options go together.
func (o *logOptions) check(f *filter, output uint64) error {
	if err := oneOf("format", o.format, logFormats[:]...); err != nil {
		return err
	}
	ships := o.follow || o.cursor != ""
	switch {
	case o.cursor != "" && o.format == "table":
		return fmt.Errorf("--cursor needs a --format of %v, not table", logFormats[1:])
	case ships && f.ticket != "":
		return errors.New("--ticket does not go with --follow or --cursor: its story is told from the end")
	case ships && output != 0:
		return errors.New("--output does not go with --follow or --cursor")
	}
	return nil
}

// parseSince reads a record's number or a time.
func parseSince(value string, now time.Time) (since time.Time, record uint64, err error) {
	if record, err = strconv.ParseUint(value, 10, 64); err == nil {
		return since, record, nil
	}
	if since, err = parseTime("since", value, now); err != nil {
		err = fmt.Errorf("%w, or the number of a record", err)
	}
	return since, 0, err
}

// A shipment is one run of log with --follow or --cursor.
type shipment struct {
	f      *filter
	tail   *export.Tail
	cursor *export.Cursor // nil if there is none
	out    entryWriter
	stdout io.Writer
	brief  bool            // only the last rows of what is there
	saved  export.Position // what the cursor says
	due    time.Time       // when to save it again
	seen   int
}

// ship prints what the cursor says is new, and goes on with what comes.
func (a *app) ship(ctx context.Context, pol *policy.Policy, f *filter, o *logOptions) error {
	tail, err := export.NewTail(pol.Ledger)
	if err != nil {
		return err
	}
	s := &shipment{f: f, tail: tail, stdout: a.stdout, brief: o.follow && o.fresh}
	if o.cursor != "" {
		if s.cursor, err = export.OpenCursor(o.cursor); err != nil {
			return err
		}
		defer s.cursor.Close()
		if err := s.resume(o.cursor); err != nil {
			return err
		}
		if err := endLine(a.stdout); err != nil {
			return err
		}
	}
	if s.out, err = a.logWriter(pol, f, o, nil, s.saved.Record == 0); err != nil {
		return err
	}
	if e, ok := s.out.(*exportWriter); ok && e.x.NeedsHistory() {
		if err := tail.History(func(line *ledger.Line) error { e.x.Observe(line); return nil }); err != nil {
			return err
		}
	}
	if !o.follow {
		return s.read(ctx)
	}
	if err := s.follow(ctx, a.now); !errors.Is(err, errInterrupted) {
		return err
	}
	return nil
}

// follow prints what is there and what comes, until that cannot match any more.
func (s *shipment) follow(ctx context.Context, now func() time.Time) error {
	for {
		over := s.over(now()) // before reading: what is read then is all
		if err := s.read(ctx); err != nil || over {
			return err
		}
		if more, err := s.wait(ctx, now); err != nil || !more {
			return err
		}
	}
}

// over reports whether --until lies back so far that entries from before it have
// been written, where hosts agree on the time.
func (s *shipment) over(now time.Time) bool {
	return !s.f.until.IsZero() && now.After(s.f.until.Add(lateEntry))
}

// resume goes to where the cursor says.
func (s *shipment) resume(path string) error {
	at, there, err := s.cursor.Load()
	if err != nil || !there {
		return err
	}
	if err := s.tail.Resume(at); err != nil {
		return fmt.Errorf("the cursor %s: %w; find out why, and take the file away to ship all again", path, err)
	}
	s.saved = at
	return nil
}

// read prints what is there, and then moves the cursor.
func (s *shipment) read(ctx context.Context) error {
	s.due = time.Now().Add(saveEvery)
	err := s.tail.Read(func(line *ledger.Line) error {
		if s.seen++; s.seen%256 == 0 {
			if err := s.pause(ctx); err != nil {
				return err
			}
		}
		if !s.f.match(&line.Entry) {
			return pass(s.out, line)
		}
		return s.out.write(line)
	})
	if s.brief {
		lastRows(s.out, followRows)
		s.brief = false
	}
	// Also where the ledger failed: what was read before holds.
	if saved := s.save(); saved != nil {
		return saved
	}
	return err
}

// pause is made now and then while there is much to read.
func (s *shipment) pause(ctx context.Context) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	if s.brief {
		lastRows(s.out, followRows)
		return nil
	}
	if now := time.Now(); now.After(s.due) {
		s.due = now.Add(saveEvery)
		return s.save()
	}
	return nil
}

// save writes what was not written yet, and then the cursor.
func (s *shipment) save() error {
	if err := s.out.flush(); err != nil {
		return err
	}
	at := s.tail.Position()
	if s.cursor == nil || at == s.saved || at.Record == 0 {
		return nil
	}
	if err := settleFile(s.stdout); err != nil {
		return err
	}
	s.saved = at
	return s.cursor.Save(at)
}

// wait returns when there is more to read, or the last time to do so; false when
// nobody wants it any more.
func (s *shipment) wait(ctx context.Context, now func() time.Time) (more bool, err error) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case <-tick.C:
		}
		if hungUp(s.stdout) {
			return false, nil
		}
		if more, err := s.tail.Grown(); more || err != nil {
			return more, err
		}
		if s.over(now()) {
			return true, nil
		}
	}
}

// hungUp reports whether the output is a pipe that nobody reads any more.
func hungUp(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	poll := []unix.PollFd{{Fd: int32(f.Fd())}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n == 1 && poll[0].Revents&unix.POLLERR != 0
}
