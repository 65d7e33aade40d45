package gitfacts

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// rawTree writes a tree as it is given, "mode name object" an entry.
func rawTree(t testing.TB, work string, entries ...string) string {
	t.Helper()
	var raw strings.Builder
	for _, e := range entries {
		f := strings.Split(e, " ")
		id, err := hex.DecodeString(f[2])
		if err != nil {
			t.Fatal(err)
		}
		raw.WriteString(f[0] + " " + f[1] + "\x00" + string(id))
	}
	out, err := tryGit(work, raw.String(), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
	if err != nil {
		t.Fatal(out)
	}
	return out
}

func TestSound(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) { testSound(t, format) })
	}
}

func testSound(t *testing.T, format string) {
	_, work := newRepository(t, "--object-format="+format)
	base := put(t, work, "f", "f")
	f := git(t, work, "rev-parse", "HEAD:f")
	folder := treeOf(t, work, base)
	r := open(t, work)
	for _, test := range []struct {
		name string
		tree []string
		want string // empty: it is sound
	}{
		{"plain", []string{"100644 a F", "100755 a.b F", "40000 a D", "120000 l F", "160000 m C"}, "twice"},
		{"sorted as git sorts", []string{"100644 a.b F", "40000 a D", "100644 a0 F", "120000 l F", "160000 m C", "100664 o F"}, ""},
		{"zeros in front", []string{"040000 a D"}, ""},
		{"nothing", nil, ""},
		{"dots in names", []string{"100644 ... F", "100644 .gitignore F", "100644 a..b F"}, ""},
		{"a file twice", []string{"100644 a F", "100644 a F"}, `holds the name "a" twice`},
		{"a folder twice", []string{"40000 a D", "40000 a D"}, `holds the name "a" twice`},
		{"a file and a folder, apart", []string{"100644 a F", "100644 a- F", "40000 a D"}, `holds the name "a" twice`},
		{"unsorted", []string{"100644 z F", "100644 f F"}, "not in order"},
		{"a folder sorted as a file", []string{"40000 a D", "100644 a.b F"}, "not in order"},
		{".git", []string{"40000 .git D"}, `the name ".git"`},
		{".GIT", []string{"40000 .GIT D"}, `the name ".GIT"`},
		{"..", []string{"40000 .. D"}, `the name ".."`},
		{".", []string{"100644 . F"}, `the name "."`},
		{"slash", []string{"100644 a/b F"}, `the name "a/b"`},
		{"odd mode", []string{"100600 a F"}, `the mode "100600"`},
		{"no object", []string{"100644 a 0"}, "no object"},
	} {
		var entries []string
		for _, e := range test.tree {
			to := strings.NewReplacer(" F", " "+f, " D", " "+folder, " C", " "+string(base), " 0", " "+strings.Repeat("0", len(f)))
			entries = append(entries, to.Replace(e))
		}
		bad := rawTree(t, work, entries...)
		// Two commits up, and in a folder of a folder.
		for where, tree := range map[string]string{"at the top": bad, "below": rawTree(t, work, "40000 x "+rawTree(t, work, "40000 y "+bad))} {
			hidden := onto(t, work, tree, base)
			tip := onto(t, work, folder, hidden)
			err := r.Sound(t.Context(), Brought{Tip: tip, Without: []policy.ObjectID{base}})
			var unsound *UnsoundTree
			if test.want == "" && err != nil || test.want != "" && (!errors.As(err, &unsound) || !strings.Contains(unsound.Why, test.want) || string(unsound.Tree) != bad) {
				t.Errorf("%s, %s: %v, want %q", test.name, where, err, test.want)
			}
			if err := r.Sound(t.Context(), Brought{Tip: tip, Without: []policy.ObjectID{base, hidden}}); err != nil {
				t.Errorf("%s, %s, there before: %v", test.name, where, err)
			}
		}
	}
}

