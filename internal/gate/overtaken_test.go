package gate

import (
	"context"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// A push that was let in goes on for a minute; a lock or a veto that came after
// the decision stops it at once.
func TestAnnounced(t *testing.T) {
	y := newBranchYard(t)
	site, _ := y.pol.Site("shop/shop.git")
	s := &scene{policy: y.pol, site: site}
	begin := time.Now()
	clock := begin
	now := func() time.Time { return clock }
	b, err := openBook(context.Background(), y.pol, now)
	y.must(err)
	intent := &ledger.Entry{Type: ledger.TypeIntent, Service: "shop", Environment: "dev", Repository: "shop/shop.git",
		Ref: "refs/heads/release/dev", Old: string(id("0")), New: string(id("A")), Commit: string(id("A")), Kind: "deploy",
		Principal: "ana", Token: "T"}
	y.must(b.Append(intent))
	y.must(b.Close())
	p := &Process{Now: now}
	u := receive.Update{Ref: policy.RefName(intent.Ref), Old: policy.ObjectID(intent.Old), New: policy.ObjectID(intent.New)}
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
		{61 * time.Second, nil, tooLate},
		{time.Second, lock, "the environment was locked meanwhile"},
		{time.Second, unlock, ""},
		{time.Second, veto, "the commit was vetoed meanwhile"},
	} {
		clock = begin.Add(c.after)
		if c.says != nil {
			b, err := openBook(context.Background(), y.pol, now)
			y.must(err)
			y.must(b.Append(c.says))
			y.must(b.Close())
		}
		intents, overtaken, err := p.announced(context.Background(), s, "T", []receive.Update{u})
		y.must(err)
		if len(intents) != 1 || overtaken[intents[0].Seq] != c.want {
			t.Errorf("%s after it was judged: %v, want %q", c.after, overtaken, c.want)
		}
	}
}
