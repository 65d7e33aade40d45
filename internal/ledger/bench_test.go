package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
	"github.com/pathgate/pathgate/policy"
)

const root = "/srv/git"

func filled(tb testing.TB, n int) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := ledger.Create(dir, ledger.CreateOptions{Root: root}); err != nil {
		tb.Fatal(err)
	}
	if err := ledgertest.Fill(dir, root, n); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// A ledger that is large enough for its new index to be compacted, and for a
// replay of many transactions.
func TestFill(t *testing.T) {
	dir := filled(t, 21000)
	holds := func(records uint64) {
		t.Helper()
		rep, err := ledger.Verify(dir, nil)
		if err != nil || !rep.OK() || rep.Records != records || rep.Index != fmt.Sprint("agrees up to record ", records) {
			t.Fatalf("%+v %v", rep, err)
		}
	}
	holds(21001)
	o := ledger.Options{Root: root}
	if err := ledger.Snapshot(context.Background(), dir, o, 1); err != nil {
		t.Fatal(err)
	}
	if err := ledgertest.Fill(dir, root, 601); err != nil {
		t.Fatal(err)
	}
	holds(21602)
	if err := os.Remove(filepath.Join(dir, ledger.IndexName)); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	holds(21602)
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 3 {
		t.Errorf("files left: %v %v", names, err)
	}
}

