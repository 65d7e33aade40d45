//go:build postgres

package ledger

import (
	"errors"
	"fmt"
	"strings"

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
		{pgstore.ErrPassfile, ErrPassfile, ""},
		{pgstore.ErrLost, ErrUnreachable, ""},
		{pgstore.ErrUnreachable, ErrUnreachable, ""},
	} {
		if errors.Is(err, known.is) {
			if known.means == ErrUnreachable || known.means == ErrDenied {
				return &storeError{known.means, err, known.mend}
			}
			return fmt.Errorf("%w: %w%s", known.means, err, known.mend)
		}
	}
	return err
}

// A storeError is an error of the database that is known by the ledger's name for
// it, too, and does not print that: both say the same.
type storeError struct {
	means, err error
	mend       string
}

func (e *storeError) Error() string {
	said := e.err.Error() + e.mend
	if rest, ok := strings.CutPrefix(said, "the database "); ok {
		return "the ledger's database " + rest
	}
	return "the ledger's database: " + said
}

// Unwrap returns both.
func (e *storeError) Unwrap() []error { return []error{e.means, e.err} }

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
