package gate

import (
	"context"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A Spot is a ref of an environment as the ledger knows it.
type Spot struct {
	Service     policy.Service
	Environment policy.EnvironmentName
	Repository  string // relative to the policy's root
	Ref         policy.RefName
}

// A book is an open ledger, asked by spots.
type book struct {
	*ledger.Ledger
	now      time.Time
	recorded *uint64 // takes the newest record that is written, if not nil
}

// open is openBook for a hook, which hands on what it records.
func (p *Process) open(ctx context.Context, s *scene) (*book, error) {
	b, err := openBook(ctx, s.policy, p.Now)
	if err != nil {
		return nil, err
	}
	b.recorded = &p.recorded
	return b, nil
}

// Append appends to the ledger.
func (b *book) Append(entries ...*ledger.Entry) error {
	if err := b.Ledger.Append(entries...); err != nil || len(entries) == 0 {
		return err
	}
	if b.recorded != nil {
		*b.recorded = entries[len(entries)-1].Seq
	}
	return nil
}

// openBook takes the ledger's lock; nothing slow may happen before Close.
func openBook(ctx context.Context, pol *policy.Policy, now func() time.Time) (*book, error) {
	l, err := ledger.Open(ctx, pol.Ledger, ledger.Options{Root: pol.Root, Now: now})
	if err != nil {
		return nil, err
	}
	b := &book{Ledger: l, now: now().UTC()}
	// A clock that went back opens nothing.
	if _, last, _ := l.Last(); last.After(b.now) {
		b.now = last
	}
	return b, nil
}

func (b *book) live(s Spot) (policy.Live, error) {
	return b.Live(s.Service, s.Environment, s.Repository, s.Ref)
}

func (b *book) onRef(s Spot, commit policy.ObjectID) (uint64, error) {
	return b.OnRef(s.Service, s.Environment, s.Repository, s.Ref, commit)
}

// openIntents gives the open intents by the ref that they are about, oldest
// first.
func (b *book) openIntents(which ledger.IntentFilter) (map[Spot][]ledger.Entry, error) {
	intents, err := b.Intents(which)
	if err != nil {
		return nil, err
	}
	out := make(map[Spot][]ledger.Entry)
	for _, e := range intents {
		spot := spotOf(&e)
		out[spot] = append(out[spot], e)
	}
	return out, nil
}

// mostWithdrawn is how many commits a rollback's receipt names.
const mostWithdrawn = 5

// since lists what was deployed on a ref after a record.
func (b *book) since(s Spot, record uint64) (commits []policy.ObjectID, more bool, err error) {
	return b.Since(s.Service, s.Environment, s.Repository, s.Ref, record, mostWithdrawn)
}

func (b *book) drift(s Spot) (seen policy.ObjectID, known bool, err error) {
	return b.Drift(s.Service, s.Environment, s.Repository, s.Ref)
}

// A liveSpot is a ref and what the ledger has it at.
type liveSpot struct {
	spot Spot
	live policy.Live
}

// lives lists all refs that the ledger knows of one service, or of all.
func (b *book) lives(service policy.Service) ([]liveSpot, error) {
	rows, err := b.Lives(service, "", "")
	out := make([]liveSpot, len(rows))
	for i, r := range rows {
		out[i] = liveSpot{Spot{r.Service, r.Environment, r.Repository, r.Ref}, r.Live}
	}
	return out, err
}
