// Package hook is what pathgate's three hooks do before they differ: they
// stay alive when the pusher has gone, and find the server's log.
package hook

import (
	"io"
	"log/syslog"
	"os/signal"
	"syscall"
	"time"

	"github.com/pathgate/pathgate/internal/gate"
)

// Process gathers what git gives a hook. Afterwards a client that hangs up
// kills no hook any more: what it has begun to record, it records.
func Process(stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string, args []string) *gate.Process {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	path := "hook"
	if len(args) > 0 {
		path = args[0]
	}
	return &gate.Process{Path: path, Getenv: getenv, Stdin: stdin, Stdout: stdout, Stderr: stderr,
		Now: time.Now, Log: toSyslog}
}

// toSyslog hands a line to the system's log. A server without one has nowhere
// else: a hook's own output reaches the pusher.
func toSyslog(line string) {
	w, err := syslog.New(syslog.LOG_AUTH|syslog.LOG_ERR, "pathgate")
	if err != nil {
		return
	}
	defer w.Close()
	_ = w.Err(line)
}
