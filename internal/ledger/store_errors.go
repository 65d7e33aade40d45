//go:build postgres

package ledger

import (
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/pgstore"
)

// explainStore gives the database's errors the names that ledgers in files have
// for the like, and says what to do.
func explainStore(err error) error {
	for _, known := range [...]struct {
		is, means error
		mend      string
	}{
		{pgstore.ErrBusy, ErrBusy, ""},
		{pgstore.ErrMissing, ErrMissing, "; pathgate ledger migrate makes the tables, pathgate install the ledger"},
		{pgstore.ErrLayout, ErrVersion, "; pathgate ledger migrate brings older tables up to date"},
		{pgstore.ErrStandby, ErrUnreachable, "; name all servers in the URL, with target_session_attrs=read-write"},
		{pgstore.ErrDenied, ErrDenied, ""},
		{pgstore.ErrPassfile, ErrDenied, ""},
		{pgstore.ErrLost, ErrUnreachable, ""},
		{pgstore.ErrUnreachable, ErrUnreachable, ""},
	} {
		if errors.Is(err, known.is) {
			return fmt.Errorf("%w: %w%s", known.means, err, known.mend)
		}
	}
	return err
}

// writeFailed is explainStore for what a commit says. All of it means that
// nothing may be taken as written.
func writeFailed(err error) error {
	switch {
	case errors.Is(err, pgstore.ErrBusy):
		return fmt.Errorf("%w: %w: %w", ErrWrite, ErrBusy, err)
	case errors.Is(err, pgstore.ErrDenied):
		return fmt.Errorf("%w: %w: %w", ErrWrite, ErrDenied, err)
	case errors.Is(err, pgstore.ErrMoved):
		return fmt.Errorf("%w: %w: a line is there that the head does not know: %w", ErrWrite, ErrCut, err)
	}
	return fmt.Errorf("%w: %w", ErrWrite, err)
}
