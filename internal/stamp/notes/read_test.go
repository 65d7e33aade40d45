package notes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// Trees of every shape that git reads, and of those that it does not.
func TestRead(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		dir, repo := bare(t, "--object-format="+format)
		digits := map[string]int{"sha1": 40, "sha256": 64}[format]
		c := string(id(1, digits))
		note, other := blob(t, dir, "the note\n"), blob(t, dir, "another\n")
		large := blob(t, dir, strings.Repeat("x", maxNote+1))
		file := func(name, id string) string { return "100644 blob " + id + "\t" + name }
		tree := func(name string, lines ...string) string {
			return "040000 tree " + mktree(t, dir, lines...) + "\t" + name
		}
		noise := []string{file("README", other), tree("docs", file(c, other)), tree("zz", file(c[2:], other)), file(c[:39], other), file(strings.ToUpper(c), other)}
		deep := func() string {
			line := file(c[digits-2:], note)
			for at := digits - 4; at >= 0; at -= 2 {
				line = tree(c[at:at+2], line)
			}
			return line
		}
		for name, test := range map[string]struct {
			lines []string
			want  string // the note, or "!" and the error
		}{
			"empty":             {nil, ""},
			"flat":              {[]string{file(c, note)}, "the note\n"},
			"executable":        {[]string{"100755 blob " + note + "\t" + c}, "the note\n"},
			"one level":         {[]string{tree(c[:2], file(c[2:], note))}, "the note\n"},
			"two levels":        {[]string{tree(c[:2], tree(c[2:4], file(c[4:], note)))}, "the note\n"},
			"all levels":        {[]string{deep()}, "the note\n"},
			"with others":       {append(noise, tree(c[:2], append(noise, file(c[2:], note))...)), "the note\n"},
			"others only":       {noise, ""},
			"mixed":             {[]string{file(c, note), tree(c[:2], file(string(id(2, digits))[2:], other))}, "the note\n"},
			"a level of four":   {[]string{tree(c[:4], file(c[4:], note))}, ""},
			"a slash too many":  {[]string{tree(c[:2], file(c, note))}, ""},
			"a symbolic link":   {[]string{"120000 blob " + note + "\t" + c}, ""},
			"a submodule":       {[]string{"160000 commit " + c + "\t" + c}, ""},
			"a tree":            {[]string{tree(c, file("x", note))}, ""},
			"a file for a tree": {[]string{file(c[:2], note)}, ""},
			"twice":             {[]string{file(c, note), tree(c[:2], file(c[2:], note))}, "!there are two notes of it"},
			"twice below":       {[]string{tree(c[:2], file(c[2:], note), tree(c[2:4], file(c[4:], other)))}, "!there are two notes of it"},
			"large":             {[]string{file(c, large)}, "!262145 bytes, more than 262144"},
			"missing":           {[]string{file(c, strings.Repeat("1", digits))}, "!missing"},
			"missing below":     {[]string{"040000 tree " + strings.Repeat("1", digits) + "\t" + c[:2]}, "!missing"},
		} {
			tip := commitTree(t, dir, mktree(t, dir, test.lines...), "x")
			got, err := Read(context.Background(), repo, tip, policy.ObjectID(c))
			if why, refused := strings.CutPrefix(test.want, "!"); refused {
				if err == nil || !strings.Contains(err.Error(), why) {
					t.Errorf("%s, %s: %q, %v; want the error %s", format, name, got, err, why)
				}
				continue
			}
			if err != nil || string(got) != test.want || (got == nil) != (test.want == "") {
				t.Errorf("%s, %s: %q, %v; want %q", format, name, got, err, test.want)
			}
			// What pathgate reads, git reads, but for capitals.
			git(t, dir, "", "update-ref", string(ref), string(tip))
			shown, err := tryGit(dir, "", "notes", "--ref="+string(ref), "list", c)
			if name != "with others" && name != "others only" && (err == nil) != (test.want != "") {
				t.Errorf("%s, %s: git says %s", format, name, shown)
			}
		}
	}
}

