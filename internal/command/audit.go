package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/audit"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// What reconcile has to say of an audit sink.
const (
	sinkShipped   = "shipped"
	sinkUnshipped = "not-shipped"
)

// change is withLedger for what puts something on record: afterwards the audit
// sinks get it.
func (a *app) change(ctx context.Context, pol *policy.Policy, f func(*ledger.Ledger) error) error {
	err := a.withLedger(ctx, pol, f)
	if err == nil {
		a.toSinks(ctx, pol)
	}
	return err
}

// toSinks hands what is on record to the audit sinks. It is on record whatever
// becomes of them, so that a sink that is behind is a warning.
func (a *app) toSinks(ctx context.Context, pol *policy.Policy) {
	if err := audit.ShipPolicy(ctx, pol, 0); err != nil {
		fmt.Fprintf(a.stderr, "warning: it is on record, and not in the audit log yet: %s\nhint: pathgate reconcile sends it\n",
			text.Clean(err.Error(), 500))
	}
}

// A sinkFinding is what reconcile found of one sink.
type sinkFinding struct {
	what string
	audit.Shipped
}

// shipAll brings every sink up to the ledger's end, and tells of those for
// which there was something to do. The error is of those that are behind.
func (a *app) shipAll(ctx context.Context, pol *policy.Policy) (found []sinkFinding, err error) {
	var all []audit.Shipped
	if pol.Audit != nil || pol.Copy != "" { // a copy is worth having without sinks too
		dir := ""
		if dir, err = audit.Source(ctx, pol, 0); err != nil {
			return nil, faulted(err)
		}
		all, err = audit.All(ctx, pol.Audit, dir)
	}
	behind := 0
	for _, s := range all {
		switch {
		case s.Err != nil:
			behind++
			found = append(found, sinkFinding{sinkUnshipped, s})
		case s.Lines > 0:
			found = append(found, sinkFinding{sinkShipped, s})
		}
	}
	if behind > 0 {
		err = fmt.Errorf("%s could not take all that is on record", counted(behind, "audit sink"))
	}
	return found, faulted(err)
}

func (f *sinkFinding) detail() string {
	if f.Err != nil {
		return f.Err.Error()
	}
	return fmt.Sprintf("%s to %s, up to here", counted(f.Lines, "line"), f.Sink)
}

func (f *sinkFinding) json() map[string]any {
	return map[string]any{"what": f.what, "sink": f.Sink, "lines": f.Lines, "record": f.Record, "detail": f.detail()}
}

// sinkWords are the sinks of a policy as check prints them; empty if there are
// none.
func sinkWords(a *policy.Audit) string {
	if a == nil {
		return ""
	}
	var words []string
	if a.Syslog.Network != "" {
		words = append(words, "syslog "+a.Syslog.Network+"://"+a.Syslog.Address)
	}
	if a.Journald {
		words = append(words, "journald")
	}
	if a.File != "" {
		words = append(words, "file "+a.File)
	}
	out := strings.Join(words, ", ")
	if a.Required {
		out += "; a push is refused without them"
	}
	return out
}

func sinksJSON(a *policy.Audit) map[string]any {
	out := map[string]any{"required": a.Required, "journald": a.Journald, "facility": a.Facility}
	if a.Syslog.Network != "" {
		out["syslog"] = a.Syslog.Network + "://" + a.Syslog.Address
	}
	if a.File != "" {
		out["file"] = a.File
	}
	return out
}
