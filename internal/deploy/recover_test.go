package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
)

func (w *world) recover() []Finding {
	w.t.Helper()
	found, err := Recover(context.Background(), w.policy.Ledger, OfPolicy(w.policy.asPolicy()), time.Now(), func(p Place) error {
		return Start(Launch{filepath.Join(w.dir, "hooks"), w.file}, p)
	})
	must(w.t, err)
	for _, f := range found {
		must(w.t, f.Err)
	}
	return found
}

func whats(found []Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s %d", f.What, f.Record))
	}
	return strings.Join(out, ", ")
}

// killRunner starts a deployment that lasts, with a child, and kills its
// runner.
func (w *world) killRunner() (record uint64, command, child string) {
	w.t.Helper()
	w.sh(fmt.Sprintf(`if [ -e %[1]s/ids ]; then exit 0; fi
sleep 1000 & echo $$ $PPID $! >%[1]s/ids; wait; sleep 1000`, w.dir))
	record = w.queue()
	w.start()
	ids := strings.Fields(w.read("ids"))
	must(w.t, syscall.Kill(atoi(w.t, ids[1]), syscall.SIGKILL))
	eventually(w.t, "the runner's death", func() bool { return !running(w.t, ids[1]) })
	return record, ids[0], ids[2]
}

// A killed runner takes its command along. Reconcile ends what it left.
func TestRunnerIsKilled(t *testing.T) {
	w := newWorld(t)
	record, command, child := w.killRunner()
	eventually(t, "the command's death", func() bool { return !running(t, command) })
	if o := w.outcome(record); o.State != ledger.StatePending {
		t.Fatalf("the record is %v", o)
	}
	if trees, _ := w.place.trees(); len(trees) != 1 {
		t.Fatalf("the checkouts are %v", trees)
	}
	if got, want := whats(w.recover()), fmt.Sprintf("error %d, started 0", record); got != want {
		t.Errorf("recovered %q, want %q", got, want)
	}
	w.want(record, "error", "the host or the runner was killed")
	if running(t, child) {
		t.Error("what the command started goes on")
	}
	w.noTrees()
	if got := whats(w.recover()); got != "" {
		t.Errorf("the second time it found %q", got)
	}
}

// The next runner does the same before it begins, and what was queued
// meanwhile runs.
func TestRunnerAfterAKilledOne(t *testing.T) {
	w := newWorld(t)
	record, _, child := w.killRunner()
	next := w.queue()
	w.start()
	w.want(next, "success", "")
	w.want(record, "error", "the host or the runner was killed")
	if running(t, child) {
		t.Error("what the command started goes on beside the next one")
	}
	w.noTrees()
}

// Reconcile starts what nobody has started, and leaves alone what runs.
func TestRecoverStarts(t *testing.T) {
	w := newWorld(t)
	w.sh(fmt.Sprintf(`echo $PATHGATE_RECORD >>%[1]s/ran; while [ ! -e %[1]s/go ]; do sleep 0.05; done`, w.dir))
	record := w.queue()
	if got := whats(w.recover()); got != "started 0" {
		t.Errorf("recovered %q", got)
	}
	w.read("ran")
	w.queue()
	if got := whats(w.recover()); got != "" {
		t.Errorf("recovered %q beside a live runner", got)
	}
	must(t, os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o644))
	w.want(record, "success", "")
}