// raw writes an object that git itself would not make.
func raw(t *testing.T, dir, kind, content string) string {
	t.Helper()
	return git(t, dir, content, "hash-object", "-w", "-t", kind, "--literally", "--stdin")
}

func TestReadHostile(t *testing.T) {
	dir, repo := bare(t)
	c := string(id(1, 40))
	note := blob(t, dir, "the note\n")
	bytesOf := func(id string) string {
		var b []byte
		if _, err := fmt.Sscanf(id, "%x", &b); err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	line := func(mode, name, id string) string { return mode + " " + name + "\x00" + bytesOf(id) }
	empty := raw(t, dir, "tree", "")
	for name, test := range map[string]struct{ tree, why string }{
		"one name twice": {line("100644", c, note) + line("100644", c, note), "two notes"},
		"a folder twice": {line("40000", c[:2], empty) + line("40000", c[:2], empty), "two notes"},
		"out of order":   {line("100644", "zz", note) + line("100644", c, note), ""},
		"cut ID":         {line("100644", c, note)[:60], "malformed"},
		"no name":        {line("100644", "", note), "malformed"},
		"no mode":        {line("", c, note), "malformed"},
		"no end":         {"100644 " + c, "malformed"},
		"no blank":       {"100644" + c + "\x00" + bytesOf(note), "malformed"},
		"long mode":      {line("0000100644", c, note), "malformed"},
		"long name":      {line("100644", strings.Repeat("x", 5000), note), "malformed"},
		"blob is a tree": {line("100644", c, empty), "is a tree and should be a blob"},
		"tree is a blob": {line("40000", c[:2], note), "is a blob and should be a tree"},
		"large":          {strings.Repeat(line("100644", strings.Repeat("f", 4000), note), 300), "more than 1048576"},
	} {
		tip := commitTree(t, dir, raw(t, dir, "tree", test.tree), "x")
		got, err := Read(context.Background(), repo, tip, policy.ObjectID(c))
		if test.why == "" && (err != nil || string(got) != "the note\n") || test.why != "" && (err == nil || !strings.Contains(err.Error(), test.why)) {
			t.Errorf("%s: %.20q, %v; want %s", name, got, err, test.why)
		}
	}
	good := string(commitTree(t, dir, mktree(t, dir, "100644 blob "+note+"\t"+c), "x"))
	body := git(t, dir, "", "cat-file", "commit", good)
	for name, tip := range map[string]string{
		"a blob":     note,
		"a tree":     empty,
		"a tag":      raw(t, dir, "tag", "object "+good+"\ntype commit\ntag x\ntagger a <a> 1 +0000\n\nx\n"),
		"absent":     strings.Repeat("1", 40),
		"zero":       strings.Repeat("0", 40),
		"a name":     "HEAD",
		"an option":  "--help",
		"large":      raw(t, dir, "commit", body+strings.Repeat("x", maxCommit)),
		"no tree":    raw(t, dir, "commit", "parent "+good+"\n\nx\n"),
		"bad parent": raw(t, dir, "commit", strings.Replace(body, "\nauthor", "\nparent x\nauthor", 1)),
	} {
		if got, err := Read(context.Background(), repo, policy.ObjectID(tip), policy.ObjectID(c)); err == nil {
			t.Errorf("a tip that is %s: %q", name, got)
		}
	}
	for _, c := range []string{"", "main", strings.Repeat("0", 40), strings.Repeat("a", 64), strings.ToUpper(c)} {
		if _, err := Read(context.Background(), repo, policy.ObjectID(good), policy.ObjectID(c)); err == nil {
			t.Errorf("the note of %q was looked for", c)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, repo, policy.ObjectID(good), policy.ObjectID(c)); err == nil {
		t.Error("it went on without time")
	}
}

// What is wrong with one note is no reason not to read another; and of what would
// take too long the rest is not read.
func TestReadAllOneByOne(t *testing.T) {
	dir, repo := bare(t)
	note, other := blob(t, dir, "the note\n"), blob(t, dir, "another\n")
	large := blob(t, dir, strings.Repeat("x", maxPast+1))
	file := func(n int, blob string) string { return "100644 blob " + blob + "\t" + string(id(n, 40)) }
	below := string(id(3, 40))
	lines := []string{file(0, note), file(1, large), file(2, strings.Repeat("1", 40)), file(3, note), file(5, other),
		"040000 tree " + mktree(t, dir, "100644 blob "+other+"\t"+below[2:]) + "\t" + below[:2]}
	for n := 10; n < 40; n++ {
		lines = append(lines, file(n, large))
	}
	tip := commitTree(t, dir, mktree(t, dir, lines...), "x")
	commits := []policy.ObjectID{id(0, 40), id(1, 40), id(2, 40), id(3, 40), "main", id(4, 40), id(5, 40)}
	var got []string
	visit := func(c policy.ObjectID, note []byte, err error) error {
		got = append(got, fmt.Sprintf("%s%v", note, err))
		return nil
	}
	if err := ReadAll(context.Background(), repo, tip, commits, visit); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"the note\n<nil>", "bytes, more than", "missing", "two notes", "not a commit's ID", "<nil>", "another\n<nil>"} {
		if i >= len(got) || !strings.Contains(got[i], want) {
			t.Errorf("%d of %q: want %s", i, got, want)
		}
	}
	got, commits = nil, nil
	for n := 10; n < 40; n++ {
		commits = append(commits, id(n, 40))
	}
	if err := ReadAll(context.Background(), repo, tip, append(commits, id(0, 40)), visit); err != nil || !strings.Contains(got[30], ErrTooMuch.Error()) {
		t.Errorf("%.80q %v", got, err)
	}
	stop := errors.New("stop")
	if err := ReadAll(context.Background(), repo, tip, commits, func(policy.ObjectID, []byte, error) error { return stop }); err != stop {
		t.Error(err)
	}
}

func TestNewest(t *testing.T) {
	dir, repo := bare(t)
	l := &log{t: t}
	var tips []policy.ObjectID
	for i, n := range []int{0, 1, 2, 0, 3} {
		tips = append(tips, put(t, repo, l, int64(i+1), map[policy.ObjectID]string{id(n, 40): fmt.Sprint("note ", i)}))
	}
	list := func(tip, until policy.ObjectID, limit int) (out []policy.ObjectID, err error) {
		err = Newest(context.Background(), repo, tip, until, func(c policy.ObjectID) bool {
			out = append(out, c)
			return len(out) < limit
		})
		return out, err
	}
	for name, test := range map[string]struct {
		until policy.ObjectID
		limit int
		want  []policy.ObjectID
	}{
		"all":   {"", 99, []policy.ObjectID{id(3, 40), id(0, 40), id(2, 40), id(1, 40)}},
		"until": {tips[2], 99, []policy.ObjectID{id(3, 40), id(0, 40)}},
		"some":  {"", 3, []policy.ObjectID{id(3, 40), id(0, 40), id(2, 40)}},
		"none":  {tips[4], 99, nil},
	} {
		if got, err := list(tips[4], test.until, test.limit); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// What cannot be compared ends it, after what is newer.
	sub := mktree(t, dir, "100644 blob "+blob(t, dir, "x")+"\t"+string(id(7, 40))[2:])
	bad := commitTree(t, dir, mktree(t, dir, "040000 tree "+sub+"\t00", "040000 tree "+sub+"\t01"), "x", string(tips[0]))
	good := commitTree(t, dir, mktree(t, dir, "100644 blob "+blob(t, dir, "y")+"\t"+string(id(8, 40))), "x", string(bad))
	if got, err := list(good, "", 99); err == nil || len(got) != 1 || got[0] != id(8, 40) {
		t.Errorf("%v, %v", got, err)
	}
}

// In pre-receive the notes are in the quarantine, loose or packed.
func TestReadInQuarantine(t *testing.T) {
	for _, count := range []int{1, 300} {
		from, source := bare(t)
		notes := make(map[policy.ObjectID]string)
		for i := range count {
			notes[id(i, 40)] = fmt.Sprintf("note %d", i)
		}
		put(t, source, &log{t: t}, 5, notes)
		to, target := bare(t)
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(self, filepath.Join(to, "hooks", "pre-receive")); err != nil {
			t.Fatal(err)
		}
		t.Setenv(hookVar, string(id(0, 40)))
		out := git(t, from, "", "push", to, string(ref))
		if !strings.Contains(out, `note="note 0" trees=1`) {
			t.Errorf("%d notes: the hook says %s", count, out)
		}
		_, tip, err := target.Resolve(context.Background(), ref)
		if err != nil || read(t, target, tip, id(count-1, 40)) != fmt.Sprintf("note %d", count-1) {
			t.Errorf("%d notes: not there after the push: %v", count, err)
		}
	}
}

func TestChanged(t *testing.T) {
	dir, repo := bare(t)
	l := &log{t: t}
	first := make(map[policy.ObjectID]string)
	for i := range 40 {
		first[id(i, 40)] = "a"
	}
	old := put(t, repo, l, 1, first)
	second := map[policy.ObjectID]string{id(3, 40): "b"}
	for i := 40; i < 400; i++ { // the tree fans out: every note moves
		second[id(i, 40)] = "c"
	}
	tip := put(t, repo, l, 2, second)
	if shape := git(t, dir, "", "ls-tree", string(tip)); !strings.HasPrefix(shape, "040000 tree ") {
		t.Fatalf("the tree did not fan out:\n%.100s", shape)
	}
	got, more, err := Changed(context.Background(), repo, old, tip, 1000)
	if err != nil || more || len(got) != len(second) {
		t.Fatalf("%d of %d commits, %v, %v", len(got), len(second), more, err)
	}
	for i, c := range got {
		if _, ok := second[c]; !ok || i > 0 && got[i-1] >= c {
			t.Fatalf("%s is not changed, or out of order", c)
		}
	}
	all, more, err := Changed(context.Background(), repo, "", tip, 1000)
	maps.Copy(first, second)
	if err != nil || more || len(all) != len(first) {
		t.Errorf("from nothing: %d of %d, %v", len(all), len(first), err)
	}
	if got, more, err := Changed(context.Background(), repo, "", tip, 7); err != nil || !more || len(got) != 7 {
		t.Errorf("with a limit: %d, %v, %v", len(got), more, err)
	}
	if got, _, err := Changed(context.Background(), repo, tip, tip, 7); err != nil || len(got) != 0 {
		t.Errorf("of the same: %v, %v", got, err)
	}
	// Back: what was one tree is fanned out in the old one, and the other way.
	if got, _, err := Changed(context.Background(), repo, tip, old, 1000); err != nil || len(got) != 1 || got[0] != id(3, 40) {
		t.Errorf("back: %v, %v", got, err)
	}
	for _, c := range [][2]policy.ObjectID{{old, tip}, {"", tip}, {tip, tip}, {tip, old}} {
		want, _, err := Changed(context.Background(), repo, c[0], c[1], 1000)
		if got, each := eachOf(repo, c[0], c[1], 1000); err != nil || each != nil || !slices.Equal(got, want) {
			t.Errorf("each of %d: %d, %v, %v", len(want), len(got), err, each)
		}
	}
	if got, err := eachOf(repo, "", tip, 7); err == nil || !slices.Equal(got, all[:7]) {
		t.Errorf("each with a limit: %d, %v", len(got), err)
	}
	twice := mktree(t, dir, "100644 blob "+blob(t, dir, "x")+"\t"+string(id(3, 40)),
		"040000 tree "+mktree(t, dir, "100644 blob "+blob(t, dir, "y")+"\t"+string(id(3, 40))[2:])+"\t"+string(id(3, 40))[:2])
	if _, _, err := Changed(context.Background(), repo, tip, commitTree(t, dir, twice, "x"), 7); !errors.Is(err, errTwo) {
		t.Errorf("two notes: %v", err)
	}
	if _, err := eachOf(repo, tip, commitTree(t, dir, twice, "x"), 7); !errors.Is(err, errTwo) {
		t.Errorf("each of two notes: %v", err)
	}
	// Trees that name one another many times would take for ever.
	tree := mktree(t, dir)
	for range 19 {
		var lines []string
		for i := range 256 {
			lines = append(lines, fmt.Sprintf("040000 tree %s\t%02x", tree, i))
		}
		tree = mktree(t, dir, lines...)
	}
	if _, _, err := Changed(context.Background(), repo, "", commitTree(t, dir, tree, "x"), 7); err == nil || !strings.Contains(err.Error(), "at two places") {
		t.Errorf("a bomb: %v", err)
	}
}

func eachOf(repo *gitfacts.Repository, old, tip policy.ObjectID, most int) (all []policy.ObjectID, err error) {
	err = EachChanged(context.Background(), repo, old, tip, most, func(id policy.ObjectID) error {
		all = append(all, id)
		return nil
	})
	return all, err
}

// TestChangedMixed compares with a tree that has notes at all levels, as nobody's
// git makes it: they come in order all the same.
func TestChangedMixed(t *testing.T) {
	dir, repo := bare(t)
	note := "100644 blob " + blob(t, dir, "x") + "\t"
	at := func(start string) policy.ObjectID { return policy.ObjectID(start + strings.Repeat("5", 40-len(start))) }
	deep := mktree(t, dir, note+string(at("abcd"))[4:], note+string(at("abcd9"))[4:])
	sub := mktree(t, dir, note+string(at("ab00"))[2:], note+string(at("abff"))[2:], "040000 tree "+deep+"\tcd")
	same := mktree(t, dir, note+string(at("11"))[2:])
	old := commitTree(t, dir, mktree(t, dir, "040000 tree "+same+"\t11", note+string(at("abff"))), "old")
	tip := commitTree(t, dir, mktree(t, dir, note+string(at("11a")), "040000 tree "+same+"\t11", note+string(at("aa")),
		note+string(at("abce")), "040000 tree "+sub+"\tab", note+string(at("ff"))), "new")
	want := []policy.ObjectID{at("11a"), at("aa"), at("ab00"), at("abcd"), at("abcd9"), at("abce"), at("ff")} // abff has moved
	got, more, err := Changed(context.Background(), repo, old, tip, 100)
	if err != nil || more || !slices.Equal(got, want) {
		t.Errorf("%v, %v, %v", got, more, err)
	}
	if got, err := eachOf(repo, old, tip, 100); err != nil || !slices.Equal(got, want) {
		t.Errorf("each: %v, %v", got, err)
	}
}

// BenchmarkRead reads one note among a million, in a tree as git makes it.
func BenchmarkRead(b *testing.B) {
	dir, repo := bare(b)
	var stream bytes.Buffer
	// As git fans out a million: the commits need not be there, which N would ask.
	stream.WriteString("blob\nmark :1\ndata 5\nnote\n\ncommit " + string(ref) + "\ncommitter a <a> 1 +0000\ndata 1\nx\n")
	for i := range 1_000_000 {
		c := id(i, 40)
		fmt.Fprintf(&stream, "M 100644 :1 %s/%s/%s\n", c[:2], c[2:4], c[4:])
	}
	git(b, dir, stream.String(), "fast-import", "--quiet", "--force")
	fresh, err := gitfacts.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	_, tip, err := fresh.Resolve(context.Background(), ref)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("a million", func(b *testing.B) {
		for b.Loop() {
			if read(b, repo, tip, id(777, 40)) == "" {
				b.Fatal("no note")
			}
		}
	})
	b.Run("another in a million", func(b *testing.B) {
		l := &log{t: b}
		n := int64(0)
		for b.Loop() {
			n++
			if _, err := Write(context.Background(), repo, Refs{Public: ref}, nil, func(old Old) (*Change, error) {
				c := l.change(old, n, map[policy.ObjectID]string{id(int(1_000_000+n), 40): "a note"})
				c.Anew = true
				return c, nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all changed", func(b *testing.B) {
		for b.Loop() {
			count, most := 0, uint64(0)
			err := EachChanged(context.Background(), repo, "", tip, 2_000_000, func(policy.ObjectID) error {
				if count++; count%100_000 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
				return nil
			})
			if err != nil || count != 1_000_000 {
				b.Fatal(count, err)
			}
			b.ReportMetric(float64(most)/(1<<20), "heap-MB")
		}
	})
}
