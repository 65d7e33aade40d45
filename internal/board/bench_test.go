package board

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
)

// BenchmarkWrite writes a board of a ledger of many entries: go test -bench
// Write/1000000 -benchtime 1x. It reports how much memory is in use at its end.
func BenchmarkWrite(b *testing.B) {
	for kind, fill := range map[string]func(dir, root string, n int) error{
		"outcomes": ledgertest.FillOutcomes, "releases": ledgertest.FillReleases,
	} {
		for _, n := range []int{10_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				dir := filepath.Join(b.TempDir(), "ledger")
				if err := ledger.Create(dir, ledger.CreateOptions{Root: "/srv/git"}); err != nil {
					b.Fatal(err)
				}
				if err := fill(dir, "/srv/git", n); err != nil {
					b.Fatal(err)
				}
				j := &journal{dir: dir}
				var now runtime.MemStats
				for b.Loop() {
					writeBoard(b, j, filepath.Join(b.TempDir(), "board"), func(o *Options) { o.Now = nil })
				}
				runtime.ReadMemStats(&now)
				b.ReportMetric(float64(now.Sys)/1e6, "MB-sys")
			})
		}
	}
}
