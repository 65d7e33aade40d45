package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// TestMain lets the test binary be a hook in a process of its own.
func TestMain(m *testing.M) {
	if mode := os.Getenv("AUDIT_TEST_MODE"); mode != "" {
		if err := child(mode, os.Getenv("AUDIT_TEST_LEDGER"), os.Getenv("AUDIT_TEST_SINK")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is what such a process does.
func child(mode, dir, sink string) error {
	a := &policy.Audit{File: sink, Facility: 10}
	if mode == "socket" || mode == "killed-socket" {
		a = &policy.Audit{Syslog: policy.SyslogAddress{Network: "unix", Address: sink}, Facility: 10}
	}
	switch mode {
	case "killed", "killed-socket":
		o := hookOptions(a, dir, 0)
		o.beforeSave = func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) }
		_, err := shipAll(context.Background(), a, o)
		return err
	case "full":
		// A disk that is full in the middle of a line: the kernel writes what fits.
		signal.Ignore(syscall.SIGXFSZ)
		limit := unix.Rlimit{Cur: 1000, Max: 1000}
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
			return err
		}
		f, err := openFile(sink, dir)
		if err != nil {
			return err
		}
		for range 5 {
			if err := f.write(context.Background(), &message{raw: []byte(strings.Repeat("x", 300))}); err != nil {
				return err
			}
		}
		if err := f.flush(context.Background()); !errors.Is(err, syscall.EFBIG) {
			return fmt.Errorf("a full disk: %v", err)
		}
		return f.close()
	case "hooks", "socket":
		return pushes(a, dir, 10)
	}
	return errors.New("unknown mode " + mode)
}

// pushes appends and ships as so many hooks do, one after the other.
func pushes(a *policy.Audit, dir string, n int) error {
	for i := range n {
		l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: root})
		if err != nil {
			return err
		}
		err = l.Append(refusal(fmt.Sprintf("push %d of process %d", i, os.Getpid())))
		last, _, _ := l.Last()
		if err := errors.Join(err, l.Close()); err != nil {
			return err
		}
		if err := Ship(context.Background(), a, dir, last); err != nil {
			return err
		}
	}
	return nil
}

func (s *stand) child(mode, sink string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "AUDIT_TEST_MODE="+mode, "AUDIT_TEST_LEDGER="+s.dir, "AUDIT_TEST_SINK="+sink)
	return cmd.CombinedOutput()
}

// A process that is killed between the sink and the cursor makes the same lines
// come again, and none get lost.
func TestKilledBeforeCursor(t *testing.T) {
	s := newStand(t)
	last := s.add(9)
	for _, mode := range []string{"killed", "killed"} {
		out, err := s.child(mode, s.file().File)
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v: %s", err, out)
		}
	}
	last = max(last, s.add(2))
	s.all(s.file())
	if again := ordered2(t, lineSeqs(t, s.read(s.file().File)), last); again != 20 {
		t.Errorf("%d lines came again, want 20", again)
	}
	r := listen(t, "unixgram", s.unix().Syslog.Address).start()
	if _, err := s.child("killed-socket", s.unix().Syslog.Address); err == nil {
		t.Fatal("it was not killed")
	}
	s.all(s.unix())
	if again := ordered2(t, seqs(t, r.wait(t, 2*int(last))), last); again != int(last) {
		t.Errorf("%d messages came again, want %d", again, last)
	}
}

// ordered2 is ordered where lines may come again from an earlier one on.
func ordered2(t *testing.T, got []uint64, last uint64) (again int) {
	t.Helper()
	newest := uint64(0)
	for i, n := range got {
		if n > newest+1 || i > 0 && n > got[i-1]+1 {
			t.Fatalf("record %d came where %d was due: %v", n, newest+1, got)
		}
		if n <= newest {
			again++
		}
		newest = max(newest, n)
	}
	if newest != last {
		t.Fatalf("records up to %d came, want %d", newest, last)
	}
	return again
}

// What a full disk has taken of a line is taken off again.
func TestFullDisk(t *testing.T) {
	s := newStand(t)
	begin := "{}\n"
	if err := os.WriteFile(s.file().File, []byte(begin), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := s.child("full", s.file().File); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := s.read(s.file().File); got != begin {
		t.Errorf("%d bytes were left", len(got)-len(begin))
	}
	s.all(s.file())
	if got := s.read(s.file().File); got != begin+s.journal() {
		t.Errorf("with room again: %s", got)
	}
}

// Many hooks at once: every line comes, each once, in order, and when the last
// hook is done nothing is left over.
func TestConcurrentHooks(t *testing.T) {
	s := newStand(t)
	r := listen(t, "unixgram", s.unix().Syslog.Address).start()
	for mode, sink := range map[string]string{"hooks": s.file().File, "socket": s.unix().Syslog.Address} {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if out, err := s.child(mode, sink); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
		wg.Wait()
		last := uint64(strings.Count(s.journal(), "\n"))
		if mode == "hooks" && s.read(sink) != s.journal() {
			t.Errorf("the file has %v", lineSeqs(t, s.read(sink)))
		}
		if mode == "socket" {
			if got := seqs(t, r.wait(t, int(last))); !slices.Equal(got, oneTo(last)) {
				t.Errorf("came %v", got)
			}
		}
	}
}

// The same within one process, for the race detector, with sinks required.
func TestConcurrentRequired(t *testing.T) {
	s := newStand(t)
	r := listen(t, "unixgram", s.unix().Syslog.Address).start()
	a := s.unix()
	a.File, a.Required = s.file().File, true
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := pushes(a, s.dir, 5); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	last := uint64(strings.Count(s.journal(), "\n"))
	if again := ordered(t, seqs(t, r.wait(t, int(last))), last); again != 0 || s.read(a.File) != s.journal() {
		t.Errorf("%d came again; the file has %v", again, lineSeqs(t, s.read(a.File)))
	}
}
