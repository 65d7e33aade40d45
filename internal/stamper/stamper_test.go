package stamper_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

func (w *world) stamp(entries ...*ledger.Entry) {
	w.t.Helper()
	must(w.t, w.stamper().Stamp(context.Background(), entries...))
}

func (w *world) wants(service, name, want string) {
	w.t.Helper()
	if got := w.note(service, name); got != want {
		w.t.Errorf("the note of %s has %q, want %q", name, got, want)
	}
}

func TestStamp(t *testing.T) {
	w := newWorld(t, "shop")
	first := w.deploy("shop", "main", "A")
	w.stamp(first)
	w.wants("shop", "A", "deployed 3")
	failed := w.report(first, ledger.StateFailure)
	success := w.report(first, ledger.StateSuccess)
	w.stamp(failed, success)
	w.wants("shop", "A", "deployed 3, status 5")

	second := w.deploy("shop", "main", "B")
	w.stamp(second)
	third := w.deploy("shop", "main", "C")
	back := w.deploy("shop", "main", "A", rollback)
	w.stamp(third, back)
	w.wants("shop", "A", "deployed 11")
	w.wants("shop", "B", "deployed 7, withdrawal 11")
	w.wants("shop", "C", "deployed 9, withdrawal 11")

	again := w.deploy("shop", "main", "B")
	w.stamp(again)
	w.wants("shop", "B", "withdrawal 11, deployed 13")
	if n := w.chain("shop"); n != 5 {
		t.Errorf("%d commits, want 5", n)
	}
	// What is there is not written again, in whatever order it comes.
	tip := w.tip("shop")
	w.stamp(second, success, first, failed, third, again)
	if w.tip("shop") != tip {
		t.Error("the notes were written again")
	}
}

func TestNotStamped(t *testing.T) {
	w := newWorld(t, "shop")
	e := w.deploy("shop", "main", "A")
	pending, superseded := w.report(e, ledger.StatePending), *e
	superseded.Type, superseded.State, superseded.Record = ledger.TypeStatus, ledger.StateSuperseded, e.Seq
	elsewhere := *e
	elsewhere.Environment = "stg"
	gone := *e
	gone.Environment = "gone"
	drift := *e
	drift.Type = ledger.TypeDrift
	w.stamp(pending, &superseded, &elsewhere, &gone, &drift)
	if tip := w.tip("shop"); tip != "" {
		t.Error("something was stamped")
	}
}

func TestFailures(t *testing.T) {
	w := newWorld(t, "shop")
	e := w.deploy("shop", "main", "A")
	fails := func(why string, entries ...*ledger.Entry) error {
		t.Helper()
		err := w.stamper().Stamp(context.Background(), entries...)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
		return err
	}
	key := w.dir + "/dev.key"
	must(t, os.Chmod(key, 0o644))
	fails("may be read or written by others", e)
	must(t, os.Rename(key, key+".away"))
	fails("no such file", e)
	must(t, os.Rename(key+".away", key))
	must(t, os.Chmod(key, 0o600))

	// A line that is not the ledger's is never signed.
	lie := *e
	lie.Principal = "mallory"
	fails("record 3 is not in the ledger's tree", &lie)
	later := *e
	later.Seq = 7
	fails("there is no record 7", &later)
	out := *e
	out.Repository = "../dev.git"
	fails("names no repository below", &out)
	if w.tip("shop") != "" {
		t.Fatal("something was stamped")
	}

	// A repository that fails keeps no other from its stamps.
	lost := w.deploy("lost", "main", "B")
	if err := fails("the repository is gone", lost, e); !errors.Is(err, stamper.ErrGone) {
		t.Errorf("%v is not ErrGone", err)
	}
	w.wants("shop", "A", "deployed 3")

	// Neither does a record that is too long.
	long := w.deploy("shop", "main", "C", func(e *ledger.Entry) {
		for i := range 250 {
			e.Tickets = append(e.Tickets, fmt.Sprintf("TICKET-%030d", i))
		}
	})
	next := w.deploy("shop", "main", "D")
	if err := fails("record 7", long, next); !errors.Is(err, stamper.ErrTooLong) {
		t.Errorf("%v is not ErrTooLong", err)
	}
	w.wants("shop", "C", "")
	w.wants("shop", "D", "deployed 9")
	w.chain("shop")
}

