package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pathgate/pathgate/internal/gate"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/internal/stamper/late"
	"github.com/pathgate/pathgate/policy"
)

// stampTime bounds the stamping of what a verb has put on record.
const stampTime = 15 * time.Second

// stamped stamps what a verb has put on record. It is on record whether or not
// that can be done.
func (a *app) stamped(ctx context.Context, pol *policy.Policy, entries ...*ledger.Entry) {
	ctx, cancel := context.WithTimeout(ctx, stampTime)
	defer cancel()
	st := &stamper.Stamper{Policy: pol, Now: a.now}
	if err := st.Stamp(ctx, entries...); err != nil {
		fmt.Fprintf(a.stderr, "pathgate: warning: the stamp is left to pathgate reconcile: %v\n", err)
	}
}

// What reconcile finds of stamps.
const (
	stampsWritten = "stamped"
	stampsMissing = "unstamped"
	stampsBack    = "restored"
	stampsAnew    = "anew"
)

// lateStamps stamps what hooks have left.
func (a *app) lateStamps(ctx context.Context, pol *policy.Policy) ([]gate.Finding, error) {
	host, err := receive.HostOf(pol)
	if err != nil {
		return nil, faulted(err)
	}
	all, err := late.CatchUp(ctx, pol, host, a.now)
	var found []gate.Finding
	for i := range all {
		f := &all[i]
		spot := gate.Spot{Service: f.Service, Environment: f.Environment, Repository: f.Repository}
		if f.Restored {
			found = append(found, gate.Finding{What: stampsBack, Spot: spot,
				Detail: fmt.Sprintf("%s was gone or moved, and is where pathgate left it again; no stamp is lost", stamper.Ref(f.Environment))})
		}
		if f.Stamps > 0 {
			found = append(found, gate.Finding{What: stampsWritten, Spot: spot, Detail: lateStampsSay(f.Stamps)})
		}
		if f.Anew {
			found = append(found, gate.Finding{What: stampsAnew, Spot: spot, Detail: "the notes were lost and are written anew; hosts elsewhere must accept the ledger again"})
			fmt.Fprintf(a.stderr, "pathgate: warning: %s\n", anewSays(f))
		}
		if f.TooLong {
			found = append(found, gate.Finding{What: stampsMissing, Spot: spot, Detail: stamper.ErrTooLong.Error()})
		}
		if f.Err != nil {
			found = append(found, gate.Finding{What: stampsMissing, Spot: spot, Err: f.Err, Detail: f.Err.Error()})
			err = errors.Join(err, fmt.Errorf("stamps are missing in %s of %s", f.Environment, f.Service))
		}
	}
	return found, faulted(err)
}

func lateStampsSay(n int) string {
	if n == 1 {
		return "1 stamp was missing and is there now"
	}
	return counted(n, "stamp") + " were missing and are there now"
}

// anewSays says what it means to others that a chain of trees was lost.
func anewSays(f *late.Finding) string {
	return fmt.Sprintf("%s of %s, and what pathgate had kept of it, were gone or spoilt, and are written anew from the ledger. "+
		"Hosts elsewhere that know the old notes refuse what is stamped from now on, until their operator says that it was no fork: "+
		"pathgate sync %s --service %s --from URL --accept %s --reason \"the notes were lost\"",
		stamper.Ref(f.Environment), f.Service, f.Environment, f.Service, f.Ledger)
}
