package gitfacts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// refSite is a bare repository that has one commit under several refs.
func refSite(t *testing.T) (*Repository, policy.ObjectID) {
	t.Helper()
	bare, work := newRepository(t)
	id := commit(t, work, "one")
	git(t, work, "tag", "-a", "-m", "t", "v1")
	git(t, work, "push", "-q", bare, "main", "main:refs/heads/stg", "v1")
	return open(t, bare), id
}

func checkRef(t *testing.T, r *Repository, name policy.RefName, want Ref) {
	t.Helper()
	got, found, err := r.Ref(t.Context(), name)
	if err != nil || got != want || found != (want != Ref{}) {
		t.Errorf("%s: got %+v, %v, %v, want %+v", name, got, found, err, want)
	}
}

// Loose, packed, both, and read by git as in a reftable repository.
func TestRef(t *testing.T) {
	r, id := refSite(t)
	git(t, r.gitDir, "symbolic-ref", "refs/heads/feature", "refs/heads/stg")
	git(t, r.gitDir, "symbolic-ref", "refs/heads/dangling", "refs/heads/absent")
	tag := policy.ObjectID(git(t, r.gitDir, "rev-parse", "v1"))
	check := func() {
		t.Helper()
		checkRef(t, r, "refs/heads/main", Ref{ID: id})
		checkRef(t, r, "refs/tags/v1", Ref{ID: tag})
		checkRef(t, r, "refs/heads/feature", Ref{Target: "refs/heads/stg"})
		checkRef(t, r, "refs/heads/dangling", Ref{Target: "refs/heads/absent"})
		checkRef(t, r, "HEAD", Ref{Target: "refs/heads/main"})
		checkRef(t, r, "refs/heads/absent", Ref{})
		checkRef(t, r, "refs/heads", Ref{})
		checkRef(t, r, "refs/heads/main/below", Ref{})
	}
	check()
	git(t, r.gitDir, "pack-refs", "--all")
	if _, err := os.Stat(r.gitDir + "/refs/heads/main"); err == nil {
		t.Fatal("the refs are still loose")
	}
	check()
	checkRef(t, r, policy.RefName("refs/heads/"+strings.Repeat("x", 3000)), Ref{})
	r.storage = Reftable
	check()
	git(t, r.gitDir, "update-ref", "--no-deref", "HEAD", string(id))
	checkRef(t, r, "HEAD", Ref{ID: id})
	r.storage = Files
	checkRef(t, r, "HEAD", Ref{ID: id})
	for _, name := range []policy.RefName{"", "main", "refs/../config", "refs/heads/a..b", "refs//x", "/refs/x", "config", "refs/heads/x.lock"} {
		if ref, _, err := r.Ref(t.Context(), name); err == nil {
			t.Errorf("%q: got %+v, want an error", name, ref)
		}
	}
}

func TestReftable(t *testing.T) {
	dir := t.TempDir()
	if out, err := tryGit(dir, "", "init", "-q", "--ref-format=reftable", "--bare", "x.git"); err != nil {
		t.Skipf("needs a git that knows reftable (2.45): %s", strings.SplitN(out, "\n", 2)[0])
	}
	_, work := newRepository(t)
	id := commit(t, work, "one")
	git(t, work, "push", "-q", dir+"/x.git", "HEAD:refs/heads/stg")
	git(t, dir+"/x.git", "symbolic-ref", "refs/heads/feature", "refs/heads/stg")
	git(t, dir+"/x.git", "symbolic-ref", "refs/heads/dangling", "refs/heads/absent")
	r := open(t, dir+"/x.git")
	checkRef(t, r, "refs/heads/stg", Ref{ID: id})
	checkRef(t, r, "refs/heads/feature", Ref{Target: "refs/heads/stg"})
	checkRef(t, r, "refs/heads/dangling", Ref{Target: "refs/heads/absent"})
	checkRef(t, r, "refs/heads/absent", Ref{})
}

func TestResolve(t *testing.T) {
	r, id := refSite(t)
	link := func(from, to string) { write(t, r.gitDir+"/"+from, "ref: "+to+"\n") }
	link("refs/heads/s1", "refs/heads/stg")
	for i := 2; i <= 6; i++ {
		link(fmt.Sprintf("refs/heads/s%d", i), fmt.Sprintf("refs/heads/s%d", i-1))
	}
	link("refs/heads/loop1", "refs/heads/loop2")
	link("refs/heads/loop2", "refs/heads/loop1")
	link("refs/heads/dangling", "refs/heads/absent")
	tests := map[policy.RefName]Resolution{
		"refs/heads/stg":      {"refs/heads/stg", id},
		"refs/heads/s1":       {"refs/heads/stg", id},
		"refs/heads/s5":       {"refs/heads/stg", id},
		"refs/heads/absent":   {"refs/heads/absent", ""},
		"refs/heads/dangling": {"refs/heads/absent", ""},
		"HEAD":                {"refs/heads/main", id},
	}
	for name, want := range tests {
		final, got, err := r.Resolve(t.Context(), name)
		if err != nil || final != want.Ref || got != want.ID {
			t.Errorf("%s: %s %s, %v", name, final, got, err)
		}
	}
	for _, name := range []policy.RefName{"refs/heads/s6", "refs/heads/loop1"} {
		if final, got, err := r.Resolve(t.Context(), name); err == nil {
			t.Errorf("%s: %s %s, want an error", name, final, got)
		}
	}
}

