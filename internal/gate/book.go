package gate

import (
	"context"
	"errors"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
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
	host     string  // what this host is called, where hosts share the ledger
	recorded *uint64 // takes the newest record that is written, if not nil
	// first are entries that go on record with the next ones, before them, and at
	// Close if there are none.
	first []*ledger.Entry
}

// open is openBook for a hook, which hands on what it records.
func (p *Process) open(ctx context.Context, s *scene, hints ...ledger.Hints) (*book, error) {
	b, err := openBook(ctx, s.policy, p.Now, hints...)
	if err != nil {
		return nil, err
	}
	b.recorded = &p.recorded
	return b, nil
}

// read is readBook for a hook.
func (p *Process) read(ctx context.Context, s *scene, hints ...ledger.Hints) (*book, error) {
	return readBook(ctx, s.policy, p.Now, hints...)
}

// Append appends to the ledger. What is about a ref says on which host that is,
// where hosts share the ledger.
func (b *book) Append(entries ...*ledger.Entry) error {
	return b.write(entries, b.Ledger.Append)
}

// AppendOn is Append for who will append more, and says what will be asked until
// then.
func (b *book) AppendOn(next ledger.Hints, entries ...*ledger.Entry) error {
	return b.write(entries, func(entries ...*ledger.Entry) error { return b.Ledger.AppendOn(next, entries...) })
}

func (b *book) write(entries []*ledger.Entry, write func(...*ledger.Entry) error) error {
	entries = append(b.first, entries...)
	if b.first = nil; len(entries) == 0 {
		return nil
	}
	for _, e := range entries {
		if b.host != "" && e.Host == "" && e.Repository != "" && e.Ref != "" {
			e.Host = b.host
		}
	}
	if err := write(entries...); err != nil {
		return err
	}
	if b.recorded != nil {
		*b.recorded = entries[len(entries)-1].Seq
	}
	return nil
}

// following is the number of the record that the next entry becomes.
func (b *book) following() uint64 {
	last, _, _ := b.Last()
	return last + uint64(len(b.first)) + 1
}

// Close ends the use of the ledger.
func (b *book) Close() error {
	return errors.Join(b.Append(), b.Ledger.Close())
}

// openBook takes the ledger's lock; nothing slow may happen before Close. Hints
// say what a ledger in a database will be asked.
func openBook(ctx context.Context, pol *policy.Policy, now func() time.Time, hints ...ledger.Hints) (*book, error) {
	return openWith(ctx, pol, ledger.Options{Root: pol.Root, Copy: pol.Copy, Now: now, Hints: wanted(hints)})
}

// readBook is openBook for what writes nothing: it keeps nobody from a ledger in
// a database.
func readBook(ctx context.Context, pol *policy.Policy, now func() time.Time, hints ...ledger.Hints) (*book, error) {
	return openWith(ctx, pol, ledger.Options{Root: pol.Root, Copy: pol.Copy, Now: now, Hints: wanted(hints), ReadOnly: true})
}

func openWith(ctx context.Context, pol *policy.Policy, o ledger.Options) (*book, error) {
	host, err := receive.HostOf(pol)
	if err != nil {
		return nil, because("this host has no name that the others know it by", err)
	}
	l, err := ledger.Open(ctx, pol.Ledger, o)
	if err != nil {
		return nil, err
	}
	b := &book{Ledger: l, now: o.Now().UTC(), host: host}
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
