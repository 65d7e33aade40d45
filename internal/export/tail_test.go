package export

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

// add appends vetoes to the ledger in dir.
func add(t testing.TB, dir string, n int) {
	t.Helper()
	l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: "/srv"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range n {
		e := &ledger.Entry{Type: ledger.TypeVeto, Kind: ledger.KindVeto, Service: "shop", Commit: idB, Principal: "ana", Via: "local", Reason: "r"}
		if err := l.Append(e); err != nil {
			t.Fatal(err)
		}
	}
}

// records reads what is new.
func records(t *testing.T, tail *Tail) (seqs []uint64) {
	t.Helper()
	if err := tail.Read(func(l *ledger.Line) error { seqs = append(seqs, l.Entry.Seq); return nil }); err != nil {
		t.Fatal(err)
	}
	return seqs
}

func grown(t *testing.T, tail *Tail, want bool) {
	t.Helper()
	if got, err := tail.Grown(); got != want || err != nil {
		t.Fatalf("grown: %v, %v", got, err)
	}
}

// TestTail reads on as the ledger grows.
func TestTail(t *testing.T) {
	dir := create(t)
	tail, err := NewTail(dir)
	if err != nil {
		t.Fatal(err)
	}
	grown(t, tail, true)
	if got := records(t, tail); len(got) != 1 {
		t.Fatal(got)
	}
	grown(t, tail, false)
	add(t, dir, 2)
	grown(t, tail, true)
	if got := records(t, tail); len(got) != 2 || got[1] != 3 {
		t.Fatal(got)
	}

	// An unfinished line waits; when it is taken off, another comes there.
	journal := filepath.Join(dir, ledger.JournalName)
	f, err := os.OpenFile(journal, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":4,"time`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	grown(t, tail, true)
	if got := records(t, tail); got != nil {
		t.Fatal(got)
	}
	add(t, dir, 1)
	if got := records(t, tail); len(got) != 2 || got[1] != 5 { // the repair, and the entry
		t.Fatal(got)
	}

	// A copy in its place, such as after a move to another disk, goes on.
	all, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journal+".copy", all, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(journal+".copy", journal); err != nil {
		t.Fatal(err)
	}
	grown(t, tail, false)
	add(t, dir, 1)
	grown(t, tail, true)
	if got := records(t, tail); len(got) != 1 || got[0] != 6 {
		t.Fatal(got)
	}
	seen := 0
	if err := tail.History(func(*ledger.Line) error { seen++; return nil }); err != nil || seen != 6 {
		t.Fatalf("history: %d lines, %v", seen, err)
	}
}

// TestTailAgain counts a line as not read where fn fails.
func TestTailAgain(t *testing.T) {
	dir := create(t)
	add(t, dir, 2)
	tail, err := NewTail(dir)
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err = tail.Read(func(l *ledger.Line) error {
		if l.Entry.Seq == 2 {
			return full
		}
		return nil
	})
	if err != full || tail.Position().Record != 1 {
		t.Fatalf("%v at %+v", err, tail.Position())
	}
	if got := records(t, tail); len(got) != 2 || got[0] != 2 {
		t.Fatal(got)
	}
}

// TestNotBorneOut does to the journal what a cursor must not pass over.
func TestNotBorneOut(t *testing.T) {
	lines := func(b []byte) [][]byte { return bytes.SplitAfter(b, []byte{'\n'}) }
	for name, change := range map[string]func([]byte) []byte{
		"cut":             func(b []byte) []byte { return bytes.Join(lines(b)[:3], nil) },
		"emptied":         func([]byte) []byte { return nil },
		"edited":          func(b []byte) []byte { return bytes.Replace(b, []byte(`"r"`), []byte(`"s"`), 3) },
		"shifted":         func(b []byte) []byte { return bytes.Replace(b, []byte(`"r"`), []byte(`"rr"`), 1) },
		"another ledger":  func(b []byte) []byte { return bytes.Replace(b, []byte(`"ledger":"`), []byte(`"ledger":"x`), 1) },
		"last not":        func(b []byte) []byte { return append(b[:len(b)-3], "}}\n"...) },
		"last unfinished": func(b []byte) []byte { return b[:len(b)-1] },
	} {
		dir := create(t)
		add(t, dir, 3)
		tail, err := NewTail(dir)
		if err != nil {
			t.Fatal(err)
		}
		records(t, tail)
		at := tail.Position()
		if err := tail.Resume(at); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		journal := filepath.Join(dir, ledger.JournalName)
		b, err := os.ReadFile(journal)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(journal, change(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if fresh, err := NewTail(dir); err == nil {
			if err := fresh.Resume(at); !errors.Is(err, ErrNotBorneOut) {
				t.Errorf("%s: resumed: %v", name, err)
			}
		} else if name != "emptied" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFollowCut cuts, replaces and removes a journal while it is followed.
func TestFollowCut(t *testing.T) {
	dir, other := create(t), create(t)
	add(t, dir, 2)
	add(t, other, 9)
	tail, err := NewTail(dir)
	if err != nil {
		t.Fatal(err)
	}
	records(t, tail)
	journal := filepath.Join(dir, ledger.JournalName)
	b, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(journal, int64(len(b)-9)); err != nil {
		t.Fatal(err)
	}
	if _, err := tail.Grown(); !errors.Is(err, ErrNotBorneOut) {
		t.Errorf("cut: %v", err)
	}
	if err := os.Rename(filepath.Join(other, ledger.JournalName), journal); err != nil {
		t.Fatal(err)
	}
	if _, err := tail.Grown(); !errors.Is(err, ErrNotBorneOut) {
		t.Errorf("replaced: %v", err)
	}
	if err := os.Remove(journal); err != nil {
		t.Fatal(err)
	}
	if _, err := tail.Grown(); !errors.Is(err, ledger.ErrMissing) {
		t.Errorf("removed: %v", err)
	}
	// A line put in behind what was read, in the same file, is found when read.
	if err := os.WriteFile(journal, append(b, bytes.Replace(b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:], []byte(`"seq":3`), []byte(`"seq":4`), 1)...), 0o600); err != nil {
		t.Fatal(err)
	}
	grown(t, tail, true)
	if err := tail.Read(func(*ledger.Line) error { return nil }); !errors.Is(err, ErrNotBorneOut) {
		t.Errorf("put in: %v", err)
	}
}

func TestCursor(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "cursor")
	c, err := OpenCursor(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCursor(path); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("two have it: %v", err)
	}
	if _, there, err := c.Load(); there || err != nil {
		t.Fatalf("%v, %v", there, err)
	}
	want := Position{testLedger, 7, strings.Repeat("a", 64), 1234}
	for range 2 {
		if err := c.Save(want); err != nil {
			t.Fatal(err)
		}
	}
	if got, there, err := c.Load(); got != want || !there || err != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if left, _ := filepath.Glob(path + ".new-*"); left != nil {
		t.Errorf("left: %v", left)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "null", "{}", string(good) + "{}", strings.Replace(string(good), `"record":7`, `"record":0`, 1),
		strings.Replace(string(good), "aa", "xx", 1), strings.Replace(string(good), `"offset":1234`, `"offset":-1`, 1),
		strings.Replace(string(good), `"record"`, `"rec"`, 1), strings.Repeat(" ", maxCursor) + string(good)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Load(); err == nil || !strings.Contains(err.Error(), "no cursor") {
			t.Errorf("%.80q: %v", bad, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := OpenCursor(path); err != nil {
		t.Error(err)
	} else if again.Close(); os.RemoveAll(dir) != nil || again.Save(want) == nil {
		t.Error("saved into nothing")
	}
}
