package gitfacts

import (
	"errors"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// fetch fetches refs/notes/x, and keeps it if it is there.
func fetch(t *testing.T, r *Repository, from string, ref, to policy.RefName) (policy.ObjectID, error) {
	t.Helper()
	f, err := r.Fetch(t.Context(), from, ref, 1<<20)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if f.Tip == "" {
		return "", nil
	}
	if _, exit, err := f.Seen.Git(t.Context(), nil, "cat-file", "-e", string(f.Tip)); err != nil || exit != 0 {
		t.Errorf("what was fetched is not seen: %d, %v", exit, err)
	}
	return f.Tip, f.Keep(t.Context(), r, to)
}

// TestFetch fetches a ref without running hooks, and tells an absent one from a
// repository that is not there.
func TestFetch(t *testing.T) {
	from, work := newRepository(t)
	here, _ := newRepository(t)
	one := commit(t, work, "one")
	git(t, work, "push", "-q", from, "main:refs/notes/x")
	ran := filepath.Join(t.TempDir(), "ran")
	for _, hook := range []string{"reference-transaction", "post-update", "pre-auto-gc"} {
		write(t, filepath.Join(here, "hooks", hook), "#!/bin/sh\ntouch "+ran+"\n")
		if err := os.Chmod(filepath.Join(here, "hooks", hook), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GIT_DIR", "/nonexistent")
	t.Setenv("TMPDIR", t.TempDir())
	r := open(t, here)
	f, err := r.Fetch(t.Context(), from, "refs/notes/x", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook ran")
	}
	if err := os.Remove(filepath.Join(here, "hooks", "reference-transaction")); err != nil { // Keep moves a ref
		t.Fatal(err)
	}
	for _, to := range []policy.RefName{"refs/pathgate/fetched/x", "refs/pathgate/fetched/y"} {
		id, err := fetch(t, r, from, "refs/notes/x", to)
		if err != nil || id != one {
			t.Fatalf("%q, %v", id, err)
		}
		checkRef(t, r, to, Ref{ID: one})
	}
	if _, err := os.Stat(filepath.Join(here, "FETCH_HEAD")); err == nil {
		t.Error("FETCH_HEAD was written")
	}
	if id, err := fetch(t, r, from, "refs/notes/absent", "refs/pathgate/fetched/z"); err != nil || id != "" {
		t.Errorf("absent: %q, %v", id, err)
	}
	for _, url := range []string{from + "-none", "--upload-pack=touch " + ran} {
		if id, err := fetch(t, r, url, "refs/notes/x", "refs/pathgate/fetched/z"); err == nil {
			t.Errorf("%s: %q and no error", url, id)
		}
	}
	if _, err := fetch(t, r, from, "x", "refs/pathgate/fetched/z"); err == nil {
		t.Error("a name that is no full ref was taken")
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook, or a URL, ran a command")
	}
	checkLeft(t, here)
}

// checkLeft checks that a repository has no packs, and that nothing is left in
// TMPDIR.
func checkLeft(t *testing.T, repo string) {
	t.Helper()
	for _, pattern := range []string{filepath.Join(repo, "objects", "pack", "*"), filepath.Join(os.TempDir(), "*")} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	}
}

// TestFetchLarge fetches as much as is let, and no more: of that nothing comes
// into the repository.
func TestFetchLarge(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		from, work := newRepository(t, "--object-format="+format)
		here, _ := newRepository(t, "--object-format="+format)
		t.Setenv("TMPDIR", t.TempDir())
		r := open(t, here)
		for _, c := range []struct {
			blobs int // of 100 bytes, so that there is a pack
			size  int // of another that does not compress
			ok    bool
		}{{200, 700 << 10, true}, {1, 3 << 20, false}} {
			large := make([]byte, c.size)
			rand.New(rand.NewSource(1)).Read(large)
			write(t, filepath.Join(work, "large"), string(large))
			for i := range c.blobs {
				write(t, filepath.Join(work, "small"+strings.Repeat("x", i)), strings.Repeat("x", i))
			}
			git(t, work, "add", ".")
			tip := commit(t, work, format)
			git(t, work, "push", "-q", "-f", from, "main:refs/notes/x")
			before, _ := filepath.Glob(filepath.Join(here, "objects", "*", "*"))
			id, err := fetch(t, r, from, "refs/notes/x", "refs/pathgate/fetched/x")
			switch {
			case c.ok && (err != nil || id != tip):
				t.Errorf("%s, %d bytes: %q, %v", format, c.size, id, err)
			case c.ok:
				git(t, here, "fsck", "--strict", "--connectivity-only")
			case !errors.Is(err, errTooMuch):
				t.Errorf("%s, %d bytes: %v", format, c.size, err)
			}
			after, _ := filepath.Glob(filepath.Join(here, "objects", "*", "*"))
			if !c.ok && len(after) != len(before) {
				t.Errorf("%s: %d files where there were %d", format, len(after), len(before))
			}
			if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		}
	}
}

// TestFetchLimits checks that what git starts gets no more time and memory than
// it may take.
func TestFetchLimits(t *testing.T) {
	here, _ := newRepository(t)
	told := filepath.Join(t.TempDir(), "told")
	ssh := filepath.Join(t.TempDir(), "ssh")
	write(t, ssh, "#!/bin/sh\n{ ulimit -t; ulimit -d; ulimit -f; } >"+told+"\nexit 1\n")
	if err := os.Chmod(ssh, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_SSH_COMMAND", ssh)
	t.Setenv("GIT_SSH_VARIANT", "ssh")
	if _, err := open(t, here).Fetch(t.Context(), "ssh://git@host.invalid/x.git", "refs/notes/x", 1<<20); err == nil {
		t.Fatal("no error")
	}
	if got, err := os.ReadFile(told); err != nil || string(got) != "600\n1048576\n2048\n" {
		t.Errorf("%q, %v", got, err)
	}
}
