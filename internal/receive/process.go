package receive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxLevels is how far above a hook its receive-pack may be: each wrapper
// shell takes one level.
const maxLevels = 16

// errNoProcess says that /proc has no such process, or does not show it.
var errNoProcess = errors.New("no such process")

// proc is a /proc file system (proc(5)).
type proc struct {
	root   string
	exists func(pid int) bool // asks the kernel, past what root hides (hidepid)
}

func systemProc() proc {
	return proc{root: "/proc", exists: func(pid int) bool {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}}
}

// stat is what we need of /proc/PID/stat.
type stat struct {
	comm   string
	state  byte
	parent int
	start  uint64 // clock ticks after boot
}

func (p proc) read(limit int64, parts ...string) ([]byte, error) {
	f, err := os.Open(filepath.Join(append([]string{p.root}, parts...)...))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

func (p proc) stat(pid int) (stat, error) {
	raw, err := p.read(4<<10, strconv.Itoa(pid), "stat")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return stat{}, errNoProcess
	}
	if err != nil {
		return stat{}, fmt.Errorf("read the state of process %d: %w", pid, err)
	}
	s, ok := parseStat(raw)
	if !ok {
		return stat{}, fmt.Errorf("read the state of process %d: unknown form", pid)
	}
	return s, nil
}

// parseStat parses "pid (comm) state ppid ... starttime ...". The name may
// hold spaces and parentheses, so that only the last one ends it.
func parseStat(raw []byte) (stat, bool) {
	open, end := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
	if open < 0 || end < open {
		return stat{}, false
	}
	fields := strings.Fields(string(raw[end+1:]))
	const start = 22 - 3 // fields are counted from one, and two stand before
	if len(fields) <= start || len(fields[0]) != 1 {
		return stat{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return stat{}, false
	}
	ticks, err := strconv.ParseUint(fields[start], 10, 64)
	if err != nil {
		return stat{}, false
	}
	return stat{comm: string(raw[open+1 : end]), state: fields[0][0], parent: parent, start: ticks}, true
}

// receivePack reports whether a process is git receive-pack. The kernel cuts
// comm at 15 bytes.
func (p proc) receivePack(pid int, s stat) (bool, error) {
	if s.comm == "git-receive-pac" {
		return true, nil
	}
	raw, err := p.read(64<<10, strconv.Itoa(pid), "cmdline")
	if err != nil {
		return false, fmt.Errorf("read the command line of process %d: %w", pid, err)
	}
	args := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
	switch filepath.Base(args[0]) {
	case "git-receive-pack":
		return true, nil
	case "git":
		return subcommand(args[1:]) == "receive-pack", nil
	}
	return s.comm == "git" && subcommand(args[1:]) == "receive-pack", nil
}

// subcommand is the first of git's arguments that is neither an option nor an
// option's value (git(1)).
func subcommand(args []string) string {
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-c", "-C", "--git-dir", "--work-tree", "--namespace", "--super-prefix",
			"--config-env", "--exec-path", "--attr-source":
			i++
			continue
		}
		if !strings.HasPrefix(args[i], "-") {
			return args[i]
		}
	}
	return ""
}

// find walks up from pid to receive-pack.
func (p proc) find(pid int) (int, stat, error) {
	for range maxLevels {
		if pid <= 0 {
			break
		}
		s, err := p.stat(pid)
		if err != nil {
			return 0, stat{}, err
		}
		found, err := p.receivePack(pid, s)
		if err != nil {
			return 0, stat{}, err
		}
		if found {
			return pid, s, nil
		}
		pid = s.parent
	}
	return 0, stat{}, errors.New("no receive-pack among the parents of this process")
}
