package evidence

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
	"github.com/pathgate/pathgate/policy"
)

// filled makes a ledger with an index, and a policy whose production is the
// environment named last.
func filled(t testing.TB, n int, fill func(dir, root string, n int) error, change func(*Options)) Options {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	must(t, ledger.Create(dir, ledger.CreateOptions{Root: "/srv/git", Now: func() time.Time { return time.Now().AddDate(0, -1, 0) }}))
	must(t, fill(dir, "/srv/git", n))
	_, pol := march(t)
	pol.Ledger = dir
	o := Options{Out: filepath.Join(t.TempDir(), "out"), Policy: pol, Service: "fill1", From: time.Now().AddDate(0, -2, 0), To: time.Now().AddDate(0, 0, 1),
		Now: time.Now(), Version: "0"}
	change(&o)
	return o
}

// Each commit that FillOutcomes brings to prd was tested in stg and approved of
// by two others.
func TestFillOutcomes(t *testing.T) {
	o := filled(t, 4000, ledgertest.FillOutcomes, func(*Options) {})
	r, err := Write(t.Context(), o)
	must(t, err)
	if len(r.Findings) > 0 || r.Changes < 2 || r.Approvals != 2*r.Changes || r.Exceptions != 0 {
		t.Fatalf("%+v", r)
	}
	for _, c := range rows(t, o.Out, "changes.csv") {
		if c["service"] != "fill1" || c["approvers"] != "bo; chi" || c["approved_by_another"] != "yes" || c["tests_passed"] != "yes" || c["backed_out"] != "no" {
			t.Errorf("%v", c)
		}
	}
}

// FillReleases takes each fiftieth branch out again.
func TestFillReleases(t *testing.T) {
	o := filled(t, 3000, ledgertest.FillReleases, func(o *Options) { o.Environments = []policy.EnvironmentName{"dev"} })
	r, err := Write(t.Context(), o)
	must(t, err)
	removed, back := 0, 0
	for _, c := range rows(t, o.Out, "changes.csv") {
		if c["action"] == ledger.ActionRemove {
			removed++
		}
		if c["backed_out"] == "yes" {
			back++
		}
	}
	if len(r.Findings) > 0 || r.Changes != 150 || removed != 3 || back != removed {
		t.Errorf("%+v, %d taken out, %d backed out", r, removed, back)
	}
}

// BenchmarkMillion writes the evidence of one of a hundred services: go test
// -bench Million -benchtime 1x.
func BenchmarkMillion(b *testing.B) {
	o := filled(b, 1_000_000, ledgertest.FillOutcomes, func(o *Options) { o.From = time.Now().AddDate(0, 0, -7) })
	b.ResetTimer()
	for i := range b.N {
		o.Out = filepath.Join(b.TempDir(), fmt.Sprint(i))
		r, err := Write(b.Context(), o)
		must(b, err)
		b.ReportMetric(float64(r.Changes), "changes")
	}
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	b.ReportMetric(float64(now.Sys)/1e6, "MB-sys")
}
