package deploy

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func TestOutcomes(t *testing.T) {
	for _, c := range []struct{ name, script, state, message string }{
		{"success", "exit 0", "success", ""},
		{"failure", "echo no >&2; exit 3", "failure", "exit status 3"},
		{"signal", "kill -KILL $$", "error", "killed by SIGKILL"},
		{"background", "sleep 600 & echo $! >DIR/left; exit 0", "success", ""},
		{"timeout", "sleep 600", "error", "timed out after 1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.policy.Deployment.Timeout = 10 * time.Minute
			if c.name == "timeout" {
				w.policy.Deployment.Timeout = time.Second
			}
			w.sh(strings.ReplaceAll(c.script, "DIR", w.dir))
			record := w.queue()
			began := time.Now()
			w.run()
			w.want(record, c.state, c.message)
			if took := time.Since(began); took > 4*time.Minute {
				t.Errorf("it took %s", took)
			}
			if c.name == "background" {
				must(t, syscall.Kill(atoi(t, w.read("left")), syscall.SIGKILL))
			}
			w.noTrees()
		})
	}
}

func TestCannotRun(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*world)
		message string
	}{
		{"no such program", func(w *world) { w.policy.Deployment.Command = []string{"/no/such"} },
			"the command cannot be started: no such file or directory"},
		{"none in PATH", func(w *world) { w.policy.Deployment.Command = []string{"pathgate-no-such"} },
			"the command cannot be started: executable file not found in $PATH"},
		{"no command", func(w *world) { w.policy.Deployment = nil }, "the policy has no deployment command for prd any more"},
		{"external", func(w *world) { w.policy.Deployment = &policy.Deployment{External: true} },
			"the policy has no deployment command for prd any more"},
		{"no repository", func(w *world) { must(w.t, os.RemoveAll(w.bare)) }, "the repository shop/prd.git cannot be read"},
		{"no commit", func(w *world) { w.commit = strings.Repeat("1", 40) },
			"the commit cannot be checked out: object " + strings.Repeat("1", 40) + " is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "/bin/true")
			c.change(w)
			w.write()
			record := w.queue()
			w.run()
			w.want(record, "error", c.message)
			w.noTrees()
		})
	}
}

func TestWhatACommandGets(t *testing.T) {
	w := newWorld(t, "/bin/sh", "-c", `pwd; cat file; readlink /proc/self/fd/0; exec env`)
	first := w.commit
	w.commit = w.push("two")
	record := w.queue()
	t.Setenv("SECRET", "s")
	t.Setenv("GIT_DIR", "/elsewhere")
	t.Setenv("PATH", ".::relative:"+os.Getenv("PATH"))
	w.run()
	w.want(record, "success", "")
	log := strings.Split(strings.TrimSpace(w.log(record)), "\n")
	name := strings.TrimSuffix(strings.TrimPrefix(log[0], w.place.path(record, "-")), ".tree")
	if len(name) < 26 || strings.Contains(name, "/") || log[1] != "content" || log[2] != "/dev/null" {
		t.Errorf("it ran with %q", log[:3])
	}
	var names []string
	for _, line := range log[3:] {
		name, value, _ := strings.Cut(line, "=")
		names = append(names, name)
		if name == "PATH" && (strings.HasPrefix(value, ".") || strings.Contains(value, "relative")) {
			t.Errorf("PATH leads into the checkout: %s", value)
		}
		if name == "PATHGATE_COMMIT" && (value != w.commit || value == first) {
			t.Errorf("commit %s", value)
		}
		if name == "PATHGATE_PREVIOUS" && value != "" {
			t.Errorf("a first deployment has the previous commit %q", value)
		}
	}
	slices.Sort(names)
	want := "HOME LANG PATH PATHGATE_COMMIT PATHGATE_ENVIRONMENT PATHGATE_KIND PATHGATE_PREVIOUS PATHGATE_PRINCIPAL PATHGATE_PUSH " +
		"PATHGATE_RECORD PATHGATE_REF PATHGATE_REPOSITORY PATHGATE_RUNNER PATHGATE_SERVICE PWD"
	if got := strings.Join(slices.DeleteFunc(names, func(n string) bool { return n == "_" || n == "SHLVL" || n == "OLDPWD" }), " "); got != want {
		t.Errorf("the environment has\n%s\nwant\n%s", got, want)
	}
}

// A timeout ends what the command has started too, also what ignores SIGTERM.
func TestTimeoutEndsTheGroup(t *testing.T) {
	w := newWorld(t)
	w.policy.Deployment.Timeout = time.Second
	w.sh(fmt.Sprintf(`sh -c 'trap "" TERM; echo $$ >%[1]s/grandchild; while :; do sleep 1; done' & trap "echo bye" TERM; wait; exit 0`, w.dir))
	record := w.queue()
	w.run()
	w.want(record, "error", "timed out after 1s")
	if running(t, w.read("grandchild")) {
		t.Error("a grandchild outlived the timeout")
	}
	if !strings.Contains(w.log(record), "bye") {
		t.Error("the command had no chance to end by itself")
	}
}

