//go:build postgres

package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
	"github.com/pathgate/pathgate/internal/pgtest"
	"github.com/pathgate/pathgate/policy"
)

// newShared is a ledger in a database, and the database's name.
func newShared(t *testing.T) (*rig, string) {
	t.Helper()
	s := server(t)
	name := newDatabase(t, s)
	r := &rig{T: t, dir: s.PlainURL(pgtest.Hooks, name), clock: &clock{testStart}}
	r.o = Options{Now: r.clock.now, Wait: patience}
	if err := Create(r.dir, CreateOptions{Now: r.clock.now}); err != nil {
		t.Fatal(err)
	}
	return r, name
}

// sql runs a statement as superuser.
func (r *rig) sql(name, text string) {
	r.Helper()
	if err := server(r.T).Primary.Exec(name, text); err != nil {
		r.Fatal(err)
	}
}

// TestStore is run with one server.
func TestStore(t *testing.T) {
	server(t)
	for name, test := range map[string]func(*testing.T){
		"round trips": roundTrips, "moved": movedBetween, "busy": busyHead, "idle": idleHead, "roles": roles, "first": firstLine,
		"schema": oldSchema, "cut": cutTables, "full": fullDisk, "damaged": damagedTables, "repair": repairedHead, "read": readPages,
		"statement": slowStatement,
	} {
		t.Run(name, test)
	}
}

// One round trip to decide a push and one to record it, in each hook.
func roundTrips(t *testing.T) {
	r, _ := newShared(t)
	old, commit := oid("old"), oid("new")
	for _, c := range []string{old, commit} {
		r.deploy("dev", mainRef, c, "deploy")
		r.deployBy(DeployExternal, "stg", mainRef, c)
	}
	r.status(uint64(len(r.entries())), StateSuccess)
	r.deploy("prd", mainRef, old, "deploy", 3)
	r.append(&Entry{Type: TypeLock, Environment: "stg", Principal: "ana"})
	r.append(&Entry{Type: TypeApproval, Kind: KindApprove, Service: "shop", Environment: "prd", Repository: "shop/prd.git", Ref: mainRef,
		Commit: commit, Old: old, Principal: "bo"})
	file := []byte("a = 1\n")
	r.append(PolicyEntries(file, 3)...)
	hash := r.entries()[len(r.entries())-1].Policy
	r.o.Hints = Hints{Service: "shop", Policy: hash, Commits: []policy.ObjectID{policy.ObjectID(old), policy.ObjectID(commit)},
		Spots: []Hint{{"dev", "shop/dev.git", ""}, {"stg", "shop/stg.git", ""}, {"prd", "shop/prd.git", mainRef}}}
	ask := func(l *Ledger) {
		t.Helper()
		needs := policy.Needs{PriorOutcome: true, PriorLive: true}
		for _, env := range []string{"dev", "stg"} {
			if p, err := l.Prior(needs, lookup(env, commit, "refs/heads/*")); err != nil || !p.Standing.Stands() {
				t.Errorf("%s: %+v %v", env, p, err)
			}
		}
		_, err1 := l.Intents(IntentFilter{Service: "shop"})
		live, err2 := l.Live("shop", "prd", "shop/prd.git", mainRef)
		_, err3 := l.OnRef("shop", "prd", "shop/prd.git", mainRef, policy.ObjectID(commit))
		locks, err4 := l.Locks("shop", "stg", mainRef)
		_, _, err5 := l.Veto("shop", policy.ObjectID(commit))
		approvals, err6 := l.Approvals("shop", "prd", "shop/prd.git", mainRef, policy.ObjectID(commit))
		known, _, err7 := l.KnownPolicy(hash)
		_, err8 := l.Serial()
		_, _, err9 := l.Drift("shop", "prd", "shop/prd.git", mainRef)
		_, _, err10 := l.Object(policy.ObjectID(commit))
		_, err11 := l.Contents("shop", "prd", "shop/prd.git", mainRef, policy.ObjectID(commit))
		_, err12 := l.Queued("shop", "prd")
		if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, err12); err != nil {
			t.Fatal(err)
		}
		if live.Record == 0 || len(locks) != 1 || len(approvals) != 1 || !known {
			t.Errorf("live %+v, %d locks, %d approvals, policy known: %v", live, len(locks), len(approvals), known)
		}
	}
	l := r.open()
	defer l.Close()
	ask(l)
	intent := entryFor(TypeIntent, "prd", mainRef, commit, "promote")
	if err := l.Append(intent); err != nil {
		t.Fatal(err)
	}
	if n := l.RoundTrips(); n != 2 {
		t.Errorf("pre-receive took %d round trips", n)
	}
	l.Close()
	l = r.open()
	ask(l)
	deployed := entryFor(TypeDeployed, "prd", mainRef, commit, "promote")
	deployed.Intent = intent.Seq
	if err := l.Append(deployed); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Tree(); err != nil {
		t.Error(err)
	}
	if st, err := l.Standing(lookup("prd", commit, mainRef)); err != nil || st.Record != deployed.Seq {
		t.Errorf("%+v %v", st, err)
	}
	if n := l.RoundTrips(); n != 2 {
		t.Errorf("post-receive took %d round trips", n)
	}
	// What nobody hinted at is answered all the same.
	r.o.Hints = Hints{}
	l.Close()
	l = r.open()
	if st, err := l.Standing(lookup("prd", commit, mainRef)); err != nil || st.Record != deployed.Seq || l.RoundTrips() < 2 {
		t.Errorf("%+v %v, %d round trips", st, err, l.RoundTrips())
	}
	l.Close()
}

