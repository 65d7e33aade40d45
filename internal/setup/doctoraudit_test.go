package setup

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/pathgate/pathgate/internal/audit"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func TestDoctorSinks(t *testing.T) {
	s := healthy(t)
	s.o.Policy.Audit = &policy.Audit{File: filepath.Join(s.dir, "audit.jsonl")}
	f, ok := look(s.doctor(), "the audit sink file is ")
	if !ok || f.Severity != Warn || f.Mend != "pathgate reconcile --policy "+s.o.PolicyPath {
		t.Errorf("a sink that has nothing: %+v", f)
	}
	if _, err := audit.All(context.Background(), s.o.Policy.Audit, s.o.Policy.Ledger); err != nil {
		t.Fatal(err)
	}
	found := s.doctor()
	if f, ok := look(found, "audit sink"); ok {
		t.Errorf("a sink that has all: %+v", f)
	}
	wantIn(t, render(found), "ok: the audit sinks have taken all that is on record\n")
	journal := filepath.Join(s.o.Policy.Ledger, ledger.JournalName)
	if err := os.Truncate(journal, 10); err != nil {
		t.Fatal(err)
	}
	if f, ok := look(s.doctor(), "which the ledger does not have as it was sent"); !ok || f.Severity != Warn {
		t.Errorf("a ledger that was cut: %+v", f)
	}
}

// A folder in the audit file's place is named as what keeps the lines back.
func TestDoctorAuditFolder(t *testing.T) {
	s := healthy(t)
	s.o.Policy.Audit = &policy.Audit{File: t.TempDir()}
	f, ok := look(s.doctor(), "is no file but a folder")
	if !ok || f.Severity != Fail {
		t.Errorf("found:\n%s", render(s.doctor()))
	}
}
