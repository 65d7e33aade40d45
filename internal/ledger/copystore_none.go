//go:build !postgres

package ledger

import "context"

func copyToStore(context.Context, string, string, CopyOptions) (Copied, error) {
	return Copied{}, ErrNotLinked
}

func migrateStore(context.Context, string, Roles) (was, now int, err error) {
	return 0, 0, ErrNotLinked
}