// What was decided before somebody else wrote is not appended after it; what has
// happened is.
func movedBetween(t *testing.T) {
	r, _ := newShared(t)
	a, b := r.open(), (*Ledger)(nil)
	defer a.Close()
	if err := a.Append(&Entry{Type: TypeFault, Reason: "one"}); err != nil {
		t.Fatal(err)
	}
	b = r.open()
	if err := b.Append(&Entry{Type: TypeVeto, Kind: KindVeto, Service: "shop", Commit: oid("c"), Principal: "ana"}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if err := a.Append(entryFor(TypeIntent, "dev", mainRef, oid("c"), "deploy")); !errors.Is(err, ErrMoved) {
		t.Fatalf("an intent: %v", err)
	}
	if _, barred, err := a.Veto("shop", policy.ObjectID(oid("c"))); err != nil || !barred {
		t.Errorf("the veto is not seen: %v", err)
	}
	if err := a.Append(&Entry{Type: TypeFault, Reason: "two"}); err != nil {
		t.Fatal(err)
	}
	a.Close()
	// A look after a commit sees one moment, though others write.
	if n := len(r.entries()); n != 4 {
		t.Errorf("%d entries", n)
	}
	r.verified()
}

// A shortWait is one that is to run out, and long enough to connect.
const shortWait = 3 * time.Second

// The lock is waited for as long as Options.Wait says.
func busyHead(t *testing.T) {
	r, _ := newShared(t)
	l := r.open()
	defer l.Close()
	r.o.Wait = shortWait
	r.refused(ErrBusy)
	ctx, cancel := context.WithTimeout(context.Background(), shortWait)
	defer cancel()
	r.o.Wait = patience
	if _, err := Open(ctx, r.dir, r.o); !errors.Is(err, ErrBusy) {
		t.Errorf("a context that ends: %v", err)
	}
	reader := r.o
	reader.ReadOnly = true
	if x, err := Open(context.Background(), r.dir, reader); err != nil {
		t.Error(err)
	} else {
		if err := x.Append(&Entry{Type: TypeFault}); err == nil {
			t.Error("appended to what was opened to be read")
		}
		x.Close()
	}
}

// Who holds the head and does nothing loses it, and has written nothing.
func idleHead(t *testing.T) {
	r, name := newShared(t)
	r.o.Wait = shortWait
	l := r.open()
	defer l.Close()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		rows, err := server(t).Primary.Query(name, "SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename = 'hooks'")
		if err != nil || time.Now().After(end) {
			t.Fatalf("the server lets a session be that is idle: %v", err)
		}
		if len(rows) == 0 {
			break
		}
	}
	if err := l.Append(&Entry{Type: TypeFault, Reason: "late"}); !errors.Is(err, ErrWrite) {
		t.Errorf("%v", err)
	}
	if n := len(r.entries()); n != 1 {
		t.Errorf("%d entries", n)
	}
	r.append(&Entry{Type: TypeFault, Reason: "now"})
}

