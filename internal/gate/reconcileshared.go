package gate

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// atOnce is how many refs a ledger that hosts share is asked about together.
const atOnce = 64

// settleShared is settleAll for a ledger that hosts share. Nobody is kept from
// it but for the refs on which there is something to do, and for one of them at
// a time.
func settleShared(ctx context.Context, pol *policy.Policy, before *surveyed, observed map[Spot]look, now func() time.Time) (found []Finding, err error) {
	slices.SortStableFunc(before.order, func(a, b Spot) int { return cmp.Compare(a.Service, b.Service) })
	for spots := range slices.Chunk(before.order, atOnce) {
		todo, err := remarkable(ctx, pol, before, spots, observed, now)
		if err != nil {
			return found, err
		}
		for _, spot := range todo {
			findings, err := settleOne(ctx, pol, before, spot, observed[spot], now)
			if err != nil {
				return found, err
			}
			found = append(found, findings...)
		}
	}
	return found, nil
}

// remarkable are the spots at which something is open, cannot be read, or is not
// where the ledger has it or had not been.
func remarkable(ctx context.Context, pol *policy.Policy, before *surveyed, spots []Spot, observed map[Spot]look, now func() time.Time) (todo []Spot, err error) {
	l, err := readBook(ctx, pol, now, about(pol, spots...)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, spot := range spots {
		_, drifted, err := l.drift(spot)
		if err != nil {
			return nil, err
		}
		live, seen := sameLength(before.live[spot].New, observed[spot].id)
		if drifted || before.open[spot] || live != seen || observed[spot].err != nil {
			todo = append(todo, spot)
		}
	}
	return todo, nil
}

func settleOne(ctx context.Context, pol *policy.Policy, before *surveyed, spot Spot, saw look, now func() time.Time) (found []Finding, err error) {
	l, err := openBook(ctx, pol, now, about(pol, spot)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	open, err := l.openIntents(ledger.IntentFilter{Service: spot.Service, Environment: spot.Environment, Repository: spot.Repository, Ref: spot.Ref})
	if err != nil {
		return nil, err
	}
	found, err = reconcileRef(l, before, spot, open[spot], saw, belongs(pol, spot))
	if errors.Is(err, ledger.ErrNotOpen) {
		return found, nil // a push has settled it meanwhile
	}
	return found, err
}

// about are the hints for refs, which may be of several services.
func about(pol *policy.Policy, spots ...Spot) []ledger.Hints {
	h := ledger.Hints{Policy: pol.Hash}
	for _, spot := range spots {
		if h.Service == "" {
			h.Service = spot.Service
		}
		if h.Service == spot.Service { // the others cost a round trip each
			h.Spots = append(h.Spots, ledger.Hint{Environment: spot.Environment, Repository: spot.Repository, Ref: spot.Ref})
		}
	}
	return []ledger.Hints{h}
}
