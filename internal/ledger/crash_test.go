package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var errInjected = errors.New("injected")

// Each step of an append fails once. What was acknowledged is there
// afterwards, and what was not has left nothing behind that counts.
func TestStepFails(t *testing.T) {
	write := func(n int, err error) func(*host) {
		return func(h *host) {
			h.write = func(fd int, b []byte) (int, error) {
				if n > 0 {
					unix.Write(fd, b[:n])
				}
				return n, err
			}
		}
	}
	noUndo := func(h *host) { h.truncate = func(int, int64) error { return unix.EPERM } }
	for _, test := range []struct {
		name    string
		fail    []func(*host)
		written bool // the entry is in the journal at the next Open
		acked   bool
	}{
		{"nothing written", []func(*host){write(0, unix.ENOSPC)}, false, false},
		{"short write", []func(*host){write(10, nil)}, false, false},
		{"short write with error", []func(*host){write(10, unix.EIO)}, false, false},
		{"short write, no undo", []func(*host){write(10, unix.ENOSPC), noUndo}, false, false},
		{"sync fails", []func(*host){func(h *host) { h.fdatasync = func(int) error { return unix.EIO } }}, false, false},
		{"sync fails, no undo", []func(*host){func(h *host) { h.fdatasync = func(int) error { return unix.EIO } }, noUndo}, true, false},
		{"index commit fails", []func(*host){func(h *host) { h.commit = func() error { return errInjected } }}, true, true},
		{"index commit panics", []func(*host){func(h *host) { h.commit = func() error { panic("page 7 already freed") } }}, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.deploy("dev", mainRef, oid("a"), "deploy")
			before := len(r.entries())
			l := r.open()
			for _, f := range test.fail {
				f(l.host)
			}
			err := l.Append(entryFor(TypeAdopt, "dev", mainRef, oid("b"), "adopt"))
			if test.acked != (err == nil) || err != nil && !errors.Is(err, ErrWrite) {
				t.Fatalf("Append: %v", err)
			}
			*l.host = *realHost()
			if err != nil {
				if err := l.Append(&Entry{Type: TypeFault}); !errors.Is(err, ErrWrite) {
					t.Fatalf("append after a failed one: %v", err)
				}
			}
			st, err := l.Standing(lookup("dev", oid("b"), mainRef))
			if err != nil || st.Stands() != test.acked {
				t.Fatalf("in the same process: %+v %v", st, err)
			}
			l.Close()
			if st := r.standing("dev", oid("b")); st.Stands() != test.written {
				t.Fatalf("afterwards: %+v", st)
			}
			if !r.standing("dev", oid("a")).Stands() {
				t.Fatal("an earlier record was lost")
			}
			for _, e := range r.entries()[before:] {
				if e.Type == TypeRepair && !strings.Contains(e.Reason, "dropped 10 bytes") {
					t.Errorf("repair: %s", e.Reason)
				}
			}
			r.deploy("dev", mainRef, oid("c"), "deploy")
			r.verified()
		})
	}
}