// Nobody changes a line, and an auditor writes nothing.
func roles(t *testing.T) {
	r, name := newShared(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	s := server(t)
	auditor := s.PlainURL(pgtest.Auditor, name)
	if rep, err := Verify(auditor, nil); err != nil || !rep.OK() || !strings.HasPrefix(rep.Index, "agrees") {
		t.Errorf("%+v %v", rep, err)
	}
	if _, err := Open(context.Background(), auditor, r.o); err == nil || !strings.Contains(err.Error(), "42501") {
		t.Errorf("an auditor took the lock: %v", err)
	}
	for _, role := range []string{pgtest.Hooks, pgtest.Auditor, "postgres"} {
		for _, text := range []string{"UPDATE pathgate.entry SET line = '{}'", "DELETE FROM pathgate.entry", "TRUNCATE pathgate.entry",
			"DELETE FROM pathgate.head", "TRUNCATE pathgate.head", "UPDATE pathgate.head SET seq = seq - 1", "UPDATE pathgate.head SET ledger = 'x'"} {
			if err := s.Primary.Exec(name, "SET ROLE "+role+"; "+text); err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf("%s may %s: %v", role, text, err)
			}
		}
	}
	for _, text := range []string{"INSERT INTO pathgate.entry VALUES (99, 99, '')", "UPDATE pathgate.head SET seq = seq", "DELETE FROM pathgate.projection"} {
		if err := s.Primary.Exec(name, "SET ROLE auditor; "+text); err == nil {
			t.Errorf("an auditor may %s", text)
		}
	}
	rows, err := s.Primary.Query(name, "SET ROLE auditor; SELECT type, environment FROM pathgate.record ORDER BY seq DESC LIMIT 1")
	if err != nil || fmt.Sprint(rows) != "[[deployed dev]]" {
		t.Errorf("the view: %v %v", rows, err)
	}
}

// No tables, no ledger, a ledger that is there.
func firstLine(t *testing.T) {
	s := server(t)
	bare, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{s.PlainURL(pgtest.Hooks, bare), s.PlainURL(pgtest.Hooks, "nowhere")} {
		if _, err := Open(context.Background(), place, Options{}); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "ledger migrate") {
			t.Errorf("%v", err)
		}
		if err := Create(place, CreateOptions{}); !errors.Is(err, ErrMissing) {
			t.Errorf("%v", err)
		}
	}
	empty := s.PlainURL(pgtest.Hooks, newDatabase(t, s))
	if _, err := Open(context.Background(), empty, Options{}); !errors.Is(err, ErrMissing) {
		t.Errorf("%v", err)
	}
	if _, err := IDOf(empty); !errors.Is(err, ErrMissing) {
		t.Errorf("%v", err)
	}
	r, name := newShared(t)
	if err := Create(r.dir, CreateOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("%v", err)
	}
	first := r.entries()[0]
	if id, err := IDOf(r.dir); err != nil || id != first.Ledger || first.Root != rootHash("") {
		t.Errorf("%s %v %+v", id, err, first)
	}
	if was, err := pgstore.Migrate(context.Background(), s.PlainURL(pgtest.Owner, name), pgstore.Roles{Writer: pgtest.Hooks}); err != nil || was != pgstore.Layout {
		t.Errorf("again: %d %v", was, err)
	}
	r.sql(name, "UPDATE pathgate.head SET layout = 99")
	r.refused(ErrVersion)
	if _, err := pgstore.Migrate(context.Background(), s.PlainURL(pgtest.Owner, name), pgstore.Roles{}); !errors.Is(err, pgstore.ErrLayout) {
		t.Errorf("%v", err)
	}
	if _, err := Open(context.Background(), "postgres://hooks@127.0.0.1:1/x", Options{}); !errors.Is(err, ErrUnreachable) || strings.Count(err.Error(), "cannot be reached") != 1 {
		t.Errorf("%v", err)
	}
}

