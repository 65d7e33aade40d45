package deploy

import (
	"context"
	"fmt"

	"github.com/pathgate/pathgate/internal/audit"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// Shipping is books whose entries the policy's audit sinks get as soon as the
// ledger is closed. It takes no longer than a hook may (package audit). What
// they do not take comes later, and is only logged: it is on record.
func Shipping(books Books, pol *policy.Policy, log func(string)) Books {
	if pol.Audit == nil {
		return books
	}
	return func(ctx context.Context, f func(Book) error) error {
		wrote := false
		err := books(ctx, func(b Book) error { return f(&noting{b, &wrote}) })
		if !wrote {
			return err
		}
		// What a runner that was told to stop has recorded is sent as well.
		if behind := audit.ShipPolicy(context.WithoutCancel(ctx), pol, 0); behind != nil && log != nil {
			log(fmt.Sprintf("an entry about a deployment: %v", behind))
		}
		return err
	}
}

// A noting book notes whether something was put on record.
type noting struct {
	Book
	wrote *bool
}

func (n *noting) Append(entries ...*ledger.Entry) error {
	err := n.Book.Append(entries...)
	*n.wrote = *n.wrote || err == nil && len(entries) > 0
	return err
}
