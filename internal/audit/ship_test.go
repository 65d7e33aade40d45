package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func TestWithoutTable(t *testing.T) {
	if err := Ship(context.Background(), nil, "/nonexistent", 7); err != nil {
		t.Error(err)
	}
	if all, err := All(context.Background(), nil, "/nonexistent"); all != nil || err != nil {
		t.Error(all, err)
	}
	if all, err := Look(nil, "/nonexistent"); all != nil || err != nil || Required(nil) {
		t.Error(all, err)
	}
}

func TestFileIsTheLedgersLines(t *testing.T) {
	s := newStand(t)
	for range 3 {
		if err := s.ship(s.file(), s.add(2)); err != nil {
			t.Fatal(err)
		}
		if got, want := s.read(s.file().File), s.journal(); got != want {
			t.Fatalf("the file has\n%s\nwant\n%s", got, want)
		}
	}
	for name, mode := range map[string]os.FileMode{s.file().File: 0o640, cursorPath(s.dir, "file"): 0o640} {
		if info, err := os.Stat(name); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	standing, err := Look(s.file(), s.dir)
	if err != nil || len(standing) != 1 || standing[0] != (Standing{Sink: "file", Record: 7}) {
		t.Errorf("Look: %+v, %v", standing, err)
	}
}

// A file that is renamed, as logrotate does it, goes on in a new one.
func TestFileIsRotated(t *testing.T) {
	s := newStand(t)
	s.all(s.file())
	first := s.read(s.file().File)
	if err := os.Rename(s.file().File, s.file().File+".1"); err != nil {
		t.Fatal(err)
	}
	if err := s.ship(s.file(), s.add(3)); err != nil {
		t.Fatal(err)
	}
	if got := first + s.read(s.file().File); got != s.journal() {
		t.Errorf("both files have\n%s\nwant\n%s", got, s.journal())
	}
}

func TestFileThatCannotBe(t *testing.T) {
	s := newStand(t)
	link := filepath.Join(s.out, "link")
	if err := os.Symlink(filepath.Join(s.out, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	same := filepath.Join(s.out, "same")
	if err := os.Link(filepath.Join(s.dir, ledger.JournalName), same); err != nil {
		t.Fatal(err)
	}
	before := s.journal()
	for _, name := range []string{link, same, s.out, "/dev/null", filepath.Join(s.out, "no", "folder")} {
		if err := s.ship(&policy.Audit{File: name}, 1); !errors.Is(err, ErrBehind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.journal() != before {
		t.Error("the journal was written")
	}
}

// A line that somebody has left unfinished is ended, and comes again whole.
func TestFileEndsInHalfALine(t *testing.T) {
	s := newStand(t)
	if err := os.WriteFile(s.file().File, []byte(`{"half":`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.all(s.file())
	if got, want := s.read(s.file().File), "{\"half\":\n"+s.journal(); got != want {
		t.Errorf("the file has %q, want %q", got, want)
	}
}

func TestSinkIsDownAndComesBack(t *testing.T) {
	s := newStand(t)
	for range 3 {
		if err := s.ship(s.unix(), s.add(5)); !errors.Is(err, ErrBehind) {
			t.Fatalf("a sink that is down: %v", err)
		}
	}
	r := listen(t, "unixgram", s.unix().Syslog.Address).start()
	last := s.add(1)
	if err := s.ship(s.unix(), last); err != nil {
		t.Fatal(err)
	}
	if got := seqs(t, r.wait(t, int(last))); !slices.Equal(got, oneTo(last)) {
		t.Errorf("came %v", got)
	}
}

// By UDP a host that answers "nobody there" is a sink that is down; one that
// says nothing is not.
func TestUDP(t *testing.T) {
	s := newStand(t)
	r := listen(t, "udp", "127.0.0.1:0")
	a := &policy.Audit{Syslog: policy.SyslogAddress{Network: "udp", Address: r.conn.LocalAddr().String()}, Facility: 16}
	last := s.add(100)
	r.conn.Close()
	if err := s.ship(a, last); !errors.Is(err, ErrBehind) {
		t.Fatalf("a port that is closed: %v", err)
	}
	if standing, err := Look(a, s.dir); err != nil || standing[0].Record != 0 {
		t.Errorf("the cursor moved: %+v, %v", standing, err)
	}
	r = listen(t, "udp", a.Syslog.Address).start()
	s.all(a)
	got := r.wait(t, int(last))
	if !slices.Equal(seqs(t, got), oneTo(last)) {
		t.Errorf("came %v", seqs(t, got))
	}
	if m, err := parse5424(got[1]); err != nil || m.facility != 16 || m.severity != warning || m.id != "refused" || m.app != "pathgate" {
		t.Errorf("%+v, %v", m, err)
	}
}

// A receiver that does not read holds a push up for a bounded time.
func TestSinkIsSlow(t *testing.T) {
	s := newStand(t)
	r := listen(t, "unixgram", s.unix().Syslog.Address)
	last := s.add(700) // more than a socket queues
	if limit := hookOptions(s.unix(), s.dir, last).limit; limit != HookTime {
		t.Errorf("a hook ships for %s", limit)
	}
	err := s.ship(s.unix(), last) // or it goes on for ever
	if !errors.Is(err, ErrBehind) {
		t.Errorf("a receiver that does not read: %v", err)
	}
	required := s.unix()
	required.Required = true
	o := hookOptions(required, s.dir, last)
	o.limit = 50 * time.Millisecond
	if _, err := shipAll(context.Background(), required, o); !errors.Is(err, ErrBehind) {
		t.Errorf("a receiver that does not read, and is required: %v", err)
	}
	r.start()
	s.all(s.unix())
	if again := ordered(t, seqs(t, r.wait(t, int(last))), last); again != 0 {
		t.Errorf("%d came twice", again)
	}
}

// One hook does not ship a whole ledger; the next ones and reconcile do.
func TestHookDoesItsShare(t *testing.T) {
	s := newStand(t)
	last := s.add(60)
	o := hookOptions(s.file(), s.dir, last)
	o.mostLines = 25
	for _, want := range []int{25, 50} {
		if _, err := shipAll(context.Background(), s.file(), o); err != nil {
			t.Fatal(err)
		}
		if got := len(lineSeqs(t, s.read(s.file().File))); got != want {
			t.Errorf("%d lines, want %d", got, want)
		}
	}
	all, err := All(context.Background(), s.file(), s.dir)
	if err != nil || len(all) != 1 || all[0] != (Shipped{Sink: "file", Lines: 11, Record: last}) {
		t.Errorf("All: %+v, %v", all, err)
	}
	if s.read(s.file().File) != s.journal() {
		t.Error("the file is not the journal")
	}
}

// What the policy requires is shipped before the push goes on, or it does not
// go on, however many lines were left over.
func TestRequired(t *testing.T) {
	s := newStand(t)
	a := s.unix()
	a.Required = true
	last := s.add(3)
	if limit := hookOptions(a, s.dir, last).limit; limit != RequiredTime {
		t.Errorf("a hook waits for %s", limit)
	}
	down := hookOptions(a, s.dir, last)
	down.limit = time.Hour // nobody is waited for who is not there
	if _, err := shipAll(context.Background(), a, down); !errors.Is(err, ErrBehind) || !Required(a) {
		t.Fatalf("a sink that is down: %v", err)
	}
	if err := s.ship(a, 0); !errors.Is(err, ErrBehind) {
		t.Errorf("a sink that is down, and nothing to wait for: %v", err)
	}
	r := listen(t, "unixgram", a.Syslog.Address).start()
	o := hookOptions(a, s.dir, last)
	o.mostLines = 1
	if _, err := shipAll(context.Background(), a, o); err != nil {
		t.Fatal(err)
	}
	if got := seqs(t, r.wait(t, int(last))); !slices.Equal(got, oneTo(last)) {
		t.Errorf("came %v", got)
	}
	both := s.unix()
	both.File, both.Required = filepath.Join(s.out, "no", "folder"), true
	if err := s.ship(both, last); !errors.Is(err, ErrBehind) || !strings.Contains(err.Error(), "file has taken record 0") {
		t.Errorf("one of two sinks is down: %v", err)
	}
}

// A required sink that another process serves is waited for, not for ever.
func TestRequiredWaitsForTheOther(t *testing.T) {
	s := newStand(t)
	a := s.file()
	a.Required = true
	last := s.add(1)
	c, err := lockCursor(s.dir, "file")
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	o := hookOptions(a, s.dir, last)
	o.limit = 50 * time.Millisecond
	if _, err := shipAll(context.Background(), a, o); !errors.Is(err, ErrBehind) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("another process holds the sink: %v", err)
	}
	if err := s.ship(s.file(), last); err != nil {
		t.Errorf("not required, it is left to the other process: %v", err)
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		c.close()
	}()
	if err := s.ship(a, last); err != nil {
		t.Error(err)
	}
	if s.read(a.File) != s.journal() {
		t.Error("the file is not the journal")
	}
}

// A defect in a sink refuses what requires it, and ends no hook.
func TestDefect(t *testing.T) {
	s := newStand(t)
	o := hookOptions(s.file(), s.dir, s.add(1))
	o.beforeSave = func() { panic("a defect") }
	if _, err := shipAll(context.Background(), s.file(), o); !errors.Is(err, ErrBehind) || !strings.Contains(err.Error(), "a defect") {
		t.Error(err)
	}
	if standing, err := Look(s.file(), s.dir); err != nil || standing[0].Record != 0 || standing[0].Behind == 0 {
		t.Errorf("the cursor moved: %+v, %v", standing, err)
	}
}

// A cursor from before the ledger was put back does not pass for one that has
// the push's own entry.
func TestRequiredAfterRestore(t *testing.T) {
	s := newStand(t)
	s.add(3)
	copied := s.journal()
	s.add(9)
	s.all(s.file())
	s.restore(copied)
	mine := s.add(1) // record 5, and the cursor says 13
	a := s.file()
	a.Required = true
	c, err := lockCursor(s.dir, "file")
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	o := hookOptions(a, s.dir, mine)
	o.limit = 50 * time.Millisecond
	if _, err := shipAll(context.Background(), a, o); !errors.Is(err, ErrBehind) {
		t.Errorf("it passed: %v", err)
	}
	c.close()
	if err := s.ship(a, mine); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSuffix(s.journal(), "\n"), "\n")
	if !strings.HasSuffix(s.read(a.File), lines[len(lines)-1]+"\n") {
		t.Error("the push's own entry is not there")
	}
	if err := s.ship(a, mine+1); !errors.Is(err, ErrBehind) {
		t.Errorf("a record that the ledger does not have: %v", err)
	}
}
