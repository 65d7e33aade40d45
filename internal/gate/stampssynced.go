package gate

import (
	"context"
	"errors"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/policy"
)

func (y *syncing) tell(e *ledger.Entry) {
	if y.Tell != nil {
		y.Tell(e)
	}
}

// syncedRef is where the notes that were put on record last are kept.
func (y *syncing) syncedRef() policy.RefName {
	return policy.RefName("refs/pathgate/synced/" + string(y.Environment.Name))
}

// admit puts on record what has changed since the last time, batch by batch. A
// run that is cut off begins there again.
func (y *syncing) admit(ctx context.Context, tip *notesTip) error {
	repo := y.keeper.scene.repo
	_, last, err := repo.Resolve(ctx, y.syncedRef())
	if err != nil {
		return err
	}
	since := last
	if y.out.Successor != 0 {
		since = "" // nothing that was taken before counts any more
	}
	var batch []policy.ObjectID
	changed := 0
	some := func() error {
		changed += len(batch)
		err := y.admitSome(ctx, tip, batch)
		batch = batch[:0]
		return err
	}
	err = notes.EachChanged(ctx, repo, since, tip.id, mostChanged, func(id policy.ObjectID) error {
		if batch = append(batch, id); len(batch) < batchNotes {
			return nil
		}
		return some()
	})
	if err == nil && len(batch) > 0 {
		err = some()
	}
	if err != nil {
		return err
	}
	if last == tip.id || y.out.Wrong() && changed <= mostAgain {
		return nil // the next run comes to the same refusals
	}
	err = repo.MoveRef(ctx, y.syncedRef(), tip.id, orZero(last, tip.id), "pathgate: stamps are on record")
	if errors.Is(err, gitfacts.ErrLostRace) {
		return nil // another run has come as far
	}
	return err
}

func (y *syncing) admitSome(ctx context.Context, tip *notesTip, commits []policy.ObjectID) error {
	in := newIntake(y.keeper.scene, y.keeper.now, y.keeper.push, nil)
	in.most, in.mostStamps = batchNotes, batchStamps
	in.tips[y.Environment.Name] = []policy.ObjectID{tip.id}
	var asked []question
	for _, id := range commits {
		asked = append(asked, question{y.Environment.Name, id})
	}
	if err := in.look(ctx, asked); err != nil {
		return err
	}
	if err := in.record(ctx, y.keeper.open); err != nil {
		return err
	}
	for _, e := range in.admitted {
		y.tell(e)
	}
	y.out.Admitted += len(in.admitted)
	if err := y.findFormer(in); err != nil {
		return err
	}
	for _, q := range asked {
		for _, o := range in.why[q] {
			y.refuse(q.commit, o)
		}
	}
	return nil
}
