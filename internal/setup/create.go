package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pathgate/pathgate/internal/ledger"
)

// ledger creates the ledger where there is none, and otherwise sees that it
// can be opened.
func (in *installation) ledger(ctx context.Context) error {
	dir := in.o.Policy.Ledger
	if _, err := os.Lstat(filepath.Join(dir, ledger.JournalName)); err == nil {
		l, err := ledger.Open(ctx, dir, ledger.Options{Root: in.o.Policy.Root, Now: in.o.Now})
		if err != nil {
			return err
		}
		return l.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look for the ledger: %w", err)
	}
	if err := makeLedgerFolder(dir, in.repo.owner); err != nil {
		return fmt.Errorf("make the ledger's folder: %w", err)
	}
	err := ledger.Create(dir, ledger.CreateOptions{Root: in.o.Policy.Root, Now: in.o.Now})
	if errors.Is(err, ledger.ErrExists) {
		return fmt.Errorf("%w; its journal was lost: bring it back, or set the rest aside to begin anew", err)
	}
	if err != nil {
		return err
	}
	in.report.changed("created the ledger in %s", dir)
	in.report.LedgerCreated = true
	return nil
}

// makeLedgerFolder makes the folder, which then belongs to the repository's
// owner, since hooks run as that user. A folder that is there keeps its owner.
func makeLedgerFolder(dir string, o owner) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	err := makeFolder(dir, 0o750, o)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
