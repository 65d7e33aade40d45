package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

func TestCreate(t *testing.T) {
	r := newRig(t)
	first := r.entries()
	if len(first) != 1 || first[0].Type != TypeLedger || len(first[0].Ledger) != 32 || first[0].Version != 1 ||
		first[0].Root != rootHash(testRoot) || first[0].Prev != "" || first[0].Seq != 1 {
		t.Fatalf("first line: %+v", first)
	}
	if err := Create(r.dir, CreateOptions{Root: testRoot}); !errors.Is(err, ErrExists) {
		t.Fatalf("second Create: %v", err)
	}
	r.open().Close()
	for _, name := range []string{JournalName, IndexName} {
		info, err := os.Stat(r.path(name))
		if err != nil || info.Mode() != 0o640 {
			t.Fatalf("%s: %v %v", name, info.Mode(), err)
		}
	}
	names, err := os.ReadDir(r.dir)
	if err != nil || len(names) != 2 {
		t.Fatalf("files left: %v %v", names, err)
	}
	// A journal that was lost is not replaced by an empty one.
	r.remove(JournalName)
	if err := Create(r.dir, CreateOptions{Root: testRoot}); !errors.Is(err, ErrExists) {
		t.Fatalf("Create beside an index: %v", err)
	}
	r.refused(ErrMissing)
	r.refused(fs.ErrNotExist)
	if _, err := os.Stat(r.path(JournalName)); err == nil {
		t.Fatal("Open made a ledger")
	}
}

func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files away")
	}
	r := newRig(t)
	r.remove("")
	if err := os.Mkdir(r.dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(r.dir, 1234, 2345); err != nil {
		t.Fatal(err)
	}
	if err := Create(r.dir, CreateOptions{Root: testRoot, Now: r.clock.now}); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(r.path(JournalName), 0o660); err != nil {
		t.Fatal(err)
	}
	r.deploy("dev", mainRef, oid("a"), "deploy")
	if err := Snapshot(context.Background(), r.dir, r.o, 1); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{JournalName, IndexName, SnapshotName} {
		info, err := os.Stat(r.path(name))
		if err != nil {
			t.Fatal(err)
		}
		st := info.Sys().(*syscall.Stat_t)
		if st.Uid != 1234 || st.Gid != 2345 || info.Mode() != 0o660 {
			t.Errorf("%s: %d:%d %v, want the folder's owner and the journal's mode", name, st.Uid, st.Gid, info.Mode())
		}
	}
}

func TestLookups(t *testing.T) {
	r := newRig(t)
	a, b := oid("a"), oid("b")
	seqA := r.deploy("dev", mainRef, a, "deploy")
	seqB := r.deploy("dev", mainRef, b, "deploy")
	l := r.open()
	defer l.Close()

	st, err := l.Standing(lookup("dev", a, mainRef))
	if err != nil || !st.Stands() || st.Record != seqA || st.Ref != mainRef || st.Principal != "ana" || st.Time.IsZero() {
		t.Fatalf("superseded still stands: %+v %v", st, err)
	}
	for name, q := range map[string]policy.Lookup{
		"another environment": lookup("stg", a, mainRef),
		"another ref":         lookup("dev", a, "refs/heads/mai"),
		"a longer ref":        lookup("dev", a, "refs/heads/main/x"),
		"no ref":              lookup("dev", a),
		"another commit":      lookup("dev", oid("c"), mainRef),
		"another service":     {Service: "sho", Environment: "dev", Repository: "shop/dev.git", Refs: lookup("dev", a, mainRef).Refs, Commit: policy.ObjectID(a)},
		"another repository":  {Service: "shop", Environment: "dev", Repository: "shop/stg.git", Refs: lookup("dev", a, mainRef).Refs, Commit: policy.ObjectID(a)},
	} {
		if st, err := l.Standing(q); err != nil || st != (policy.Standing{}) {
			t.Errorf("%s: %+v %v", name, st, err)
		}
	}
	if st, err := l.Standing(lookup("dev", a, "refs/heads/*")); err != nil || st.Record != seqA {
		t.Errorf("by pattern: %+v %v", st, err)
	}
	live, err := l.Live("shop", "dev", "shop/dev.git", mainRef)
	if err != nil || live.Record != seqB || string(live.Commit) != b || live.Kind != policy.Deploy || live.Subject == "" {
		t.Errorf("live: %+v %v", live, err)
	}
	if live, err := l.Live("shop", "dev", "shop/dev.git", "refs/heads/other"); err != nil || live.Record != 0 {
		t.Errorf("live of an unknown ref: %+v %v", live, err)
	}
	if seq, err := l.OnRef("shop", "dev", "shop/dev.git", mainRef, policy.ObjectID(a)); err != nil || seq != seqA {
		t.Errorf("on ref: %d %v", seq, err)
	}
	if o, ok, err := l.Object(policy.ObjectID(a)); err != nil || !ok || string(o.Tree) != oid("tree of "+a) || string(o.Commit) != a {
		t.Errorf("object: %+v %v %v", o, ok, err)
	}
	if _, ok, err := l.Object(policy.ObjectID(oid("zzz"))); err != nil || ok {
		t.Errorf("unknown object: %v %v", ok, err)
	}
	if s, err := l.Services(); err != nil || !reflect.DeepEqual(s, []policy.Service{"shop"}) {
		t.Errorf("services: %v %v", s, err)
	}
	for _, test := range []struct {
		s    policy.Service
		e    policy.EnvironmentName
		r    string
		want int
	}{{"", "", "", 1}, {"shop", "", "", 1}, {"", "dev", "", 1}, {"", "", "shop/dev.git", 1}, {"", "stg", "", 0}, {"shop", "dev", "shop/dev.git", 1}, {"sho", "", "", 0}} {
		if all, err := l.Lives(test.s, test.e, test.r); err != nil || len(all) != test.want {
			t.Errorf("lives %+v: %v %v", test, all, err)
		}
	}
	r.T.Run("annotated tag", func(t *testing.T) {
		e := entryFor(TypeAdopt, "dev", "refs/heads/t", oid("c"), "adopt")
		e.New = oid("tag")
		if err := l.Append(e); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{oid("tag"), oid("c")} {
			if o, ok, err := l.Object(policy.ObjectID(id)); err != nil || !ok || string(o.Commit) != oid("c") {
				t.Errorf("object %s: %+v %v %v", id, o, ok, err)
			}
		}
	})
}