// Projections of another version are not made anew by a push.
func oldSchema(t *testing.T) {
	r, name := newShared(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	want := r.dump()
	r.sql(name, "UPDATE pathgate.head SET schema = 1; DELETE FROM pathgate.projection")
	r.refused(ErrStale)
	if err := Rebuild(context.Background(), r.dir, r.o); err != nil {
		t.Fatal(err)
	}
	if got := r.dump(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("rebuilt otherwise: %d values, %d before", len(got), len(want))
	}
	r.verified()
	r.sql(name, fmt.Sprint("UPDATE pathgate.head SET schema = ", schema+1))
	r.refused(ErrVersion)
}

// A head and lines that do not agree.
func cutTables(t *testing.T) {
	r, name := newShared(t)
	r.append(&Entry{Type: TypeFault, Reason: "one"})
	r.append(&Entry{Type: TypeFault, Reason: "two"})
	r.sql(name, "SET session_replication_role = replica; DELETE FROM pathgate.entry WHERE seq = 3")
	r.refused(ErrCut)
	if err := Rebuild(context.Background(), r.dir, r.o); !errors.Is(err, ErrCut) {
		t.Errorf("Rebuild: %v", err)
	}
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{"ana", "ssh", "why"}); !errors.Is(err, ErrCut) {
		t.Errorf("Repair: %v", err)
	}
	if rep, err := Verify(r.dir, nil); err != nil || rep.OK() {
		t.Errorf("Verify: %+v %v", rep, err)
	}
	r.sql(name, `SET session_replication_role = replica; UPDATE pathgate.entry SET "offset" = "offset" + 1 WHERE seq = 2`)
	if _, err := Verify(r.dir, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("a gap: %v", err)
	}
	if err := Read(r.dir, 0, func(*Line) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Errorf("a gap: %v", err)
	}
}

