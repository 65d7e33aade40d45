package gate

import (
	"context"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// checked makes sure that git looks at what pushes bring here, before anything
// is decided by what commits contain. It goes by the repository's own
// configuration, where install has written it; doctor sees the rest.
func (s *scene) checked() error {
	if s.repo == nil {
		return nil // then it is a rehearsal, and git is not asked
	}
	if why := gitfacts.Unchecked(s.repo.Config); why != "" {
		return because("this repository does not check what it is sent; its operator can mend that with pathgate install", errors.New(why))
	}
	return nil
}

// A hindrance is what about the objects of a push keeps it from being judged.
// The zero value is none.
type hindrance struct {
	code policy.Code
	why  string
}

// sound looks at the trees of what a push brings: a folder that holds a name
// twice would be one thing to a merge, and another to a checkout.
func (s *scene) sound(ctx context.Context, brought gitfacts.Brought) (hindrance, error) {
	if err := s.checked(); err != nil {
		return hindrance{}, err
	}
	return hindered(s.repo.Sound(ctx, brought), "the files of what the push brings cannot be checked")
}

// hindered tells an error that the pushed objects are to blame for from one that
// nobody can tell anything of, which is a fault of this reason.
func hindered(err error, reason string) (hindrance, error) {
	var bad *gitfacts.UnsoundTree
	switch {
	case err == nil:
		return hindrance{}, nil
	case errors.As(err, &bad):
		return hindrance{policy.MalformedInput, fmt.Sprintf("its folder %s is damaged: %s", bad.Tree.Short(), bad.Why)}, nil
	case errors.Is(err, gitfacts.ErrTooMany):
		return hindrance{policy.TooLarge, fmt.Sprintf("it brings more than can be looked at: at most %d commits at once", gitfacts.MaxBrought)}, nil
	}
	return hindrance{}, because(reason, err)
}
