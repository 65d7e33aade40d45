package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
)

// An outcome is how a run ended.
type outcome struct{ state, message string }

func failed(format string, args ...any) outcome {
	return outcome{ledger.StateError, fmt.Sprintf(format, args...)}
}

// A run is one command under way.
type run struct {
	argv  []string
	dir   string
	env   []string
	out   io.Writer
	grace time.Duration // from SIGTERM to SIGKILL
}

// execute runs the command in a process group of its own until it ends or ctx
// does. The calling goroutine must be locked to its thread: the command dies
// with that, and so with the runner.
//
// What the command leaves running in the background goes on when it ends by
// itself, with its output cut off; when it is stopped, all of the group is.
func (r *run) execute(ctx context.Context) outcome {
	read, write, err := os.Pipe()
	if err != nil {
		return failed("the command cannot be started: %v", err)
	}
	defer read.Close()
	cmd := exec.Command(r.argv[0], r.argv[1:]...)
	cmd.Dir, cmd.Env = r.dir, r.env
	cmd.Stdout, cmd.Stderr = write, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = cmd.Start()
	write.Close()
	if err != nil {
		return failed("the command cannot be started: %v", withoutPath(err))
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(r.out, read) // ends with the output, or by the deadline below
	}()
	stopped := r.supervise(ctx, cmd.Process.Pid, drained)
	err = cmd.Wait()
	r.cutOff(read, drained)
	if stopped {
		return stopReason(ctx)
	}
	return ended(cmd.ProcessState, err)
}

// supervise waits until the command has ended, and stops it if ctx ends first.
// It leaves the command to be waited for: as long as nobody has, its number
// means no other group.
func (r *run) supervise(ctx context.Context, pid int, drained <-chan struct{}) (stopped bool) {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
		}
	}()
	select {
	case <-exited:
		return false
	case <-ctx.Done():
	}
	_ = unix.Kill(-pid, unix.SIGTERM) // it is there: nobody has waited for it
	grace := time.After(r.grace)
	for _, quiet := range []<-chan struct{}{exited, drained} {
		select {
		case <-quiet:
		case <-grace:
			grace = closedTime()
		}
	}
	_ = unix.Kill(-pid, unix.SIGKILL)
	<-exited
	return true
}

// closedTime is a timer that has run out for good.
func closedTime() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}

// cutOff waits a moment for output that is still in the pipe. A process in the
// background may hold the pipe for ever.
func (r *run) cutOff(read *os.File, drained <-chan struct{}) {
	_ = read.SetReadDeadline(time.Now().Add(time.Second)) // pipes have deadlines
	<-drained
}

// errTimeout is the cause of a context whose time is up.
type errTimeout struct{ limit time.Duration }

func (e errTimeout) Error() string { return "timed out after " + short(e.limit) }

func stopReason(ctx context.Context) outcome {
	if late := (errTimeout{}); errors.As(context.Cause(ctx), &late) {
		return outcome{ledger.StateError, late.Error()}
	}
	return outcome{ledger.StateError, "the runner was told to stop"}
}

// ended turns the status of a command that ended by itself into an outcome.
func ended(state *os.ProcessState, err error) outcome {
	exit := (*exec.ExitError)(nil)
	if state == nil || err != nil && !errors.As(err, &exit) {
		return failed("the command's end was not seen: %v", err)
	}
	switch status, ok := state.Sys().(syscall.WaitStatus); {
	case !ok:
		return failed("the command's end was not understood")
	case status.Signaled():
		return failed("killed by %s", unix.SignalName(status.Signal()))
	case status.ExitStatus() == 0:
		return outcome{state: ledger.StateSuccess}
	default:
		return outcome{ledger.StateFailure, fmt.Sprintf("exit status %d", status.ExitStatus())}
	}
}

// short writes a duration without its zero parts: 15m, 1m20s.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []struct{ long, short string }{{"m0s", "m"}, {"h0m", "h"}} {
		if n := len(s) - len(zero.long); n >= 0 && s[n:] == zero.long {
			s = s[:n] + zero.short
		}
	}
	return s
}
