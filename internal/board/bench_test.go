package board

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
)

// BenchmarkWrite writes a board of a ledger of many entries, from the whole of it
// and again by its state: go test -bench Write/.*/1000000 -benchtime 1x. It
// reports how much memory the process ever had.
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
				j, out, sites := &journal{dir: dir}, b.TempDir(), 0
				for _, how := range []string{"whole", "again"} {
					b.Run(how, func(b *testing.B) {
						var now runtime.MemStats
						for b.Loop() {
							if how == "whole" {
								sites++
							}
							writeBoard(b, j, filepath.Join(out, fmt.Sprint("board", sites)), func(o *Options) { o.Now = nil })
						}
						runtime.ReadMemStats(&now)
						b.ReportMetric(float64(now.Sys)/1e6, "MB-sys")
					})
				}
			})
		}
	}
}
