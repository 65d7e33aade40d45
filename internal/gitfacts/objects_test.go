package gitfacts

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// objectSite has a commit, tags to it, a blob, a tree and tags to those.
func objectSite(t *testing.T, format string) (bare string, want map[policy.ObjectID]Object) {
	t.Helper()
	bare, work := newRepository(t, "--object-format="+format)
	write(t, work+"/file", "data\n")
	git(t, work, "add", "file")
	id := commit(t, work, "a subject\nof two lines\n\nand a body")
	tree := policy.ObjectID(git(t, work, "rev-parse", "HEAD^{tree}"))
	blob := git(t, work, "rev-parse", "HEAD:file")
	for _, args := range [][]string{{"v1", "HEAD"}, {"v2", "v1"}, {"vblob", blob}, {"vtree", string(tree)}} {
		git(t, work, "tag", "-a", "-m", "x", args[0], args[1])
	}
	want = map[policy.ObjectID]Object{
		id:                      {Kind: "commit", Commit: id, Tree: tree, Subject: "a subject of two lines"},
		tree:                    {Kind: "tree"},
		policy.ObjectID(blob):   {Kind: "blob"},
		tagID(t, work, "v1"):    {Kind: "tag", Commit: id, Tree: tree, Subject: "a subject of two lines"},
		tagID(t, work, "v2"):    {Kind: "tag", Commit: id, Tree: tree, Subject: "a subject of two lines"},
		tagID(t, work, "vblob"): {Kind: "tag"},
		tagID(t, work, "vtree"): {Kind: "tag"},
	}
	git(t, work, "push", "-q", bare, "main", "--tags")
	return bare, want
}

func tagID(t *testing.T, work, name string) policy.ObjectID {
	t.Helper()
	return policy.ObjectID(git(t, work, "rev-parse", name))
}

func checkObjects(t *testing.T, r *Repository, want map[policy.ObjectID]Object) {
	t.Helper()
	var ids []policy.ObjectID
	for id := range want {
		ids = append(ids, id, id)
	}
	got, err := r.Commits(t.Context(), ids)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d objects, %v", len(got), err)
	}
	for id, o := range want {
		if got[id] != o {
			t.Errorf("%s: got %+v, want %+v", id, got[id], o)
		}
	}
}

// Loose, packed, under a multi-pack-index, and borrowed, in both formats.
func TestCommits(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			bare, want := objectSite(t, format)
			r := open(t, bare)
			checkObjects(t, r, want)
			git(t, bare, "repack", "-q", "-a", "-d")
			checkObjects(t, r, want)
			git(t, bare, "multi-pack-index", "write")
			checkObjects(t, r, want)
			other := filepath.Join(filepath.Dir(bare), "other.git")
			git(t, filepath.Dir(bare), "init", "-q", "--bare", "--object-format="+format, other)
			write(t, other+"/objects/info/alternates", bare+"/objects\n")
			checkObjects(t, open(t, other), want)
		})
	}
}

