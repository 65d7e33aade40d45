package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
)

// ledger creates the ledger where there is none, and otherwise sees that it
// can be opened.
func (in *installation) ledger(ctx context.Context) error {
	if in.o.Policy.Shared() {
		return in.sharedLedger(ctx)
	}
	dir := in.o.Policy.Ledger
	if _, err := os.Lstat(filepath.Join(dir, ledger.JournalName)); err == nil {
		l, err := ledger.Open(ctx, dir, ledger.Options{Root: in.o.Policy.Root, Copy: in.o.Policy.Copy, Now: in.o.Now})
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

// sharedLedger sees that a ledger that hosts share can be opened, and makes the
// folder for this host's copy of it. Its first line is made where the tables are
// there and empty; the tables only their owner makes.
func (in *installation) sharedLedger(ctx context.Context) error {
	if _, err := receive.HostOf(in.o.Policy); err != nil {
		return &No{err}
	}
	l, err := ledger.Open(ctx, in.o.Policy.Ledger, ledger.Options{Root: in.o.Policy.Root, Copy: in.o.Policy.Copy, Now: in.o.Now})
	if errors.Is(err, ledger.ErrMissing) {
		if err := in.firstLine(); err != nil {
			return err
		}
		l, err = ledger.Open(ctx, in.o.Policy.Ledger, ledger.Options{Root: in.o.Policy.Root, Copy: in.o.Policy.Copy, Now: in.o.Now})
	}
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil || in.o.Policy.Copy == "" {
		return err
	}
	if _, err := os.Lstat(in.o.Policy.Copy); err == nil {
		return nil
	}
	if err := makeLedgerFolder(in.o.Policy.Copy, in.repo.owner); err != nil {
		return fmt.Errorf("make the folder of this host's copy: %w", err)
	}
	in.report.changed("made the folder %s for this host's copy of the ledger", in.o.Policy.Copy)
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

// firstLine makes the ledger in a database that has none yet.
func (in *installation) firstLine() error {
	err := ledger.Create(in.o.Policy.Ledger, ledger.CreateOptions{Root: in.o.Policy.Root, Now: in.o.Now})
	switch {
	case errors.Is(err, ledger.ErrMissing):
		return no("the database has no tables yet: their owner makes them with pathgate ledger migrate")
	case errors.Is(err, ledger.ErrExists): // another host was faster
		return nil
	case err != nil:
		return err
	}
	in.report.changed("created the ledger in the database")
	in.report.LedgerCreated = true
	return nil
}
