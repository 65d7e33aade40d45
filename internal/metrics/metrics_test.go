package metrics

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// Stories, and what each row of the report must say.
var stories = []struct{ name, story, want string }{
	{"nothing", ``, ``},
	{"nothing in the window", `
		02 09:00 shop dev deploy a
		02 10:00 shop prd promote a`, `
		shop dev:
		shop prd:`},
	{"three repositories", `
		11 09:00 shop dev deploy a
		11 10:00 shop stg promote a
		11 12:30 shop prd promote a
		12 09:00 shop dev deploy b
		13 09:00 shop stg promote b
		14 09:00 shop prd promote b`, `
		shop dev: changes=2 deployed=2
		shop stg: changes=2 deployed=2 lead=[1h0m0s,24h0m0s]
		shop prd: changes=2 deployed=2 lead=[3h30m0s,48h0m0s]`},
	{"borders: the first moment is in, the last is not, and a way may begin before", `
		09 23:59:59 shop dev deploy a
		09 23:59:59 shop prd promote a
		10 00:00:00 shop dev deploy b
		10 00:00:00 shop prd promote b
		19 23:59:59 shop dev deploy c
		20 00:00:00 shop dev deploy d
		20 00:00:00 shop prd promote c`, `
		shop dev: changes=2 deployed=2
		shop prd: changes=1 deployed=1 lead=[0s]`},
	{"what happens after the window counts for what was in it", `
		19 23:00 shop prd promote a deploy=command as=a
		20 01:00 status a success
		21 01:00 shop prd promote b
		22 01:00 shop prd rollback a
		19 10:00 pay prd promote a
		19 11:00 pay prd promote b
		22 11:00 pay prd rollback a`, `
		pay prd: changes=2 deployed=2 failed=1 incidents=1 restore=[72h0m0s]
		shop prd: changes=1 deployed=1`},
	{"a rollback", `
		11 09:00 shop prd promote a
		12 09:00 shop prd promote b
		12 10:00 shop prd rollback a`, `
		shop prd: changes=2 deployed=2 failed=1 incidents=1 restore=[1h0m0s]`},
	{"a rollback over two: the newest is to blame", `
		11 09:00 shop prd promote a
		12 09:00 shop prd promote b
		13 09:00 shop prd promote c
		13 09:10 shop prd rollback a`, `
		shop prd: changes=3 deployed=3 failed=1 incidents=1 restore=[10m0s]`},
	{"a rollback of a rollback", `
		11 09:00 shop prd promote a
		12 09:00 shop prd promote b
		13 09:00 shop prd promote c
		13 10:00 shop prd rollback b
		13 12:00 shop prd rollback a`, `
		shop prd: changes=3 deployed=3 failed=2 incidents=2 restore=[1h0m0s,2h0m0s]`},
	{"forward again after a rollback is a change, but the way was gone before", `
		11 08:00 shop dev deploy b
		11 09:00 shop prd promote a
		12 09:00 shop prd promote b
		12 10:00 shop prd rollback a
		13 09:00 shop prd promote b
		13 09:30 shop prd rollback a`, `
		shop dev: changes=1 deployed=1
		shop prd: changes=3 deployed=3 failed=2 incidents=2 lead=[25h0m0s] restore=[30m0s,1h0m0s]`},
	{"what was before the window is no change of it, but its incident may be", `
		08 09:00 shop prd promote a
		09 09:00 shop prd promote b deploy=external as=b
		09 10:00 status b success
		11 09:00 status b failure
		11 09:30 shop prd rollback a`, `
		shop prd: incidents=1 restore=[30m0s]`},
	{"failed, then redeployed", `
		11 08:00 shop dev deploy a
		11 09:00 shop prd promote a deploy=command as=one
		11 09:01 status one pending
		11 09:02 status one failure
		11 09:30 shop prd redeploy a deploy=command as=two
		11 09:31 status two pending
		11 09:32 status two success`, `
		shop dev: changes=1 deployed=1
		shop prd: changes=1 deployed=1 failed=1 incidents=1 lead=[1h32m0s] restore=[30m0s]`},
	{"failed, then fixed by a newer one that fails at first too", `
		11 09:00 shop prd promote a deploy=command as=a
		11 09:02 status a error
		11 10:00 shop prd promote b deploy=command as=b
		11 10:02 status b failure
		11 11:00 shop prd promote c deploy=command as=c
		11 11:02 status c success`, `
		shop prd: changes=3 deployed=1 failed=2 incidents=1 restore=[2h0m0s]`},
	{"failed and still so", `
		05 09:00 pay prd promote a deploy=command as=p
		05 09:02 status p failure
		11 09:00 shop prd promote a deploy=command as=a
		11 09:02 status a failure
		21 09:00 new prd promote a deploy=command as=n
		21 09:02 status n failure`, `
		new prd:
		pay prd: open=1
		shop prd: changes=1 failed=1 incidents=1 open=1`},
	{"an external report is taken back; an old one says nothing of what is live", `
		11 09:00 shop prd promote a deploy=external as=a
		11 09:05 status a success
		11 10:00 status a failure
		11 10:20 status a success
		12 09:00 shop prd promote b deploy=external as=b
		12 09:05 status b success
		12 09:10 status a failure`, `
		shop prd: changes=2 deployed=2 failed=1 incidents=1 restore=[20m0s]`},
	{"a late first report of what is not live any more counts for its change", `
		11 09:00 shop prd promote a deploy=external as=a
		11 09:10 shop prd promote b deploy=external as=b
		11 09:20 status b success
		11 09:30 status a failure
		11 09:40 shop prd promote c deploy=external as=c
		11 09:50 shop prd promote d deploy=external as=d
		11 09:55 status c success`, `
		shop prd: changes=4 deployed=2 failed=1 pending=1`},
	{"superseded, pending, and back before it started", `
		11 09:00 shop prd promote a deploy=command as=a
		11 09:01 shop prd promote b deploy=command as=b
		11 09:02 status a superseded
		11 09:03 status b success
		11 10:00 shop prd promote c deploy=command as=c
		11 10:01 shop prd rollback b deploy=command as=back
		11 10:02 status c superseded
		11 10:03 status back success
		11 11:00 shop prd promote d deploy=command as=d
		11 11:01 status d pending`, `
		shop prd: changes=2 deployed=1 pending=1`},
	{"a rollback whose deployment fails restores nothing", `
		11 09:00 shop prd promote a deploy=command as=a
		11 09:01 status a success
		11 10:00 shop prd promote b deploy=command as=b
		11 10:01 status b success
		11 11:00 shop prd rollback a deploy=command as=back
		11 11:01 status back failure
		11 12:00 shop prd redeploy a deploy=command as=again
		11 12:01 status again success`, `
		shop prd: changes=2 deployed=2 failed=1 incidents=1 restore=[2h0m0s]`},
	{"an override forward, and one that goes back", `
		11 08:00 shop dev deploy a
		11 09:00 shop prd promote a
		11 10:00 shop prd override b
		11 10:30 shop prd override a
		11 11:00 shop prd override b
		11 11:15 shop prd override b`, `
		shop dev: changes=1 deployed=1
		shop prd: changes=3 deployed=3 failed=1 incidents=1 lead=[1h0m0s] restore=[30m0s]`},
	{"refs are apart", `
		11 09:00 shop prd promote a
		11 09:00 shop prd:next promote x
		12 09:00 shop prd promote b
		12 09:00 shop prd:next promote y deploy=external as=y
		12 09:30 status y failure
		12 10:00 shop prd rollback a`, `
		shop prd: changes=4 deployed=3 failed=2 incidents=2 open=1 restore=[1h0m0s]`},
	{"release branches: the head's way, a take-out, a reset", `
		11 08:00 shop dev deploy m1 action=release branch=J-1 head=h1
		11 09:00 shop dev deploy m2 action=release branch=J-2 head=h2
		11 10:00 shop dev deploy m3 action=replace branch=J-1 head=h3
		12 08:00 shop prd promote p1 action=release branch=J-1 head=h1
		12 09:00 shop prd promote p2 action=release branch=J-2 head=h2
		12 10:00 shop prd remove p3 action=remove branch=J-1
		12 11:00 shop prd promote p4 action=replace branch=J-1 head=h3
		13 09:00 shop prd reset p5 action=reset
		13 10:00 shop prd promote p6 action=release branch=J-2 head=h2`, `
		shop dev: changes=3 deployed=3
		shop prd: changes=4 deployed=4 failed=1 incidents=1 lead=[24h0m0s,24h0m0s,25h0m0s] restore=[2h0m0s]`},
	{"a commit that contains what was deployed: the earliest of its evidence", `
		11 08:00 shop dev deploy a as=da
		11 09:00 shop dev deploy b as=db
		12 08:00 shop stg promote ab evidence=da evidence=db as=stg
		13 08:00 shop prd promote abc evidence=stg`, `
		shop dev: changes=2 deployed=2
		shop stg: changes=1 deployed=1 lead=[24h0m0s]
		shop prd: changes=1 deployed=1 lead=[48h0m0s]`},
	{"the first of two first deployments, and the same commit in two services", `
		11 08:00 shop dev:next deploy a
		11 09:00 shop dev deploy a
		11 08:30 pay dev deploy a
		11 10:00 shop prd promote a
		11 10:00 pay prd promote a`, `
		pay dev: changes=1 deployed=1
		pay prd: changes=1 deployed=1 lead=[1h30m0s]
		shop dev: changes=2 deployed=2
		shop prd: changes=1 deployed=1 lead=[2h0m0s]`},
	{"adopted: no change, and no way", `
		11 08:00 shop dev adopt a
		11 08:00 shop prd adopt old
		11 08:00 shop prd adopt x
		11 09:00 shop dev deploy b
		11 09:10 shop dev deploy a
		11 10:00 shop prd promote a
		11 11:00 shop prd rollback x
		12 11:00 shop prd rollback old
		12 12:00 shop prd drift y`, `
		shop dev: changes=2 deployed=2
		shop prd: changes=1 deployed=1 failed=1 incidents=2 restore=[1h0m0s,24h0m0s]`},
	{"a late success of what is older restores nothing", `
		11 09:00 shop prd promote a deploy=external as=a
		11 09:10 shop prd promote b deploy=external as=b
		11 09:20 status b failure
		11 09:30 status a success
		11 10:20 shop prd promote c`, `
		shop prd: changes=3 deployed=2 failed=1 incidents=1 restore=[1h0m0s]`},
	{"late reports in any order do not break what is newer", `
		11 09:00 shop prd promote a deploy=external as=a
		11 09:10 shop prd promote b deploy=external as=b
		11 09:20 shop prd promote c deploy=external as=c
		11 09:30 status c success
		11 09:40 status a success
		11 09:50 status b failure
		11 09:55 status a failure`, `
		shop prd: changes=3 deployed=2 failed=1`},
	{"a report on what is not live any more counts once", `
		11 09:00 shop prd promote a deploy=external as=a
		11 09:05 status a success
		11 09:10 shop prd promote b deploy=external
		11 09:20 status a failure`, `
		shop prd: changes=2 deployed=1 pending=1`},
	{"restored, and rolled back later: from when it was restored", `
		11 08:00 shop prd promote a
		11 09:00 shop prd promote b deploy=external as=b
		11 09:05 status b success
		11 10:00 status b failure
		11 10:20 status b success
		11 12:00 shop prd rollback a`, `
		shop prd: changes=2 deployed=2 failed=1 incidents=2 restore=[20m0s,1h40m0s]`},
	{"an old report of a row that fails again restores nothing", `
		11 09:00 shop prd promote a deploy=external as=one
		11 09:10 status one failure
		11 09:15 shop prd redeploy a deploy=external as=two
		11 09:20 status two failure
		11 09:30 status one success`, `
		shop prd: changes=1 deployed=1 failed=1 incidents=1 open=1`},
	{"failed, and its redeploy superseded", `
		11 09:00 shop prd promote a deploy=command as=one
		11 09:10 status one failure
		11 09:15 shop prd redeploy a deploy=command as=two
		11 09:20 status two superseded`, `
		shop prd: changes=1 failed=1 incidents=1 open=1`},
	{"rolled back to twice, and then left", `
		11 01:00 shop prd promote a
		11 02:00 shop prd promote b
		11 03:00 shop prd promote c
		11 04:00 shop prd rollback b
		11 05:00 shop prd promote d
		11 06:00 shop prd rollback b
		11 07:00 shop prd rollback a`, `
		shop prd: changes=4 deployed=4 failed=3 incidents=3 restore=[1h0m0s,1h0m0s,1h0m0s]`},
	{"overrides on a release branch go forward: by their action, and to what is gone", `
		11 01:00 shop prd promote m1 action=release branch=J-1 head=h1
		11 02:00 shop prd promote m2 action=release branch=J-2 head=h2
		11 03:00 shop prd override m1 action=release branch=J-1 head=h1
		11 04:00 shop prd promote m3 action=replace branch=J-1 head=h3
		11 05:00 shop prd override m1`, `
		shop prd: changes=5 deployed=5`},
	{"what was adopted is what counts from then on, and was there before", `
		11 08:00 shop dev deploy b
		11 09:00 shop prd promote a deploy=external as=a
		11 09:10 shop prd adopt b
		11 09:20 status a failure
		11 09:30 shop prd:next promote b`, `
		shop dev: changes=1 deployed=1
		shop prd: changes=2 deployed=1 failed=1`},
	{"an adoption ends an incident", `
		11 09:00 shop prd promote a deploy=external as=a
		11 10:00 status a failure
		11 10:45 shop prd adopt b`, `
		shop prd: changes=1 failed=1 incidents=1 restore=[45m0s]`},
	{"a clock that steps back: the spans are none, the changes are", `
		11 09:00 shop dev deploy a
		11 08:58 shop prd promote a
		11 09:10 shop prd promote b deploy=external as=b
		11 09:11 status b failure
		11 09:09 shop prd rollback a`, `
		shop dev: changes=1 deployed=1
		shop prd: changes=2 deployed=1 failed=1 incidents=1`},
	{"another policy in earlier days: the kind tells what was first", `
		11 08:00 shop build deploy a
		11 09:00 shop dev promote a
		11 10:00 shop prd promote a
		11 11:00 shop live promote a`, `
		shop dev: changes=1 deployed=1
		shop prd: changes=1 deployed=1 lead=[2h0m0s]
		shop build: changes=1 deployed=1
		shop live: changes=1 deployed=1 lead=[3h0m0s]`},
	{"the repository of an environment moved", `
		11 08:00 shop dev deploy a
		11 09:00 shop prd promote a repository=old/prd.git
		12 09:00 shop prd adopt a repository=new/prd.git
		12 10:00 shop prd promote b repository=new/prd.git`, `
		shop dev: changes=1 deployed=1
		shop prd: changes=2 deployed=2 lead=[1h0m0s]`},
}