// A crash leaves any part of the last line. It is dropped, on record.
func TestTornAtEveryByte(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	sound := r.journal()
	index, err := os.ReadFile(r.path(IndexName))
	if err != nil {
		t.Fatal(err)
	}
	records := len(r.entries())
	r.append(entryFor(TypeAdopt, "dev", mainRef, oid("b"), "adopt"))
	whole := r.journal()
	for n := len(sound); n < len(whole); n++ {
		r.setJournal(whole[:n])
		if err := os.WriteFile(r.path(IndexName), index, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := Read(r.dir, 0, func(*Line) error { return nil }); err != nil {
			t.Fatalf("%d: Read: %v", n, err)
		}
		if rep := r.verified(); rep.Torn != int64(n-len(sound)) {
			t.Fatalf("%d: torn %d", n, rep.Torn)
		}
		r.open().Close()
		if n == len(sound) {
			continue
		}
		all := r.entries()
		if len(all) != records+1 || all[records].Type != TypeRepair ||
			!strings.Contains(all[records].Reason, fmt.Sprintf("dropped %d bytes", n-len(sound))) {
			t.Fatalf("%d: %+v", n, all[records:])
		}
	}
	r.verified()
}

// A torn tail may be anything: zeros, or more than a line can hold.
func TestTornTails(t *testing.T) {
	for name, tail := range map[string][]byte{
		"zeros":      make([]byte, 5000),
		"overlong":   bytes.Repeat([]byte("x"), 3*MaxLine),
		"very long":  bytes.Repeat([]byte("x"), 300<<10),
		"just max":   bytes.Repeat([]byte("x"), MaxLine),
		"one before": bytes.Repeat([]byte("x"), MaxLine-1),
	} {
		r := newRig(t)
		r.deploy("dev", mainRef, oid("a"), "deploy")
		r.setJournal(append(r.journal(), tail...))
		r.deploy("dev", mainRef, oid("b"), "deploy")
		if rep := r.verified(); rep.Counts[TypeRepair] != 1 {
			t.Errorf("%s: %v", name, rep.Counts)
		}
		r.setJournal(append(append(r.journal(), tail...), '\n'))
		err := r.refused(ErrDamaged)
		if !strings.Contains(err.Error(), "line 7") {
			t.Errorf("%s as a line: %v", name, err)
		}
		r.found(7, "line 7")
	}
}

func TestTornAppendOnly(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	r.setJournal(append(r.journal(), "{\"seq\":"...))
	r.o.host.truncate = func(int, int64) error { return unix.EPERM }
	if err := r.refused(ErrTorn); !strings.Contains(err.Error(), "chattr -a") {
		t.Errorf("no mend: %v", err)
	}
	r.o.host = realHost()
	r.open().Close()
	r.verified()
}

// The same with the real attribute, where the file system has it.
func TestChattr(t *testing.T) {
	r := newRig(t)
	chattr := func(flag string) error { return exec.Command("chattr", flag, r.path(JournalName)).Run() }
	if os.Geteuid() != 0 || chattr("+a") != nil {
		t.Skip("needs root and a file system with chattr +a")
	}
	t.Cleanup(func() { chattr("-a") })
	r.deploy("dev", mainRef, oid("a"), "deploy")
	f, err := os.OpenFile(r.path(JournalName), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"seq\":"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	r.refused(ErrTorn)
	if err := chattr("-a"); err != nil {
		t.Fatal(err)
	}
	r.open().Close()
	r.verified()
}

// A disk that is really full: nothing is recorded, nothing is damaged.
func TestFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("needs root, to mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	r := newRig(t)
	r.dir = filepath.Join(dir, "ledger")
	if err := Create(r.dir, CreateOptions{Root: testRoot, Now: r.clock.now}); err != nil {
		t.Fatal(err)
	}
	acked, failed := 1, false
	for i := range 1000 {
		l, err := Open(context.Background(), r.dir, r.o)
		if err != nil {
			failed = true
			break
		}
		err = l.Append(entryFor(TypeAdopt, "dev", mainRef, oid(fmt.Sprint(i)), "adopt"))
		l.Close()
		if err != nil {
			if !errors.Is(err, ErrWrite) || !errors.Is(err, unix.ENOSPC) {
				t.Fatal(err)
			}
			failed = true
			break
		}
		acked++
	}
	if !failed || acked < 10 {
		t.Fatalf("the disk never filled: %d", acked)
	}
	if got := len(r.entries()); got != acked {
		t.Fatalf("%d entries, %d acknowledged", got, acked)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	r.deploy("dev", mainRef, oid("b"), "deploy")
	r.verified()
}

func TestReadOnlyJournal(t *testing.T) {
	r := newRig(t)
	if os.Geteuid() == 0 {
		t.Skip("root may write to a read-only file; the full-disk and chattr tests need root instead")
	}
	if err := os.Chmod(r.path(JournalName), 0o440); err != nil {
		t.Fatal(err)
	}
	r.refused(os.ErrPermission)
}

// A journal that lost its end, was put back from a copy, or is another one.
func TestCut(t *testing.T) {
	for _, test := range []struct {
		name string
		harm func(r *rig, old []byte)
	}{
		{"end cut", func(r *rig, _ []byte) { l := r.lines(); r.setJournal([]byte(strings.Join(l[:len(l)-1], ""))) }},
		{"cut in a line", func(r *rig, _ []byte) { b := r.journal(); r.setJournal(b[:len(b)-20]) }},
		{"old copy", func(r *rig, old []byte) { r.setJournal(old) }},
		{"old copy, written on", func(r *rig, old []byte) {
			whole := r.journal()
			r.setJournal(old)
			keep, err := os.ReadFile(r.path(IndexName))
			if err != nil {
				r.Fatal(err)
			}
			r.remove(IndexName)
			r.clock.t = r.clock.t.Add(1)
			for len(r.journal()) < len(whole) {
				r.deploy("dev", mainRef, oid("evil"), "deploy")
			}
			if err := os.WriteFile(r.path(IndexName), keep, 0o640); err != nil {
				r.Fatal(err)
			}
		}},
		{"another ledger", func(r *rig, _ []byte) {
			other := newRig(r.T)
			for range 10 {
				other.deploy("dev", mainRef, oid("evil"), "deploy")
			}
			r.setJournal(other.journal())
		}},
		{"last line edited", func(r *rig, _ []byte) {
			b := r.journal()
			r.setJournal(append(b[:len(b)-80:len(b)-80], bytes.Replace(b[len(b)-80:], []byte(`"prev":"`), []byte(`"prev":"`), 1)...))
			i := bytes.LastIndex(b, []byte("ana"))
			b[i] = 'b'
			r.setJournal(b)
		}},
	} {
		for _, boot := range []string{"same boot", "another boot"} {
			t.Run(test.name+", "+boot, func(t *testing.T) {
				r := newRig(t)
				r.deploy("dev", mainRef, oid("a"), "deploy")
				old := r.journal()
				r.deploy("dev", mainRef, oid("b"), "deploy")
				test.harm(r, old)
				if boot != "same boot" {
					r.o.host.bootID = func() string { return "another" }
				}
				before := r.journal()
				r.refused(ErrCut)
				if err := Rebuild(context.Background(), r.dir, r.o); !errors.Is(err, ErrCut) {
					t.Fatalf("Rebuild: %v", err)
				}
				if !bytes.Equal(before, r.journal()) {
					t.Fatal("Open changed the journal")
				}
				if test.name == "last line edited" {
					// The chain still holds, as nothing comes after that line.
					r.found(5, "the index saw another line")
				}
				e, err := Repair(context.Background(), r.dir, r.o, Mandate{"root", "local", "restored from backup"})
				if err != nil || !strings.Contains(e.Reason, "had seen record 5") {
					t.Fatalf("Repair: %+v %v", e, err)
				}
				r.deploy("dev", mainRef, oid("c"), "deploy")
				if boot == "same boot" {
					r.verified()
				}
			})
		}
	}
}

// The snapshot's watermark convicts a cut journal where the index is gone.
func TestCutBelowSnapshot(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	old := r.journal()
	r.deploy("dev", mainRef, oid("b"), "deploy")
	if err := Snapshot(context.Background(), r.dir, r.o, 1); err != nil {
		t.Fatal(err)
	}
	r.remove(IndexName)
	r.setJournal(old)
	r.refused(ErrCut)
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{Reason: "so be it"}); err != nil {
		t.Fatal(err)
	}
	r.deploy("dev", mainRef, oid("c"), "deploy")
	r.verified()
}

// Repair records first and renews the index after: a crash in between leaves
// the fault in place, never a journal that was accepted silently.
func TestRepairInterrupted(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	old := r.journal()
	r.deploy("dev", mainRef, oid("b"), "deploy")
	r.setJournal(old)
	r.o.host.commit = func() error { return errInjected }
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{Reason: "one"}); !errors.Is(err, errInjected) {
		t.Fatal(err)
	}
	r.o.host = realHost()
	r.refused(ErrCut)
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{Reason: "two"}); err != nil {
		t.Fatal(err)
	}
	if rep := r.verified(); rep.Counts[TypeRepair] != 2 {
		t.Errorf("%v", rep.Counts)
	}
}