// A pending record of another boot is dead; one that cannot be seen from here
// is given a day.
func TestRecoverForeignTokens(t *testing.T) {
	w := newWorld(t, "/bin/true")
	own, err := ownToken()
	must(t, err)
	parts := strings.Split(string(own), "/")
	for _, c := range []struct {
		token string
		gone  bool
	}{
		{string(own), false},
		{"0000-" + strings.Join(parts[1:], "/")[5:], false},
		{"00000000-0000-0000-0000-000000000000/" + strings.Join(parts[1:], "/"), true},
		{parts[0] + "/1/" + strings.Join(parts[2:], "/"), false},
		{strings.Join(parts[:3], "/") + "/1", true},
	} {
		job := &ledger.Queued{Pending: true, Token: c.token, Started: time.Now()}
		if got := gone(job, time.Now()); got != c.gone {
			t.Errorf("token %s (%s): gone %v", c.token, receive.Token(c.token).Life(), got)
		}
		job.Started = time.Now().Add(-patience - time.Hour)
		if got := gone(job, time.Now()); got == (receive.Token(c.token).Life() == receive.Alive) {
			t.Errorf("token %s, a day later: gone %v", c.token, got)
		}
	}
	record := w.queue()
	w.books(func(b Book) error {
		jobs, err := b.AllQueued()
		must(t, err)
		e := ledger.StatusOf(&jobs[0].Deployed, ledger.StatePending)
		e.Token = "00000000-0000-0000-0000-000000000000/" + strings.Join(parts[1:], "/")
		return b.Append(e)
	})
	if got, want := whats(w.recover()), fmt.Sprintf("error %d", record); got != want {
		t.Errorf("recovered %q, want %q", got, want)
	}
}

// What a dead runner left is found by its token and session; all else lives.
func TestKillLeftSparesOthers(t *testing.T) {
	own, err := ownToken()
	must(t, err)
	fields, err := statFields(os.Getpid())
	must(t, err)
	parts := strings.Split(string(own), "/")
	parts[2] = fields[6-3] // our session
	token := strings.Join(parts, "/")
	begin := func(setsid bool, env ...string) *exec.Cmd {
		cmd := exec.Command("/bin/sleep", "1000")
		cmd.Env, cmd.SysProcAttr = env, &syscall.SysProcAttr{Setsid: setsid, Pdeathsig: syscall.SIGKILL}
		must(t, cmd.Start())
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd
	}
	left := begin(false, "A=b", runnerVariable+"="+token)
	for name, cmd := range map[string]*exec.Cmd{
		"another runner's":  begin(false, runnerVariable+"="+token+"1"),
		"a like variable's": begin(false, "X"+runnerVariable+"="+token),
		"a daemon":          begin(true, runnerVariable+"="+token),
	} {
		defer func() {
			if !running(t, fmt.Sprint(cmd.Process.Pid)) {
				t.Errorf("it killed %s process", name)
			}
		}()
	}
	time.Sleep(50 * time.Millisecond) // until they have their own environment
	must(t, killLeft(token))
	if running(t, fmt.Sprint(left.Process.Pid)) {
		t.Error("it did not kill what was left")
	}
	must(t, killLeft("nonsense"))
}

// A runner that cannot be started is told, and the rest is done.
func TestRecoverTellsFailures(t *testing.T) {
	w := newWorld(t, "/bin/true")
	w.queue()
	broken := errors.New("broken")
	found, err := Recover(context.Background(), w.policy.Ledger, OfPolicy(w.policy.asPolicy()), time.Now(), func(Place) error { return broken })
	must(t, err)
	if len(found) != 1 || found[0].What != "failed" || !errors.Is(found[0].Err, broken) {
		t.Errorf("found %v", found)
	}
}

// Names that lead elsewhere are refused everywhere.
func TestHostilePlaces(t *testing.T) {
	for _, p := range []Place{
		{"/l", "..", "prd"}, {"/l", "a/b", "prd"}, {"/l", "", "prd"}, {"/l", "shop", ""}, {"/l", "shop", "../x"},
		{"/l", "shop", ".x"}, {"relative", "shop", "prd"}, {"/l", "a\x00", "prd"}, {"/l", "a\n", "prd"},
	} {
		if _, err := p.LogPath(1); err == nil {
			t.Errorf("%q: no error", p)
		}
		if err := Start(Launch{"/h", "/p"}, p); err == nil {
			t.Errorf("%q: started", p)
		}
	}
	if got, err := (Place{"/l", "Shop.1", "prd-eu"}).LogPath(12); err != nil || got != "/l/deploy/Shop.1/prd-eu/12.log" {
		t.Errorf("%q, %v", got, err)
	}
}