func TestStories(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			r := compute(t, ledgerOf(t, s.story))
			var got []string
			for i := range r.Rows {
				row := &r.Rows[i]
				got = append(got, strings.TrimSpace(row.Service+" "+row.Environment+": "+said(&row.Figures)))
			}
			want := strings.ReplaceAll(strings.TrimSpace(s.want), "\t", "")
			if strings.Join(got, "\n") != want {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
			}
		})
	}
}

func TestProduction(t *testing.T) {
	dir := ledgerOf(t, `
		11 08:00 shop dev deploy a
		11 09:00 shop stg promote a
		11 10:00 shop prd promote a
		11 08:00 pay dev deploy a
		11 12:00 pay prd promote a
		11 12:30 pay prd promote b
		11 13:30 pay prd rollback a`)
	r := compute(t, dir)
	if got, want := said(&r.Production), "changes=3 deployed=3 failed=1 incidents=1 lead=[2h0m0s,4h0m0s] restore=[1h0m0s]"; got != want {
		t.Errorf("all: %s, want %s", got, want)
	}
	if r.Production.PerDay != 0.3 || r.Records != 8 {
		t.Errorf("%v a day, %d records", r.Production.PerDay, r.Records)
	}
	r = compute(t, dir, func(o *Options) { o.Production = []string{"stg", "gone"} })
	if got := said(&r.Production); got != "changes=1 deployed=1 lead=[1h0m0s]" {
		t.Errorf("stg: %s", got)
	}
	r = compute(t, dir, func(o *Options) { o.Service, o.Environment = "shop", "prd" })
	if len(r.Rows) != 1 || !r.Rows[0].Production || said(&r.Rows[0].Figures) != "changes=1 deployed=1 lead=[2h0m0s]" {
		t.Errorf("only shop/prd: %+v", r.Rows)
	}
	if dev := compute(t, dir).Rows[0]; !dev.First || dev.Production || dev.Environment != "dev" {
		t.Errorf("dev: %+v", dev)
	}
}

