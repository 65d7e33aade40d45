package deploy

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// listing tells what a checkout holds: modes, names and contents.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		content := ""
		switch {
		case info.Mode().IsRegular():
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = string(raw)
		case info.Mode()&fs.ModeSymlink != 0:
			if content, err = os.Readlink(path); err != nil {
				return err
			}
		}
		out = append(out, fmt.Sprintf("%s %q %q", info.Mode(), name, content))
		return nil
	}))
	sort.Strings(out)
	return strings.Join(out, "\n")
}

// repository makes a bare repository and a worktree that pushes into it.
func repository(t *testing.T, format string) (bare, work string) {
	t.Helper()
	dir := t.TempDir()
	bare, work = filepath.Join(dir, "bare.git"), filepath.Join(dir, "work")
	git(t, dir, "init", "-q", "--bare", "-b", "main", "--object-format="+format, bare)
	git(t, dir, "init", "-q", "-b", "main", "--object-format="+format, work)
	return bare, work
}

func put(t *testing.T, dir, name, content string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), mode))
}

func tryCheckout(t *testing.T, path, commit string) (dir string, err error) {
	t.Helper()
	repo, err := gitfacts.Open(path)
	must(t, err)
	dir = filepath.Join(t.TempDir(), "tree")
	return dir, checkout(context.Background(), repo, policy.ObjectID(commit), dir)
}

// state tells all files of a repository, to see that nothing was touched.
func state(t *testing.T, dir string) string { return listing(t, dir) }

