package gitfacts

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

func TestMergeTree(t *testing.T) {
	eachFormat(t, func(t *testing.T, bare, work string, pack func()) {
		hostile := []string{"-x", "a:b\nc\td", "d/ü \"q", "x-g1234567", ":(top)*"}
		for _, name := range hostile {
			put(t, work, name, "1\n")
		}
		base := put(t, work, "binary", "\x00\xff")
		for _, name := range hostile {
			put(t, work, name, "ours\n")
		}
		ours := put(t, work, "binary", "\x00ours")
		from(t, work, "theirs", base)
		for _, name := range hostile {
			put(t, work, name, "theirs\n")
		}
		theirs := put(t, work, "binary", "\x00theirs")
		from(t, work, "clean", base)
		clean := put(t, work, "more", "1")
		git(t, work, "checkout", "-q", "--orphan", "other")
		other := commit(t, work, "other")
		keep(t, bare, work, ours, theirs, clean, other)
		pack()
		r := open(t, bare)
		got, err := r.MergeTree(t.Context(), ours, clean)
		if err != nil || !got.Clean || len(got.Files) != 0 || git(t, bare, "cat-file", "-t", string(got.Tree)) != "tree" {
			t.Errorf("clean: %+v, %v", got, err)
		}
		got, err = r.MergeTree(t.Context(), ours, theirs)
		if err != nil || got.Clean || len(got.Files) != 3*(len(hostile)+1) || len(got.Messages) < len(hostile)+1 {
			t.Fatalf("conflict: %+v, %v", got, err)
		}
		seen := make(map[string]string)
		for _, f := range got.Files {
			seen[f.Path] += f.Mode + string(rune('0'+f.Stage))
			if kind := git(t, bare, "cat-file", "-t", string(f.ID)); kind != "blob" {
				t.Errorf("%+v is a %s", f, kind)
			}
		}
		types := make(map[string]int)
		for _, m := range got.Messages {
			types[m.Type]++
			if len(m.Paths) != 1 || seen[m.Paths[0]] != "100644110064421006443" || m.Text == "" {
				t.Errorf("%+v", m)
			}
		}
		if types["CONFLICT (contents)"] != len(hostile)+1 || types["CONFLICT (binary)"] != 1 {
			t.Errorf("%v", types)
		}
		want := "<<<<<<< " + string(ours) + "\nours\n=======\ntheirs\n>>>>>>> " + string(theirs) + "\n"
		for _, name := range hostile {
			if data, err := r.Blob(t.Context(), got.Tree, name, 1000); err != nil || string(data) != want {
				t.Errorf("%q: %q, %v", name, data, err)
			}
		}
		if data, err := r.Blob(t.Context(), got.Tree, "binary", 5); err != nil || string(data) != "\x00ours" {
			t.Errorf("binary: %q, %v", data, err)
		}
		if _, err := r.Blob(t.Context(), got.Tree, "binary", 4); !errors.Is(err, ErrTooLarge) {
			t.Error(err)
		}
		for _, name := range []string{"", "/", "d", "d/", "/d", "absent", "binary/x", "d/absent", "HEAD", "./binary"} {
			if data, err := r.Blob(t.Context(), got.Tree, name, 1000); !errors.Is(err, ErrNoFile) {
				t.Errorf("%q: %q, %v", name, data, err)
			}
		}
		if _, err := r.MergeTree(t.Context(), ours, other); !errors.Is(err, ErrUnrelated) {
			t.Errorf("unrelated: %v", err)
		}
		for _, bad := range []policy.ObjectID{"", "main", zero(r), got.Tree, policy.ObjectID(strings.Repeat("1", r.format.digits()))} {
			if got, err := r.MergeTree(t.Context(), ours, bad); err == nil || errors.Is(err, ErrUnrelated) {
				t.Errorf("%q: %+v, %v", bad, got, err)
			}
		}
	})
}

