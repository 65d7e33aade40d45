package evidence

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

const (
	// MaxRows is the most rows of changes, exceptions and approvals together.
	MaxRows = 200_000
	// maxPageRows is the most rows of one table on the page.
	maxPageRows = 2000
)

// Errors that callers tell apart with errors.Is. Nothing was written.
var (
	// ErrTaken: there is something where the folder is to be.
	ErrTaken = errors.New("it must be a new or an empty folder")
	// ErrUnknown: neither the policy nor the record knows a name.
	ErrUnknown = errors.New("nothing is known")
	// ErrTooMany: the window has more than MaxRows rows.
	ErrTooMany = errors.New("too many rows")
)

// Options say what Write is to do.
type Options struct {
	Out          string // the folder: a new one in one that exists, or an empty one
	Policy       *policy.Policy
	Service      policy.Service
	Environments []policy.EnvironmentName // production; none: those that Production names
	From         time.Time                // the first moment of the window
	To           time.Time                // the first moment after it
	Now          time.Time                // when it is written
	Version      string                   // of pathgate
	Signer       note.Signer              // signs the checkpoint; nil: it is not signed, and there are no proofs
	VerifierKey  string                   // the one that belongs to Signer
	// Progress, if not nil, is told how many bytes of how many are verified.
	Progress func(done, total int64)

	maxRows int // MaxRows, less in tests
}

// A Result is what Write wrote.
type Result struct {
	Changes, Exceptions, Approvals, Proofs int

	Ledger   string    // its ID
	Tree     tlog.Tree // of all records that were read
	Findings []ledger.Finding
	Signed   bool
	Manifest string // SHA-256 of the file MANIFEST, in hex
}

// prepared checks the options and fills in what is left out.
func (o Options) prepared() (Options, error) {
	switch {
	case o.Policy == nil || o.Out == "" || o.Service == "":
		return o, errors.New("it wants a policy, a service and a folder")
	case o.From.IsZero() || !o.From.Before(o.To):
		return o, errors.New("the window must begin before it ends")
	case o.Signer != nil && o.VerifierKey == "":
		return o, errors.New("the verifier key of the signer is missing")
	}
	if len(o.Environments) == 0 {
		o.Environments = o.Policy.Ends()
	}
	if o.maxRows == 0 {
		o.maxRows = MaxRows
	}
	o.From, o.To, o.Now = o.From.UTC(), o.To.UTC(), o.Now.UTC()
	return o, nil
}

// within reports whether a time is in the window.
func (o *Options) within(t time.Time) bool { return !t.Before(o.From) && t.Before(o.To) }

// unknown names the service or the environment that neither the policy nor the
// record knows: a pack about nothing must not look like a good one.
func (g *gathering) unknown() error {
	if !g.service {
		return fmt.Errorf("%w of a service %q", ErrUnknown, g.o.Service)
	}
	for _, name := range g.o.Environments {
		env, ok := g.o.Policy.Environment(name)
		switch {
		case g.environments[string(name)] || ok && env.Elsewhere == nil:
		case ok:
			return fmt.Errorf("%w here of what was deployed to %s of %s: it is on another host, whose ledger has that", ErrUnknown, name, g.o.Service)
		default:
			return fmt.Errorf("%w of an environment %q of %s", ErrUnknown, name, g.o.Service)
		}
	}
	return nil
}
