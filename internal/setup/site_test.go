package setup

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pathgate/pathgate/internal/policyfile"
)

func TestMain(m *testing.M) {
	syscall.Umask(0o022)
	os.Exit(m.Run())
}

// A testSite is a server's folder: policy, hooks, ledger, three repositories
// and a working clone with two commits.
type testSite struct {
	t    *testing.T
	dir  string
	work string
	o    Options
}

const testPolicy = `version = 1
root = "ROOT/srv"
ledger = "ROOT/ledger"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
[environments.rel]
repository = "{service}/rel.git"
refs = ["refs/heads/release/*"]
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main", "refs/heads/hotfix"]
after = ["dev"]
[environments.apps]
repository = "apps/{service}/web"
refs = ["refs/heads/main"]
`

func newSite(t *testing.T) *testSite {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &testSite{t: t, dir: dir, work: filepath.Join(dir, "work")}
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(dir, "gitconfig"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	s.write("gitconfig", "", 0o644)
	s.write("policy.toml", strings.ReplaceAll(testPolicy, "ROOT", dir), 0o644)
	s.o = Options{PolicyPath: filepath.Join(dir, "policy.toml"), HooksDir: filepath.Join(dir, "lib", "hooks")}
	for _, name := range hookNames {
		s.write("lib/hooks/"+name, "#!/bin/sh\necho gate "+name+" refuses >&2\nexit 1\n", 0o755)
	}
	if s.o.Policy, err = policyfile.Load(s.o.PolicyPath); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dev", "prd", "rel"} {
		s.git("", "init", "-q", "--bare", s.repo(name))
	}
	s.git("", "init", "-q", "-b", "main", s.work)
	s.git(s.work, "commit", "-q", "--allow-empty", "-m", "one")
	s.git(s.work, "commit", "-q", "--allow-empty", "-m", "two")
	return s
}

func (s *testSite) repo(name string) string {
	return filepath.Join(s.dir, "srv", "shop", name+".git")
}

func (s *testSite) write(name, data string, mode os.FileMode) string {
	s.t.Helper()
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, name)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), mode); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *testSite) try(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-c", "safe.directory=*"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (s *testSite) git(dir string, args ...string) string {
	s.t.Helper()
	out, err := s.try(dir, args...)
	if err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

// id is a commit of the working clone.
func (s *testSite) id(name string) string { return s.git(s.work, "rev-parse", name) }

// fill puts a commit onto a ref without asking any hook.
func (s *testSite) fill(repo, commit, ref string) {
	s.t.Helper()
	s.git(s.work, "push", "-q", "--receive-pack=git -c core.hooksPath=/nonexistent -c receive.procReceiveRefs=refs/none receive-pack",
		s.repo(repo), "+"+commit+":refs/import/x")
	s.git(s.repo(repo), "update-ref", ref, s.id(commit))
	s.git(s.repo(repo), "update-ref", "-d", "refs/import/x")
}

func (s *testSite) install(path string) Report {
	s.t.Helper()
	r, err := Install(context.Background(), s.o, path)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *testSite) uninstall(path string) Report {
	s.t.Helper()
	r, err := Uninstall(context.Background(), s.o, path)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *testSite) read(path string) string {
	s.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// tree lists a folder: names, modes, link targets and small files' content.
func (s *testSite) tree(dir string) string {
	s.t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(path + " " + info.Mode().String())
		if info.Mode()&os.ModeSymlink != 0 {
			target, _ := os.Readlink(path)
			b.WriteString(" -> " + target)
		} else if info.Mode().IsRegular() {
			b.WriteString(" " + s.read(path))
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

func (s *testSite) wantLink(repo, name string) {
	s.t.Helper()
	target, err := os.Readlink(filepath.Join(repo, "hooks", name))
	if err != nil || target != filepath.Join(s.o.HooksDir, name) {
		s.t.Errorf("hook %s of %s leads to %q, %v", name, repo, target, err)
	}
}

func wantIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in:\n%s", p, text)
		}
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; wanted %q", parts)
	}
	wantIn(t, err.Error(), parts...)
}
