package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var named = regexp.MustCompile(`\$\{[A-Z][A-Z0-9_]*\}`)

// expand puts the values of variables into a policy file.
func expand(ts *testscript.TestScript, text string) string {
	text = named.ReplaceAllStringFunc(text, func(name string) string {
		return ts.Getenv(name[2 : len(name)-1])
	})
	return strings.ReplaceAll(text, "$WORK", ts.Getenv("WORK"))
}

func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	want := 1
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "-count" {
			n, err := strconv.Atoi(args[i+1])
			ts.Check(err)
			want = n
			args = append(args[:i:i], args[i+2:]...)
			break
		}
	}
	l, rest := parseListing(ts, args)
	if neg || len(rest) != 1 {
		ts.Fatalf("usage: await [-types T,...] [-dir DIR] [-fields F,...] [-count N] PATTERN")
	}
	pattern, err := regexp.Compile(`(?m)` + rest[0])
	ts.Check(err)
	var text string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		// A line that is being written may look torn.
		if text, err = l.print(stateOf(ts).names); err == nil && len(pattern.FindAllString(text, -1)) >= want {
			return
		}
	}
	ts.Fatalf("waited %v for %d lines like %s in vain: %v\n%s", patience, want, rest[0], err, text)
}

// runners returns the runners of deployments below a script's folder.
func runners(work string) ([]int, error) {
	pids, err := processes()
	if err != nil {
		return nil, err
	}
	var found []int
	for _, pid := range pids {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // it is gone
		}
		args := bytes.Split(line, []byte{0})
		if len(args) > 1 && filepath.Base(string(args[0])) == "deploy" && strings.HasPrefix(string(args[1]), work+"/") {
			found = append(found, pid)
		}
	}
	return found, nil
}

func waitRested(work string, limit time.Duration) ([]int, error) {
	for deadline := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		left, err := runners(work)
		if err != nil || len(left) == 0 || time.Now().After(deadline) {
			return left, err
		}
	}
}

func cmdRested(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: rested")
	}
	left, err := waitRested(ts.Getenv("WORK"), patience)
	ts.Check(err)
	if len(left) > 0 {
		ts.Fatalf("runners %v are still at work", left)
	}
}

// endRunners leaves no runner behind that would write into a folder that is
// about to be removed.
func endRunners(work string) {
	left, _ := waitRested(work, 3*time.Second)
	for _, pid := range left {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_, _ = waitRested(work, 3*time.Second)
}

func cmdClock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || !variable.MatchString(args[0]) {
		ts.Fatalf("usage: clock NAME OFFSET weekly|local|rfc3339")
	}
	layouts := map[string]string{"weekly": "Mon 15:04", "local": "2006-01-02T15:04:05", "rfc3339": time.RFC3339}
	offset, err := time.ParseDuration(args[1])
	ts.Check(err)
	layout := layouts[args[2]]
	if layout == "" {
		ts.Fatalf("unknown form %s", args[2])
	}
	ts.Setenv(args[0], time.Now().UTC().Add(offset).Format(layout))
}

func cmdKeygen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: keygen NAME...")
	}
	if _, err := lookPath("ssh-keygen"); err != nil {
		skip(ts, "ssh-keygen is missing: install openssh-client")
	}
	work := ts.Getenv("WORK")
	ts.Check(os.MkdirAll(filepath.Join(work, "keys"), 0o700))
	for _, name := range args {
		file := filepath.Join(work, "keys", name)
		ts.Check(ts.Exec("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file))
		key, err := os.ReadFile(file + ".pub")
		ts.Check(err)
		list, err := os.OpenFile(filepath.Join(work, "allowed_signers"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		ts.Check(err)
		_, err = fmt.Fprintf(list, "%s@example.com namespaces=\"git\" %s", name, key)
		ts.Check(err)
		ts.Check(list.Close())
	}
}