// What attributes and configuration could do to a checkout, they do not do:
// each file is its blob. No program of the repository's runs.
func TestCheckoutIsTheCommit(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			bare, work := repository(t, format)
			ran := filepath.Join(filepath.Dir(bare), "ran")
			program := "touch " + ran + "; cat"
			put(t, work, ".gitattributes", "*.txt filter=evil eol=crlf ident export-subst\nsecret export-ignore\n*.u working-tree-encoding=UTF-16\n", 0o644)
			put(t, work, "a.txt", "one\n$Id$ $Format:%H$\n", 0o644)
			put(t, work, "secret", "s", 0o644)
			put(t, work, "x.u", "u\n", 0o644)
			put(t, work, "bin/run", "#!/bin/sh\n", 0o755)
			put(t, work, "new\nline \xff", "n", 0o644)
			put(t, work, "empty", "", 0o644)
			put(t, work, "deep/er/est", strings.Repeat("0123456789", 100_000), 0o644)
			must(t, os.Symlink("/etc/passwd", filepath.Join(work, "absolute")))
			must(t, os.Symlink("../../..", filepath.Join(work, "bin", "up")))
			put(t, work, ".git/info/attributes", "* -text !eol !ident !filter !working-tree-encoding\n", 0o644)
			git(t, work, "add", "-A")
			git(t, work, "update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", len(git(t, work, "hash-object", "empty")))+",sub")
			git(t, work, "commit", "-q", "-m", "one")
			git(t, work, "push", "-q", bare, "main")
			commit := git(t, work, "rev-parse", "HEAD")

			// Another commit is checked out by a replace ref, if one believes it.
			put(t, work, "a.txt", "forged\n", 0o644)
			git(t, work, "commit", "-q", "-a", "-m", "forged")
			git(t, work, "push", "-q", bare, "HEAD:refs/replace/"+commit)
			put(t, work, ".gitattributes", "* filter=evil\n", 0o644)
			git(t, work, "commit", "-q", "-a", "-m", "attributes")
			git(t, work, "push", "-q", bare, "main")
			for key, value := range map[string]string{
				"filter.evil.smudge": program, "filter.evil.clean": program, "filter.evil.process": program, "filter.evil.required": "true",
				"core.fsmonitor": program, "core.hooksPath": filepath.Join(bare, "hooks"), "core.autocrlf": "true", "core.eol": "crlf",
				"core.attributesFile": filepath.Join(work, ".gitattributes"), "core.symlinks": "false", "core.fileMode": "false",
				"alias.cat-file": "!" + program, "core.pager": program, "core.sshCommand": program, "submodule.recurse": "true",
			} {
				git(t, bare, "config", key, value)
			}
			put(t, bare, "info/attributes", "* filter=evil\n", 0o644)
			put(t, bare, "hooks/post-checkout", "#!/bin/sh\n"+program+"\n", 0o755)
			put(t, bare, "info/grafts", commit+"\n", 0o644)
			before := state(t, bare)

			dir, err := tryCheckout(t, bare, commit)
			must(t, err)
			want := strings.Join([]string{
				`-rw-r--r-- ".gitattributes" "*.txt filter=evil eol=crlf ident export-subst\nsecret export-ignore\n*.u working-tree-encoding=UTF-16\n"`,
				`-rw-r--r-- "a.txt" "one\n$Id$ $Format:%H$\n"`,
				fmt.Sprintf("-rw-r--r-- %q %q", "deep/er/est", strings.Repeat("0123456789", 100_000)),
				`-rw-r--r-- "empty" ""`,
				`-rw-r--r-- "new\nline \xff" "n"`,
				`-rw-r--r-- "secret" "s"`,
				`-rw-r--r-- "x.u" "u\n"`,
				`-rwxr-xr-x "bin/run" "#!/bin/sh\n"`,
				`Lrwxrwxrwx "absolute" "/etc/passwd"`,
				`Lrwxrwxrwx "bin/up" "../../.."`,
				`drwxr-xr-x "bin" ""`,
				`drwxr-xr-x "deep" ""`,
				`drwxr-xr-x "deep/er" ""`,
				`drwxr-xr-x "sub" ""`,
			}, "\n")
			if got := listing(t, dir); got != want {
				t.Errorf("the checkout holds\n%.3000s\nwant\n%.3000s", got, want)
			}
			if _, err := os.Stat(ran); !errors.Is(err, fs.ErrNotExist) {
				t.Error("a program of the repository's configuration ran")
			}
			if after := state(t, bare); after != before {
				t.Error("the repository was touched")
			}
			must(t, removeTree(dir))
			if _, err := os.Lstat("/etc/passwd"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// Packed objects, and a worktree's own index, make no difference.
func TestCheckoutFromAWorktree(t *testing.T) {
	_, work := repository(t, "sha1")
	put(t, work, "f", "one", 0o644)
	git(t, work, "add", "-A")
	git(t, work, "commit", "-q", "-m", "one")
	commit := git(t, work, "rev-parse", "HEAD")
	git(t, work, "gc", "-q")
	put(t, work, "f", "changed", 0o644)
	put(t, work, "staged", "s", 0o644)
	git(t, work, "add", "staged")
	before := state(t, work)
	dir, err := tryCheckout(t, work, commit)
	must(t, err)
	if got := listing(t, dir); got != `-rw-r--r-- "f" "one"` {
		t.Errorf("the checkout holds %s", got)
	}
	if state(t, work) != before {
		t.Error("the worktree or its index was touched")
	}
}

// forge makes a commit of a tree that git itself would not write.
func forge(t *testing.T, bare string, entries ...[3]string) string {
	t.Helper()
	var tree bytes.Buffer
	for _, e := range entries {
		raw, err := hex.DecodeString(e[2])
		must(t, err)
		fmt.Fprintf(&tree, "%s %s\x00%s", e[0], e[1], raw)
	}
	return gitIn(t, bare, "", "commit-tree", "-m", "x", gitIn(t, bare, tree.String(), "hash-object", "-t", "tree", "-w", "--stdin", "--literally"))
}

// Trees that try to write outside of the checkout, or into what looks like a
// repository, fail, and nothing is written there.
func TestForgedTrees(t *testing.T) {
	bare, _ := repository(t, "sha1")
	outside := t.TempDir()
	blob := gitIn(t, bare, "evil", "hash-object", "-w", "--stdin")
	link := gitIn(t, bare, outside, "hash-object", "-w", "--stdin")
	long := gitIn(t, bare, strings.Repeat("l", 5000), "hash-object", "-w", "--stdin")
	inner := gitIn(t, bare, "100644 blob "+blob+"\tfile\n", "mktree")
	for name, entries := range map[string][][3]string{
		"through a link":        {{"120000", "a", link}, {"40000", "a", inner}},
		"over a link":           {{"120000", "a", link}, {"100644", "a", blob}},
		"twice":                 {{"100644", "a", blob}, {"100644", "a", blob}},
		"a link over a folder":  {{"40000", "a", inner}, {"120000", "a", link}},
		"dot dot":               {{"40000", "..", inner}},
		"dot":                   {{"100644", ".", blob}},
		"a slash":               {{"100644", "../x", blob}},
		"no name":               {{"100644", "", blob}},
		"a repository":          {{"40000", ".GIT", inner}},
		"an unknown mode":       {{"107777", "a", blob}},
		"a blob for a folder":   {{"40000", "a", blob}},
		"a tree for a file":     {{"100644", "a", inner}},
		"a link that is long":   {{"120000", "a", long}},
		"a blob that is absent": {{"100644", "a", strings.Repeat("2", 40)}},
		"a name that is long":   {{"100644", strings.Repeat("n", 300), blob}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := tryCheckout(t, bare, forge(t, bare, entries...))
			if err == nil {
				t.Errorf("no error; it holds\n%s", listing(t, dir))
			}
			if got := listing(t, outside); got != "" {
				t.Errorf("written outside: %s", got)
			}
		})
	}
	if _, err := tryCheckout(t, bare, inner); err == nil {
		t.Error("a tree was checked out as a commit")
	}
	deep := inner
	for range maxDepth + 2 {
		deep = gitIn(t, bare, "040000 tree "+deep+"\td\n", "mktree")
	}
	if _, err := tryCheckout(t, bare, gitIn(t, bare, "", "commit-tree", "-m", "x", deep)); err == nil {
		t.Error("a bottomless tree was checked out")
	}
}

