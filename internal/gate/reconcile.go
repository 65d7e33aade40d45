package gate

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A Finding is one thing that reconcile settled or saw.
type Finding struct {
	// What is "deployed", "abandoned", "waiting" (its push still runs),
	// "drift", "drift-over", "gone" (the repository is not there any more) or
	// "unreadable".
	What   string
	Spot   Spot
	Record uint64          // the entry written for it, zero if none was
	Live   policy.ObjectID // where the ledger has the ref
	Seen   policy.ObjectID // where the ref is
	Err    error           // of "unreadable"
	Detail string          // in words, of what others than Reconcile found
}

// snapshotEvery is how many entries may come after the last snapshot of the
// index before reconcile leaves a new one.
const snapshotEvery = 1000

// Reconcile settles what pushes have left and looks for drift, over all refs
// that the ledger knows. It may run at any moment, also while pushes are under
// way: it leaves their intents alone, and where hosts share the ledger, all whose
// repositories are on another one. It ends by leaving a snapshot of the
// index, so that a restart of the machine costs no push a rebuild.
func Reconcile(ctx context.Context, pol *policy.Policy, now func() time.Time) ([]Finding, error) {
	before, err := survey(ctx, pol, now)
	if err != nil {
		return nil, err
	}
	observed := observeAll(ctx, pol, before)
	if pol.Shared() {
		return settleShared(ctx, pol, before, observed, now)
	}
	found, err := settleAll(ctx, pol, before, observed, now)
	if err != nil {
		return found, err
	}
	return found, ledger.Snapshot(ctx, pol.Ledger, ledger.Options{Root: pol.Root, Now: now}, snapshotEvery)
}

