package metrics

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
)

// BenchmarkCompute reads 1,000,000 entries, all within the look-back, and tells
// how much memory what was kept takes, and the most that the process had.
func BenchmarkCompute(b *testing.B) {
	dir := b.TempDir()
	if err := ledger.Create(dir, ledger.CreateOptions{Root: "/srv/git"}); err != nil {
		b.Fatal(err)
	}
	if err := ledgertest.FillOutcomes(dir, "/srv/git", 1_000_000); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, ledger.JournalName))
	if err != nil {
		b.Fatal(err)
	}
	pol := parsed(b, dir, path)
	b.SetBytes(info.Size())
	for b.Loop() {
		now := time.Now()
		r, err := Compute(context.Background(), Options{Policy: pol, From: now.AddDate(0, 0, -30), To: now, By: Day})
		if err != nil || len(r.Rows) != 300 || r.Production.Deployments < 50_000 {
			b.Fatalf("%v: %d rows, %d deployments", err, len(r.Rows), r.Production.Deployments)
		}
	}
	b.StopTimer()
	c := newCollector(Options{Policy: pol, From: time.Now().AddDate(0, 0, -1), To: time.Now()})
	before := heap()
	if err := ledger.Read(dir, 0, func(l *ledger.Line) error { c.see(&l.Entry); return nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(heap()-before)/(1<<20), "MB-kept")
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
