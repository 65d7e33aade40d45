package board

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func TestStampWords(t *testing.T) {
	for kind, want := range map[string]string{
		ledger.KindDeployed: "deployed in stg, elsewhere", ledger.KindStatus: "success in stg, elsewhere",
		ledger.KindWithdrawal: "withdrawn in stg, elsewhere", ledger.KindFork: "the ledger of stg, elsewhere, contradicts itself",
		ledger.KindSuccessor: "another ledger tells of stg, elsewhere",
	} {
		tone, what := words(&entry{Entry: ledger.Entry{Type: ledger.TypeStamp, Kind: kind, Environment: "stg", State: "success"}})
		if what != want || (tone == bad) != (kind == ledger.KindFork) {
			t.Errorf("%s: %s %q", kind, tone, what)
		}
	}
}

// TestElsewhereIsNotMissed checks that nothing is said to be missing in an
// environment elsewhere.
func TestElsewhereIsNotMissed(t *testing.T) {
	stg := &policy.Environment{Name: "stg", Elsewhere: &policy.Elsewhere{}}
	prd := &policy.Environment{Name: "prd", After: []policy.EnvironmentName{"stg"}}
	g := &gathering{pol: &policy.Policy{Environments: []*policy.Environment{stg, prd}}}
	if got := g.pathOf(map[policy.EnvironmentName]bool{"prd": true}); len(got) != 2 || got[0] != stg {
		t.Errorf("%v", got)
	}
	if missing := g.missing(prd, spot{service: "shop"}, &place{spot: spot{environment: "dev"}}); len(missing) != 0 {
		t.Errorf("%q", missing)
	}
}

// TestElsewhere tells what stamps say, and what they do not.
func TestElsewhere(t *testing.T) {
	j := newJournal(t)
	j.now = clock.Add(-48 * time.Hour)
	deployed := func(seq uint64, commit, deploy string) ledger.Entry {
		return ledger.Entry{Type: ledger.TypeDeployed, Seq: seq, Commit: id(commit), Deploy: deploy}
	}
	status := func(seq, record uint64, commit, state string) ledger.Entry {
		return ledger.Entry{Type: ledger.TypeStatus, Seq: seq, Record: record, Commit: id(commit), State: state}
	}
	j.push("shop", "end", "A", "the first", ledger.Entry{})
	out := filepath.Join(t.TempDir(), "board")
	pol, err := policy.Parse("policy.toml", fmt.Appendf(nil, testPolicy+farPolicy, j.dir))
	must(t, err)
	o := Options{Out: out, Policy: pol, Now: func() time.Time { return clock }}
	tells := func(file string, wants ...string) {
		t.Helper()
		_, err := Write(t.Context(), o)
		must(t, err)
		for _, page := range pagesOf(t, out) {
			checkPage(t, out, page)
		}
		text := ""
		for _, n := range parse(t, file, readFile(t, out, file)) {
			if n.name == "body" {
				text = strings.Join(strings.Fields(n.text), " ")
			}
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not tell %q:\n%s", file, want, text)
			}
		}
	}
	tells("index.html", "far elsewhere: as far as stamps tell no stamp of it is known here end "+id("A")[:7])
	j.stampOf(ledger.KindDeployed, "shop", "one", "main", deployed(110, "B", ledger.DeployExternal))
	tells("index.html", "far elsewhere: as far as stamps tell "+id("B")[:7]+" far away since 2026-11-19 15:30 UTCby eva · record "+itoa(int(j.seq))+" … not known here")
	j.stampOf(ledger.KindStatus, "shop", "one", "main", status(112, 110, "B", ledger.StateFailure))
	j.stampOf(ledger.KindStatus, "shop", "one", "main", status(111, 110, "B", ledger.StateSuccess)) // it came late
	j.stampOf(ledger.KindDeployed, "shop", "two", "main", deployed(200, "X", ""))                   // of another ledger
	tells("index.html", "✕ failure", id("B")[:7]+" far away")
	tells("commits/"+id("B")+".html", "shop far • live, as far as stamps tell", "deployed in far, elsewhere")
	back := deployed(120, "A", "")
	back.Kind = "rollback"
	j.stampOf(ledger.KindWithdrawal, "shop", "one", "main", back)
	j.stampOf(ledger.KindDeployed, "shop", "one", "main", deployed(115, "C", "")) // it came late
	tells("services/shop.html", "stamps tell "+id("A")[:7]+" far away", "no outcome is asked")
	j.stampOf(ledger.KindDeployed, "pay", "one", "main", deployed(130, "P", ""))
	tells("index.html", "pay far elsewhere: as far as stamps tell "+id("P")[:7], "end nothing deployed yet") // a service that only stamps tell of
	j.stampOf(ledger.KindFork, "shop", "one", "main", deployed(121, "D", ""))
	tells("index.html", "shop far ✕ fork its ledger contradicts itself, and its stamps do not count. it says so")
	j.stampOf(ledger.KindSuccessor, "shop", "two", "main", deployed(1, "D", ""))
	tells("services/shop.html", "far elsewhere: as far as stamps tell no stamp of it is known here")
	o.Now = func() time.Time { return clock.Add(40 * 24 * time.Hour) }
	tells("index.html", "pay far ! old a stamp counts for 30 d, and there is no newer one")
}