func TestSeries(t *testing.T) {
	dir := ledgerOf(t, `
		10 08:00 shop dev deploy a
		10 09:00 shop prd promote a
		15 23:59:59 shop prd promote b
		16 00:00:00 shop prd promote c
		17 00:00:00 shop prd rollback b
		18 09:00 shop prd promote d deploy=external as=d
		18 10:00 status d failure`)
	r := compute(t, dir, func(o *Options) { o.By = Week })
	prd := r.Rows[1].Series
	// The 10th is a Tuesday: the week before its Monday is cut.
	if len(prd) != 2 || !prd[0].From.Equal(day(t, "10", "00:00")) || !prd[0].To.Equal(day(t, "16", "00:00")) || !prd[1].To.Equal(day(t, "20", "00:00")) {
		t.Fatalf("%+v", prd)
	}
	for i, want := range []string{"changes=2 deployed=2 lead=[1h0m0s]", "changes=2 deployed=1 failed=2 incidents=2 open=1 restore=[24h0m0s]"} {
		if got := said(&prd[i].Figures); got != want {
			t.Errorf("week %d: %s, want %s", i, got, want)
		}
		if got := said(&r.ProductionSeries[i].Figures); got != want {
			t.Errorf("week %d of all: %s, want %s", i, got, want)
		}
	}
	if prd[1].PerDay != 0.25 || math.Abs(prd[0].PerDay-2.0/6) > 1e-12 {
		t.Errorf("a day: %v %v", prd[0].PerDay, prd[1].PerDay)
	}
	days := compute(t, dir, func(o *Options) { o.By = Day }).Rows[1].Series
	if len(days) != 10 || days[5].Changes != 1 || days[6].Changes != 1 || days[7].Changes != 0 || days[8].Open != 1 || days[9].Open != 1 || days[7].Open != 0 {
		t.Errorf("%+v", days)
	}
	all := r.Series()
	if len(all) != 8 || all[0].Service != "" || all[4].Service != "shop" || all[4].Environment != "prd" {
		t.Fatalf("%+v", all)
	}
	for i, want := range [][2]float64{{2, 1}, {1, math.NaN()}, {0, 100}, {math.NaN(), 24}} {
		for j, p := range all[4+i].Points {
			if p.Value != want[j] && !(math.IsNaN(p.Value) && math.IsNaN(want[j])) {
				t.Errorf("%s %d: %v, want %v", all[4+i].Title, j, p.Value, want[j])
			}
		}
	}
	short := compute(t, dir, func(o *Options) { o.From, o.To = day(t, "10", "08:30"), day(t, "10", "09:30") })
	if short.Rows[1].PerDay != 1 {
		t.Errorf("an hour: %v a day", short.Rows[1].PerDay)
	}
	if compute(t, dir).Series() != nil {
		t.Error("a series that nobody asked for")
	}
}