// Lines that no index has seen must follow the chain.
func TestDamagedMiddle(t *testing.T) {
	edit := func(lines []string, i int) []string {
		lines[i] = strings.Replace(lines[i], "ana", "eve", 1)
		return lines
	}
	for name, test := range map[string]struct {
		line uint64
		harm func(lines []string) []string
	}{
		"edited":        {5, func(l []string) []string { return edit(l, 3) }},
		"missing":       {4, func(l []string) []string { return append(l[:3:3], l[4:]...) }},
		"twice":         {5, func(l []string) []string { return append(append(l[:4:4], l[3]), l[4:]...) }},
		"garbage":       {4, func(l []string) []string { l[3] = "garbage\n"; return l }},
		"empty line":    {4, func(l []string) []string { return append(append(l[:3:3], "\n"), l[3:]...) }},
		"second ledger": {4, func(l []string) []string { return append(append(l[:3:3], l[0]), l[3:]...) }},
		"no first line": {1, func(l []string) []string { return l[1:] }},
		"zeros":         {4, func(l []string) []string { l[3] = strings.Repeat("\x00", len(l[3])-1) + "\n"; return l }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			for range 3 {
				r.deploy("dev", mainRef, oid("a"), "deploy")
			}
			r.setJournal([]byte(strings.Join(test.harm(r.lines()), "")))
			before := r.journal()
			r.remove(IndexName)
			err := r.refused(ErrDamaged)
			if !strings.Contains(err.Error(), fmt.Sprintf("line %d:", test.line)) {
				t.Errorf("%v, want line %d", err, test.line)
			}
			if _, err := Repair(context.Background(), r.dir, r.o, Mandate{Reason: "please"}); !errors.Is(err, ErrDamaged) {
				t.Errorf("Repair: %v", err)
			}
			r.found(test.line, "")
			if !bytes.Equal(before, r.journal()) {
				t.Error("the journal was changed")
			}
		})
	}
}

