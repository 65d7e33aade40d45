package install_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/pgtest"
)

// A sharer is a host with one repository whose policy names a ledger in
// PostgreSQL, and an installed pathgate.
type sharer struct {
	*testing.T
	dir, prefix string
	env         []string
}

func newSharer(t *testing.T, prefix, url string) *sharer {
	t.Helper()
	s := &sharer{T: t, dir: t.TempDir(), prefix: prefix}
	s.env = []string{"HOME=" + s.dir, "PATHGATE_USER=ana", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Ana", "GIT_AUTHOR_EMAIL=ana@example.com", "GIT_COMMITTER_NAME=Ana", "GIT_COMMITTER_EMAIL=ana@example.com"}
	text := fmt.Sprintf("version = 1\nroot = %q\nledger = %q\nhost = \"git-1\"\nidentity.source = \"env:PATHGATE_USER\"\n"+
		"environments.dev = { repository = \"{service}/dev.git\", refs = [\"refs/heads/main\"] }\n", filepath.Join(s.dir, "srv"), url)
	if err := os.WriteFile(s.policy(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, s.dir, s.env, "git", "init", "-q", "--bare", s.repo())
	must(t, s.dir, s.env, "git", "init", "-q", "-b", "main", "work")
	must(t, filepath.Join(s.dir, "work"), s.env, "git", "commit", "-q", "--allow-empty", "-m", "first")
	return s
}

func (s *sharer) policy() string { return filepath.Join(s.dir, "policy.toml") }

func (s *sharer) repo() string { return filepath.Join(s.dir, "srv", "shop", "dev.git") }

// pathgate runs the installed command.
func (s *sharer) pathgate(args ...string) (string, int) {
	s.Helper()
	out, status, err := execute(s.dir, s.env, filepath.Join(s.prefix, "bin", "pathgate"), args...)
	if err != nil {
		s.Fatal(err)
	}
	return out, status
}

func (s *sharer) well(args ...string) string {
	s.Helper()
	out, status := s.pathgate(args...)
	if status != 0 {
		s.Fatalf("pathgate %v: status %d\n%s", args, status, out)
	}
	return out
}

func (s *sharer) push() (string, int) {
	s.Helper()
	out, status, err := execute(filepath.Join(s.dir, "work"), s.env, "git", "push", s.repo(), "main")
	if err != nil {
		s.Fatal(err)
	}
	return out, status
}

// What install.sh --postgres builds keeps its ledger in PostgreSQL. What it
// builds without says what to do, and its hooks refuse.
func TestInstallPostgres(t *testing.T) {
	plain := installed(t)
	server := pgtest.Start(t, pgtest.Options{})
	name, err := server.Create()
	if err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(t.TempDir(), "prefix")
	out := must(t, repository(t), nil, "./install.sh", "--postgres", "--prefix", prefix)
	if !strings.Contains(out, "help postgres") {
		t.Errorf("install.sh --postgres does not say where to go on:\n%s", out)
	}
	s := newSharer(t, prefix, server.URL(pgtest.Hooks, name))
	s.well("ledger", "migrate", server.URL(pgtest.Owner, name), "--writer", pgtest.Hooks, "--reader", pgtest.Auditor)
	s.well("install", "--policy", s.policy(), s.repo())
	if out, status := s.push(); status != 0 || !strings.Contains(out, "success: dev is now") {
		t.Errorf("a push: status %d\n%s", status, out)
	}
	s.well("ledger", "verify", "--policy", s.policy())
	rows, err := server.Primary.Query(name, "SELECT count(*) FROM pathgate.record WHERE type = 'deployed' AND host = 'git-1'")
	if err != nil || len(rows) != 1 || rows[0][0] != "1" {
		t.Errorf("the database has %v deployments, %v; want 1", rows, err)
	}

	const says = "this pathgate was built without PostgreSQL"
	s.prefix = plain
	for _, args := range [][]string{{"ledger", "verify", "--policy", s.policy()}, {"install", "--policy", s.policy(), s.repo()},
		{"ledger", "migrate", server.URL(pgtest.Owner, name)}} {
		if out, status := s.pathgate(args...); status == 0 || !strings.Contains(out, says) || !strings.Contains(out, "install.sh --postgres") {
			t.Errorf("pathgate %v, built without: status %d\n%s", args, status, out)
		}
	}
	must(t, s.dir, s.env, "git", "-C", s.repo(), "config", "core.hooksPath", filepath.Join(plain, "lib", "pathgate", "hooks"))
	must(t, filepath.Join(s.dir, "work"), s.env, "git", "commit", "-q", "--allow-empty", "-m", "second")
	if out, status := s.push(); status == 0 || !strings.Contains(out, says) {
		t.Errorf("a push to hooks that were built without: status %d\n%s", status, out)
	}
}