// Of ten queued at once, the newest runs, and the others never start. One that
// runs already goes on to its end.
func TestOvertaken(t *testing.T) {
	w := newWorld(t)
	w.sh(fmt.Sprintf(`echo $PATHGATE_RECORD >>%[1]s/ran; while [ ! -e %[1]s/go ]; do sleep 0.05; done`, w.dir))
	first := w.queue()
	w.start()
	w.read("ran")
	var queued []uint64
	for range 10 {
		queued = append(queued, w.queue())
		w.start()
	}
	if o := w.outcome(first); o.State != ledger.StatePending {
		t.Errorf("the first one is %s", o.State)
	}
	must(t, os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o644))
	last := queued[9]
	w.want(first, "success", "")
	w.want(last, "success", "")
	for _, record := range queued[:9] {
		w.want(record, "superseded", fmt.Sprintf("overtaken by record %d", last))
	}
	raw, err := os.ReadFile(filepath.Join(w.dir, "ran"))
	must(t, err)
	if want := fmt.Sprintf("%d\n%d\n", first, last); string(raw) != want {
		t.Errorf("ran %q, want %q", raw, want)
	}
	if w.outcome(first).Record > w.outcome(last).Record {
		t.Error("the older one ended last")
	}
}

// A queue that is longer than the ledger tells at once still has one winner.
func TestLongQueue(t *testing.T) {
	w := newWorld(t)
	w.sh(fmt.Sprintf(`echo $PATHGATE_RECORD >>%s/ran`, w.dir))
	entries := make([]*ledger.Entry, ledger.MaxQueued+50)
	for i := range entries {
		entries[i] = &ledger.Entry{Type: ledger.TypeDeployed, Service: "shop", Environment: "prd", Repository: "shop/prd.git",
			Ref: "refs/heads/main", New: w.commit, Commit: w.commit, Kind: "promote", Deploy: ledger.DeployCommand}
	}
	w.record(entries...)
	last := entries[len(entries)-1].Seq
	w.run()
	w.want(last, "success", "")
	if raw, _ := os.ReadFile(filepath.Join(w.dir, "ran")); string(raw) != fmt.Sprintf("%d\n", last) {
		t.Errorf("ran %q", raw)
	}
	w.books(func(b Book) error {
		all, err := b.AllQueued()
		if len(all) != 0 {
			t.Errorf("%d are still queued", len(all))
		}
		return err
	})
}

// However many settle a record, its command starts once.
func TestStartsOnce(t *testing.T) {
	w := newWorld(t)
	w.sh(fmt.Sprintf(`echo $PATHGATE_RECORD >>%s/ran`, w.dir))
	record := w.queue()
	var all sync.WaitGroup
	for range 12 {
		all.Go(w.start)
	}
	all.Wait()
	w.want(record, "success", "")
	w.noTrees()
	w.start()
	time.Sleep(300 * time.Millisecond)
	if raw, _ := os.ReadFile(filepath.Join(w.dir, "ran")); string(raw) != fmt.Sprintf("%d\n", record) {
		t.Errorf("ran %q", raw)
	}
}

// A record that is queued while a runner is about to leave must not be lost.
func TestNoLostWakeUp(t *testing.T) {
	w := newWorld(t)
	w.policy.Deployment.Checkout = false
	w.sh("exit 0")
	for range 25 {
		record := w.queue()
		w.start()
		w.ends(record)
	}
}

// Until the lock is given back, whoever finds it taken leaves; the holder
// then finds what they queued.
func TestHolderLooksAgain(t *testing.T) {
	w := newWorld(t, "/bin/true")
	lock, err := w.place.tryLock()
	must(t, err)
	record := w.queue()
	w.run() // leaves after a while
	if o := w.outcome(record); o.State != "" {
		t.Fatalf("it ran beside the holder of the lock: %v", o)
	}
	r, err := testRunner(w.file, "shop", "prd", os.Getenv)
	must(t, err)
	if yes, err := r.waiting(context.Background()); err != nil || !yes {
		t.Errorf("the holder would leave too: %v, %v", yes, err)
	}
	must(t, lock.Close())
	w.run()
	w.want(record, "success", "")
}

// A holder that is being killed gives the lock back without another look. Who
// found it taken waits for that.
func TestDyingHolder(t *testing.T) {
	w := newWorld(t, "/bin/true")
	lock, err := w.place.tryLock()
	must(t, err)
	record := w.queue()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.run()
	}()
	time.Sleep(100 * time.Millisecond) // it may have found the lock taken by now
	must(t, lock.Close())
	<-ended
	if o := w.outcome(record); o.State != ledger.StateSuccess {
		t.Errorf("it was left behind: %v", o)
	}
}

// A record that comes after the last look under the lock is run all the same.
func TestQueuedAtTheLastMoment(t *testing.T) {
	w := newWorld(t, "/bin/true")
	r, err := testRunner(w.file, "shop", "prd", os.Getenv)
	must(t, err)
	var late uint64
	calls, open := 0, r.Books
	r.Books = func(ctx context.Context, f func(Book) error) error {
		err := open(ctx, f)
		if calls++; calls == 2 { // the first tidies up, the second finds nothing to do
			late = w.queue()
		}
		return err
	}
	must(t, r.Run(context.Background()))
	if o := w.outcome(late); o.State != ledger.StateSuccess {
		t.Errorf("it was left behind: %v", o)
	}
}