// Large files, links and submodules.
func TestBlobKinds(t *testing.T) {
	bare, work := newRepository(t)
	if err := os.Symlink("target", work+"/link"); err != nil {
		t.Fatal(err)
	}
	write(t, work+"/large", strings.Repeat("x", maxDiscard+1))
	write(t, work+"/middle", strings.Repeat("y", 1<<20))
	one := commit(t, work, "one")
	git(t, work, "update-index", "--add", "--cacheinfo", "160000,"+string(one)+",module")
	git(t, work, "add", "link", "large", "middle")
	keep(t, bare, work, commit(t, work, "two"))
	tree := policy.ObjectID(treeOf(t, work, head(t, work)))
	r := open(t, bare)
	for name, want := range map[string]string{"link": "target", "middle": strings.Repeat("y", 1<<20)} {
		if data, err := r.Blob(t.Context(), tree, name, 1<<20); err != nil || !bytes.Equal(data, []byte(want)) {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if _, err := r.Blob(t.Context(), tree, "large", 1<<40); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if _, err := r.Blob(t.Context(), tree, "module", 1000); !errors.Is(err, ErrNoFile) {
		t.Error(err)
	}
}

func TestWriteCommit(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		bare, work := newRepository(t, "--object-format="+format, "--shared=group")
		one, two := put(t, work, "f", "1"), put(t, work, "f", "2")
		from(t, work, "side", one)
		side := put(t, work, "g", "1")
		keep(t, bare, work, two, side)
		git(t, bare, "config", "core.sharedRepository", "0660")
		r := open(t, bare)
		c := NewCommit{Tree: policy.ObjectID(treeOf(t, work, two)), Parents: []policy.ObjectID{two, one}, Name: "pathgate ü", Email: "p@example.org",
			Time: time.Date(2026, 11, 21, 10, 0, 0, 5, time.FixedZone("x", 3600)), Message: "merge\n\nparent x\ncommitter y\n\n"}
		id, err := r.WriteCommit(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		got := git(t, bare, "log", "-1", "--format=%T %P|%an <%ae> %ad|%cn <%ce> %cd|%B", "--date=iso", string(id))
		want := string(c.Tree) + " " + string(two) + " " + string(one) + strings.Repeat("|pathgate ü <p@example.org> 2026-11-21 09:00:00 +0000", 2) + "|merge\n\nparent x\ncommitter y\n"
		if got != want {
			t.Errorf("got %q\nwant %q", got, want)
		}
		git(t, bare, "fsck", "--strict", string(id))
		merged, err := r.MergeTree(t.Context(), two, side)
		if err != nil || !merged.Clean {
			t.Fatal(merged, err)
		}
		for _, id := range []policy.ObjectID{id, merged.Tree} {
			if info, err := os.Stat(filepath.Join(bare, "objects", string(id[:2]), string(id[2:]))); err != nil || info.Mode().Perm() != 0o440 {
				t.Errorf("%v, %v", info, err)
			}
		}
		for what, spoil := range map[string]func(c *NewCommit){
			"name":           func(c *NewCommit) { c.Name = "a\nparent x" },
			"bracket":        func(c *NewCommit) { c.Name = "a <b" },
			"no name":        func(c *NewCommit) { c.Name = "" },
			"address":        func(c *NewCommit) { c.Email = "a> 1 +0000" },
			"NUL":            func(c *NewCommit) { c.Message = "a\x00b" },
			"not UTF-8":      func(c *NewCommit) { c.Message = "\xff" },
			"empty":          func(c *NewCommit) { c.Message = " \n" },
			"large":          func(c *NewCommit) { c.Message = strings.Repeat("x", maxCommit) },
			"time":           func(c *NewCommit) { c.Time = time.Unix(-1, 0) },
			"no time":        func(c *NewCommit) { c.Time = time.Time{} },
			"tree":           func(c *NewCommit) { c.Tree = "" },
			"zero parent":    func(c *NewCommit) { c.Parents = []policy.ObjectID{zero(r)} },
			"injecting tree": func(c *NewCommit) { c.Tree += "\nx" },
		} {
			spoiled := c
			spoil(&spoiled)
			if id, err := r.WriteCommit(t.Context(), spoiled); err == nil {
				t.Errorf("%s: %s", what, id)
			}
		}
	}
}

func TestParseMergeRefuses(t *testing.T) {
	bare, _ := newRepository(t)
	r := open(t, bare)
	tree := strings.Repeat("a", 40)
	stage := "100644 " + tree + " 1\tf\x00"
	good := tree + "\x00" + stage + "\x00" + "2\x00f\x00g\x00T\x00text\x00"
	want := MergeResult{Tree: policy.ObjectID(tree), Files: []ConflictFile{{"100644", policy.ObjectID(tree), 1, "f"}},
		Messages: []MergeMessage{{[]string{"f", "g"}, "T", "text"}}}
	if got, err := r.parseMerge(good, false); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for i := 1; i < len(good); i++ {
		if n := len(tree+stage) + 2; i == n || i == n+1 { // no messages, and advice
			continue
		}
		if got, err := r.parseMerge(good[:i], false); err == nil {
			t.Errorf("%q: %+v", good[:i], got)
		}
	}
	for _, out := range []string{"", "x", tree, strings.Replace(good, "2\x00f", "9999999\x00f", 1), strings.Replace(good, " 1\t", " 4\t", 1)} {
		if got, err := r.parseMerge(out, false); err == nil {
			t.Errorf("%q: %+v", out, got)
		}
	}
	for _, out := range []string{"1\x00", "1\x00" + tree + "\x00", "2\x00" + tree + "\x00\x00", "1\x00" + tree + "\x00" + stage + "\x00", "1\x00x\x00\x00"} {
		if got, err := r.mergedTrees(out); err == nil {
			t.Errorf("%q: %v", out, got)
		}
	}
}
