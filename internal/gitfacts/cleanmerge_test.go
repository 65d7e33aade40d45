package gitfacts

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

const lines = "1\n2\n3\n4\n5\n6\n7\n8\n9\n"

func treeOf(t testing.TB, work string, id policy.ObjectID) string {
	t.Helper()
	return git(t, work, "rev-parse", string(id)+"^{tree}")
}

// kindsOfMerges makes merges of all kinds and says which are clean.
func kindsOfMerges(t testing.TB, work string) map[string]struct {
	id    policy.ObjectID
	clean bool
} {
	type kind = struct {
		id    policy.ObjectID
		clean bool
	}
	base := put(t, work, "f", lines)
	from(t, work, "a", base)
	a := put(t, work, "f", "A\n"+lines)
	from(t, work, "b", base)
	b := put(t, work, "f", lines+"B\n")
	from(t, work, "c", base)
	c := put(t, work, "f", "C\n"+lines) // conflicts with a
	from(t, work, "r", base)
	git(t, work, "mv", "f", "g")
	r := commit(t, work, "rename")
	git(t, work, "checkout", "-q", "--orphan", "o")
	o := put(t, work, "o", "other")
	from(t, work, "m1", a)
	ab := mergeIn(t, work, b)
	from(t, work, "m2", b)
	ba := mergeIn(t, work, a)
	from(t, work, "x1", ab)
	x1 := put(t, work, "x1", "1")
	from(t, work, "x2", ba)
	x2 := put(t, work, "x2", "1")
	from(t, work, "renamed", a)
	renamed := mergeIn(t, work, r)
	from(t, work, "cross", x1)
	cross := mergeIn(t, work, x2)
	from(t, work, "evil", ab)
	write(t, work+"/evil", "evil")
	git(t, work, "add", ".")
	evil := git(t, work, "write-tree")
	git(t, work, "checkout", "-q", "-f", "evil")
	both, _ := tryGit(work, "", "merge-tree", "--write-tree", "--allow-unrelated-histories", string(a), string(o))
	marked, _ := tryGit(work, "", "merge-tree", "--write-tree", "-z", "--no-messages", string(a), string(c))
	marked, _, _ = strings.Cut(marked, "\x00")
	same := func(id policy.ObjectID) string { return treeOf(t, work, id) }
	return map[string]kind{
		"clean":                   {ab, true},
		"clean, other way round":  {ba, true},
		"criss-cross":             {cross, true},
		"with a rename":           {renamed, true},
		"of an ancestor":          {onto(t, work, same(a), a, base), true},
		"evil":                    {onto(t, work, evil, a, b), false},
		"any tree":                {onto(t, work, same(o), a, b), false},
		"takes ours":              {onto(t, work, same(a), a, b), false},
		"reverts a descendant":    {onto(t, work, same(base), base, a), false},
		"conflict solved":         {onto(t, work, same(a), a, c), false},
		"conflict markers":        {onto(t, work, marked, a, c), false},
		"octopus":                 {onto(t, work, same(ab), a, b, base), false},
		"one parent":              {onto(t, work, same(a), a), false},
		"no parent":               {onto(t, work, same(a)), false},
		"unrelated":               {onto(t, work, both, a, o), false},
		"unrelated, takes theirs": {onto(t, work, same(o), a, o), false},
	}
}

func TestCleanMerges(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		kinds := kindsOfMerges(t, work)
		var all []policy.ObjectID
		want := make(map[policy.ObjectID]bool)
		for _, k := range kinds {
			all = append(all, k.id)
			if k.clean {
				want[k.id] = true
			}
		}
		keep(t, bare, work, all...)
		pack()
		// Neither configuration nor attributes change what is clean, or run
		// anything.
		ran := filepath.Join(filepath.Dir(bare), "ran")
		for key, value := range map[string]string{"merge.renames": "false", "merge.default": "own", "merge.own.driver": "touch '" + ran + "'",
			"merge.union.driver": "touch '" + ran + "'", "core.attributesFile": bare + "/info/attributes"} {
			git(t, bare, "config", key, value)
		}
		write(t, bare+"/info/attributes", "* merge=own\nf merge=union\n")
		count := func() string { return git(t, bare, "count-objects", "-v") }
		before := count()
		r := open(t, bare)
		got, err := r.cleanMerges(t.Context(), all)
		if err != nil || !reflect.DeepEqual(got, want) {
			for name, k := range kinds {
				if got[k.id] != k.clean {
					t.Errorf("%s: %v", name, got[k.id])
				}
			}
			t.Error(err)
		}
		if after := count(); after != before {
			t.Errorf("the repository changed:\n%s\n%s", before, after)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Error("a merge driver ran")
		}
		// One at a time, as with git 2.38.
		merges, err := r.readMerges(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		s, remove, err := r.scratch("")
		if err != nil {
			t.Fatal(err)
		}
		defer remove()
		for _, m := range merges {
			trees, err := s.mergeOne(t.Context(), m)
			if err != nil || len(trees) != 1 || (trees[0] == m.tree) != want[m.id] {
				t.Errorf("%v: %v, %v", m, trees, err)
			}
		}
	})
}

