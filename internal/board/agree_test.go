package board

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
	"github.com/pathgate/pathgate/policy"
)

// TestAgrees holds what the board makes of a journal against what the ledger's
// index does: what is live, since when it counts, its outcome, what stands, and
// which releases it holds.
func TestAgrees(t *testing.T) {
	for name, fill := range map[string]func(dir, root string, n int) error{
		"plain": ledgertest.Fill, "outcomes": ledgertest.FillOutcomes, "releases": ledgertest.FillReleases, "weeks": nil,
	} {
		dir := filepath.Join(t.TempDir(), "ledger")
		if name == "weeks" {
			dir = weeks(t).dir
		} else if err := ledger.Create(dir, ledger.CreateOptions{Root: "/srv/git"}); err != nil {
			t.Fatal(err)
		} else if err := fill(dir, "/srv/git", 4000); err != nil {
			t.Fatal(err)
		}
		o := Options{Policy: policyFor(t, dir), Now: time.Now, MaxCommits: 100, PageSize: 10}
		g := newGathering(o.Policy, time.Now(), o.MaxCommits)
		if err := g.gather(context.Background().Err, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		s, err := survey(context.Background(), &o, g)
		if err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(context.Background(), dir, ledger.Options{Root: "/srv/git"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		lives, err := l.Lives("", "", "")
		if err != nil || len(lives) < 9 {
			t.Fatalf("%d refs, %v", len(lives), err)
		}
		for _, live := range lives {
			agrees(t, name, s, l, live)
		}
	}
}

func agrees(t *testing.T, name string, s *site, l *ledger.Ledger, live ledger.LiveRef) {
	t.Helper()
	at := spot{string(live.Service), string(live.Environment), live.Repository, string(live.Ref)}
	p := s.g.spots[at]
	if p == nil || p.live == nil || p.live.entry.Seq != live.Record || p.live.entry.Commit != string(live.Commit) {
		t.Fatalf("%s %v: %+v, and %+v", name, at, p, live)
	}
	pattern, err := policy.ParseRefPattern(at.ref)
	if err != nil {
		t.Fatal(err)
	}
	_, since, _, err := l.LiveSpan(live.Service, live.Environment, live.Repository, []policy.RefPattern{pattern}, live.Commit)
	if err != nil || !since.Equal(p.begin) {
		t.Errorf("%s %v: since %v, and %v (%v)", name, at, p.begin, since, err)
	}
	outcome, tracked, err := l.OutcomeOf(live.Record)
	if err != nil || outcome.State != p.live.state || tracked != (p.live.entry.Deploy != "") {
		t.Errorf("%s %v: %q, and %q (%v)", name, at, p.live.state, outcome.State, err)
	}
	contents, err := l.Contents(live.Service, live.Environment, live.Repository, live.Ref, live.Commit)
	held := view{s, ""}.held(&stop{spot: at, place: p})
	if err != nil || len(held) != len(contents) {
		t.Fatalf("%s %v: holds %d, and %d (%v)", name, at, len(held), len(contents), err)
	}
	for i := range held {
		if held[i].Seq != contents[i].Seq {
			t.Errorf("%s %v: holds %d, and %d", name, at, held[i].Seq, contents[i].Seq)
		}
	}
	env := s.g.stages[at.stage()]
	for i := range p.steps {
		commit := s.g.step(p, i).commit
		known, err := l.Standing(policy.Lookup{Service: live.Service, Environment: live.Environment, Repository: live.Repository,
			Refs: []policy.RefPattern{pattern}, Commit: policy.ObjectID(commit)})
		if err != nil || (known.Record != 0 && known.Withdrawn == 0) != s.g.stands(env, commit) {
			t.Fatalf("%s %v: commit %s stands: %t (%v)", name, at, commit, s.g.stands(env, commit), err)
		}
	}
}
