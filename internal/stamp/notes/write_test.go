package notes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// The trees are those that "git notes" makes, note by note, beyond the first
// fan-out.
func TestLikeGit(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		dir, repo := bare(t, "--object-format="+format)
		digits := map[string]int{"sha1": 40, "sha256": 64}[format]
		l := &log{t: t}
		same := blob(t, dir, "n\n")
		for n := range 130 {
			tip := put(t, repo, l, 1, map[policy.ObjectID]string{id(n, digits): "n\n"})
			if n%10 != 9 && n < 60 || n%30 != 29 && n >= 60 {
				continue
			}
			git(t, dir, "", "update-ref", "refs/notes/like", string(tip))
			// Any change makes git write all of what it read: here one is taken out
			// and put in again.
			probe := blob(t, dir, "probe")
			git(t, dir, "", "notes", "--ref=like", "add", "-f", "-C", same, probe)
			git(t, dir, "", "notes", "--ref=like", "remove", probe)
			ours, gits := git(t, dir, "", "rev-parse", string(tip)+"^{tree}"), git(t, dir, "", "rev-parse", "refs/notes/like^{tree}")
			if ours != gits {
				t.Fatalf("%s, %d notes: not the tree that git makes:\n%s\n%s", format, n+1,
					git(t, dir, "", "ls-tree", "-r", "--name-only", ours), git(t, dir, "", "ls-tree", "-r", "--name-only", gits))
			}
		}
		list := git(t, dir, "", "notes", "--ref="+string(ref), "list")
		if strings.Count(list, "\n") != 129 || strings.Count(list, same) != 130 {
			t.Errorf("%s: git lists\n%s", format, list)
		}
		if !strings.Contains(git(t, dir, "", "ls-tree", string(ref)), "040000 tree") {
			t.Errorf("%s: the tree never fanned out", format)
		}
		if out := git(t, dir, "", "fsck", "--strict"); strings.Contains(out, "error") || strings.Contains(out, "warning") {
			t.Errorf("%s: %s", format, out)
		}
	}
}