// Attributes in a tree cannot make a conflict clean.
func TestCleanMergeAttributes(t *testing.T) {
	bare, work := newRepository(t)
	write(t, work+"/.gitattributes", "f merge=union\n")
	base := put(t, work, "f", lines)
	a := put(t, work, "f", "A\n"+lines)
	from(t, work, "c", base)
	c := put(t, work, "f", "C\n"+lines)
	write(t, work+"/f", "A\nC\n"+lines)
	git(t, work, "add", ".")
	union := onto(t, work, git(t, work, "write-tree"), a, c)
	keep(t, bare, work, union)
	write(t, bare+"/.gitattributes", "f merge=union\n")
	for _, isBare := range []string{"true", "false"} {
		git(t, bare, "config", "core.bare", isBare)
		r := open(t, bare)
		if got, err := r.cleanMerges(t.Context(), []policy.ObjectID{union}); err != nil || len(got) != 0 {
			t.Errorf("bare=%s: %v, %v", isBare, got, err)
		}
		if got, err := r.MergeTree(t.Context(), a, c); err != nil || got.Clean {
			t.Errorf("bare=%s: %v, %v", isBare, got, err)
		}
	}
}

// More merges than are looked at need evidence.
func TestManyMerges(t *testing.T) {
	bare, work := newRepository(t)
	var s strings.Builder
	s.WriteString("commit refs/heads/main\nmark :1\ncommitter a <a@b> 1 +0000\ndata 1\nx\n")
	s.WriteString("commit refs/heads/s\nmark :2\ncommitter a <a@b> 1 +0000\ndata 1\ny\nfrom :1\n")
	const n = maxMerges + 5
	first := 1
	for i := range n {
		fmt.Fprintf(&s, "commit refs/heads/main\nmark :%d\ncommitter a <a@b> %d +0000\ndata 1\nm\nfrom :%d\nmerge :2\n", i+3, i+2, first)
		first = i + 3
	}
	if out, err := tryGit(work, s.String(), "fast-import", "--quiet"); err != nil {
		t.Fatal(out)
	}
	rev := func(name string) policy.ObjectID { return policy.ObjectID(git(t, work, "rev-parse", name)) }
	keep(t, bare, work, rev("main"), rev("s"))
	r := open(t, bare)
	got, err := r.Borne(t.Context(), Brought{Tip: rev("main")}, []Deployed{stands(1, rev("s"), "")})
	if err != nil || got.Needed != 2+n-maxMerges || got.MissingCount != n-maxMerges || got.Evidence != nil {
		t.Errorf("%d, %d, %v, %v", got.Needed, got.MissingCount, got.Evidence, err)
	}
}

// A hook in the mode "borne" tells what bears out the push of one ref; the
// history is in its environment.
func actBorne() error {
	var old, id policy.ObjectID
	var ref string
	if n, err := fmt.Scanln(&old, &id, &ref); n != 3 {
		return err
	}
	var history []Deployed
	if err := json.Unmarshal([]byte(os.Getenv("PATHGATE_TEST_HISTORY")), &history); err != nil {
		return err
	}
	r, err := Open(os.Getenv("GIT_DIR"))
	if err == nil {
		err = r.UseQuarantine(os.Getenv)
	}
	if err != nil {
		return err
	}
	other, err := Open(os.Getenv("PATHGATE_TEST_OTHER"))
	if err != nil {
		return err
	}
	if r, err = r.Beside(other); err != nil {
		return err
	}
	count := func() (n int) {
		filepath.WalkDir(r.objects, func(string, os.DirEntry, error) error { n++; return nil })
		return n
	}
	before := count()
	b, err := r.Borne(context.Background(), Brought{Tip: id, Without: []policy.ObjectID{old}}, history)
	if err != nil {
		return err
	}
	if n := count(); n != before {
		return fmt.Errorf("objects were written: %d, %d", before, n)
	}
	if _, err := r.MergeTree(context.Background(), id, id); err == nil {
		return fmt.Errorf("a merge was written")
	}
	if _, err := r.WriteCommit(context.Background(), NewCommit{Tree: id, Name: "a", Message: "m"}); err == nil {
		return fmt.Errorf("a commit was written")
	}
	fmt.Fprintf(os.Stderr, "borne=%d,%v,%d.\n", b.Needed, b.Evidence, b.MissingCount)
	return nil
}

func TestBorneInQuarantine(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"sha1", "sha256"} {
		for _, limit := range []string{"1", "100"} {
			bare, work := newRepository(t, "--object-format="+format)
			stg := filepath.Join(filepath.Dir(bare), "stg.git")
			live := put(t, work, "f", lines)
			git(t, work, "push", "-q", bare, "main")
			git(t, work, "clone", "-q", "--bare", bare, stg)
			from(t, work, "a", live)
			a := put(t, work, "a", "1")
			from(t, work, "stg", live)
			deployed := mergeIn(t, work, a)
			keep(t, stg, work, deployed)
			from(t, work, "main", live)
			put(t, work, "b", "1")
			mergeIn(t, work, a)
			history, err := json.Marshal([]Deployed{stands(7, deployed, live)})
			if err != nil {
				t.Fatal(err)
			}
			git(t, bare, "config", "receive.unpackLimit", limit)
			write(t, bare+"/hooks/pre-receive", fmt.Sprintf("#!/bin/sh\nPATHGATE_TEST_OTHER='%s' PATHGATE_TEST_HISTORY='%s' %s=borne exec '%s'\n",
				stg, history, hookVariable, self))
			if err := os.Chmod(bare+"/hooks/pre-receive", 0o755); err != nil {
				t.Fatal(err)
			}
			// b is missing, the merge is clean
			if out := git(t, work, "push", bare, "main"); !strings.Contains(out, "borne=2,[],1.") {
				t.Errorf("%s %s: %s", format, limit, out)
			}
			git(t, bare, "update-ref", "refs/heads/main", git(t, work, "rev-parse", "main~1"))
			if out := git(t, work, "push", bare, "main"); !strings.Contains(out, "borne=1,[7],0.") {
				t.Errorf("%s %s: %s", format, limit, out)
			}
		}
	}
}