// git serves a repository wherever it lies: a commit that holds one, whole or as
// links to another's parts, would have hooks run or take pushes past the gate.
func TestCheckoutOfARepository(t *testing.T) {
	bare, _ := repository(t, "sha1")
	blob := gitIn(t, bare, "x", "hash-object", "-w", "--stdin")
	inner := gitIn(t, bare, "100644 blob "+blob+"\tk\n", "mktree")
	sub := strings.Repeat("1", 40)
	for name, c := range map[string]struct {
		entries [][3]string
		refused bool
	}{
		"bare":              {[][3]string{{"100644", "HEAD", blob}, {"40000", "objects", inner}, {"40000", "refs", inner}}, true},
		"links to another":  {[][3]string{{"120000", "HEAD", blob}, {"120000", "objects", blob}, {"120000", "refs", blob}}, true},
		"submodules":        {[][3]string{{"100644", "HEAD", blob}, {"160000", "objects", sub}, {"160000", "refs", sub}}, true},
		"programs":          {[][3]string{{"100644", "HEAD", blob}, {"100755", "objects", blob}, {"100755", "refs", blob}}, true},
		"letter case":       {[][3]string{{"40000", "Objects", inner}, {"40000", "REFS", inner}, {"100644", "head", blob}}, true},
		"a linked worktree": {[][3]string{{"100644", "HEAD", blob}, {"100644", "commondir", blob}}, true},
		"no head":           {[][3]string{{"40000", "objects", inner}, {"40000", "refs", inner}}, false},
		"no refs":           {[][3]string{{"100644", "HEAD", blob}, {"40000", "objects", inner}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			top := forge(t, bare, c.entries...)
			below := forge(t, bare, [3]string{"40000", "a", gitIn(t, bare, "", "rev-parse", top+"^{tree}")})
			for _, commit := range []string{top, below} {
				dir, err := tryCheckout(t, bare, commit)
				if c.refused == (err == nil) || err != nil && !strings.Contains(err.Error(), "could take a folder for a repository") {
					t.Errorf("error %v", err)
				}
				if _, err := os.Lstat(filepath.Join(dir, "a", "HEAD")); c.refused && err == nil {
					t.Error("a part of it was written")
				}
			}
		})
	}
	for content, refused := range map[string]bool{"gitdir: /srv/git/x.git\n": true, "gitdir:": true, "gitdir": false, "": false, " gitdir: x": false} {
		file := gitIn(t, bare, content, "hash-object", "-w", "--stdin")
		if dir, err := tryCheckout(t, bare, forge(t, bare, [3]string{"100644", "f", file})); refused == (err == nil) {
			t.Errorf("%q: error %v; the checkout holds %s", content, err, listing(t, dir))
		}
	}
}

// An object that is not what its ID says stops the checkout.
func TestDamagedObject(t *testing.T) {
	bare, _ := repository(t, "sha1")
	good := gitIn(t, bare, "good", "hash-object", "-w", "--stdin")
	evil := gitIn(t, bare, "evil", "hash-object", "-w", "--stdin")
	commit := gitIn(t, bare, "", "commit-tree", "-m", "x", gitIn(t, bare, "100644 blob "+good+"\tfile\n", "mktree"))
	loose := func(id string) string { return filepath.Join(bare, "objects", id[:2], id[2:]) }
	raw, err := os.ReadFile(loose(evil))
	must(t, err)
	must(t, os.Remove(loose(good)))
	must(t, os.WriteFile(loose(good), raw, 0o444))
	if dir, err := tryCheckout(t, bare, commit); err == nil {
		t.Errorf("no error; it holds %s", listing(t, dir))
	}
}

// A checkout ends with its time.
func TestCheckoutTimeout(t *testing.T) {
	w := newWorld(t, "/bin/true")
	w.policy.Deployment.Timeout = time.Nanosecond
	w.write()
	record := w.queue()
	w.run()
	w.want(record, "error", "timed out after 1ns")
	w.noTrees()
}

// What tools make unwritable is removed all the same.
func TestRemoveTree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "1.tree")
	put(t, dir, "mod/cache/file", "x", 0o444)
	outside := t.TempDir()
	must(t, os.Chmod(outside, 0o555))
	must(t, os.Symlink(outside, filepath.Join(dir, "mod", "link")))
	for _, path := range []string{"mod/cache", "mod", "."} {
		must(t, os.Chmod(filepath.Join(dir, path), 0o555))
	}
	root, err := os.OpenRoot(dir)
	must(t, err)
	unlock(root)
	must(t, root.Close())
	info, err := os.Stat(filepath.Join(dir, "mod", "cache"))
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("a folder has mode %v", info.Mode())
	}
	if info, err = os.Stat(outside); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("a folder behind a link was changed: %v, %v", info.Mode(), err)
	}
	must(t, removeTree(dir))
	must(t, removeTree(dir))
	must(t, exec.Command("test", "!", "-e", dir).Run())
}
