package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// The errors that callers tell apart with errors.Is.
var (
	// ErrBusy: a time limit of a lock or a statement ran out, or the server has
	// no room for another connection.
	ErrBusy = errors.New("the database is busy")
	// ErrMissing: there are no tables, or no row of head.
	ErrMissing = errors.New("the database has no tables of pathgate's")
	// ErrLayout: the tables are of another version.
	ErrLayout = errors.New("the tables are of another version")
	// ErrDenied: the role may not do that, or not log in.
	ErrDenied = errors.New("the database does not let this role")
	// ErrPassfile: the file with the password cannot be used.
	ErrPassfile = errors.New("passfile")
	// ErrStandby: the server takes no writes.
	ErrStandby = errors.New("the server is a standby, or read-only")
	// ErrFull: the server's disk is full or broken.
	ErrFull = errors.New("the server cannot write")
	// ErrUnreachable: no server can be reached, or the connection was lost
	// where that has changed nothing.
	ErrUnreachable = errors.New("the database cannot be reached")
	// ErrMoved: the head is not the one that was expected, or lines are there
	// already. Nothing was written.
	ErrMoved = errors.New("the head is another one")
	// ErrUnknown: the connection was lost at COMMIT, and it could not be asked
	// in time whether that took place.
	ErrUnknown = errors.New("it is not known whether that was written")
	// ErrLost: the connection was lost, or ended by the server, and it is
	// certain that nothing was written.
	ErrLost = errors.New("the connection was lost, and nothing was written")
)

// sentinels are PostgreSQL's error codes (manual, appendix A) by what they mean
// here. A code of two characters stands for its class.
var sentinels = map[string]error{
	"55P03": ErrBusy, "40001": ErrBusy, "40P01": ErrBusy, "57014": ErrBusy, "53300": ErrBusy, "57P03": ErrBusy,
	"42P01": ErrMissing, "3F000": ErrMissing, "3D000": ErrMissing, "42703": ErrLayout,
	"42501": ErrDenied, "28": ErrDenied,
	"25006": ErrStandby,
	"53100": ErrFull, "53200": ErrFull, "58030": ErrFull, "XX001": ErrFull, "XX002": ErrFull,
	"23505": ErrMoved, "22012": ErrMoved,
	"08": ErrLost, "57P01": ErrLost, "57P02": ErrLost, "57P04": ErrLost, "57P05": ErrLost, "25P03": ErrLost, "25P04": ErrLost,
}

// explained wraps a server's error in what it means here. Only its code and
// message are kept: details may quote what is in the tables.
func explained(err error) error {
	var p *pgconn.PgError
	if err == nil || !errors.As(err, &p) {
		return err
	}
	text := fmt.Sprintf("%s (SQLSTATE %s)", p.Message, p.Code)
	for _, code := range [...]string{p.Code, p.Code[:min(2, len(p.Code))]} {
		if is := sentinels[code]; is != nil {
			return fmt.Errorf("%w: %s", is, text)
		}
	}
	return errors.New(text)
}

// notConnected says why no connection came about.
func notConnected(err error) error {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		if known := explained(err); !errors.Is(known, ErrLost) {
			return known
		}
	}
	text := strings.ReplaceAll(err.Error(), "\n\t", "; ")
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %s: %w", ErrUnreachable, text, context.DeadlineExceeded)
	}
	return fmt.Errorf("%w: %s", ErrUnreachable, text)
}

// broken reports whether err is one of the connection and not of the server,
// or one with which the server ends the connection, or says that it does not
// know itself (40003, as distributed engines do).
func broken(err error) bool {
	var p *pgconn.PgError
	return err != nil && (!errors.As(err, &p) || p.Code == "40003" || errors.Is(explained(err), ErrLost))
}