// Taking the lock's file away makes no second runner.
func TestLockRemoved(t *testing.T) {
	w := newWorld(t)
	w.sh(fmt.Sprintf(`echo $PATHGATE_RECORD >>%[1]s/ran; while [ ! -e %[1]s/go ]; do sleep 0.05; done`, w.dir))
	first := w.queue()
	w.start()
	w.read("ran")
	must(t, os.Remove(filepath.Join(w.place.folder(), lockName)))
	second := w.queue()
	w.run()
	if o := w.outcome(second); o.State != "" {
		t.Fatalf("the second one is %s while the first runs", o.State)
	}
	must(t, os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o644))
	w.want(first, "success", "")
	w.want(second, "success", "")
}

// The ledger is free while a command runs.
func TestLedgerIsFree(t *testing.T) {
	w := newWorld(t)
	w.sh(fmt.Sprintf(`echo x >%[1]s/ran; while [ ! -e %[1]s/go ]; do sleep 0.05; done`, w.dir))
	record := w.queue()
	w.start()
	w.read("ran")
	l, err := ledger.Open(context.Background(), w.policy.Ledger, ledger.Options{Root: w.policy.Root, Wait: time.Second})
	must(t, err)
	must(t, l.Close())
	must(t, os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o644))
	w.want(record, "success", "")
}

// A policy that cannot be read leaves the queue as it is.
func TestBrokenPolicy(t *testing.T) {
	w := newWorld(t, "/bin/true")
	record := w.queue()
	r, err := testRunner(w.file, "shop", "prd", os.Getenv)
	must(t, err)
	must(t, os.WriteFile(w.file, []byte("{"), 0o644))
	if err := r.Run(context.Background()); err == nil {
		t.Error("no error")
	}
	if o := w.outcome(record); o.State != "" {
		t.Errorf("the record is %v", o)
	}
	w.write()
	w.run()
	w.want(record, "success", "")
}

// A flood of output is drained, and what is kept of it is bounded.
func TestFlood(t *testing.T) {
	w := newWorld(t, "/bin/sh", "-c", "yes | head -c 80000000; exit 3")
	record := w.queue()
	w.run()
	w.want(record, "failure", "exit status 3")
	path, _ := w.place.LogPath(record)
	info, err := os.Stat(path)
	must(t, err)
	if info.Size() < maxLog || info.Size() > maxLog+200 {
		t.Errorf("the log has %d bytes", info.Size())
	}
	if log := w.log(record); !strings.HasSuffix(log, fmt.Sprintf("\npathgate: the output is longer than %d bytes, the rest is left out\n", maxLog)) {
		t.Errorf("the log ends in %q", log[len(log)-100:])
	}
}

// SIGTERM, as when the host shuts down, ends the command and is on record.
func TestRunnerIsStopped(t *testing.T) {
	w := newWorld(t)
	w.sh(fmt.Sprintf(`echo $$ $PPID >%s/ids; while :; do sleep 1; done`, w.dir))
	record := w.queue()
	w.start()
	command, runner, _ := strings.Cut(w.read("ids"), " ")
	must(t, syscall.Kill(atoi(t, runner), syscall.SIGTERM))
	w.want(record, "error", "the runner was told to stop")
	if running(t, command) {
		t.Error("the command goes on")
	}
	w.noTrees()
}

// What git's client waits for must not be held by a deployment.
func TestDetached(t *testing.T) {
	w := newWorld(t)
	w.sh(fmt.Sprintf(`readlink /proc/$PPID/fd/* >%[1]s/fds; echo $(cut -d" " -f6 /proc/$PPID/stat) $PPID >%[1]s/session; while [ ! -e %[1]s/go ]; do sleep 0.05; done`, w.dir))
	record := w.queue()
	read, write, err := os.Pipe()
	must(t, err)
	defer read.Close()
	cmd := exec.Command(filepath.Join(w.dir, "starter"), filepath.Join(w.dir, "hooks"), w.file, w.policy.Ledger)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = write, write, []*os.File{write, write}
	// A shell between us hands the extra descriptors on, as hooks' wrappers do.
	cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `exec "$@"`, "sh"}, cmd.Args...)
	must(t, cmd.Run())
	must(t, write.Close())
	session, runner, _ := strings.Cut(w.read("session"), " ")
	if session != runner {
		t.Errorf("the runner %s belongs to the session %s", runner, session)
	}
	must(t, read.SetReadDeadline(time.Now().Add(2*time.Minute)))
	if n, err := read.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("a deployment holds the client's descriptor: %d, %v", n, err)
	}
	if o := w.outcome(record); o.State != ledger.StatePending {
		t.Errorf("it is %s", o.State)
	}
	must(t, os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o644))
	w.want(record, "success", "")
}
