package gate

import (
	"context"
	"errors"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// fetchedRefs is where what a synchronisation fetched is kept meanwhile.
const fetchedRefs = "refs/pathgate/fetched/"

// sweep lets go of what runs that were cut off have left, a hundred at a time. One that still runs
// loses nothing by it: git keeps objects for two weeks after their refs.
func (y *syncing) sweep(ctx context.Context) error {
	repo := y.keeper.scene.repo
	out, exit, err := repo.Git(ctx, nil, "for-each-ref", "--count=100", "--format=%(refname) %(objectname)", fetchedRefs)
	if err != nil || exit != 0 {
		return err
	}
	for line := range strings.Lines(string(out)) {
		name, id, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok || policy.RefName(name) == y.from {
			continue
		}
		at := policy.ObjectID(id)
		err := repo.MoveRef(ctx, policy.RefName(name), orZero("", at), at, "pathgate: left over")
		if err != nil && !errors.Is(err, gitfacts.ErrLostRace) {
			return err
		}
	}
	return nil
}

// discard lets go of what was fetched.
func (y *syncing) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), moveTime)
	defer cancel()
	_, at, err := y.keeper.scene.repo.Resolve(ctx, y.from)
	if err != nil || at == "" {
		return err
	}
	err = y.keeper.scene.repo.MoveRef(ctx, y.from, orZero("", at), at, "pathgate: looked at")
	if errors.Is(err, gitfacts.ErrLostRace) {
		return nil // another run has swept it away
	}
	return err
}