func settleAll(ctx context.Context, pol *policy.Policy, before *surveyed, observed map[Spot]look, now func() time.Time) (found []Finding, err error) {
	l, err := openBook(ctx, pol, now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	open, err := l.openIntents(ledger.IntentFilter{})
	if err != nil {
		return nil, err
	}
	for _, spot := range before.order {
		findings, err := reconcileRef(l, before, spot, open[spot], observed[spot], belongs(pol, spot))
		if err != nil {
			return found, err
		}
		found = append(found, findings...)
	}
	return found, nil
}

// surveyed is what the ledger knew before the refs were read.
type surveyed struct {
	order []Spot
	live  map[Spot]policy.Live
	dead  map[uint64]bool
	open  map[Spot]bool // pushes to it are not settled
	late  map[Spot]bool // and have all had the time to do so themselves
}

// settling is how long a push may take to put on record what it has moved,
// before reconcile does.
const settling = 10 * time.Second

func survey(ctx context.Context, pol *policy.Policy, now func() time.Time) (out *surveyed, err error) {
	l, err := readBook(ctx, pol, now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	out = &surveyed{live: make(map[Spot]policy.Live), dead: make(map[uint64]bool), open: make(map[Spot]bool), late: make(map[Spot]bool)}
	add := func(spot Spot, live policy.Live) {
		if _, known := out.live[spot]; !known {
			out.order, out.live[spot] = append(out.order, spot), live
		}
	}
	lives, err := l.lives("")
	if err != nil {
		return nil, err
	}
	for _, row := range lives {
		if l.afar(row.live.Host) == "" {
			add(row.spot, row.live)
		}
	}
	intents, err := l.Intents(ledger.IntentFilter{})
	if err != nil {
		return nil, err
	}
	intents, _ = l.near(intents)
	for i := range intents {
		spot := spotOf(&intents[i])
		add(spot, policy.Live{})
		old := l.now.Sub(intents[i].Time) > settling
		out.late[spot] = old && (out.late[spot] || !out.open[spot])
		out.open[spot] = true
	}
	l.gone(intents, now(), out.dead)
	return out, nil
}

func spotOf(e *ledger.Entry) Spot {
	return Spot{Service: policy.Service(e.Service), Environment: policy.EnvironmentName(e.Environment),
		Repository: e.Repository, Ref: policy.RefName(e.Ref)}
}

// A look is where a ref was seen, or why it was not.
type look struct {
	id  policy.ObjectID
	err error
}

// observeAll reads all refs, each repository opened once.
func observeAll(ctx context.Context, pol *policy.Policy, s *surveyed) map[Spot]look {
	repositories := make(map[string]*gitfacts.Repository)
	failed := make(map[string]error)
	out := make(map[Spot]look, len(s.order))
	for _, spot := range s.order {
		repo, opened := repositories[spot.Repository]
		if !opened && failed[spot.Repository] == nil {
			var err error
			if repo, err = gitfacts.Open(filepath.Join(pol.Root, filepath.FromSlash(spot.Repository))); err != nil {
				failed[spot.Repository] = err
			}
			repositories[spot.Repository] = repo
		}
		if err := failed[spot.Repository]; err != nil {
			out[spot] = look{err: err}
			continue
		}
		_, id, err := repo.Resolve(ctx, spot.Ref)
		out[spot] = look{id, err}
	}
	return out
}

// reconcileRef settles one ref under the lock, with what was seen of it after
// the pushes in before.dead were over.
func reconcileRef(l *book, before *surveyed, spot Spot, intents []ledger.Entry, saw look, listed bool) ([]Finding, error) {
	if saw.err != nil {
		return unread(spot, saw.err, listed || len(intents) > 0), nil
	}
	live, err := l.live(spot)
	if err != nil {
		return nil, err
	}
	if live.Record != before.live[spot].Record {
		return nil, nil // a push was recorded meanwhile; what was seen is stale
	}
	drifted, _, err := l.drift(spot)
	if err != nil {
		return nil, err
	}
	entries, wait := settleRef(intents, refState{live: live.New, drifted: drifted, observed: saw.id, dead: before.dead, late: before.late[spot]})
	if err := l.Append(entries...); err != nil {
		return nil, err
	}
	var found []Finding
	for _, e := range entries {
		found = append(found, Finding{What: string(e.Type), Spot: spot, Record: e.Seq, Seen: policy.ObjectID(e.New)})
	}
	if open := len(intents) - len(entries); open > 0 || wait {
		return append(found, Finding{What: "waiting", Spot: spot}), nil
	}
	if live, err = l.live(spot); err != nil {
		return found, err
	}
	if !listed {
		return found, nil
	}
	finding, err := reconcileDrift(l, spot, live, saw.id)
	if finding != nil {
		found = append(found, *finding)
	}
	return found, err
}

// belongs reports whether the policy still has the environment of a spot, with
// that repository and ref. What it has no more is left in peace.
func belongs(pol *policy.Policy, spot Spot) bool {
	env, ok := pol.Environment(spot.Environment)
	return ok && env.Repository.Path(spot.Service) == spot.Repository && matches(env, spot.Ref)
}

// unread tells of a ref that could not be read, if it matters.
func unread(spot Spot, err error, matters bool) []Finding {
	switch {
	case !matters:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{{What: "gone", Spot: spot, Err: err}}
	}
	return []Finding{{What: "unreadable", Spot: spot, Err: err}}
}

// reconcileDrift records drift once, and its end once.
func reconcileDrift(l *book, spot Spot, live policy.Live, seen policy.ObjectID) (*Finding, error) {
	last, recorded, err := l.drift(spot)
	if err != nil {
		return nil, err
	}
	seen, at := sameLength(seen, live.New)
	finding := &Finding{What: "drift", Spot: spot, Live: at, Seen: seen}
	switch {
	case seen == at && !recorded:
		return nil, nil
	case seen == at:
		finding.What = "drift-over"
	case recorded && orZero(last, seen) == seen:
		return finding, nil
	}
	e := driftEntry(spot, live, seen)
	if finding.What == "drift-over" {
		e.Reason = "the ref is back where the ledger has it"
	}
	if err := l.Append(e); err != nil {
		return nil, err
	}
	finding.Record = e.Seq
	return finding, nil
}

// sameLength writes an absent ref as the zero ID of the other one's length.
func sameLength(a, b policy.ObjectID) (policy.ObjectID, policy.ObjectID) {
	switch {
	case a == "" && b == "":
		return a, b
	case a == "":
		return orZero(a, b), b
	case b == "":
		return a, orZero(b, a)
	}
	return a, b
}
