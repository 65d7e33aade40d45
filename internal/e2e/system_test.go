package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long anything that is awaited may take.
const patience = 2 * time.Minute

func cmdTmpfs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tmpfs DIR SIZE")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+args[1]); err != nil {
		skip(ts, fmt.Sprintf("cannot mount a tmpfs (%v): run the tests as root", err))
	}
	ts.Defer(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			stateOf(ts).t.Log("unmount:", err)
		}
	})
}

// cmdFill writes into a file until no byte is free.
func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fill DIR")
	}
	f, err := os.Create(filepath.Join(ts.MkAbs(args[0]), "ballast"))
	ts.Check(err)
	block := make([]byte, 1<<16)
	for len(block) > 0 {
		_, err = f.Write(block)
		if errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
			continue
		}
		ts.Check(err)
	}
	ts.Check(f.Close())
}

func cmdWaitfor(ts *testscript.TestScript, neg bool, args []string) {
	there := true
	if len(args) == 2 && args[0] == "-gone" {
		there, args = false, args[1:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor [-gone] FILE")
	}
	ts.Check(waitFor(ts.MkAbs(args[0]), there))
}

func waitFor(file string, there bool) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if _, err := os.Stat(file); (err == nil) == there {
			return nil
		}
	}
	return fmt.Errorf("waited %v for %s in vain", patience, file)
}

func cmdIdle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: idle REPO")
	}
	ts.Check(waitIdle(repository(ts, args[0])))
}

// waitIdle waits until no process has its working folder in the repository.
func waitIdle(repo string) error {
	var busy []int
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		pids, err := processes()
		if err != nil {
			return err
		}
		busy = nil
		for _, pid := range pids {
			cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
			if err == nil && (cwd == repo || strings.HasPrefix(cwd, repo+"/")) {
				busy = append(busy, pid)
			}
		}
		if len(busy) == 0 {
			return nil
		}
	}
	return fmt.Errorf("processes %v still work in %s", busy, repo)
}

func processes() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// cmdWithin runs a command as exec does and fails if it takes longer.
func cmdWithin(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: within DURATION COMMAND [ARG...]")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	start := time.Now()
	err = ts.Exec(args[1], args[2:]...)
	took := time.Since(start)
	if (err != nil) != neg {
		ts.Fatalf("%s: %v", args[1], ended(err))
	}
	if took > limit {
		ts.Fatalf("%s took %v, more than %v", args[1], took.Round(time.Millisecond), limit)
	}
	ts.Logf("took %v", took.Round(time.Millisecond))
}

// cmdNeed skips the script where a program is missing, naming the package.
func cmdNeed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: need PROGRAM PACKAGE, or need root WHY")
	}
	if args[0] == "root" {
		if os.Geteuid() != 0 {
			skip(ts, args[1]+": run the tests as root")
		}
		return
	}
	if _, err := lookPath(args[0]); err != nil {
		skip(ts, args[0]+" is missing: install "+args[1])
	}
}
