package stamp

import (
	"fmt"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// A Refusal says why a stamp does not count. Its text is fit to print.
type Refusal struct {
	Reason string
	// Kind says what is in the way: OfferLedger and OfferUnproven are never
	// found here, as those are for a ledger to say.
	Kind policy.OfferKind
}

// Error is the reason.
func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error {
	return refuseAs(policy.OfferWrong, format, args...)
}

// refuseAs is refuse where it is not the stamp that must be another one.
func refuseAs(kind policy.OfferKind, format string, args ...any) error {
	return &Refusal{Reason: text.Clean(fmt.Sprintf(format, args...), 200), Kind: kind}
}
