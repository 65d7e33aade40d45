//go:build postgres

package export

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/pgtest"
)

// TestTailShared follows a ledger in a database, and goes on by a cursor.
func TestTailShared(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{})
	name, err := server.Create()
	if err != nil {
		t.Fatal(err)
	}
	url := server.URL(pgtest.Hooks, name)
	if _, _, err := ledger.Migrate(t.Context(), server.URL(pgtest.Owner, name), ledger.Roles{Writer: pgtest.Hooks, Reader: pgtest.Auditor}); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Create(url, ledger.CreateOptions{Root: "/srv"}); err != nil {
		t.Fatal(err)
	}
	auditor := server.URL(pgtest.Auditor, name)
	tail, err := NewTail(auditor)
	if err != nil {
		t.Fatal(err)
	}
	if got := records(t, tail); len(got) != 1 {
		t.Errorf("read %v of a new ledger", got)
	}
	grown(t, tail, false)
	add(t, url, 3)
	grown(t, tail, true)
	if got := records(t, tail); len(got) != 3 || got[2] != 4 {
		t.Errorf("read %v of what came", got)
	}
	at := tail.Position()
	add(t, url, 1)
	if tail, err = NewTail(auditor); err != nil {
		t.Fatal(err)
	}
	if err := tail.Resume(at); err != nil {
		t.Fatal(err)
	}
	if got := records(t, tail); len(got) != 1 || got[0] != 5 {
		t.Errorf("read %v behind the cursor", got)
	}
	wrong := at
	wrong.SHA256 = strings.Repeat("0", 64)
	if err := tail.Resume(wrong); !errors.Is(err, ErrNotBorneOut) {
		t.Errorf("another line: %v", err)
	}
	wrong.Offset = 1 << 40
	if err := tail.Resume(wrong); !errors.Is(err, ErrNotBorneOut) {
		t.Errorf("behind the end: %v", err)
	}
	_, err = NewTail(strings.Replace(auditor, server.PassFile, filepath.Join(t.TempDir(), "none"), 1))
	if !errors.Is(err, ledger.ErrPassfile) {
		t.Errorf("without a passfile: %v", err)
	}
}