// A ref that is there but broken is an error, never absent; what git takes for
// absent or for a link is so here.
func TestHostileRefs(t *testing.T) {
	r, id := refSite(t)
	git(t, r.gitDir, "pack-refs", "--all")
	heads := r.gitDir + "/refs/heads/"
	for name, data := range map[string]string{
		"empty": "", "garbage": "garbage\n", "short": string(id[:39]) + "\n", "upper": strings.ToUpper(string(id)) + "\n",
		"long": string(id) + "0\n", "zero": strings.Repeat("0", 40) + "\n", "two": string(id) + "\n" + string(id) + "\n",
		"huge": string(id) + strings.Repeat("\n", 1<<20), "out": "ref: ../../config\n", "bare": "ref:\n", "config": "ref: HEAD\n",
		"main": "garbage that hides a packed ref\n", "nul": string(id) + "\x00\n",
	} {
		write(t, heads+name, data)
		if ref, found, err := r.Ref(t.Context(), policy.RefName("refs/heads/"+name)); err == nil {
			t.Errorf("%s: got %+v, %v", name, ref, found)
		}
	}
	if err := syscall.Mkfifo(heads+"fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Ref(t.Context(), "refs/heads/fifo"); err == nil {
		t.Error("a pipe is a ref")
	}
	for name, target := range map[string]string{"link": "refs/heads/stg", "file": "target", "loop": "loop"} {
		if err := os.Symlink(target, heads+name); err != nil {
			t.Fatal(err)
		}
	}
	checkRef(t, r, "refs/heads/link", Ref{Target: "refs/heads/stg"})
	write(t, heads+"target", string(id)+" \n")
	checkRef(t, r, "refs/heads/file", Ref{ID: id})
	if _, _, err := r.Ref(t.Context(), "refs/heads/loop"); err == nil {
		t.Error("a link to itself is a ref")
	}
	if err := os.MkdirAll(heads+"stg/empty", 0o755); err != nil {
		t.Fatal(err)
	}
	checkRef(t, r, "refs/heads/stg", Ref{ID: id}) // packed, an empty folder in its place
	for _, data := range []string{"garbage\n", string(id) + " refs/heads/x", "zz refs/heads/x\n", strings.Repeat("x", 20000) + "\n"} {
		write(t, r.gitDir+"/packed-refs", data)
		if _, _, err := r.Ref(t.Context(), "refs/heads/nowhere"); err == nil {
			t.Errorf("packed-refs %.30q: no error", data)
		}
	}
}

func TestLinkedWorktreeRefs(t *testing.T) {
	_, work := newRepository(t)
	id := commit(t, work, "one")
	linked := filepath.Join(filepath.Dir(work), "linked")
	git(t, work, "worktree", "add", "-q", linked)
	r := open(t, linked)
	checkRef(t, r, "HEAD", Ref{Target: "refs/heads/linked"})
	checkRef(t, r, "refs/heads/main", Ref{ID: id})
}

// Many names against many packed refs, sorted and not, agree with git.
func TestManyRefs(t *testing.T) {
	r, id := refSite(t)
	const n = 20_000
	var batch strings.Builder
	for i := range n {
		fmt.Fprintf(&batch, "create refs/heads/b/%05d %s\n", i*7919%100_000, id)
	}
	if out, err := tryGit(r.gitDir, batch.String(), "update-ref", "--stdin"); err != nil {
		t.Fatal(out)
	}
	git(t, r.gitDir, "pack-refs", "--all")
	listed := strings.Fields(git(t, r.gitDir, "for-each-ref", "--format=%(refname)"))
	var names []policy.RefName
	for i := range 100_000 {
		if i%2 == 0 {
			names = append(names, policy.RefName(fmt.Sprintf("refs/heads/b/%05d", i)))
		}
	}
	for _, name := range listed {
		names = append(names, policy.RefName(name))
	}
	start := time.Now()
	refs, err := r.Refs(t.Context(), names)
	if err != nil || len(refs) != len(listed) {
		t.Fatalf("%d of %d refs, %v", len(refs), len(listed), err)
	}
	t.Logf("%d names of %d refs in %s", len(names), len(listed), time.Since(start))
	raw, err := os.ReadFile(r.gitDir + "/packed-refs")
	if err != nil || !strings.Contains(strings.SplitN(string(raw), "\n", 2)[0], " sorted ") {
		t.Fatalf("packed-refs is not sorted: %v", err)
	}
	for _, name := range names[len(names)-300:] {
		checkRef(t, r, name, refs[name])
	}
	_, unsorted, _ := strings.Cut(string(raw), "\n")
	write(t, r.gitDir+"/packed-refs", unsorted)
	for _, name := range names[len(names)-10:] {
		checkRef(t, r, name, refs[name])
	}
}

// Nothing is ever absent while refs are packed and made loose again.
func TestRefWhilePacked(t *testing.T) {
	r, id := refSite(t)
	done := make(chan string)
	go func() {
		for range 15 {
			for _, args := range [][]string{{"pack-refs", "--all"}, {"update-ref", "refs/heads/stg", string(id)}} {
				if out, err := tryGit(r.gitDir, "", args...); err != nil {
					done <- out
					return
				}
			}
		}
		close(done)
	}()
	for {
		select {
		case out := <-done:
			if out != "" {
				t.Fatal(out)
			}
			return
		default:
			checkRef(t, r, "refs/heads/stg", Ref{ID: id})
		}
	}
}
