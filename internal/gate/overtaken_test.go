package gate

import (
	"context"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A push that was let in goes on for a minute; a lock or a veto that came after
// the decision stops it at once.
func TestBarredSince(t *testing.T) {
	y := newBranchYard(t)
	env, _ := y.pol.Environment("dev")
	site, _ := y.pol.Site("shop/shop.git")
	s := &scene{policy: y.pol, site: site}
	begin := time.Now()
	clock := begin
	now := func() time.Time { return clock }
	b, err := openBook(context.Background(), y.pol, now)
	y.must(err)
	intent := &ledger.Entry{Type: ledger.TypeIntent, Service: "shop", Environment: "dev", Repository: "shop/shop.git",
		Ref: "refs/heads/release/dev", Old: string(id("0")), New: string(id("A")), Commit: string(id("A")), Kind: "deploy", Principal: "ana"}
	y.must(b.Append(intent))
	y.must(b.Close())
	lock := &ledger.Entry{Type: ledger.TypeLock, Service: "shop", Environment: "dev", Principal: "bo", Via: "local", Reason: "the database moves"}
	unlock := &ledger.Entry{Type: ledger.TypeUnlock, Service: "shop", Environment: "dev", Principal: "bo", Via: "local"}
	veto := &ledger.Entry{Type: ledger.TypeVeto, Service: "shop", Kind: "veto", Commit: string(id("A")), Principal: "bo", Via: "local", Reason: "no"}
	for _, c := range []struct {
		after time.Duration
		says  *ledger.Entry
		want  string
	}{
		{0, nil, ""},
		{59 * time.Second, nil, ""},
		{61 * time.Second, nil, "it was judged more than a minute ago: push again"},
		{time.Second, lock, "the environment was locked meanwhile"},
		{time.Second, unlock, ""},
		{time.Second, veto, "the commit was vetoed meanwhile"},
	} {
		clock = begin.Add(c.after)
		b, err := openBook(context.Background(), y.pol, now)
		y.must(err)
		if c.says != nil {
			y.must(b.Append(c.says))
		}
		why, err := s.barredSince(b, env, intent)
		y.must(err)
		if why != c.want {
			t.Errorf("%s after it was judged: %q, want %q", c.after, why, c.want)
		}
		y.must(b.Close())
	}
}