// An edit in the middle is caught when the record is needed, even though the
// index, which saw the end, is content.
func TestEvidenceIsReadBack(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	r.deploy("dev", mainRef, oid("b"), "deploy")
	b := r.journal()
	i := bytes.Index(b, []byte(`"type":"deployed"`))
	j := i + bytes.Index(b[i:], []byte("ana"))
	b[j] = 'x'
	r.setJournal(b)
	l := r.open()
	defer l.Close()
	if _, err := l.Standing(lookup("dev", oid("a"), mainRef)); !errors.Is(err, ErrDamaged) {
		t.Errorf("edited evidence: %v", err)
	}
	if st, err := l.Standing(lookup("dev", oid("b"), mainRef)); err != nil || !st.Stands() {
		t.Errorf("the other: %+v %v", st, err)
	}
}

// Whatever is wrong with the index, it is made anew and says the same.
func TestIndexDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	overwrite := func(r *rig, f func(b []byte) []byte) {
		b, err := os.ReadFile(r.path(IndexName))
		if err != nil {
			r.Fatal(err)
		}
		if err := os.WriteFile(r.path(IndexName), f(b), 0o640); err != nil {
			r.Fatal(err)
		}
	}
	harms := map[string]func(r *rig){
		"missing":  func(r *rig) { r.remove(IndexName) },
		"empty":    func(r *rig) { overwrite(r, func([]byte) []byte { return nil }) },
		"half":     func(r *rig) { overwrite(r, func(b []byte) []byte { return b[:len(b)/2] }) },
		"one page": func(r *rig) { overwrite(r, func(b []byte) []byte { return b[:4096] }) },
		"no bbolt": func(r *rig) { overwrite(r, func(b []byte) []byte { return bytes.Repeat([]byte("garbage\n"), 9999) }) },
		"zeros":    func(r *rig) { overwrite(r, func(b []byte) []byte { return make([]byte, len(b)) }) },
		"folder":   func(r *rig) { r.remove(IndexName); os.Mkdir(r.path(IndexName), 0o750) },
		"full folder": func(r *rig) {
			r.remove(IndexName)
			os.MkdirAll(filepath.Join(r.path(IndexName), "x"), 0o750)
		},
		"fifo":     func(r *rig) { r.remove(IndexName); unix.Mkfifo(r.path(IndexName), 0o640) },
		"dangling": func(r *rig) { r.remove(IndexName); os.Symlink("nowhere", r.path(IndexName)) },
		"schema": func(r *rig) {
			l := r.open()
			defer l.Close()
			w := watermark{schema + 1, l.id, l.boot, l.head}
			if err := l.index.update(w, func(s kv) error { return s.Put(key(keyService, "ghost"), []byte{1}) }); err != nil {
				r.Fatal(err)
			}
		},
		"the schema before": func(r *rig) {
			l := r.open()
			defer l.Close()
			w := watermark{2, l.id, l.boot, l.head}
			err := l.index.update(w, func(s kv) error {
				names := [...]string{"shop", "dev", "shop/dev.git", mainRef}
				return s.Put(keySeq(keyHistory, 3, names[:]...), append(seqValue(0), oid("0")...))
			})
			if err != nil {
				r.Fatal(err)
			}
		},
		"boot":       func(r *rig) { r.o.host.bootID = func() string { return "another" } },
		"no boot ID": func(r *rig) { r.o.host.bootID = func() string { return "" } },
	}
	for i := range 300 {
		harms[fmt.Sprintf("random %d", i)] = func(r *rig) {
			overwrite(r, func(b []byte) []byte {
				page := random.IntN(len(b)/4096) * 4096
				at, n := page+random.IntN(4096), 1+random.IntN(4096)
				for j := at; j < min(at+n, page+4096); j++ {
					b[j] = byte(random.Uint32())
				}
				return b
			})
		}
	}
	r := newRig(t)
	for i := range 40 {
		r.deploy("dev", mainRef, oid(fmt.Sprint(i)), "deploy")
	}
	r.deploy("dev", mainRef, oid("10"), "rollback")
	for _, b := range []string{"JIRA-1", "JIRA-2", "JIRA-3"} {
		r.act(releaseOf(b), "dev", devRef, oid(b))
	}
	r.act(removalOf("JIRA-1"), "dev", devRef, oid("2 and 3"))
	want := noTree(r.dump())
	for name, harm := range harms {
		r.o.host = realHost()
		harm(r)
		l, err := Open(context.Background(), r.dir, r.o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range []string{"9", "10", "11", "39"} {
			st, err := l.Standing(lookup("dev", oid(c), mainRef))
			if err != nil || st.Record == 0 || st.Stands() != (c == "9" || c == "10") {
				t.Fatalf("%s: %s: %+v %v", name, c, st, err)
			}
		}
		if err := l.Append(&Entry{Type: TypeRefused}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		trees, err := Trees(r.dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.Tree(); err != nil || got != trees[0] {
			t.Fatalf("%s: the tree is %v, want %v; %v", name, got, trees[0], err)
		}
		l.Close()
		if name != "boot" && name != "no boot ID" {
			// Random damage may lie where nothing was read so far.
			r.remove(IndexName)
		}
		if got := noTree(r.dump()); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: the new index says something else", name)
		}
	}
	r.o.host = realHost()
	r.open().Close()
	r.verified()
}

// noTree takes the tree out of what the index says: it grows with each line.
func noTree(all map[string]string) map[string]string {
	maps.DeleteFunc(all, func(k, _ string) bool { return k[0] == keyTree })
	return all
}

func TestUnreadableIndex(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	if os.Geteuid() == 0 {
		t.Skip("root may read everything; TestIndexDamage has a folder in its place")
	}
	if err := os.Chmod(r.path(IndexName), 0); err != nil {
		t.Fatal(err)
	}
	if !r.standing("dev", oid("a")).Stands() {
		t.Error("not rebuilt")
	}
}

// The index is removed while a process has it open: the next one waits for the
// journal's lock and makes a new index, and nothing is lost.
func TestIndexRemovedWhileHeld(t *testing.T) {
	r := newRig(t)
	l := r.open()
	r.remove(IndexName)
	seq := deployTo(t, l, "dev", mainRef, oid("a"), "deploy")
	l.Close()
	if st := r.standing("dev", oid("a")); st.Record != seq {
		t.Errorf("%+v", st)
	}
	r.verified()
}

// The same for the journal: what is written to a file that has no name any
// more must not count, and an Open that waited for it must not take it.
func TestJournalReplacedWhileWaiting(t *testing.T) {
	r := newRig(t)
	l := r.open()
	got := make(chan string)
	go func() {
		l2, err := Open(context.Background(), r.dir, r.o)
		if err != nil {
			got <- err.Error()
			return
		}
		defer l2.Close()
		got <- l2.ID()
	}()
	other := newRig(t)
	other.deploy("dev", mainRef, oid("x"), "deploy")
	r.remove(IndexName)
	if err := os.Rename(other.path(JournalName), r.path(JournalName)); err != nil {
		t.Fatal(err)
	}
	id := l.ID()
	l.Close()
	if now := <-got; now == id || len(now) != 32 {
		t.Errorf("opened %s, which was replaced", now)
	}
}

func TestSnapshot(t *testing.T) {
	r := newRig(t)
	snap := func(every uint64) {
		t.Helper()
		if err := Snapshot(context.Background(), r.dir, r.o, every); err != nil {
			t.Fatal(err)
		}
	}
	mark := func() uint64 {
		l := r.open()
		defer l.Close()
		w, err := l.peek(SnapshotName)
		if err != nil {
			t.Fatal(err)
		}
		return w.seq
	}
	r.deploy("dev", mainRef, oid("a"), "deploy")
	snap(10)
	if mark() != 3 {
		t.Fatalf("first snapshot at %d", mark())
	}
	r.deploy("dev", mainRef, oid("b"), "deploy")
	snap(10)
	if mark() != 3 {
		t.Fatal("a snapshot too soon")
	}
	snap(1)
	if mark() != 5 {
		t.Fatalf("second snapshot at %d", mark())
	}
	r.deploy("dev", mainRef, oid("a"), "rollback")
	want := r.dump()
	r.remove(IndexName)
	if got := r.dump(); !reflect.DeepEqual(got, want) {
		t.Fatal("rebuilt from the snapshot it says something else")
	}
	// Prove that it was used: what only the snapshot says comes through.
	l := r.open()
	f, err := os.OpenFile(r.path(SnapshotName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	x, err := openIndex(f, l.host, l.left())
	if err != nil {
		t.Fatal(err)
	}
	w, err := x.watermark()
	if err == nil {
		err = x.update(w, func(s kv) error { return s.Put(key(keyService, "ghost"), []byte{1}) })
	}
	if err != nil {
		t.Fatal(err)
	}
	x.close()
	l.Close()
	r.remove(IndexName)
	if _, ok := r.dump()[string(key(keyService, "ghost"))]; !ok {
		t.Error("the snapshot was not used")
	}
	r.found(7, "projection S differs")
	if err := Rebuild(context.Background(), r.dir, r.o); err != nil {
		t.Fatal(err)
	}
	r.verified()
	// A damaged snapshot is passed over, and replaced by the next one.
	for _, b := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("garbage\n"), 9999)} {
		if err := os.WriteFile(r.path(SnapshotName), b, 0o640); err != nil {
			t.Fatal(err)
		}
		r.remove(IndexName)
		if got := r.dump(); !reflect.DeepEqual(got, want) {
			t.Fatal("rebuilt beside a damaged snapshot it says something else")
		}
		snap(1000)
		if mark() != 7 {
			t.Fatal("the damaged snapshot was not replaced")
		}
	}
	names, err := filepath.Glob(r.path("*.new*"))
	if err != nil || len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}

// Damage inside a snapshot that its watermark does not show.
func TestSnapshotDamagedInside(t *testing.T) {
	r := newRig(t)
	for i := range 60 {
		r.deploy("dev", mainRef, oid(fmt.Sprint(i)), "deploy")
	}
	want := r.dump()
	if err := Snapshot(context.Background(), r.dir, r.o, 1); err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(r.path(SnapshotName))
	if err != nil {
		t.Fatal(err)
	}
	for page := 2; page < len(sound)/4096; page++ {
		b := bytes.Clone(sound)
		for i := page*4096 + 200; i < page*4096+4096; i++ {
			b[i] ^= 0x55
		}
		if err := os.WriteFile(r.path(SnapshotName), b, 0o640); err != nil {
			t.Fatal(err)
		}
		r.remove(IndexName)
		l := r.open()
		for i := range 60 {
			st, err := l.Standing(lookup("dev", oid(fmt.Sprint(i)), mainRef))
			if err != nil || st.Record != uint64(2*i+3) {
				t.Fatalf("page %d: %+v %v", page, st, err)
			}
		}
		l.Close()
	}
	if err := Rebuild(context.Background(), r.dir, r.o); err != nil {
		t.Fatal(err)
	}
	if got := r.dump(); !reflect.DeepEqual(got, want) {
		t.Error("Rebuild says something else")
	}
}
