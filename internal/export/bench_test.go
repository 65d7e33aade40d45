package export

import (
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
)

// BenchmarkExport reads and exports a ledger of 100,000 entries.
func BenchmarkExport(b *testing.B) {
	const entries = 100_000
	dir := create(b)
	if err := ledgertest.FillOutcomes(dir, "/srv", entries); err != nil {
		b.Fatal(err)
	}
	for _, f := range append(Formats(), "json") {
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x, err := New(f, Options{Ledger: testLedger})
				if f != "json" && err != nil {
					b.Fatal(err)
				}
				var buf []byte
				lines := 0
				err = ledger.Read(dir, 0, func(line *ledger.Line) error {
					lines++
					if x != nil {
						buf = x.Append(buf[:0], line)
					}
					return nil
				})
				if err != nil || lines < entries {
					b.Fatal(lines, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/entry")
		})
	}
}
