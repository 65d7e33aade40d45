package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/tlog"
)

// agrees wants index, journal and proofs to say the same of the tree.
func (r *rig) agrees() tlog.Tree {
	r.Helper()
	l := r.open()
	defer l.Close()
	got, err := l.Tree()
	if err != nil {
		r.Fatal(err)
	}
	lines := r.lines()
	var sizes []int64
	for n := range len(lines) + 1 {
		sizes = append(sizes, int64(n))
	}
	trees, err := Trees(r.dir, sizes...)
	if err != nil || len(trees) != len(sizes)+1 || got != trees[len(lines)] || got != trees[len(sizes)] {
		r.Fatalf("the index says %v, the journal %v %v", got, trees[len(trees)-1], err)
	}
	for n, line := range lines {
		leaf := tlog.LeafHash([]byte(strings.TrimSuffix(line, "\n")))
		for _, size := range []int64{int64(n) + 1, got.N} {
			p, err := l.ProveRecord(uint64(n)+1, uint64(size))
			if err == nil {
				err = sumdb.CheckRecord(p, size, trees[size].Hash, int64(n), leaf)
			}
			if err != nil {
				r.Fatalf("record %d of %d: %v", n+1, size, err)
			}
		}
		p, err := l.ProveTree(uint64(n))
		if err == nil {
			err = tlog.CheckTree(p, got, trees[n])
		}
		if err != nil {
			r.Fatalf("from %d: %v", n, err)
		}
		if raw, err := RawLine(r.dir, uint64(n)+1); err != nil || string(raw)+"\n" != line {
			r.Fatalf("line %d: %q %v", n+1, raw, err)
		}
	}
	return got
}

