package late

import (
	"context"
	"errors"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamper"
)

// suspects are the targets of which the journal has to be read from its beginning:
// their notes are not those that were whole when a run ended last, or a live commit
// has no stamp though its record was read before. Notes refs that somebody has
// deleted or moved are restored first, from what pathgate has kept. Nothing is
// suspect where all is read anyway, as nothing was read before.
func (r *run) suspects(ctx context.Context, read uint64) (map[stamper.Target]bool, error) {
	out, seen := make(map[stamper.Target]bool), make(map[stamper.Target]bool)
	for i := range r.lives {
		row := &r.lives[i]
		t := targetOf(row)
		var suspect bool
		var err error
		if !seen[t] {
			suspect, err = r.look(ctx, t, row)
		}
		if err == nil && !suspect && !out[t] && row.Record <= read {
			suspect, err = r.unstamped(ctx, t, row)
		}
		seen[t] = true
		switch {
		case errors.Is(err, stamper.ErrGone):
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			r.fail(t, row.Service, err)
		case suspect && read > 0:
			out[t] = true
		}
	}
	return out, nil
}

func targetOf(row *ledger.LiveRef) stamper.Target {
	return stamper.Target{Environment: row.Environment, Repository: row.Repository}
}

// look restores a target's notes and tells whether they are not those of the last
// run.
func (r *run) look(ctx context.Context, t stamper.Target, row *ledger.LiveRef) (suspect bool, err error) {
	restored, err := r.stamper.Restore(ctx, t)
	if err != nil {
		return false, err
	}
	if restored {
		r.find(t, row.Service).Restored = true
	}
	tip, err := r.stamper.Tip(ctx, t)
	last := r.whole.Tips[keyOf(t)]
	if err != nil || last != "" && tip == last {
		return false, err
	}
	if last == "" {
		return true, nil
	}
	on, err := r.stamper.GoesOn(ctx, t, last)
	if err != nil || on {
		return false, err
	}
	f := r.find(t, row.Service)
	f.Anew, f.Ledger = true, r.stamper.Ledger
	return true, nil
}

func (r *run) unstamped(ctx context.Context, t stamper.Target, row *ledger.LiveRef) (bool, error) {
	has, err := r.stamper.Has(ctx, t, &stamper.Item{About: stamp.Deployed, Service: string(row.Service),
		Ref: string(row.Ref), Commit: row.Commit, Record: row.Record})
	return !has, err
}

// keepWhole notes of which targets all is stamped now.
func (r *run) keepWhole(ctx context.Context) error {
	for i := range r.lives {
		t := targetOf(&r.lives[i])
		if f := r.found[t]; f != nil && f.Err != nil {
			continue
		}
		tip, err := r.stamper.Tip(ctx, t)
		switch {
		case err != nil || tip == "":
			delete(r.whole.Tips, keyOf(t))
		default:
			r.whole.Tips[keyOf(t)] = tip
		}
	}
	return r.whole.save(r.dir)
}
