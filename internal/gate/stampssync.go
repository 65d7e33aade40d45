package gate

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of one synchronisation.
const (
	mostFetched = 256 << 20 // bytes that the other repository may send
	mostChanged = 1_000_000 // notes that may have changed since the last
	batchNotes  = 128       // notes whose stamps are recorded under one lock
	batchStamps = 4 * batchNotes
)

// ErrNoRepository says that no environment of a service comes after the one
// whose stamps were to be fetched.
var ErrNoRepository = errors.New("no repository here rests on stamps of this environment")

// A Fetch asks for the stamps of one service in one environment elsewhere.
type Fetch struct {
	Policy      *policy.Policy
	Environment *policy.Environment // with Elsewhere
	Service     policy.Service
	// URL is where git fetches the environment's notes from.
	URL string
	// Accept, if not empty, is the ID of a ledger that an operator lets take the
	// place of the one known, or of itself after a fork; its beginning, of eight
	// digits or more, will do. Reason and Principal say why, and who.
	Accept, Reason, Principal string
	// Tell, if it is set, is given what went on record, forks and the accepting of
	// a ledger too, as soon as it is there.
	Tell func(*ledger.Entry)
}

// A Synced is what came of a Fetch for one repository.
type Synced struct {
	Repository string // relative to the policy's root
	// Absent is set where the other repository has no notes of the environment,
	// Others are those that it has notes of, and Before is the ledger whose stamps
	// were received at another time, empty if none were.
	Absent bool
	Others []policy.EnvironmentName
	Before string
	// Successor is the record that accepts a ledger, zero if none was asked for.
	Successor uint64
	Admitted  int // how many stamps went on record, forks too
	// Refused says why stamps do not count, reason by reason; bounded.
	Refused []RefusedStamps
	More    int // commits that are refused for reasons which are not in Refused
	// Moved says that the repository's own notes are those that were fetched.
	Moved bool
	// Kept says why the repository keeps its own notes.
	Kept policy.Offer
}

// Sync fetches an environment's notes into the repositories that rest on them,
// and puts on record what has changed since the last time. Pushes then need to
// bring no stamps. It may run at any moment.
func Sync(ctx context.Context, f Fetch, now func() time.Time) ([]Synced, error) {
	var out []Synced
	var repositories []string
	for _, env := range f.Policy.Environments {
		name := repositoryOf(env, f.Service)
		if env.Elsewhere == nil && slices.Contains(env.After, f.Environment.Name) && !slices.Contains(repositories, name) {
			repositories = append(repositories, name)
		}
	}
	if len(repositories) == 0 {
		return nil, ErrNoRepository
	}
	for _, name := range repositories {
		done, err := f.into(ctx, name, now)
		if err != nil {
			return out, fmt.Errorf("fetch stamps of %s into %s: %w", f.Environment.Name, name, err)
		}
		out = append(out, done)
	}
	return out, nil
}

// A syncing is one Fetch into one repository.
type syncing struct {
	Fetch
	keeper *keeper
	from   policy.RefName // what was fetched, for as long as it is looked at
	out    Synced
	former []string // ledgers whose place another took
}

func (f Fetch) into(ctx context.Context, name string, now func() time.Time) (out Synced, err error) {
	site, listed := f.Policy.Site(name)
	if !listed || site.Service != f.Service {
		return out, ErrNoRepository // also where the name is none of a service
	}
	repo, err := gitfacts.Open(filepath.Join(f.Policy.Root, filepath.FromSlash(name)))
	if err != nil {
		return out, err
	}
	push := (&Process{}).pushID()
	y := &syncing{Fetch: f, out: Synced{Repository: name}, keeper: &keeper{now: now, push: push,
		scene: &scene{repo: repo, policy: f.Policy, site: site, listed: true, under: true},
		open:  func() (*book, error) { return openBook(ctx, f.Policy, now) }}}
	y.from = policy.RefName(fetchedRefs + push + "/" + string(f.Environment.Name))
	if err := y.sweep(ctx); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, y.discard(ctx)) }()
	fetched, err := repo.Fetch(ctx, f.URL, stamper.Ref(f.Environment.Name), mostFetched)
	if err != nil {
		return out, err
	}
	defer fetched.Close()
	if fetched.Tip == "" {
		err = y.absent(ctx)
		return y.out, err
	}
	err = y.take(ctx, fetched)
	return y.out, err
}

