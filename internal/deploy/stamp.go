package deploy

import (
	"context"
	"fmt"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

// stampTime bounds the stamping of what a runner has put on record.
const stampTime = time.Minute

// Stamping is books whose entries are stamped as soon as the ledger is closed,
// where the policy has stamps (package stamper). What could not be stamped is
// only logged: it is on record, and reconcile stamps it.
func Stamping(books Books, pol *policy.Policy, log func(string)) Books {
	st := &stamper.Stamper{Policy: pol, Now: time.Now}
	return func(ctx context.Context, f func(Book) error) error {
		kept := &keeping{}
		err := books(ctx, func(b Book) error {
			kept.Book = b
			return f(kept)
		})
		if len(kept.entries) == 0 {
			return err
		}
		// What a runner that was told to stop has recorded is stamped as well.
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), stampTime)
		defer cancel()
		if late := st.Stamp(within, kept.entries...); late != nil && log != nil {
			log(fmt.Sprintf("an entry about a deployment could not be stamped: %v", late))
		}
		return err
	}
}

// A keeping book keeps what was put on record.
type keeping struct {
	Book
	entries []*ledger.Entry
}

func (k *keeping) Append(entries ...*ledger.Entry) error {
	err := k.Book.Append(entries...)
	if err == nil {
		k.entries = append(k.entries, entries...)
	}
	return err
}
