package command

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// What is passed over without decoding is nothing that a filter would match,
// also where values are escaped.
func TestWanted(t *testing.T) {
	s := newRailSite(t)
	dir := s.path("ledger")
	for i := range 12 {
		e := ledger.Entry{Environment: []string{"dev", "prd"}[i%2], Kind: "deploy", Commit: fmt.Sprintf("%040x", i%4+1)}
		e.Principal = []string{"ana", `an"a`, `b\o`, "bo"}[i%4]
		if i > 5 {
			e.Subject = `"service":"none", "type":"fault"`
		}
		s.deployed(e)
	}
	var all []ledger.Entry
	mustRail(t, ledger.Read(dir, 0, func(l *ledger.Line) error { all = append(all, l.Entry); return nil }))
	mid := all[len(all)/2]
	for i, f := range []filter{
		{}, {service: mid.Service}, {service: "none"}, {environment: "prd"}, {environment: "none"}, {service: "none", environment: "prd"},
		{principal: "ana"}, {principal: `an"a`}, {principal: `b\o`}, {principal: "an"}, {commit: "000"}, {commit: fmt.Sprintf("%040x", 2)},
		{commit: "ff"}, {types: []string{"deployed", "ledger"}}, {types: []string{"fault"}}, {record: mid.Seq}, {since: mid.Time},
		{until: mid.Time}, {since: mid.Time.Add(time.Hour)}, {push: mid.Push}, {service: mid.Service, environment: "dev", types: []string{"intent"}},
	} {
		want, got, seen, full := []uint64{}, []uint64{}, &sightings{}, &sightings{}
		for _, e := range all {
			full.see(&f, &e)
			if f.match(&e) {
				want = append(want, e.Seq)
			}
		}
		read := 0
		err := ledger.ReadSome(dir, 0, f.wanted(&logOptions{format: "json"}, nil, seen), func(l *ledger.Line) error {
			read++
			if seen.see(&f, &l.Entry); l.Number != int64(l.Entry.Seq) {
				t.Errorf("record %d is line %d", l.Entry.Seq, l.Number)
			}
			if f.match(&l.Entry) {
				got = append(got, l.Entry.Seq)
			}
			return nil
		})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("filter %d: %v, not %v, %v", i, got, want, err)
		}
		if f.service != "" && seen.service != full.service || f.environment != "" && seen.environment != full.environment {
			t.Errorf("filter %d has seen %+v, not %+v", i, seen, full)
		}
		if len(want) == 0 && read > len(all)*3/4 {
			t.Errorf("filter %d reads %d lines for nothing", i, read)
		}
	}
}

// A ticket's story is the same whether lines are passed over or not.
func TestWantedStory(t *testing.T) {
	s := newRailSite(t)
	r := rand.New(rand.NewPCG(4, 5))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for range 400 {
		e := ledger.Entry{Type: ledger.TypeIntent, Service: pick("shop", "cart"), Environment: pick("dev", "stg"), Repository: "x.git",
			Ref: "refs/heads/main", Commit: fmt.Sprintf("%040x", r.IntN(12)), Kind: pick("deploy", "rollback", "redeploy"),
			Subject: pick("", "JIRA-1", `a "quote"`), Principal: "ana", Via: "ssh", Token: "t"}
		e.New = e.Commit
		switch e.Action = pick("", ledger.ActionRelease, ledger.ActionReplace, ledger.ActionRemove, ledger.ActionReset); e.Action {
		case ledger.ActionRelease, ledger.ActionReplace:
			e.Kind, e.Branch, e.Head = "deploy", pick("JIRA-1", "odd", "JIRA-2", "JIRA-3"), e.Commit
			if e.Tickets = []string{e.Branch}; e.Branch == "odd" {
				e.Tickets = []string{"JIRA-1"}
			}
			if r.IntN(2) == 0 {
				e.Gone = []string{pick("JIRA-1", "odd", "JIRA-3")}
			}
		case ledger.ActionRemove:
			e.Kind, e.Branch = ledger.KindRemove, pick("JIRA-1", "odd", "JIRA-2", "JIRA-3")
		case ledger.ActionReset:
			e.Kind, e.Head, e.Reason = ledger.KindReset, e.Commit, "over"
		default:
			if r.IntN(8) == 0 {
				e.Tickets = []string{"JIRA-1"}
			}
		}
		done := e
		s.append(&e)
		done.Type, done.Intent, done.Token = ledger.TypeDeployed, e.Seq, ""
		s.append(&done)
	}
	tell := func(want func(*ledger.Peek) bool, tale *story) (told []string, read int) {
		mustRail(t, ledger.ReadSome(s.path("ledger"), 0, want, func(l *ledger.Line) error {
			if read++; tale.tells(&l.Entry) {
				told = append(told, fmt.Sprint(l.Entry.Seq, tale.turns[l.Entry.Seq]))
			}
			return nil
		}))
		return told, read
	}
	for _, ticket := range []string{"JIRA-1", "JIRA-3", "JIRA-9"} {
		f := &filter{ticket: ticket}
		pol := &policy.Policy{Ledger: s.path("ledger")}
		full, err := storyOf(pol, f)
		mustRail(t, err)
		some, err := storyOf(pol, f)
		mustRail(t, err)
		want, all := tell(nil, full)
		got, read := tell(f.wanted(&logOptions{}, some, &sightings{}), some)
		if !slices.Equal(got, want) || (len(want) > 0) != (ticket != "JIRA-9") {
			t.Errorf("%s: told %v, not %v", ticket, got, want)
		}
		if read >= all {
			t.Errorf("%s: %d of %d lines are read", ticket, read, all)
		}
	}
}

// A table is printed in pieces, and each row once.
func TestLargeTable(t *testing.T) {
	var out strings.Builder
	w := newRows(&out)
	for i := range maxRows * 2 {
		mustRail(t, w.write(&ledger.Line{Entry: ledger.Entry{Seq: uint64(i + 1), Type: ledger.TypeFault}}))
		if len(w.rows) >= maxRows {
			t.Fatalf("%d rows are kept", len(w.rows))
		}
	}
	mustRail(t, w.flush())
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != maxRows*2+1 || !strings.HasPrefix(lines[maxRows*2], fmt.Sprint(maxRows*2)) {
		t.Errorf("%d lines, the last: %s", len(lines), lines[len(lines)-1])
	}
}