// take proves what was fetched, puts it on record, and keeps it. What is not
// genuine does not come into the repository.
func (y *syncing) take(ctx context.Context, fetched *gitfacts.Fetched) error {
	k := y.keeper
	outside := *k.scene
	outside.repo = fetched.Seen
	tip, wrong := (&keeper{scene: &outside, now: k.now}).genuine(ctx, y.Environment, fetched.Tip)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if wrong != "" {
		y.refuse("", policy.Offer{Reason: wrong})
		return nil
	}
	if err := fetched.Keep(ctx, k.scene.repo, y.from); err != nil {
		return err
	}
	if y.Accept != "" {
		if err := y.accept(ctx, tip); err != nil || y.out.Successor == 0 {
			return err
		}
	}
	if err := y.admit(ctx, tip); err != nil {
		return err
	}
	return y.keep(ctx, tip)
}

// accept records that a ledger takes the place of the one known: with its newest
// stamp.
func (y *syncing) accept(ctx context.Context, tip *notesTip) error {
	in := newIntake(y.keeper.scene, y.keeper.now, y.keeper.push, nil)
	in.tips[y.Environment.Name] = []policy.ObjectID{tip.id}
	if err := in.look(ctx, []question{{y.Environment.Name, tip.stamped}}); err != nil {
		return err
	}
	newest, why, err := y.accepted(in.found, tip)
	if err != nil {
		return err
	}
	if why != "" {
		y.refuse(tip.stamped, policy.Offer{Reason: why})
		return nil
	}
	if err := y.forget(ctx); err != nil {
		return err
	}
	e := in.entry(newest)
	e.Kind, e.Principal, e.Via, e.Reason = ledger.KindSuccessor, y.Principal, "local", y.Reason
	l, err := y.keeper.open()
	if err != nil {
		return err
	}
	err = y.keeper.scene.putPolicy(l, ledger.Entry{Push: y.keeper.push, Principal: y.Principal, Via: "local"})
	if err == nil {
		err = l.Append(e)
	}
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	y.out.Successor = e.Seq
	y.tell(e)
	return nil
}

// keep makes what was fetched the repository's own notes, if it is newer.
func (y *syncing) keep(ctx context.Context, tip *notesTip) error {
	repo, ref := y.keeper.scene.repo, stamper.Ref(y.Environment.Name)
	for range 5 {
		final, at, err := repo.Resolve(ctx, ref)
		switch {
		case err != nil:
			return err
		case final != ref:
			y.out.Kept.Reason = "their ref is a symbolic one"
			return nil
		case at == tip.id:
			return nil
		}
		if y.out.Successor == 0 {
			kept, err := y.stays(ctx, at, tip)
			if err != nil || kept.Reason != "" {
				y.out.Kept = kept
				return err
			}
		}
		err = repo.MoveRef(ctx, ref, tip.id, orZero(at, tip.id), "pathgate: notes of "+string(y.Environment.Name))
		if !errors.Is(err, gitfacts.ErrLostRace) {
			y.out.Moved = err == nil
			return err
		}
	}
	return errors.New(raced)
}

// stays says why the repository's own notes stay.
func (y *syncing) stays(ctx context.Context, at policy.ObjectID, tip *notesTip) (kept policy.Offer, err error) {
	newer, err := y.keeper.newer(ctx, y.Environment, at, tip)
	if err != nil || !newer {
		return policy.Offer{Reason: asNew}, err
	}
	return y.keeper.takeOver(ctx, y.Environment, at, tip)
}