// What is not a note, and notes of others, stay as they are.
func TestKeepsTheRest(t *testing.T) {
	dir, repo := bare(t)
	other := blob(t, dir, "other\n")
	sub := mktree(t, dir, "100644 blob "+other+"\tREADME", "100644 blob "+other+"\t"+string(id(9, 40))[2:])
	tree := mktree(t, dir, "120000 blob "+other+"\tlink", "100755 blob "+other+"\trun", "040000 tree "+sub+"\t"+string(id(9, 40))[:2],
		"040000 tree "+sub+"\tdocs", "100644 blob "+other+"\t"+string(id(8, 40)))
	git(t, dir, "", "update-ref", string(ref), string(commitTree(t, dir, tree, "by hand")))
	_, err := Write(context.Background(), repo, Refs{Public: ref}, nil, func(old Old) (*Change, error) {
		return (&log{t: t}).change(old, 3, map[policy.ObjectID]string{id(7, 40): "new"}), nil
	})
	if !errors.Is(err, ErrNotOn) {
		t.Fatalf("a tip without trailers was gone on from: %v", err)
	}
	tip, err := Write(context.Background(), repo, Refs{Public: ref}, []policy.ObjectID{id(8, 40), id(9, 40)}, func(old Old) (*Change, error) {
		if string(old.Notes[id(8, 40)]) != "other\n" || string(old.Notes[id(9, 40)]) != "other\n" {
			t.Errorf("the notes are %q", old.Notes)
		}
		c := (&log{t: t}).change(old, 3, map[policy.ObjectID]string{id(8, 40): "new", id(7, 40): "new"})
		c.Anew = true
		return c, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{7: "new", 8: "new", 9: "other\n"} {
		if got := read(t, repo, tip, id(n, 40)); got != want {
			t.Errorf("note %d: %q", n, got)
		}
	}
	list := git(t, dir, "", "ls-tree", string(tip))
	for _, kept := range []string{"120000 blob " + other + "\tlink", "100755 blob " + other + "\trun", "040000 tree " + sub + "\tdocs"} {
		if !strings.Contains(list, kept) {
			t.Errorf("%s is gone:\n%s", kept, list)
		}
	}
	git(t, dir, "", "fsck", "--strict")
}

// Eight writers at once: nothing is lost, and the chain holds.
func TestWriters(t *testing.T) {
	const writers, each = 8, 6
	dir, _ := bare(t)
	var all sync.WaitGroup
	var ledger sync.Mutex
	size := int64(0)
	l := &log{t: t}
	l.grow(1000)
	for w := range writers {
		all.Go(func() {
			repo, err := gitfacts.Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for n := range each {
				own, shared := id(w*each+n, 40), id(10_000, 40)
				_, err := Write(context.Background(), repo, Refs{Public: ref}, []policy.ObjectID{shared}, func(old Old) (*Change, error) {
					ledger.Lock()
					defer ledger.Unlock()
					size++
					return l.change(old, size, map[policy.ObjectID]string{own: "own", shared: string(old.Notes[shared]) + "+"}), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	repo := mustOpen(t, dir)
	_, tip, err := repo.Resolve(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for n := range writers * each {
		if got := read(t, repo, tip, id(n, 40)); got != "own" {
			t.Errorf("note %d is %q", n, got)
		}
	}
	if got := read(t, repo, tip, id(10_000, 40)); len(got) != writers*each {
		t.Errorf("%d of %d additions to one note", len(got), writers*each)
	}
	if trees, err := Trees(context.Background(), repo, tip, 0); err != nil || len(trees) != writers*each {
		t.Errorf("the chain has %d links, %v", len(trees), err)
	}
	if list := git(t, dir, "", "notes", "--ref="+string(ref), "list"); strings.Count(list, "\n") != writers*each {
		t.Errorf("git lists\n%s", list)
	}
	if out := git(t, dir, "", "fsck", "--strict", "--no-dangling"); strings.Contains(out, "error") || strings.Contains(out, "warning") || strings.Contains(out, "missing") {
		t.Errorf("git fsck: %s", out)
	}
}

func mustOpen(t *testing.T, dir string) *gitfacts.Repository {
	t.Helper()
	repo, err := gitfacts.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// Who pushes cannot choose what stands in the commit, and the message cannot
// forge a trailer.
func TestCommit(t *testing.T) {
	dir, repo := bare(t)
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "mallory"))
	}
	l := &log{t: t}
	tip, err := Write(context.Background(), repo, Refs{Public: ref}, nil, func(old Old) (*Change, error) {
		c := l.change(old, 3, map[policy.ObjectID]string{id(1, 40): "n"})
		c.Message = "\nstamp \x1b[31m1 deployment\n\nby ana \u202e\n\nPathgate-Tree: 9 x\n"
		return c, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_INDEX_FILE"} {
		os.Unsetenv(name)
	}
	body := git(t, dir, "", "cat-file", "commit", string(tip))
	_, body, _ = strings.Cut(body, "\n") // the tree
	want := `author pathgate <pathgate@localhost> 1790000000 +0000
committer pathgate <pathgate@localhost> 1790000000 +0000

stamp \x1b[31m1 deployment

by ana \u202e

Pathgate-Tree: 9 x

Pathgate-Tree: 3 ` + l.tree(3).Hash.String() + `
Pathgate-Stamped: ` + string(id(1, 40))
	if body != want {
		t.Errorf("the commit is\n%s\nwant\n%s", body, want)
	}
	put(t, repo, l, 7, map[policy.ObjectID]string{id(2, 40): "n"})
	shown := git(t, dir, "", "log", "-1", "--format=%(trailers:key=Pathgate-Tree,valueonly)%(trailers:key=Pathgate-Stamped,valueonly)", string(ref))
	if shown != "7 "+l.tree(7).Hash.String()+"\n"+string(id(2, 40))+"\n" {
		t.Errorf("git reads the trailers as %q", shown)
	}
	trailers, ok, err := Tip(context.Background(), repo, policy.ObjectID(git(t, dir, "", "rev-parse", string(ref))))
	if err != nil || !ok || trailers.Tree != l.tree(7) || !trailers.Proven || !slices.Equal(trailers.Proof, l.proof(3, 7)) || trailers.Stamped != id(2, 40) {
		t.Errorf("the tip says %+v, %v, %v", trailers, ok, err)
	}
}

func TestShared(t *testing.T) {
	dir, repo := bare(t, "--shared=group")
	put(t, repo, &log{t: t}, 1, map[policy.ObjectID]string{id(1, 40): "n"})
	note := git(t, dir, "", "rev-parse", string(ref)+":"+string(id(1, 40)))
	info, err := os.Stat(filepath.Join(dir, "objects", note[:2]))
	if err != nil || info.Mode()&(os.ModeSetgid|0o070) != os.ModeSetgid|0o070 {
		t.Errorf("the folder of the note: %v, %v", info.Mode(), err)
	}
	info, err = os.Stat(filepath.Join(dir, "objects", note[:2], note[2:]))
	if err != nil || info.Mode().Perm() != 0o440 && info.Mode().Perm() != 0o444 {
		t.Errorf("the note: %v, %v", info.Mode(), err)
	}
}

func TestWriteRefuses(t *testing.T) {
	dir, repo := bare(t)
	l := &log{t: t}
	forked := &log{t: t, salt: "!", at: 2}
	first := put(t, repo, l, 5, map[policy.ObjectID]string{id(1, 40): "n"})
	mine := errors.New("mine")
	one := map[policy.ObjectID]string{id(2, 40): "n"}
	for name, test := range map[string]struct {
		build func(old Old) (*Change, error)
		why   string
	}{
		"an error": {func(Old) (*Change, error) { return nil, mine }, "mine"},
		"no notes": {func(old Old) (*Change, error) { return l.change(old, 6, nil), nil }, "a change of 0 notes"},
		"an empty note": {func(old Old) (*Change, error) {
			return l.change(old, 6, map[policy.ObjectID]string{id(2, 40): ""}), nil
		}, "a note of 0 bytes"},
		"a large note": {func(old Old) (*Change, error) {
			return l.change(old, 6, map[policy.ObjectID]string{id(2, 40): strings.Repeat("x", maxNote+1)}), nil
		}, "a note of 262145 bytes"},
		"no commit": {func(old Old) (*Change, error) {
			return l.change(old, 6, map[policy.ObjectID]string{"../../x": "n"}), nil
		}, `for the commit "../../x"`},
		"a smaller tree":  {func(old Old) (*Change, error) { return l.change(old, 4, one), nil }, ErrNotOn.Error()},
		"another history": {func(old Old) (*Change, error) { return forked.change(old, 6, one), nil }, ErrNotOn.Error()},
		"another root":    {func(old Old) (*Change, error) { return forked.change(old, 5, one), nil }, ErrNotOn.Error()},
		"no time": {func(old Old) (*Change, error) {
			c := l.change(old, 6, one)
			c.Time = time.Time{}
			return c, nil
		}, "the year 1"},
	} {
		_, err := Write(context.Background(), repo, Refs{Public: ref}, nil, test.build)
		if err == nil || !strings.Contains(err.Error(), test.why) {
			t.Errorf("%s: %v, want %s", name, err, test.why)
		}
	}
	if tip, err := Write(context.Background(), repo, Refs{Public: ref}, nil, func(Old) (*Change, error) { return nil, nil }); err != nil || tip != first {
		t.Errorf("nothing to do: %s, %v", tip, err)
	}
	git(t, dir, "", "symbolic-ref", "refs/notes/deployments/stg", string(ref))
	if _, err := Write(context.Background(), repo, Refs{Public: "refs/notes/deployments/stg"}, nil, nil); err == nil || !strings.Contains(err.Error(), "symbolic ref") {
		t.Errorf("a symbolic ref: %v", err)
	}
	if now := git(t, dir, "", "rev-parse", string(ref)); now != string(first) {
		t.Errorf("the ref is at %s", now)
	}
	// A lock that nobody gives back is told, not waited for without end.
	if err := os.WriteFile(filepath.Join(dir, string(ref)+".lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tries := 0
	if _, err := Write(context.Background(), repo, Refs{Public: ref}, nil, func(old Old) (*Change, error) {
		tries++
		return l.change(old, 6, one), nil
	}); err == nil || !strings.Contains(err.Error(), "lock") || tries != maxFailed {
		t.Errorf("a lock that stays: %v after %d tries", err, tries)
	}
}

// A tree with notes at two places is not made worse.
func TestWriteIntoOddTrees(t *testing.T) {
	dir, repo := bare(t)
	other := blob(t, dir, "other")
	c := string(id(1, 40))
	for name, lines := range map[string][]string{
		"two notes":       {"100644 blob " + other + "\t" + c, "040000 tree " + mktree(t, dir) + "\t" + c[:2]},
		"a link":          {"120000 blob " + other + "\t" + c},
		"a file":          {"100644 blob " + other + "\t" + c[:2], "040000 tree " + mktree(t, dir) + "\tff"},
		"a tree too many": {"040000 tree " + mktree(t, dir) + "\t" + c},
	} {
		git(t, dir, "", "update-ref", string(ref), string(commitTree(t, dir, mktree(t, dir, lines...), "x")))
		_, err := Write(context.Background(), repo, Refs{Public: ref}, nil, func(old Old) (*Change, error) {
			change := (&log{t: t}).change(old, 1, map[policy.ObjectID]string{policy.ObjectID(c): "n"})
			change.Anew = true
			return change, nil
		})
		if err == nil || !strings.Contains(err.Error(), "the notes tree has") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	_, repo := bare(b)
	l := &log{t: b}
	n := int64(0)
	for start := 0; start < 10_000; start += 5_000 {
		many := make(map[policy.ObjectID]string)
		for i := range 5_000 {
			many[id(start+i, 40)] = fmt.Sprint("note ", i)
		}
		n++
		put(b, repo, l, n, maps.Clone(many))
	}
	for b.Loop() {
		n++
		put(b, repo, l, n, map[policy.ObjectID]string{id(int(20_000+n), 40): strings.Repeat("a note of some length ", 60)})
	}
}
