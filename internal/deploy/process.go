package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/receive"
)

// ownToken is the token of this process, in the form of receive.Token.
func ownToken() (receive.Token, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("find this process: %w", err)
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", fmt.Errorf("find this process: %w", err)
	}
	fields, err := statFields(os.Getpid())
	if err != nil {
		return "", fmt.Errorf("find this process: %w", err)
	}
	token := receive.Token(fmt.Sprintf("%s/%s/%d/%s", strings.TrimSpace(string(boot)),
		strings.Trim(space, "pid:[]"), os.Getpid(), fields[22-3]))
	if token.Life() != receive.Alive {
		return "", errors.New("find this process: /proc does not show it")
	}
	return token, nil
}

// statFields are the fields of /proc/PID/stat from the third on (proc(5)).
func statFields(pid int) ([]string, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 22 {
		return nil, errors.New("the state of a process has an unknown form")
	}
	return fields, nil
}

// runnerVariable carries the runner's token to the command and its children.
const runnerVariable = "PATHGATE_RUNNER"

// killLeft kills what a dead runner's command has left running, and waits
// until it is gone: of two deployments of an environment, one would else run
// beside the other. A process that has made a session of its own was meant to
// stay.
func killLeft(token string) error {
	parts := strings.Split(token, "/")
	if len(parts) != 4 {
		return nil
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left := 0
		entries, err := os.ReadDir("/proc")
		if err != nil {
			return fmt.Errorf("look for what a dead runner left: %w", err)
		}
		for _, e := range entries {
			if pid, err := strconv.Atoi(e.Name()); err == nil && killOne(pid, parts[2], token) {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d processes that a dead runner left cannot be killed", left)
		}
	}
}

// killOne kills a process of the session that carries the token, and reports
// whether it was one. The descriptor makes sure that what is killed is what
// was looked at.
func killOne(pid int, session, token string) bool {
	fields, err := statFields(pid)
	if err != nil || fields[6-3] != session || fields[0] == "Z" {
		return false
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+runnerVariable+"="+token+"\x00")) {
		return false
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
}

// closeInherited closes every descriptor that came with this process beyond
// the standard ones: a pusher's client may be waiting for it. Those that Go
// has opened are marked to be closed on exec, inherited ones cannot be.
func closeInherited() {
	for _, fd := range inherited() {
		unix.Close(fd)
	}
}

// keepInherited sees to it that no program that is started gets what this
// process was handed beside its input and output, until the function that it
// returns is called.
func keepInherited() (undo func()) {
	kept := inherited()
	set := func(flags int) {
		for _, fd := range kept {
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags)
		}
	}
	set(unix.FD_CLOEXEC)
	return func() { set(0) }
}

// inherited are the descriptors from 3 on that a program started now would get:
// those that we open ourselves it would not.
func inherited() (list []int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < 3 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			list = append(list, fd)
		}
	}
	return list
}
