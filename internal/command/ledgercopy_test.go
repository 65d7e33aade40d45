package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

// What is typed wrong, and what cannot be, is told apart; a copy between folders
// works and says what it did.
func TestLedgerCopy(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := ledger.Create(from, ledger.CreateOptions{Root: dir}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"copy", from}, exitUsage, "wants FROM and TO"},
		{[]string{"copy", from, to, "more"}, exitUsage, "too many"},
		{[]string{"copy", from, to}, exitYes, "copied 1 record\n"},
		{[]string{"copy", from, to}, exitYes, "nothing new"},
		{[]string{"copy", filepath.Join(dir, "none"), to}, exitFault, "there is no ledger"},
		{[]string{"migrate", from}, exitUsage, "needs no tables"},
		{[]string{"migrate", "postgres://h/db", "more"}, exitUsage, "too many"},
	} {
		var stdout, stderr strings.Builder
		status := Run(append([]string{"ledger"}, test.args...), &stdout, &stderr, os.Getenv)
		if out := stdout.String() + stderr.String(); status != test.status || !strings.Contains(out, test.says) {
			t.Errorf("%v: status %d, want %d with %q:\n%s", test.args, status, test.status, test.says, out)
		}
	}
	a, err := os.ReadFile(filepath.Join(from, ledger.JournalName))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(to, ledger.JournalName))
	if err != nil || string(a) != string(b) {
		t.Errorf("the copy is none: %v", err)
	}
	if _, err := os.Stat(filepath.Join(to, ledger.IndexName)); err != nil {
		t.Errorf("the copy has no index: %v", err)
	}
}
