//go:build !postgres

package ledger

import "context"

func examineStore(context.Context, string) (Examination, error) { return Examination{}, ErrNotLinked }
