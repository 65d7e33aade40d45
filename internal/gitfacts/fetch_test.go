package gitfacts

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFetchRef fetches a ref without running hooks, and tells an absent one from
// a repository that is not there.
func TestFetchRef(t *testing.T) {
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
	r := open(t, here)
	for range 2 {
		id, err := r.FetchRef(t.Context(), from, "refs/notes/x", "refs/pathgate/fetched/x")
		if err != nil || id != one {
			t.Fatalf("%q, %v", id, err)
		}
	}
	checkRef(t, r, "refs/pathgate/fetched/x", Ref{ID: one})
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook ran")
	}
	if _, err := os.Stat(filepath.Join(here, "FETCH_HEAD")); err == nil {
		t.Error("FETCH_HEAD was written")
	}
	if id, err := r.FetchRef(t.Context(), from, "refs/notes/absent", "refs/pathgate/fetched/y"); err != nil || id != "" {
		t.Errorf("absent: %q, %v", id, err)
	}
	for _, url := range []string{from + "-none", "--upload-pack=touch " + ran} {
		if id, err := r.FetchRef(t.Context(), url, "refs/notes/x", "refs/pathgate/fetched/y"); err == nil {
			t.Errorf("%s: %q and no error", url, id)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a URL ran a command")
	}
	if _, err := r.FetchRef(t.Context(), from, "refs/notes/x", "main"); err == nil {
		t.Error("a name that is no full ref was taken")
	}
}