func TestIntentsAndDrift(t *testing.T) {
	r := newRig(t)
	l := r.open()
	one, two := entryFor(TypeIntent, "dev", mainRef, oid("a"), "deploy"), entryFor(TypeIntent, "stg", mainRef, oid("a"), "promote")
	two.Token = "token-2"
	if err := l.Append(one, two); err != nil {
		t.Fatal(err)
	}
	if one.Time != two.Time || two.Seq != one.Seq+1 {
		t.Fatalf("stamps: %+v %+v", one, two)
	}
	intents := func(f IntentFilter, want ...uint64) {
		t.Helper()
		all, err := l.Intents(f)
		var got []uint64
		for _, e := range all {
			got = append(got, e.Seq)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("intents %+v: %v %v, want %v", f, got, err, want)
		}
	}
	intents(IntentFilter{}, one.Seq, two.Seq)
	intents(IntentFilter{Token: "token-2"}, two.Seq)
	intents(IntentFilter{Repository: "shop/dev.git", Ref: mainRef}, one.Seq)
	intents(IntentFilter{Environment: "stg", Service: "shop"}, two.Seq)
	intents(IntentFilter{Token: "token"})
	d := entryFor(TypeDeployed, "dev", mainRef, oid("a"), "deploy")
	d.Intent = one.Seq
	if err := l.Append(d); err != nil {
		t.Fatal(err)
	}
	intents(IntentFilter{}, two.Seq)
	if err := l.Append(&Entry{Type: TypeAbandoned, Intent: two.Seq}); err != nil {
		t.Fatal(err)
	}
	intents(IntentFilter{})

	drift := func(want string, known bool) {
		t.Helper()
		got, ok, err := l.Drift("shop", "dev", "shop/dev.git", mainRef)
		if err != nil || ok != known || string(got) != want {
			t.Fatalf("drift: %q %v %v, want %q %v", got, ok, err, want, known)
		}
	}
	drift("", false)
	see := func(old, seen string) {
		t.Helper()
		e := entryFor(TypeDrift, "dev", mainRef, oid("a"), "")
		e.Old, e.New, e.Commit = old, seen, ""
		if err := l.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	see(oid("a"), oid("x"))
	drift(oid("x"), true)
	see(oid("a"), "")
	drift("", true)
	see(oid("a"), oid("a"))
	drift("", false)
	see(oid("a"), oid("x"))
	deployTo(t, l, "dev", mainRef, oid("b"), "deploy")
	drift("", false)
	l.Close()
	r.verified()
}

// A rollback withdraws what was deployed since the target, and nothing else.
func TestRollback(t *testing.T) {
	r := newRig(t)
	for _, c := range []string{"a", "b", "c", "a", "d", "b"} {
		r.deploy("dev", mainRef, oid(c), "deploy")
	}
	r.deploy("dev", "refs/heads/two", oid("d"), "deploy")
	back := r.deploy("dev", mainRef, oid("a"), "rollback")
	for c, withdrawn := range map[string]uint64{"a": 0, "b": back, "c": 0, "d": back} {
		st := r.standing("dev", oid(c))
		if st.Record == 0 || st.Withdrawn != withdrawn {
			t.Errorf("%s: %+v, want withdrawn by %d", c, st, withdrawn)
		}
	}
	again := r.deploy("dev", mainRef, oid("b"), "promote")
	if st := r.standing("dev", oid("b")); st.Record != again || !st.Stands() {
		t.Errorf("deployed again: %+v", st)
	}
	// d was withdrawn in the environment, also where it is live on another ref.
	l := r.open()
	st, err := l.Standing(lookup("dev", oid("d"), "refs/heads/*"))
	if err != nil || st.Withdrawn != back || st.Ref != "refs/heads/two" {
		t.Errorf("on another ref: %+v %v", st, err)
	}
	l.Close()
	r.verified()
}

func TestNames(t *testing.T) {
	r := newRig(t)
	e := entryFor(TypeAdopt, "dev", "refs/heads/\u202ex\x1b\xff", oid("a"), "adopt")
	e.Subject, e.Rules = "a \"quoted\" \\ line\u2028two\x00\x7f", []string{"x\ny"}
	r.append(e)
	last := r.lines()[1]
	if !json.Valid([]byte(last)) || strings.ContainsAny(strings.TrimSuffix(last, "\n"), "\u202e\x1b\u2028\x7f\n") {
		t.Fatalf("line %q", last)
	}
	l := r.open()
	defer l.Close()
	live, err := l.Live("shop", "dev", "shop/dev.git", "refs/heads/\u202ex\x1b\xff")
	if err != nil || live.Record != 2 || live.Subject != `a "quoted" \ line\u2028two\x00\x7f` {
		t.Fatalf("live: %+v %v", live, err)
	}
	r.verified()
}

func TestAppendRefuses(t *testing.T) {
	r := newRig(t)
	l := r.open()
	defer l.Close()
	before := len(r.journal())
	for name, e := range map[string]*Entry{
		"no type": {}, "first line": {Type: TypeLedger}, "an ID": {Type: TypeRefused, Ledger: "x"}, "a version": {Type: TypeFault, Version: 1},
	} {
		if err := l.Append(e); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	good := &Entry{Type: TypeRefused}
	if err := l.Append(good, &Entry{Type: TypeRefused, Reason: strings.Repeat("x", MaxLine)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	if err := l.Append(); err != nil || len(r.journal()) != before {
		t.Errorf("something was written: %v", err)
	}
	if err := l.Append(good); err != nil || good.Seq != 2 {
		t.Errorf("afterwards: %d %v", good.Seq, err)
	}
	fits := &Entry{Type: TypeRefused, Seq: 3, Time: testStart, Prev: strings.Repeat("0", 64), Reason: "x"}
	b, err := Encode(fits)
	if err != nil {
		t.Fatal(err)
	}
	fits.Reason = strings.Repeat("x", MaxLine-len(b)+1)
	if err := l.Append(fits); err != nil {
		t.Errorf("a line of exactly MaxLine: %v", err)
	}
	r.verified()
}

func TestClock(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	r.clock.t = r.clock.t.Add(-4 * time.Minute)
	r.deploy("dev", mainRef, oid("b"), "deploy")
	r.clock.t = r.clock.t.Add(-time.Hour)
	before := len(r.journal())
	l := r.open()
	if err := l.Append(&Entry{Type: TypeRefused}); !errors.Is(err, ErrClock) {
		t.Fatalf("clock back: %v", err)
	}
	if st, err := l.Standing(lookup("dev", oid("a"), mainRef)); err != nil || !st.Stands() {
		t.Fatalf("look-ups go on: %+v %v", st, err)
	}
	l.Close()
	if len(r.journal()) != before {
		t.Fatal("something was written")
	}
	e, err := Repair(context.Background(), r.dir, r.o, Mandate{"root", "local", "the clock was wrong"})
	if err != nil || !strings.Contains(e.Reason, "ahead of the clock") || !strings.Contains(e.Reason, "the clock was wrong") || e.Principal != "root" {
		t.Fatalf("repair: %+v %v", e, err)
	}
	r.deploy("dev", mainRef, oid("c"), "deploy")
	r.verified()
}

func TestRoot(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	r.o.Root = "/srv/other"
	r.refused(ErrRoot)
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{Reason: "moved"}); err != nil {
		t.Fatal(err)
	}
	r.deploy("dev", mainRef, oid("b"), "deploy")
	if !r.standing("dev", oid("a")).Stands() {
		t.Error("the history was lost in the move")
	}
	r.o.Root = testRoot
	r.refused(ErrRoot)
	r.verified()
}

func TestRepairNeedsCause(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{Reason: "why not"}); !errors.Is(err, ErrSound) {
		t.Errorf("sound ledger: %v", err)
	}
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{Reason: " "}); err == nil {
		t.Error("repaired without a reason")
	}
}

func TestNetworkFileSystem(t *testing.T) {
	r := newRig(t)
	for _, magic := range []int64{0x6969, 0xff534d42, -0x01acb2be /* SMB2 as a 32-bit kernel gives it */, 0xfe534d42, 0x01021997, 0x00c36400, 0x65735546, 0x7461636f, 0x01161970, 0x0bd00bd0} {
		r.o.host.fstype = func(string) (int64, error) { return magic, nil }
		r.refused(ErrNetwork)
		if err := create(filepath.Join(r.dir, "new"), CreateOptions{}, r.o.host); !errors.Is(err, ErrNetwork) {
			t.Errorf("create on %x: %v", magic, err)
		}
	}
	r.o.host.fstype = func(string) (int64, error) { return 0xef53, nil } // ext4
	r.open().Close()
	r.o.host.fstype = func(string) (int64, error) { return 0, errors.New("no answer") }
	if _, err := Open(context.Background(), r.dir, r.o); err == nil {
		t.Error("opened on an unknown file system")
	}
}

func TestBusy(t *testing.T) {
	r := newRig(t)
	l := r.open()
	r.o.Wait = 80 * time.Millisecond
	begin := time.Now()
	r.refused(ErrBusy)
	if took := time.Since(begin); took < 70*time.Millisecond || took > 9*time.Second { // without Wait it would be ten
		t.Errorf("waited %v", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, r.dir, r.o); !errors.Is(err, ErrBusy) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	r.o.Wait = 2 * time.Minute
	done := make(chan error)
	go func() {
		l2, err := Open(context.Background(), r.dir, r.o)
		if err == nil {
			err = l2.Close()
		}
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the waiting one: %v", err)
	}
	// The ones that gave up must not keep the lock when it reaches them.
	time.Sleep(50 * time.Millisecond)
	r.open().Close()
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestJournalIsNoFile(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"folder": func(p string) error { return os.Mkdir(p, 0o750) },
		"fifo":   func(p string) error { return syscall.Mkfifo(p, 0o640) },
		"empty":  func(p string) error { return os.WriteFile(p, nil, 0o640) },
		"device": func(p string) error { return os.Symlink("/dev/full", p) },
	} {
		r := newRig(t)
		r.remove(JournalName)
		if err := put(r.path(JournalName)); err != nil {
			t.Fatal(err)
		}
		if l, err := Open(context.Background(), r.dir, r.o); err == nil {
			l.Close()
			t.Errorf("%s was opened", name)
		}
	}
}

// The chain is what doc.go says it is: an auditor needs nothing of ours.
func TestChainByScript(t *testing.T) {
	sh, err := exec.LookPath("sh")
	for _, tool := range []string{"sha256sum", "jq"} {
		if _, e := exec.LookPath(tool); e != nil {
			err = e
		}
	}
	if err != nil {
		t.Skipf("needs sh, jq and sha256sum: %v", err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, script, ok := strings.Cut(string(doc), "\tprev=\n")
	script, _, ok2 := strings.Cut(script, "\n//\n")
	if !ok || !ok2 {
		t.Fatal("doc.go has no script")
	}
	script = "prev=\n" + strings.ReplaceAll(script, "//\t", "")
	r := newRig(t)
	for range 5 {
		r.deploy("dev", mainRef, oid("a"), "redeploy")
	}
	run := func() (string, error) {
		c := exec.Command(sh, "-c", script)
		c.Dir = r.dir
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := run(); err != nil || !strings.Contains(out, "holds") {
		t.Fatalf("sound: %v\n%s\n%s", err, out, script)
	}
	lines := r.lines()
	r.setJournal([]byte(strings.Join(append(lines[:4:4], lines[5:]...), "")))
	if out, err := run(); err == nil || !strings.Contains(out, "line 5") {
		t.Fatalf("a line is missing: %v\n%s", err, out)
	}
}
