package evidence

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

// many writes n entries: commits that go to stg and prd, each tested and
// approved.
func (j *journal) many(n int) {
	for i := 0; j.seq < uint64(n); i++ {
		commit := fmt.Sprint("c", i)
		stg := j.push("stg", commit, ledger.Entry{Principal: "ana"})
		j.ended(stg, "stg", commit, ledger.StateSuccess)
		j.approve("bo", commit, ledger.KindApprove)
		prd := j.push("prd", commit, ledger.Entry{Principal: "ana", Evidence: []uint64{stg}})
		j.ended(prd, "prd", commit, ledger.StateSuccess)
	}
}

// BenchmarkWrite writes the evidence of a ledger of one service, all of it in the
// window, and of a week: go test -bench Write -benchtime 1x. It reports how
// much memory is in use at its end.
func BenchmarkWrite(b *testing.B) {
	_, pol := march(b)
	j := newJournal(b)
	j.many(100_000)
	for name, days := range map[string]int{"all": 600, "week": 7} {
		b.Run(name, func(b *testing.B) {
			pol := *pol
			pol.Ledger = j.dir
			o := j.options(&pol, "")
			o.To = o.From.AddDate(0, 0, days)
			key(b, &o)
			b.ResetTimer()
			for i := range b.N {
				o.Out = filepath.Join(b.TempDir(), fmt.Sprint(i))
				r, err := Write(context.Background(), o)
				must(b, err)
				b.ReportMetric(float64(r.Changes), "changes")
				b.ReportMetric(float64(r.Proofs), "proofs")
				must(b, os.RemoveAll(o.Out))
			}
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			b.ReportMetric(float64(now.Sys)/1e6, "MB-sys")
		})
	}
}