// A ledger of deployments with outcomes, and what can be asked of it.
func TestFillOutcomes(t *testing.T) {
	dir := t.TempDir()
	if err := ledger.Create(dir, ledger.CreateOptions{Root: root}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3000, 2000} {
		if err := ledgertest.FillOutcomes(dir, root, n); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := ledger.Verify(dir, nil)
	if err != nil || !rep.OK() || rep.Index != "agrees up to record 5001" {
		t.Fatalf("%+v %v", rep, err)
	}
	if rep.Counts[ledger.TypeStatus] < 1000 || rep.Counts[ledger.TypeApproval] < 100 {
		t.Errorf("%v", rep.Counts)
	}
}

// A ledger whose every intent can be judged again.
func TestFillJudged(t *testing.T) {
	dir := t.TempDir()
	if err := ledger.Create(dir, ledger.CreateOptions{Root: root}); err != nil {
		t.Fatal(err)
	}
	if err := ledgertest.FillJudged(dir, root, 5000); err != nil {
		t.Fatal(err)
	}
	rep, err := ledger.Verify(dir, nil)
	if err != nil || !rep.OK() || rep.Judged != rep.Counts[ledger.TypeIntent] || rep.Judged < 2000 || rep.Unjudged != 0 {
		t.Fatalf("%+v %v", rep, err)
	}
}

// A ledger of releases, in two parts, and what can be asked of it.
func TestFillReleases(t *testing.T) {
	dir := t.TempDir()
	if err := ledger.Create(dir, ledger.CreateOptions{Root: root}); err != nil {
		t.Fatal(err)
	}
	if err := ledgertest.FillReleases(dir, root, 6000); err != nil {
		t.Fatal(err)
	}
	rep, err := ledger.Verify(dir, nil)
	if err != nil || !rep.OK() || rep.Index != "agrees up to record 6001" {
		t.Fatalf("%+v %v", rep, err)
	}
	l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	all, more, err := l.Deployments(releaseLookup(t), 10)
	if err != nil || len(all) != 10 || !more || all[0].Action != ledger.ActionRemove || all[1].Seq >= all[0].Seq {
		t.Fatalf("%+v %v", all, err)
	}
	in, err := l.Contents("fill7", "dev", "fill7.git", "refs/heads/release/dev", policy.ObjectID(all[0].Commit))
	if err != nil || len(in) != 9 || in[8].Branch == all[0].Branch {
		t.Fatalf("%+v %v", in, err)
	}
	for i, e := range all {
		q := releaseLookup(t)
		q.Commit = policy.ObjectID(e.Commit)
		by, err := l.Withdrawn(q)
		if err != nil || i == 0 && by != 0 || i > 0 && by != all[0].Seq {
			t.Fatalf("%d: withdrawn by %d %v", i, by, err)
		}
	}
}

func releaseLookup(tb testing.TB) policy.Lookup {
	p, err := policy.ParseRefPattern("refs/heads/release/*")
	if err != nil {
		tb.Fatal(err)
	}
	return policy.Lookup{Service: "fill7", Environment: "dev", Repository: "fill7.git", Refs: []policy.RefPattern{p}}
}

// BenchmarkReleases is what is asked of an environment that others contain.
func BenchmarkReleases(b *testing.B) {
	dir := b.TempDir()
	err := ledger.Create(dir, ledger.CreateOptions{Root: root})
	if err == nil {
		err = ledgertest.FillReleases(dir, root, 100000)
	}
	if err != nil {
		b.Fatal(err)
	}
	l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: root})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	q := releaseLookup(b)
	newest, _, err := l.Deployments(q, 512)
	if err != nil || len(newest) != 512 {
		b.Fatal(len(newest), err)
	}
	for _, n := range []int{16, 512} {
		b.Run(fmt.Sprint("Deployments", n), func(b *testing.B) {
			for b.Loop() {
				if all, _, err := l.Deployments(q, n); err != nil || len(all) != n {
					b.Fatal(len(all), err)
				}
			}
		})
	}
	b.Run("Contents", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.Contents("fill7", "dev", "fill7.git", "refs/heads/release/dev", policy.ObjectID(newest[0].Commit)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Withdrawn512", func(b *testing.B) {
		for b.Loop() {
			for i := range newest {
				q.Commit = policy.ObjectID(newest[i].Commit)
				if _, err := l.Withdrawn(q); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkRails is all that guard rails ask in one decision, on ledgers that
// have nothing to tell of it and on ones that do.
func BenchmarkRails(b *testing.B) {
	for name, fill := range map[string]func(string, string, int) error{"plain": ledgertest.Fill, "outcomes": ledgertest.FillOutcomes} {
		for _, n := range sizes() {
			b.Run(fmt.Sprint(name, n), func(b *testing.B) { rails(b, fill, n) })
		}
	}
}

func rails(b *testing.B, fill func(string, string, int) error, n int) {
	dir := b.TempDir()
	err := ledger.Create(dir, ledger.CreateOptions{Root: root})
	if err == nil {
		err = fill(dir, root, n)
	}
	if err != nil {
		b.Fatal(err)
	}
	p, err := policy.ParseRefPattern("refs/heads/main")
	if err != nil {
		b.Fatal(err)
	}
	l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: root})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	live, err := l.Live("fill7", "stg", "fill7/stg.git", "refs/heads/main")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_, _, e1 := l.Outcome("fill7", "stg", "fill7/stg.git", live.Commit)
		_, _, _, e2 := l.LiveSpan("fill7", "stg", "fill7/stg.git", []policy.RefPattern{p}, live.Commit)
		_, e3 := l.Approvals("fill7", "prd", "fill7/prd.git", "refs/heads/main", live.Commit)
		_, e4 := l.Locks("fill7", "prd", "refs/heads/main")
		_, _, e5 := l.Veto("fill7", live.Commit)
		if err := errors.Join(e1, e2, e3, e4, e5); err != nil {
			b.Fatal(err)
		}
	}
}

// sizes are how many entries the benchmarks run on; the large one takes a
// minute to make and is left out by -short.
func sizes() []int {
	if testing.Short() {
		return []int{1000}
	}
	return []int{1000, 1000000}
}

// BenchmarkAppend is what one hook does: open, look up, append, close.
func BenchmarkAppend(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := filled(b, n)
			p, err := policy.ParseRefPattern("refs/heads/main")
			if err != nil {
				b.Fatal(err)
			}
			i := 0
			for b.Loop() {
				i++
				l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: root})
				if err != nil {
					b.Fatal(err)
				}
				id := fmt.Sprintf("%040x", i)
				q := policy.Lookup{Service: "fill7", Environment: "stg", Repository: "fill7/stg.git", Refs: []policy.RefPattern{p}, Commit: policy.ObjectID(id)}
				if _, err := l.Standing(q); err != nil {
					b.Fatal(err)
				}
				if _, err := l.Live("fill7", "prd", "fill7/prd.git", "refs/heads/main"); err != nil {
					b.Fatal(err)
				}
				e := ledger.Entry{Type: ledger.TypeIntent, Service: "fill7", Environment: "prd", Repository: "fill7/prd.git",
					Ref: "refs/heads/main", New: id, Commit: id, Tree: id, Kind: "deploy", Token: "t"}
				d := e
				d.Type, d.Intent = ledger.TypeAdopt, 0
				if err := l.Append(&d); err != nil {
					b.Fatal(err)
				}
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRebuild(b *testing.B) {
	dir := filled(b, 100000)
	for b.Loop() {
		if err := ledger.Rebuild(context.Background(), dir, ledger.Options{Root: root}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	dir := filled(b, 100000)
	info, err := os.Stat(dir + "/" + ledger.JournalName)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	for b.Loop() {
		if err := ledger.Read(dir, 0, func(*ledger.Line) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify tells also how much heap an entry takes: the live heap at the
// end of the journal beyond that at its beginning. It should come to nothing, as
// what grows with a ledger is in a file.
func BenchmarkVerify(b *testing.B) {
	for name, fill := range map[string]func(string, string, int) error{"plain": ledgertest.Fill, "judged": ledgertest.FillJudged,
		"outcomes": ledgertest.FillOutcomes, "releases": ledgertest.FillReleases} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			err := ledger.Create(dir, ledger.CreateOptions{Root: root})
			if err == nil {
				err = fill(dir, root, 100000)
			}
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if rep, err := ledger.Verify(dir, nil); err != nil || !rep.OK() {
					b.Fatal(rep.Findings, err)
				}
			}
			b.StopTimer()
			first, last := heapOf(b, dir)
			b.ReportMetric(float64(last-first)/100000, "heap-B/entry")
		})
	}
}

// heapOf is the live heap soon after the beginning and at the end of a
// verification.
func heapOf(b *testing.B, dir string) (first, last int64) {
	_, err := ledger.Verify(dir, func(done, total int64) {
		if first != 0 && done < total {
			return
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if last = int64(m.HeapAlloc); first == 0 {
			first = last
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	return first, last
}

// BenchmarkTrees is what an auditor does who has the journal alone.
func BenchmarkTrees(b *testing.B) {
	dir := filled(b, 100000)
	for b.Loop() {
		if _, err := ledger.Trees(dir); err != nil {
			b.Fatal(err)
		}
	}
}
