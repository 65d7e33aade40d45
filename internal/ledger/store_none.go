//go:build !postgres

package ledger

import (
	"context"
	"os"
)

// Linked says that this build can keep a ledger in PostgreSQL.
const Linked = false

func openStore(context.Context, string, Options) (*Ledger, error) { return nil, ErrNotLinked }

func createStore(string, CreateOptions) error { return ErrNotLinked }

func rebuildStore(context.Context, string, Options) error { return ErrNotLinked }

func repairStore(context.Context, string, Options, Mandate) (Entry, error) {
	return Entry{}, ErrNotLinked
}

func storeLines(string) (journal, int64, error) { return nil, 0, ErrNotLinked }

func storeLine(string, uint64) ([]byte, error) { return nil, ErrNotLinked }

func storeCopy(string) (*os.File, int64, error) { return nil, 0, ErrNotLinked }

func copyTables(string) (*index, watermark, string) {
	return nil, watermark{}, "not compared: " + ErrNotLinked.Error()
}