// A disk that is full loses nothing and records nothing.
func fullDisk(t *testing.T) {
	r, name := newShared(t)
	r.sql(name, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON pathgate.entry FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	l := r.open()
	defer l.Close()
	err := l.Append(&Entry{Type: TypeFault, Reason: "lost"})
	if !errors.Is(err, ErrWrite) || !strings.Contains(err.Error(), "53100") {
		t.Errorf("%v", err)
	}
	if again := l.Append(&Entry{Type: TypeFault}); !errors.Is(again, ErrWrite) {
		t.Errorf("again: %v", again)
	}
	l.Close()
	r.sql(name, "DROP TRIGGER full_disk ON pathgate.entry")
	r.append(&Entry{Type: TypeFault, Reason: "kept"})
	if all := r.entries(); len(all) != 2 || all[1].Reason != "kept" {
		t.Errorf("%+v", all)
	}
}

// Tables that were changed are found out, and made anew.
func damagedTables(t *testing.T) {
	r, name := newShared(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	r.sql(name, `UPDATE pathgate.projection SET value = '\x00' WHERE get_byte(key, 0) = 76`)
	l := r.open()
	_, err := l.Live("shop", "dev", "shop/dev.git", mainRef)
	l.Close()
	if err == nil || errors.Is(err, errIndex) || !strings.Contains(err.Error(), "ledger rebuild") {
		t.Errorf("%v", err)
	}
	r.found(3, "the index does not say what the journal says")
	if err := Rebuild(context.Background(), r.dir, r.o); err != nil {
		t.Fatal(err)
	}
	r.verified()
}

// Lines that the head does not know of are accepted by a repair only, as is a
// clock that went back.
func repairedHead(t *testing.T) {
	r, name := newShared(t)
	r.append(&Entry{Type: TypeFault, Reason: "one"})
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{"ana", "ssh", "why"}); !errors.Is(err, ErrSound) {
		t.Errorf("%v", err)
	}
	r.sql(name, `CREATE TABLE old AS SELECT * FROM pathgate.head; CREATE TABLE public.values AS SELECT * FROM pathgate.projection`)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	want := r.dump()
	r.sql(name, `SET session_replication_role = replica; DELETE FROM pathgate.head; INSERT INTO pathgate.head SELECT * FROM old;
DELETE FROM pathgate.projection; INSERT INTO pathgate.projection SELECT * FROM public.values`)
	l := r.open()
	if err := l.Append(&Entry{Type: TypeFault, Reason: "two"}); !errors.Is(err, ErrWrite) || !errors.Is(err, ErrCut) {
		t.Errorf("%v", err)
	}
	l.Close()
	e, err := Repair(context.Background(), r.dir, r.o, Mandate{"ana", "ssh", "a backup"})
	if err != nil || e.Seq != 5 || !strings.Contains(e.Reason, "a backup (accepted: the head said that the last record is 2") {
		t.Fatalf("%+v %v", e, err)
	}
	r.verified()
	for k, v := range r.dump() {
		if k[0] != keyTree && want[k] != v {
			t.Errorf("key %x differs", k)
		}
	}
	r.clock.t = r.clock.t.Add(-time.Hour)
	l = r.open()
	if err := l.Append(&Entry{Type: TypeFault}); !errors.Is(err, ErrClock) {
		t.Errorf("%v", err)
	}
	l.Close()
	if e, err := Repair(context.Background(), r.dir, r.o, Mandate{"ana", "ssh", "clock"}); err != nil || e.Seq != 6 {
		t.Errorf("%+v %v", e, err)
	}
	r.verified()
}

// Lines are read in pages, from any line on, and by their numbers.
func readPages(t *testing.T) {
	r, _ := newShared(t)
	l := r.open()
	for range 30 {
		var entries []*Entry
		for range 20 {
			entries = append(entries, &Entry{Type: TypeFault, Reason: strings.Repeat("x", 1500)})
		}
		if err := l.Append(entries...); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	var offsets []int64
	if err := Read(r.dir, 0, func(line *Line) error { offsets = append(offsets, line.Offset); return nil }); err != nil || len(offsets) != 601 {
		t.Fatalf("%d lines, %v", len(offsets), err)
	}
	n := 0
	err := Read(r.dir, offsets[300], func(line *Line) error {
		if line.Entry.Seq != uint64(301+n) || line.Offset != offsets[300+n] {
			return fmt.Errorf("record %d at %d", line.Entry.Seq, line.Offset)
		}
		n++
		return nil
	})
	if err != nil || n != 301 {
		t.Errorf("%d lines, %v", n, err)
	}
	readAtSome(t, r.dir, 601)
	if line, err := RawLine(r.dir, 600); err != nil || !strings.HasPrefix(string(line), `{"seq":600,`) {
		t.Errorf("%s %v", line, err)
	}
	if _, err := RawLine(r.dir, 602); err == nil || !strings.Contains(err.Error(), "the last is 601") {
		t.Errorf("%v", err)
	}
	if trees, err := Trees(r.dir, 300); err != nil || len(trees) != 2 || trees[1].N != 601 {
		t.Errorf("%v %v", trees, err)
	}
}

// A statement that takes too long is ended, and nothing hangs.
func slowStatement(t *testing.T) {
	r, name := newShared(t)
	r.sql(name, `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON pathgate.entry FOR EACH ROW EXECUTE FUNCTION slow()`)
	r.o.Wait = shortWait
	l := r.open()
	defer l.Close()
	begun := time.Now()
	if err := l.Append(&Entry{Type: TypeFault, Reason: "slow"}); !errors.Is(err, ErrWrite) {
		t.Errorf("%v", err)
	}
	if took := time.Since(begun); took > patience {
		t.Errorf("took %s", took)
	}
}