// What is in an alternate, or packed, is looked at like all else.
func TestSoundElsewhere(t *testing.T) {
	bare, work := newRepository(t)
	base := put(t, work, "f", "f")
	f := git(t, work, "rev-parse", "HEAD:f")
	tip := onto(t, work, rawTree(t, work, "100644 a "+f, "100644 a "+f), base)
	write(t, filepath.Join(bare, "objects", "info", "alternates"), filepath.Join(work, ".git", "objects")+"\n")
	r := open(t, bare)
	check := func(what string) {
		t.Helper()
		var unsound *UnsoundTree
		if err := r.Sound(t.Context(), Brought{Tip: tip, Without: []policy.ObjectID{base}}); !errors.As(err, &unsound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("in an alternate")
	git(t, work, "branch", "tip", string(tip))
	git(t, work, "repack", "-q", "-a", "-d")
	check("packed")
	if err := os.Remove(filepath.Join(bare, "objects", "info", "alternates")); err != nil {
		t.Fatal(err)
	}
	var unsound *UnsoundTree
	if err := r.Sound(t.Context(), Brought{Tip: tip, Without: []policy.ObjectID{base}}); err == nil || errors.As(err, &unsound) {
		t.Errorf("missing: %v", err)
	}
}

func TestSoundBounds(t *testing.T) {
	_, work := newRepository(t)
	base := put(t, work, "f", "f")
	var s strings.Builder
	for i := range MaxBrought + 1 {
		start := ""
		if i == 0 {
			start = "from " + string(base) + "\n"
		}
		fmt.Fprintf(&s, "commit refs/heads/long\ncommitter a <a@b> 1000000000 +0000\ndata 1\nx\n%s", start)
	}
	if out, err := tryGit(work, s.String(), "fast-import", "--quiet"); err != nil {
		t.Fatal(out)
	}
	r, without := open(t, work), []policy.ObjectID{base}
	long := policy.ObjectID(git(t, work, "rev-parse", "long"))
	if err := r.Sound(t.Context(), Brought{Tip: long, Without: without}); !errors.Is(err, ErrTooMany) {
		t.Errorf("one commit too many: %v", err)
	}
	// The same history beside another branch stops nobody.
	from(t, work, "other", base)
	other := put(t, work, "o", "o")
	both := onto(t, work, treeOf(t, work, other), long, other)
	if err := r.Sound(t.Context(), Brought{Tip: other, Without: without}); err != nil {
		t.Errorf("another branch: %v", err)
	}
	r.graphLimit = 1000
	history := []Deployed{stands(9, both, long), {Record: 8, Commit: base, Old: both, Withdraws: true}, stands(7, both, base)}
	checkBorne(t, r, "a long history taken out", Brought{Tip: other, Without: without}, history,
		Borne{Commits: ids{other}, Needed: 1, Evidence: []uint64{9}})
	checkBorne(t, r, "withdrawn with a long history", Brought{Tip: other, Without: without}, history[1:],
		Borne{Commits: ids{other}, Needed: 1, Withdrawn: ids{other}, WithdrawnBy: 8})
	if _, err := r.Borne(t.Context(), Brought{Tip: long, Without: without}, history); !errors.Is(err, ErrTooMany) {
		t.Errorf("the long history itself: %v", err)
	}
}

func TestUnchecked(t *testing.T) {
	for _, test := range []struct{ config, want string }{
		{"", "receive.fsckObjects is off"},
		{"[receive]\n\tfsckObjects = true\n", ""},
		{"[receive]\n\tfsckobjects\n", ""},
		{"[transfer]\n\tfsckObjects = on\n", ""},
		{"[transfer]\n\tfsckObjects = true\n[receive]\n\tfsckObjects = false\n", "receive.fsckObjects is off"},
		{"[receive]\n\tfsckObjects = true\n\tfsckObjects = no\n", "receive.fsckObjects is off"},
		{"[receive]\n\tfsckObjects = true\n[receive \"fsck\"]\n\tduplicateEntries = warn\n", "receive.fsck.duplicateEntries = warn"},
		{"[receive]\n\tfsckObjects = true\n[receive \"fsck\"]\n\thasdotgit = ignore\n\thasDotgit = Error\n", ""},
		{"[receive]\n\tfsckObjects = true\n[receive \"fsck\"]\n\tzeroPaddedFilemode = ignore\n", ""},
	} {
		dir := t.TempDir()
		git(t, dir, "init", "-q", "--bare", ".")
		write(t, filepath.Join(dir, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"+test.config)
		if got := Unchecked(open(t, dir).Config); got != test.want {
			t.Errorf("%q: %q, want %q", test.config, got, test.want)
		}
	}
}
