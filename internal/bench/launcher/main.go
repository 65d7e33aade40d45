// Command launcher stands in a hook's place, runs the hook, and writes down
// what it took. The hook is the file of the same name with ".measured" at its
// end; PATHGATE_BENCH_USAGE names the file that gets a JSON line. With
// PATHGATE_BENCH_TRACE set, the hook also tells how long its packages took to
// initialise.
//
// The kernel counts the memory of the process that started a program to the
// program's peak. The launcher is a small program, so a peak is the hook's own
// unless it is as small as the launcher.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A usage is what one run of a hook took.
type usage struct {
	Hook   string        `json:"hook"`
	Wall   time.Duration `json:"wall"`
	User   time.Duration `json:"user"`
	System time.Duration `json:"system"`
	Peak   int64         `json:"peak"` // bytes
	Inits  []string      `json:"inits,omitempty"`
}

func main() {
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "launcher:", err)
		status = 1
	}
	os.Exit(status)
}

func run() (int, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(os.Args[0] + ".measured")
	cmd.Args = os.Args
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	trace := os.Getenv("PATHGATE_BENCH_TRACE") != ""
	if trace {
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		cmd.Stderr = &stderr
	}
	begin := time.Now()
	err := cmd.Run()
	u := usage{Hook: filepath.Base(os.Args[0]), Wall: time.Since(begin)}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 1, err
	}
	u.User, u.System = cmd.ProcessState.UserTime(), cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.Peak = r.Maxrss << 10 // kilobytes on Linux
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.HasPrefix(line, "init ") {
			u.Inits = append(u.Inits, strings.TrimSpace(line))
		} else {
			os.Stderr.WriteString(line)
		}
	}
	return cmd.ProcessState.ExitCode(), write(u)
}

func write(u usage) error {
	line, err := json.Marshal(u)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(os.Getenv("PATHGATE_BENCH_USAGE"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
