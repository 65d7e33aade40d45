package e2e

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A killer kills one process of many pushes, each time a little later.
//
//	killhooks [-ref REF] HOOK ATTEMPTS REPO [ARG...]
//
// First it lets a few pushes live to learn how long the process takes; the
// moments of the kills are then spread over that time. HOOK is the name of a hook's program, or receive-pack. Each attempt makes a
// commit and runs "git push ARG...", "git push REPO HEAD:REF" if there is no
// ARG. Whenever the process is killed, the ledger must be sound, and after
// pathgate reconcile every move of the ref must be on record exactly once and
// every intent settled exactly once.
type killer struct {
	ts       *testscript.TestScript
	hook     string
	attempts int
	repo     string // absolute
	ref      string
	args     []string
	life     time.Duration // how long the process lives if nobody kills it

	hits, moves int
}

func cmdKillhooks(ts *testscript.TestScript, neg bool, args []string) {
	k := killer{ts: ts}
	flags := flag.NewFlagSet("killhooks", flag.ContinueOnError)
	flags.StringVar(&k.ref, "ref", "refs/heads/main", "the environment's ref")
	err := flags.Parse(args)
	if err != nil || neg || flags.NArg() < 3 {
		ts.Fatalf("usage: killhooks [-ref REF] HOOK ATTEMPTS REPO [ARG...]: %v", err)
	}
	rest := flags.Args()
	k.hook = rest[0]
	k.attempts, err = strconv.Atoi(rest[1])
	ts.Check(err)
	k.repo = repository(ts, rest[2])
	k.args = rest[3:]
	if len(k.args) == 0 {
		k.args = []string{rest[2], "HEAD:" + k.ref}
	}
	ts.Check(k.measure())
	for i := range k.attempts {
		delay := k.life * time.Duration(i) / time.Duration(k.attempts)
		hit, err := k.attempt(i, delay)
		if err != nil {
			ts.Fatalf("attempt %d, %s killed after %v: %v", i, k.hook, delay, err)
		}
		if hit {
			k.hits++
		}
	}
	fmt.Fprintf(ts.Stdout(), "%d attempts within %v, %d killed, %d moved\n", k.attempts, k.life, k.hits, k.moves)
	if k.hits*5 < k.attempts {
		ts.Fatalf("only %d of %d attempts met %s alive: this shows nothing", k.hits, k.attempts, k.hook)
	}
}

// never is a delay that no process lives to see.
const never = time.Hour

// measure sets life to the median of a few pushes.
func (k *killer) measure() error {
	var lives []time.Duration
	for i := range 5 {
		if _, err := k.attempt(-1-i, never); err != nil {
			return fmt.Errorf("a push that nobody disturbs: %w", err)
		}
		lives = append(lives, k.life)
	}
	slices.Sort(lives)
	k.life = lives[len(lives)/2]
	if k.life == 0 {
		return fmt.Errorf("%s was never seen", k.hook)
	}
	k.moves = 0
	return nil
}

// attempt makes one push, kills the process after a delay if it still lives,
// and checks what is left.
func (k *killer) attempt(i int, delay time.Duration) (bool, error) {
	id := commit(k.ts, nil, fmt.Sprintf("K%d", i), fmt.Sprintf("attempt %d", i))
	hit, err := k.push(delay)
	if err != nil {
		return hit, err
	}
	if err := waitIdle(k.repo); err != nil {
		return hit, err
	}
	if err := unlock(k.repo); err != nil {
		return hit, err
	}
	if err := k.ts.Exec("pathgate", "reconcile", "--policy", k.ts.Getenv("WORK")+"/policy.toml"); err != nil {
		return hit, fmt.Errorf("reconcile: %w", err)
	}
	at, err := readRef(k.repo, k.ref)
	if err != nil {
		return hit, err
	}
	if at == id {
		k.moves++
	}
	return hit, k.invariants(id, at)
}

// unlock removes the locks that a killed git leaves on refs and on HEAD, as git
// tells its users to do.
func unlock(repo string) error {
	return filepath.WalkDir(repo, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "objects" {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".lock") {
			err = os.Remove(path)
		}
		return err
	})
}

// push runs one push and reports whether the process was alive to be killed.
func (k *killer) push(delay time.Duration) (bool, error) {
	cmd := exec.Command("git", append([]string{"push", "-q"}, k.args...)...)
	cmd.Dir = k.ts.MkAbs(".")
	cmd.Env = environ(k.ts)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return false, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	hit := k.strike(cmd.Process.Pid, delay, ended)
	k.ts.Logf("%s", out.String())
	return hit, nil
}

// strike waits for the process below pid, and for the delay to pass, and kills
// it. It returns when the push has ended.
func (k *killer) strike(pid int, delay time.Duration, ended <-chan error) bool {
	victim := 0
	for victim == 0 {
		select {
		case <-ended:
			return false
		default:
			victim = k.find(pid)
		}
	}
	hit := false
	start := time.Now()
	for k.is(victim) {
		if time.Since(start) >= delay {
			// Only the process itself: its number may be another's by now.
			hit = syscall.Kill(victim, syscall.SIGKILL) == nil
			break
		}
	}
	if delay == never {
		k.life = time.Since(start)
	}
	<-ended
	return hit
}

// environ is the environment of the script's commands.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "WORK", "LC_ALL", "TZ", "TMPDIR", "PATHGATE_USER",
		"GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_SSH_COMMAND"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// find finds the process among the descendants of pid, zero if it is not there.
func (k *killer) find(pid int) int {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	for _, field := range strings.Fields(string(children)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			continue
		}
		if k.is(child) {
			return child
		}
		if found := k.find(child); found != 0 {
			return found
		}
	}
	return 0
}

func (k *killer) is(pid int) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return false
	}
	if k.hook != "receive-pack" {
		return filepath.Base(exe) == k.hook
	}
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.HasPrefix(filepath.Base(exe), "git") && bytes.Contains(args, []byte("receive-pack"))
}

// invariants checks the ledger against the refs. id was pushed, at is where
// the ref is now.
func (k *killer) invariants(id, at string) error {
	entries, err := readLedger(filepath.Join(k.ts.Getenv("WORK"), "ledger", "ledger.jsonl"))
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	settled := map[string]int{}
	moves, last := 0, ""
	for _, e := range entries {
		switch e.text("type") {
		case "intent":
			settled[e.text("seq")] += 0
		case "deployed", "abandoned":
			settled[e.text("intent")]++
		case "drift":
			return fmt.Errorf("record %s tells of a drift", e.text("seq"))
		}
		if e.text("type") == "deployed" && strings.HasSuffix(k.repo, "/"+e.text("repository")) && e.text("ref") == k.ref {
			last = e.text("new")
			if last == id {
				moves++
			}
		}
	}
	for intent, n := range settled {
		if n != 1 {
			return fmt.Errorf("intent %s is settled %d times", intent, n)
		}
	}
	if at == id && moves != 1 {
		return fmt.Errorf("the ref moved once, %d records say so", moves)
	}
	if at != id && moves != 0 {
		return errors.New("the ref did not move, a record says it did")
	}
	if at != "absent" && at != last {
		return fmt.Errorf("the ref is at %s, the ledger's last record at %s", at, last)
	}
	return nil
}
