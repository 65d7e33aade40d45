//go:build postgres

package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/pgtest"
)

// TestSharedReader reads a shared ledger as a role that may do no more, and is
// told what a copy's folder must not be.
func TestSharedReader(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{})
	name, err := server.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.Migrate(t.Context(), server.URL(pgtest.Owner, name), ledger.Roles{Writer: pgtest.Hooks, Reader: pgtest.Auditor}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := ledger.Create(server.URL(pgtest.Hooks, name), ledger.CreateOptions{Root: dir}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "policy.toml")
	text := "version = 1\nroot = \"" + dir + "\"\nledger = \"" + server.URL(pgtest.Auditor, name) + "\"\ncopy = \"" + dir + "/copy\"\nhost = \"git-1\"\n" +
		"[identity]\nsource = \"ssh\"\n[environments.dev]\nrepository = \"{service}/dev.git\"\nrefs = [\"refs/heads/main\"]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(want int, says string, args ...string) {
		t.Helper()
		var stdout, stderr strings.Builder
		status := Run(append(args, "--policy", file), &stdout, &stderr, os.Getenv)
		if out := stdout.String() + stderr.String(); status != want || !strings.Contains(out, says) {
			t.Errorf("%v: status %d, want %d with %q:\n%s", args, status, want, says, out)
		}
	}
	run(exitYes, "nothing has been deployed yet", "status")
	cursor := filepath.Join(dir, "cursor")
	run(exitYes, `"seq":1,`, "log", "--format", "json", "--cursor", cursor)
	run(exitYes, "", "log", "--format", "json", "--cursor", cursor)
	run(exitFault, "permission denied", "lock", "dev", "--reason", "r")
	run(exitYes, "\ncopy      "+dir+"/copy\nhost      git-1\n", "check")
	if err := os.Mkdir(filepath.Join(dir, "copy"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "copy", ledger.IndexName), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	run(exitNo, "is the folder of a ledger in files", "check")
}