func TestConcurrent(t *testing.T) {
	services := []string{"shop", "api", "web"}
	w := newWorld(t, services...)
	var group sync.WaitGroup
	errs := make(chan error, 100)
	var record sync.Mutex // of one ledger many in one process
	for pusher := range 8 {
		group.Go(func() {
			for i := range 4 {
				service := services[0]
				if i%2 == 1 {
					service = services[pusher%3]
				}
				record.Lock()
				e := w.deploy(service, fmt.Sprint("b", pusher), fmt.Sprint(pusher, "-", i))
				record.Unlock()
				errs <- w.stamper().Stamp(context.Background(), e)
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	found := 0
	for _, service := range services {
		w.chain(service)
		dir := filepath.Join(w.policy.Root, service, "dev.git")
		found += len(strings.Split(w.git(dir, "notes", "--ref", string(stamper.Ref("dev")), "list"), "\n"))
	}
	if found != 32 {
		t.Errorf("%d notes, want 32", found)
	}
	for pusher := range 8 {
		if note := w.note("shop", fmt.Sprint(pusher, "-", 0)); !strings.HasPrefix(note, "deployed ") {
			t.Errorf("the note of pusher %d has %q", pusher, note)
		}
	}
}

// A ledger that is another one now begins a chain of its own, and its stamps take
// the place of the old one's.
func TestAnotherLedger(t *testing.T) {
	w := newWorld(t, "shop")
	w.stamp(w.deploy("shop", "main", "A"), w.deploy("shop", "main", "B"), w.deploy("shop", "main", "C"))
	must(t, os.Rename(w.policy.Ledger, w.dir+"/old"))
	must(t, ledger.Create(w.policy.Ledger, ledger.CreateOptions{Root: w.policy.Root}))
	w.stamp(w.deploy("shop", "main", "A"))
	w.wants("shop", "A", "deployed 3")
	dir := filepath.Join(w.policy.Root, "shop", "dev.git")
	if n := w.git(dir, "rev-list", "--count", string(stamper.Ref("dev"))); n != "2" {
		t.Errorf("%s commits, want 2", n)
	}
	if log := w.git(dir, "log", "-1", "--format=%B", string(stamper.Ref("dev"))); strings.Contains(log, "Pathgate-Proof") {
		t.Errorf("the chain goes on where nothing is proven: %s", log)
	}
}

// What somebody else put on the ref is dropped, and the chain goes on.
func TestSpoilt(t *testing.T) {
	w := newWorld(t, "shop")
	w.stamp(w.deploy("shop", "main", "A"))
	w.stamp(w.deploy("shop", "main", "B"))
	dir, ref := filepath.Join(w.policy.Root, "shop", "dev.git"), string(stamper.Ref("dev"))
	w.git(dir, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit-tree", "-m", "x", w.git(dir, "rev-parse", ref+"^{tree}"))
	forged := w.git(dir, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit-tree", "-p", ref,
		"-m", "x\n\nPathgate-Tree: 3 "+strings.Repeat("A", 43)+"=\nPathgate-Stamped: "+string(commit("A")), w.git(dir, "mktree", "--missing"))
	w.git(dir, "update-ref", ref, forged)
	w.stamp(w.deploy("shop", "main", "C"))
	for name, want := range map[string]string{"A": "deployed 3", "B": "deployed 5", "C": "deployed 7"} {
		w.wants("shop", name, want)
	}
	if n := w.chain("shop"); n != 3 {
		t.Errorf("%d commits, want 3", n)
	}
	// A symbolic ref is written through by nobody.
	w.git(dir, "update-ref", "-d", ref)
	w.git(dir, "symbolic-ref", ref, "refs/heads/victim")
	if err := w.stamper().Stamp(context.Background(), w.deploy("shop", "main", "D")); err == nil {
		t.Error("a symbolic ref was followed")
	}
	if at := w.git(dir, "for-each-ref", "refs/heads/victim"); at != "" {
		t.Errorf("the ref behind it is %s", at)
	}
}

// Whatever becomes of the public ref: the next stamp goes on from what was kept,
// and both refs are at it.
func TestKept(t *testing.T) {
	w := newWorld(t, "shop")
	dir, refs := filepath.Join(w.policy.Root, "shop", "dev.git"), stamper.RefsOf("dev")
	git := func(args ...string) string {
		return w.git(dir, append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	}
	n := 0
	next := func(what string) {
		t.Helper()
		n++
		w.stamp(w.deploy("shop", "main", fmt.Sprint("c", n)))
		if got := w.chain("shop"); got != n {
			t.Errorf("%s: %d commits, want %d", what, got, n)
		}
		if kept := git("rev-parse", string(refs.Kept)); kept != string(w.tip("shop")) {
			t.Errorf("%s: the refs are apart", what)
		}
		w.wants("shop", "c1", "deployed 3")
	}
	next("the first")
	next("the second")
	git("update-ref", "-d", string(refs.Public))
	next("deleted")
	git("update-ref", string(refs.Public), string(refs.Public)+"~2")
	next("set back")
	git("update-ref", string(refs.Public), git("commit-tree", "-m", "x", string(refs.Public)+"^{tree}"))
	next("replaced")
	git("notes", "--ref", string(refs.Public), "add", "-m", "x", git("commit-tree", "-m", "y", string(refs.Public)+"^{tree}"))
	next("written to by hand")
	git("update-ref", "-d", string(refs.Kept)) // as an older pathgate left it
	next("without the kept one")
	before := git("rev-parse", string(refs.Kept))
	next("once more")
	git("update-ref", string(refs.Kept), before) // and as an older one writes
	next("the public one goes on from the kept one")
	git("update-ref", "-d", string(refs.Public))
	if restored, err := w.stamper().Restore(context.Background(), stamper.Target{Environment: "dev", Repository: "shop/dev.git"}); err != nil || !restored {
		t.Errorf("restored: %v, %v", restored, err)
	}
	if got := w.chain("shop"); got != n {
		t.Errorf("restored: %d commits, want %d", got, n)
	}
	git("symbolic-ref", string(refs.Kept), "refs/heads/victim")
	if err := w.stamper().Stamp(context.Background(), w.deploy("shop", "main", "D")); err == nil {
		t.Error("a symbolic ref was followed")
	}
	if at := git("for-each-ref", "refs/heads"); at != "" {
		t.Errorf("the ref behind it is %s", at)
	}
}

func TestItemOf(t *testing.T) {
	if _, ok := stamper.ItemOf(&ledger.Entry{Type: ledger.TypeDeployed, Seq: 3, Ref: "refs/heads/main"}); ok {
		t.Error("a deployment of no commit is stamped")
	}
	item, ok := stamper.ItemOf(&ledger.Entry{Type: ledger.TypeAdopt, Seq: 3, Ref: "refs/heads/main", Commit: string(commit("A"))})
	if !ok || item.Commit != commit("A") || item.About != "deployed" {
		t.Errorf("an adoption is %+v, %v", item, ok)
	}
	for kind, want := range map[string]bool{string(policy.Rollback): true, ledger.KindOverride: true, string(policy.Promote): false} {
		if got := (&ledger.Entry{Type: ledger.TypeDeployed, Kind: kind}).MayWithdraw(); got != want {
			t.Errorf("a %s may withdraw: %v", kind, got)
		}
	}
}

// BenchmarkStamp is what one stamp costs a hook, into a ref of so many notes.
func BenchmarkStamp(b *testing.B) {
	for _, there := range []int{0, 1000} {
		b.Run(fmt.Sprint(there), func(b *testing.B) {
			w := newWorld(b, "shop")
			var entries []*ledger.Entry
			for i := range there {
				entries = append(entries, w.deploy("shop", "main", fmt.Sprint("old", i)))
			}
			w.stamp(entries...)
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				e := w.deploy("shop", "main", fmt.Sprint("new", i))
				b.StartTimer()
				w.stamp(e)
			}
		})
	}
}