// A commit that began its way before the look-back has a way again only if it
// is deployed again, and memory does not grow with what was before.
func TestLookBack(t *testing.T) {
	dir := ledgerOf(t, `
		11 08:00 shop dev deploy a
		11 09:00 shop prd promote a`)
	later := func(o *Options) {
		o.From = day(t, "11", "08:30").Add(LookBack)
		o.To = o.From.AddDate(0, 0, 1)
	}
	c := newCollector(func() Options {
		o := Options{Policy: parsed(t, dir, path)}
		later(&o)
		return o
	}())
	err := ledger.Read(dir, 0, func(l *ledger.Line) error { c.see(&l.Entry); return nil })
	if err != nil || len(c.trail.starts) != 0 || len(c.trail.arrived) != 1 || len(c.trail.records) != 0 {
		t.Errorf("%v: %+v", err, c.trail)
	}
}

// The bounds of what is remembered of a ref hold, and going back beyond them
// does no harm.
func TestBounds(t *testing.T) {
	dir := t.TempDir()
	if err := ledger.Create(dir, ledger.CreateOptions{Root: "/srv/git"}); err != nil {
		t.Fatal(err)
	}
	var entries []*ledger.Entry
	add := func(kind string, n int) {
		id := strings.Repeat("0", 36) + string([]byte{'a' + byte(n/676%26), 'a' + byte(n/26%26), 'a' + byte(n%26), 'f'})
		e := &ledger.Entry{Seq: uint64(len(entries) + 2), Time: day(t, "11", "00:00").Add(time.Duration(len(entries)) * time.Second), Type: ledger.TypeDeployed,
			Service: "shop", Environment: "prd", Repository: "r", Ref: "refs/heads/main", New: id, Commit: id, Kind: kind, Deploy: ledger.DeployExternal}
		entries = append(entries, e)
	}
	for n := range 5000 {
		add("promote", n)
	}
	add("rollback", 1)
	appendAll(t, dir, entries)
	c := newCollector(Options{Policy: parsed(t, dir, path), From: day(t, "10", "00:00"), To: day(t, "20", "00:00")})
	err := ledger.Read(dir, 0, func(l *ledger.Line) error { c.see(&l.Entry); return nil })
	if err != nil {
		t.Fatal(err)
	}
	r := c.tallies[place{"shop", "prd"}].refs[[2]string{"r", "refs/heads/main"}]
	if len(r.past) > 2*maxPast || len(r.open) != maxOpen || len(c.attempts) != maxOpen {
		t.Errorf("%d commits, %d deployments, %d attempts", len(r.past), len(r.open), len(c.attempts))
	}
	if got := said(&c.report().Rows[0].Figures); got != "changes=5000 failed=1 pending=4999" {
		t.Error(got)
	}
}

