//go:build postgres

package setup

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/pgtest"
)

// sharing makes a site whose ledger is in a database, with one repository that
// is adopted, and a copy.
func sharing(t *testing.T) *testSite {
	t.Helper()
	server := pgtest.Start(t, pgtest.Options{})
	name, err := server.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.Migrate(t.Context(), server.URL(pgtest.Owner, name), ledger.Roles{Writer: pgtest.Hooks}); err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	s.share("git-1", server.URL(pgtest.Hooks, name))
	s.git(s.work, "push", "-q", s.repo("dev"), "main")
	if _, err := Install(t.Context(), s.o, s.repo("dev")); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(t.Context(), AdoptOptions{Options: s.o, Principal: "ana"}, s.repo("dev")); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.UpdateCopy(t.Context(), s.o.Policy.Ledger, s.o.Policy.Copy, ledger.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestContradicted has a database that is not what this host's copy is of:
// nothing is written into it, and doctor says so and not how to go on.
func TestContradicted(t *testing.T) {
	s, ctx := sharing(t), context.Background()
	journal := filepath.Join(s.o.Policy.Copy, ledger.JournalName)
	lines, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journal, bytes.ReplaceAll(lines, []byte(`"ana"`), []byte(`"eve"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Adopt(ctx, AdoptOptions{Options: s.o, Principal: "ana", Reason: "again"}, s.repo("dev"))
	if !errors.Is(err, ledger.ErrContradicted) {
		t.Errorf("adopt: %v", err)
	}
	all := Doctor(ctx, s.o, nil)
	list := found(all, "contradicts this host's copy")
	if len(list) != 1 || list[0].Severity != Fail || !strings.Contains(list[0].Mend, "ledger copy "+s.o.Policy.Copy) {
		t.Errorf("doctor: %v", all)
	}
	if list := found(all, "pathgate adopt"); len(list) != 0 {
		t.Errorf("doctor advises to go on: %v", list)
	}
	if err := os.WriteFile(filepath.Join(s.o.Policy.Copy, ledger.IndexName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if list := found(Doctor(ctx, s.o, nil), "is the folder of a ledger in files"); len(list) == 0 || list[0].Severity != Fail {
		t.Errorf("doctor on an old ledger's folder: %v", list)
	}
}

// TestLost has a ledger with repositories on a host of this name that has them
// not.
func TestLost(t *testing.T) {
	s := sharing(t)
	if list := found(Doctor(t.Context(), s.o, nil), "as this one is called"); len(list) != 0 {
		t.Errorf("doctor where all is here: %v", list)
	}
	if err := os.Rename(s.repo("dev"), s.dir+"/away"); err != nil {
		t.Fatal(err)
	}
	if list := found(Doctor(t.Context(), s.o, nil), "as this one is called, that are not here: "); len(list) != 1 || list[0].Severity != Warn {
		t.Errorf("doctor where a repository is gone: %v", list)
	}
}

// TestSerialTwice has two policy files with one serial.
func TestSerialTwice(t *testing.T) {
	s := sharing(t)
	l, err := ledger.Open(t.Context(), s.o.Policy.Ledger, ledger.Options{Root: s.o.Policy.Root})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(ledger.PolicyEntries([]byte("serial = 7\nanother file\n"), 7)...); err != nil {
		t.Fatal(err)
	}
	l.Close()
	s.o.Policy.Serial = 7
	if list := found(Doctor(t.Context(), s.o, nil), "another policy file with serial 7 is on record"); len(list) != 1 || list[0].Severity != Fail ||
		!strings.Contains(list[0].Mend, "raise serial to 8") {
		t.Errorf("doctor on another file: %v", list)
	}
	s.o.Policy.Serial = 6
	if list := found(Doctor(t.Context(), s.o, nil), "the policy file has serial 6, and record "); len(list) != 1 || list[0].Severity != Fail {
		t.Errorf("doctor on an older file: %v", list)
	}
}