func TestCommitsRefuses(t *testing.T) {
	bare, want := objectSite(t, "sha1")
	r := open(t, bare)
	for _, id := range []string{"", "main", "HEAD", strings.Repeat("0", 40), strings.Repeat("1", 40), strings.Repeat("1", 64), strings.Repeat("A", 40)} {
		if got, err := r.Commits(t.Context(), []policy.ObjectID{policy.ObjectID(id)}); err == nil {
			t.Errorf("%q: got %v", id, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	git(t, bare, "repack", "-q", "-a", "-d")
	for id := range want {
		if got, err := r.Commits(ctx, []policy.ObjectID{id}); err == nil {
			t.Errorf("cancelled: got %v", got)
		}
	}
}

// A loose file with another object's content does not pass for that object.
func TestForgedLooseObject(t *testing.T) {
	bare, work := newRepository(t)
	one, two := commit(t, work, "one"), commit(t, work, "two")
	git(t, work, "push", "-q", bare, "main")
	path := func(id policy.ObjectID) string { return fmt.Sprintf("%s/objects/%s/%s", bare, id[:2], id[2:]) }
	raw, err := os.ReadFile(path(one))
	if err != nil {
		t.Fatal(err)
	}
	var lie bytes.Buffer
	z := zlib.NewWriter(&lie)
	fmt.Fprint(z, "commit 5\x00tr")
	z.Close()
	for _, data := range [][]byte{raw, lie.Bytes(), nil, raw[:len(raw)/2], []byte("garbage")} {
		if err := os.Remove(path(two)); err != nil {
			t.Fatal(err)
		}
		write(t, path(two), string(data))
		if got, err := open(t, bare).Commits(t.Context(), []policy.ObjectID{two}); err == nil {
			t.Errorf("%.10q: got %v", data, got)
		}
	}
}

// Neither replace refs nor grafts change what an object is.
func TestReplaceDoesNotMatter(t *testing.T) {
	bare, work := newRepository(t)
	one := commit(t, work, "one")
	two := commit(t, work, "two")
	git(t, work, "push", "-q", bare, "main")
	git(t, bare, "repack", "-q", "-a", "-d")
	git(t, bare, "replace", string(two), string(one))
	write(t, bare+"/info/grafts", string(one)+" "+string(two)+"\n")
	if s := git(t, bare, "-c", "advice.graftFileDeprecated=false", "log", "-1", "--format=%s", string(two)); s != "one" {
		t.Fatalf("the replacement does not work on git itself: %q", s)
	}
	r := open(t, bare)
	got, err := r.Commits(t.Context(), []policy.ObjectID{two})
	if err != nil || got[two].Subject != "two" {
		t.Errorf("got %+v, %v", got[two], err)
	}
	if _, exit, err := r.Git(t.Context(), nil, "merge-base", "--is-ancestor", string(two), string(one)); exit != 1 || err != nil {
		t.Errorf("is-ancestor: %d, %v", exit, err)
	}
}

// An annotated tag may name a tag ten deep, no deeper; a large commit, tree or
// blob is read no further than needed.
func TestDeepAndLarge(t *testing.T) {
	bare, work := newRepository(t)
	id := commit(t, work, "one")
	name := string(id)
	var tags []policy.ObjectID
	for i := range maxTagDepth + 1 {
		git(t, work, "tag", "-a", "-m", "x", fmt.Sprintf("t%d", i), name)
		name = fmt.Sprintf("t%d", i)
		tags = append(tags, tagID(t, work, name))
	}
	body := strings.Repeat("long line of a body\n", 20_000)
	out, err := tryGit(work, "large subject\n\n"+body, "commit-tree", "HEAD^{tree}", "-F", "-")
	if err != nil {
		t.Fatal(out)
	}
	large := policy.ObjectID(out)
	write(t, work+"/blob", strings.Repeat("0123456789abcdef", maxDiscard/16+1))
	blob := policy.ObjectID(git(t, work, "hash-object", "-w", "blob"))
	git(t, work, "push", "-q", bare, "main", "--tags", out+":refs/heads/large", string(blob)+":refs/tags/blob")
	r := open(t, bare)
	got, err := r.Commits(t.Context(), []policy.ObjectID{blob, tags[maxTagDepth-1], large, blob, id})
	if err != nil || got[tags[maxTagDepth-1]].Commit != id || got[large].Subject != "large subject" || got[blob].Kind != "blob" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := r.Commits(t.Context(), tags[maxTagDepth:]); err == nil {
		t.Errorf("a chain of %d tags: %+v", maxTagDepth+1, got)
	}
}

// A real push: a few objects arrive loose, many as a pack.
func TestRealQuarantine(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			bare, work := newRepository(t, "--object-format="+format)
			write(t, bare+"/hooks/pre-receive", "#!/bin/sh\n"+hookVariable+"=1 exec '"+self+"'\n")
			if err := os.Chmod(bare+"/hooks/pre-receive", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(bare+"/objects/tmp_objdir-incoming-zzzzzz", 0o700); err != nil {
				t.Fatal(err) // one that was left behind
			}
			push := func(id policy.ObjectID, loose int, subject string) {
				t.Helper()
				out := git(t, work, "push", bare, "main")
				_, line, _ := strings.Cut(out, "seen=")
				line, _, _ = strings.Cut(line, "\n")
				var got seen
				if err := json.Unmarshal([]byte(strings.TrimSpace(line)), &got); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				if o := got.Objects[id]; o.Commit != id || o.Subject != subject || got.Loose != loose || got.Git != "commit" {
					t.Errorf("the hook saw %+v", got)
				}
			}
			push(commit(t, work, "small"), 1, "small")
			for i := range 150 {
				write(t, fmt.Sprintf("%s/f%d", work, i), fmt.Sprint(i))
			}
			git(t, work, "add", ".")
			push(commit(t, work, "packed"), 0, "packed")
			git(t, bare, "config", "receive.unpackLimit", "1")
			git(t, work, "config", "push.useBitmaps", "false")
			write(t, work+"/f1", "thin")
			git(t, work, "add", ".")
			push(commit(t, work, "thin pack"), 0, "thin pack")
		})
	}
}

func TestUseQuarantineRefuses(t *testing.T) {
	bare, work := newRepository(t)
	inside := bare + "/objects/tmp_objdir-incoming-abc"
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(work, bare+"/objects/out"); err != nil {
		t.Fatal(err)
	}
	try := func(path, objects string) error {
		return open(t, bare).UseQuarantine(func(k string) string {
			return map[string]string{"GIT_QUARANTINE_PATH": path, "GIT_OBJECT_DIRECTORY": objects}[k]
		})
	}
	for _, path := range []string{inside, ""} {
		if err := try(path, path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{work, bare + "/objects", bare + "/objects/..", bare + "/objects/out", bare + "/objects/absent", "objects/tmp"} {
		if err := try(path, path); err == nil {
			t.Errorf("%s: taken", path)
		}
	}
	if err := try(inside, bare+"/objects"); err == nil {
		t.Error("another object directory: taken")
	}
}

func TestSubjectAgreesWithGit(t *testing.T) {
	_, work := newRepository(t)
	tree := git(t, work, "write-tree")
	for _, message := range []string{
		"one", "one\n", "\n\none\n", "one\ntwo\n\nthree", " one \n two\n", "one\n \nthree", "", "\n", "one\r\ntwo\r\n", "\tone\ttwo",
	} {
		raw := "tree " + tree + "\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\n" + message
		id, err := tryGit(work, raw, "hash-object", "-w", "-t", "commit", "--stdin")
		if err != nil {
			t.Fatal(id)
		}
		want, err := tryGit(work, "", "log", "-1", "--format=%s", id)
		if err != nil {
			t.Fatal(want)
		}
		gotTree, got, ok := parseCommit([]byte(raw), 40)
		if !ok || gotTree != tree || strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%q: got %q, git has %q", message, got, want)
		}
	}
}

// Loose gives what Commits gives, or nothing: never a part of it.
func TestLoose(t *testing.T) {
	bare, want := objectSite(t, "sha1")
	r := open(t, bare)
	for id, o := range want {
		if got, ok, err := r.Loose(id); !ok || err != nil || got != o {
			t.Errorf("loose %s: got %+v, %v, %v", id, got, ok, err)
		}
	}
	git(t, bare, "repack", "-q", "-a", "-d")
	for id := range want {
		if got, ok, err := r.Loose(id); ok || err != nil || got != (Object{}) {
			t.Errorf("packed %s: got %+v, %v, %v", id, got, ok, err)
		}
	}
	if _, ok, err := r.Loose("HEAD"); ok || err == nil {
		t.Errorf("not an ID: %v, %v", ok, err)
	}
}