func TestNotComputed(t *testing.T) {
	dir := ledgerOf(t, "")
	now := day(t, "10", "00:00")
	for _, o := range []Options{
		{From: now, To: now.Add(1)},
		{Policy: parsed(t, dir, path), From: now, To: now},
		{Policy: parsed(t, dir, path), From: now, To: now.Add(-1)},
		{Policy: parsed(t, dir, path), From: now, To: now.Add(1), By: "hour"},
		{Policy: parsed(t, dir, path), From: now, To: now.AddDate(10, 0, 0), By: Day},
	} {
		if r, err := Compute(context.Background(), o); err == nil || r != nil {
			t.Errorf("%+v: %+v", o, r)
		}
	}
	_, err := Compute(context.Background(), Options{Policy: parsed(t, t.TempDir(), path), From: now, To: now.Add(1)})
	if !errors.Is(err, ledger.ErrMissing) {
		t.Errorf("no ledger: %v", err)
	}
}

func TestQuantile(t *testing.T) {
	if _, ok := (Spans{}).Quantile(0.5); ok {
		t.Error("a median of nothing")
	}
	var s Spans
	for i := 1; i <= 10; i++ {
		s.sorted = append(s.sorted, time.Duration(i))
	}
	for q, want := range map[float64]time.Duration{-1: 1, 0: 1, 0.1: 1, 0.11: 2, 0.5: 5, 0.7: 7, 0.9: 9, 0.91: 10, 1: 10, 2: 10} {
		if d, ok := s.Quantile(q); !ok || d != want {
			t.Errorf("%v: %d, want %d", q, d, want)
		}
	}
	for i := 11; i <= 100; i++ {
		s.sorted = append(s.sorted, time.Duration(i))
	}
	for q, want := range map[float64]time.Duration{0.07: 7, 0.55: 55, 0.56: 56} {
		if d, _ := s.Quantile(q); d != want {
			t.Errorf("%v of a hundred: %d, want %d", q, d, want)
		}
	}
	if _, ok := s.Quantile(math.NaN()); ok {
		t.Error("a quantile that is no number")
	}
}

// TestRecords ends the ledger early.
func TestRecords(t *testing.T) {
	dir := ledgerOf(t, "11 09:00 shop dev deploy a\n11 10:00 shop dev deploy b\n11 11:00 shop dev deploy c\n")
	o := Options{Policy: parsed(t, dir, path), From: day(t, "10", "00:00"), To: day(t, "20", "00:00")}
	for records, want := range map[uint64]int{0: 3, 1: 0, 2: 1, 4: 3, 9: 3} {
		o.Records = records
		r, err := Compute(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, row := range r.Rows {
			got += row.Changes
		}
		if got != want || records > 0 && r.Records > records {
			t.Errorf("of %d records: %d changes, want %d; %d records", records, got, want, r.Records)
		}
	}
}