func TestTree(t *testing.T) {
	r := newRig(t)
	r.agrees()
	for i := range 20 {
		r.deploy("dev", mainRef, oid(fmt.Sprint(i)), "deploy")
	}
	l := r.open()
	for n := 1; n < 50; n++ { // in batches, across the bounds of chunks
		var batch []*Entry
		for range n % 5 {
			batch = append(batch, &Entry{Type: TypeRefused, Reason: fmt.Sprint(n)})
		}
		if err := l.Append(batch...); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	want := r.agrees()
	if want.N != int64(len(r.lines())) {
		t.Fatal(want)
	}
	// The index is rebuilt: from nothing, from a snapshot, after a crash of the
	// machine, and where the journal is ahead of it.
	if err := Snapshot(context.Background(), r.dir, r.o, 1); err != nil {
		t.Fatal(err)
	}
	r.remove(IndexName)
	if got := r.agrees(); got != want {
		t.Errorf("from the snapshot: %v", got)
	}
	r.append(&Entry{Type: TypeRefused})
	r.remove(IndexName)
	r.agrees()
	r.remove(IndexName)
	r.remove(SnapshotName)
	r.agrees()
	r.o.host.bootID = func() string { return "another" }
	r.agrees()
	r.o.host = realHost()
	r.setJournal(append(r.journal(), `{"seq":1`...))
	r.agrees() // the torn line is no leaf, and the repair is one
	l = r.open()
	l.drop()
	if err := l.Append(&Entry{Type: TypeRefused}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	r.agrees()
	if rep := r.verified(); rep.Tree != r.agrees() {
		t.Errorf("Verify has %v", rep.Tree)
	}
}

func TestTreeErrors(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	l := r.open()
	defer l.Close()
	for _, at := range [][2]uint64{{0, 3}, {4, 3}, {3, 2}, {1, 4}} {
		if p, err := l.ProveRecord(at[0], at[1]); err == nil {
			t.Errorf("%v: %v", at, p)
		}
	}
	if _, err := l.ProveTree(4); !errors.Is(err, ErrCut) {
		t.Error(err)
	}
	if _, err := Trees(r.dir, 4); !errors.Is(err, ErrCut) {
		t.Error(err)
	}
	if _, err := Trees(r.dir, -1); !errors.Is(err, ErrCut) {
		t.Error(err)
	}
	if _, err := RawLine(r.dir, 4); err == nil || !strings.Contains(err.Error(), "the last is 3") {
		t.Error(err)
	}
	if _, err := Trees(t.TempDir()); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	if id, err := IDOf(r.dir); err != nil || id != l.ID() {
		t.Error(id, err)
	}
}

// A tree in the index that is not the journal's is found, and which line it is.
func TestVerifyTreeOfIndex(t *testing.T) {
	for _, test := range map[string]struct {
		change func(s kv) error
		what   string
	}{
		"a leaf of a full chunk": {func(s kv) error {
			v, err := s.Get(chunkKey(1))
			b := append([]byte(nil), v...)
			b[(sumdb.StoredHashIndex(0, 20)-chunkSize)*hashSize] ^= 1
			return errors.Join(err, s.Put(chunkKey(1), b))
		}, "another line 21"},
		"a leaf of the last": {func(s kv) error {
			v, err := s.Get(chunkKey(2))
			b := append([]byte(nil), v...)
			b[(sumdb.StoredHashIndex(0, 40)-2*chunkSize)*hashSize] ^= 1
			return errors.Join(err, s.Put(chunkKey(2), b))
		}, "another line 41"},
		"a chunk is lost":   {func(s kv) error { return s.Delete(chunkKey(0)) }, "another line 1"},
		"a chunk too many":  {func(s kv) error { return s.Put(chunkKey(9), []byte{1}) }, "4 chunks and not 3"},
		"a chunk too short": {func(s kv) error { return s.Put(chunkKey(0), nil) }, "another line 1"},
	} {
		r := newRig(t)
		for i := range 20 {
			r.deploy("dev", mainRef, oid(fmt.Sprint(i)), "deploy")
		}
		l := r.open()
		if err := l.index.update(watermark{schema, l.id, l.boot, l.head}, test.change); err != nil {
			t.Fatal(err)
		}
		l.Close()
		r.found(41, test.what)
		if err := Rebuild(context.Background(), r.dir, r.o); err != nil {
			t.Fatal(err)
		}
		r.verified()
	}
}

// A damaged tree makes the index anew; nobody is told a wrong root.
func TestDamagedTree(t *testing.T) {
	r := newRig(t)
	for i := range 20 {
		r.deploy("dev", mainRef, oid(fmt.Sprint(i)), "deploy")
	}
	want := r.agrees()
	for _, change := range []func(s kv) error{
		func(s kv) error { return s.Delete(chunkKey(0)) },
		func(s kv) error { return s.Put(chunkKey(2), make([]byte, hashSize)) },
	} {
		l := r.open()
		if err := l.index.update(watermark{schema, l.id, l.boot, l.head}, change); err != nil {
			t.Fatal(err)
		}
		if got, err := l.Tree(); err != nil || got != want {
			t.Errorf("%v %v", got, err)
		}
		l.Close()
	}
	r.agrees()
}

// What is held outside finds what the ledger alone cannot tell.
func TestVerifyHeld(t *testing.T) {
	r := newRig(t)
	for i := range 10 {
		r.deploy("dev", mainRef, oid(fmt.Sprint(i)), "deploy")
	}
	trees, err := Trees(r.dir, 7, 12, 0)
	if err != nil {
		t.Fatal(err)
	}
	id, err := IDOf(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	held := []Held{{"end", id, trees[3]}, {"seven", id, trees[0]}, {"twelve", id, trees[1]}, {"nothing", id, trees[2]}}
	backup, index := r.journal(), r.path(IndexName)
	all := r.lines()
	find := func(name string, line uint64, means, what string, held ...Held) {
		t.Helper()
		rep, err := Verify(r.dir, nil, held...)
		if line == 0 {
			if err != nil || !rep.OK() || rep.Held != len(held) {
				t.Errorf("%s: %+v %v", name, rep, err)
			}
			return
		}
		if err != nil || len(rep.Findings) != 1 || rep.Findings[0].Line != line || rep.Findings[0].Meaning != means ||
			!strings.Contains(rep.Findings[0].Problem, what) {
			t.Errorf("%s: %+v %v", name, rep.Findings, err)
		}
	}
	find("as it is", 0, "", "", held...)
	r.append(&Entry{Type: TypeRefused})
	find("it went on", 0, "", "", held...)

	// An old backup was put back, index and all; without the checkpoint nobody sees it.
	r.setJournal([]byte(strings.Join(all[:15], "")))
	os.Remove(index)
	find("backup, nothing held", 0, "", "")
	find("backup", 16, meansCut, "the checkpoint in end has 21 lines, and the journal ends with record 15", held...)
	// The tail was cut off in the middle of a line.
	r.setJournal(backup[:len(backup)-10])
	find("cut", 21, meansCut, "the journal ends with record 20", held...)
	// A line was edited, and nothing else.
	r.setJournal([]byte(strings.Replace(string(backup), oid("4"), oid("x"), 1)))
	find("edited", 11, meansChain, "the prev of line 11 is not the SHA-256", held...)
	// Line 10 was edited, and line 11 tells: it may be either.
	if rep, err := Verify(r.dir, nil); err != nil || len(rep.Findings) != 1 || rep.Findings[0].First != 10 ||
		!strings.HasPrefix(rep.Findings[0].String(), "line 10 or 11: ") {
		t.Errorf("%+v %v", rep.Findings, err)
	}
	// One line was taken out, and one put in twice.
	r.setJournal([]byte(strings.Join(slices.Delete(slices.Clone(all), 9, 10), "")))
	find("taken out", 10, meansChain, "line 10 is record 11", held...)
	r.setJournal([]byte(strings.Join(slices.Insert(slices.Clone(all), 9, all[8]), "")))
	find("put in", 10, meansChain, "line 10 is record 9", held...)
	// History was written anew from line 10 on, with all hashes right and by all rules.
	r.setJournal([]byte(strings.Join(all[:9], "")))
	for i := range 8 {
		r.deploy("dev", mainRef, oid(fmt.Sprint("forged", i)), "deploy")
	}
	find("rewritten, nothing held", 0, "", "")
	find("rewritten", 8, meansOther, "the first 12 lines are not those of the checkpoint in twelve: lines 1 to 7 are those of an earlier", held...)
	find("rewritten, by one", 1, meansOther, "one of them is another", held[0])
	now, err := Trees(r.dir, 11)
	if err != nil {
		t.Fatal(err)
	}
	find("just this line", 12, meansOther, "line 12 is another", Held{"eleven", id, now[0]}, held[2])
	// Another ledger is in its place.
	find("another ledger", 1, meansOther, "is of ledger other", Held{"x", "other", trees[1]})
	find("another, longer ledger", 1, meansOther, "is of ledger other", Held{"x", "other", tlog.Tree{N: 99}})
}

// BenchmarkIndexUpdate is what the index does for a record, without its tree
// and with it.
func BenchmarkIndexUpdate(b *testing.B) {
	for _, tree := range []bool{false, true} {
		b.Run(fmt.Sprint("tree=", tree), func(b *testing.B) {
			dir := b.TempDir() + "/ledger"
			if err := Create(dir, CreateOptions{Root: testRoot}); err != nil {
				b.Fatal(err)
			}
			l, err := Open(context.Background(), dir, Options{Root: testRoot})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			n := int64(l.head.seq)
			for b.Loop() {
				err := l.index.update(watermark{schema, l.id, l.boot, l.head}, func(s kv) error {
					e := entryFor(TypeAdopt, "dev", mainRef, oid(fmt.Sprint(n)), "adopt")
					e.Seq = uint64(n) + 1
					if err := project(s, e, place{seq: e.Seq}); err != nil || !tree {
						return err
					}
					return grow(s, n, []tlog.Hash{tlog.LeafHash([]byte(e.Commit))})
				})
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}
