package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// copied runs UpdateCopy, which must work.
func copied(t *testing.T, from, to string, o CopyOptions) Copied {
	t.Helper()
	c, err := UpdateCopy(t.Context(), from, to, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func journalOf(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rewrite changes a journal by hand.
func rewrite(t *testing.T, dir string, change func(string) string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, JournalName), []byte(change(journalOf(t, dir))), 0o640); err != nil {
		t.Fatal(err)
	}
}

// refusals appends n entries to a ledger in a folder.
func refusals(t *testing.T, dir string, n int) {
	t.Helper()
	l, err := Open(context.Background(), dir, Options{Root: "/srv/git"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range n {
		if err := l.Append(&Entry{Type: TypeRefused, Push: "p", Service: "shop", Environment: "prd", Codes: []string{"frozen"}}); err != nil {
			t.Fatal(err)
		}
	}
}

func sourceOf(t *testing.T, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	if err := Create(dir, CreateOptions{Root: "/srv/git"}); err != nil {
		t.Fatal(err)
	}
	refusals(t, dir, n)
	return dir
}

// A copy has the same bytes, goes on where it ended, in pieces too, and is a
// ledger that can be opened and written to.
func TestUpdateCopy(t *testing.T) {
	from, to := sourceOf(t, 9), filepath.Join(t.TempDir(), "sub", "copy")
	first := copied(t, from, to, CopyOptions{Lines: 4})
	if first.Lines != 4 || first.Record != 4 || !strings.HasPrefix(journalOf(t, from), journalOf(t, to)) {
		t.Fatalf("the first piece: %+v", first)
	}
	var shown []int64
	rest := copied(t, from, to, CopyOptions{Progress: func(done, total int64) { shown = append(shown, done, total) }})
	if rest.Lines != 6 || rest.Record != 10 || journalOf(t, from) != journalOf(t, to) || rest.Bytes != int64(len(journalOf(t, to))) {
		t.Fatalf("the rest: %+v", rest)
	}
	if len(shown) != 2 || shown[0] != rest.Bytes || shown[1] != rest.Bytes {
		t.Errorf("progress was told %d", shown)
	}
	if id, err := IDOf(from); err != nil || id != rest.Ledger || id != first.Ledger {
		t.Errorf("it is ledger %s, and %q was told, and before %q: %v", id, rest.Ledger, first.Ledger, err)
	}
	refusals(t, from, 1)
	if again := copied(t, from, to, CopyOptions{}); again.Lines != 1 || again.Record != 11 {
		t.Errorf("another line: %+v", again)
	}
	if none := copied(t, from, to, CopyOptions{}); none.Lines != 0 || none.Record != 11 || none.Hash == "" {
		t.Errorf("nothing new: %+v", none)
	}
	if err := Rebuild(t.Context(), to, Options{Root: "/srv/git"}); err != nil {
		t.Fatal(err)
	}
	refusals(t, to, 1)
	if r, err := Verify(to, nil); err != nil || !r.OK() || r.Records != 12 {
		t.Errorf("the copy: %+v, %v", r, err)
	}
}

// A copy of a ledger that was cut, changed, or is another one is left as it is.
func TestCopyContradicted(t *testing.T) {
	from := sourceOf(t, 5)
	for name, change := range map[string]func(dir string){
		"cut": func(dir string) {
			rewrite(t, dir, func(s string) string {
				lines := strings.SplitAfter(s, "\n")
				return strings.Join(lines[:4], "")
			})
		},
		"changed": func(dir string) {
			rewrite(t, dir, func(s string) string { return strings.Replace(s, `"frozen"`, `"locked"`, 5) })
		},
		"other length": func(dir string) {
			rewrite(t, dir, func(s string) string { return strings.Replace(s, `"shop"`, `"shoes"`, 5) })
		},
		"another": func(dir string) {
			rewrite(t, dir, func(string) string { return journalOf(t, sourceOf(t, 8)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, to := filepath.Join(t.TempDir(), "source"), filepath.Join(t.TempDir(), "copy")
			copied(t, from, source, CopyOptions{})
			copied(t, from, to, CopyOptions{})
			before := journalOf(t, to)
			change(source)
			if _, err := UpdateCopy(t.Context(), source, to, CopyOptions{}); !errors.Is(err, ErrContradicted) {
				t.Errorf("%v", err)
			}
			if journalOf(t, to) != before {
				t.Error("the copy was written to")
			}
		})
	}
}

// A place that has another ledger is said to, by the two's names.
func TestCopyOverAnother(t *testing.T) {
	from, to := sourceOf(t, 5), sourceOf(t, 2)
	before := journalOf(t, to)
	there, err := IDOf(to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Copy(t.Context(), from, to, nil)
	if !errors.Is(err, ErrContradicted) || !strings.Contains(err.Error(), "there is another ledger, ID "+there+", and this is ledger ") {
		t.Errorf("%v", err)
	}
	if journalOf(t, to) != before {
		t.Error("it was written to")
	}
}

// What does not follow is not copied, and what came before it is.
func TestCopyDamaged(t *testing.T) {
	from, to := sourceOf(t, 5), filepath.Join(t.TempDir(), "copy")
	rewrite(t, from, func(s string) string {
		lines := strings.SplitAfter(s, "\n")
		lines[3] = strings.Replace(lines[3], `"p"`, `"q"`, 1)
		return strings.Join(lines, "")
	})
	c, err := UpdateCopy(t.Context(), from, to, CopyOptions{})
	if !errors.Is(err, ErrDamaged) || c.Record != 4 || !strings.HasPrefix(journalOf(t, from), journalOf(t, to)) {
		t.Errorf("%+v, %v", c, err)
	}
	empty := t.TempDir()
	if _, err := UpdateCopy(t.Context(), empty, filepath.Join(t.TempDir(), "c"), CopyOptions{}); !errors.Is(err, ErrMissing) {
		t.Errorf("of nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := UpdateCopy(ctx, from, filepath.Join(t.TempDir(), "c"), CopyOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with nobody waiting: %v", err)
	}
}

// What a crash has left of a line goes; a last line that is none is kept for
// whoever looks into it.
func TestCopyTorn(t *testing.T) {
	from, to := sourceOf(t, 5), filepath.Join(t.TempDir(), "copy")
	copied(t, from, to, CopyOptions{Lines: 3})
	rewrite(t, to, func(s string) string { return s + `{"seq":4,"ti` })
	if copied(t, from, to, CopyOptions{}); journalOf(t, from) != journalOf(t, to) {
		t.Error("the torn copy is no copy")
	}
	rewrite(t, to, func(s string) string { return s + "{\"seq\":7}\n" })
	before := journalOf(t, to)
	if _, err := UpdateCopy(t.Context(), from, to, CopyOptions{}); !errors.Is(err, ErrDamaged) || journalOf(t, to) != before {
		t.Errorf("a last line that is none: %v", err)
	}
	rewrite(t, to, func(string) string { return strings.Repeat("x", 3*MaxLine) })
	if _, err := UpdateCopy(t.Context(), from, to, CopyOptions{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a last line that is too long: %v", err)
	}
}

// Who finds another process at it leaves it to that one, or waits as long as he
// is told.
func TestCopyBusy(t *testing.T) {
	from, to := sourceOf(t, 2), filepath.Join(t.TempDir(), "copy")
	copied(t, from, to, CopyOptions{Lines: 1})
	f, err := os.Open(filepath.Join(to, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	for _, wait := range []time.Duration{0, 10 * time.Millisecond} {
		if c := copied(t, from, to, CopyOptions{Wait: wait}); !c.Left || c.Lines != 0 {
			t.Errorf("wait %v: %+v", wait, c)
		}
	}
	f.Close()
	if c := copied(t, from, to, CopyOptions{Wait: time.Second}); c.Left || c.Record != 3 {
		t.Errorf("%+v", c)
	}
}

// An open ledger that ends before its copy, or otherwise, is found out without a
// look at anything else.
func TestCheckCopy(t *testing.T) {
	from := sourceOf(t, 5)
	check := func(change func(string) string) error {
		to := filepath.Join(t.TempDir(), "copy")
		copied(t, from, to, CopyOptions{})
		rewrite(t, to, change)
		l, err := Open(t.Context(), from, Options{Root: "/srv/git", Copy: to})
		if err == nil {
			l.Close()
		}
		return err
	}
	last := func(s string) string { return s[strings.LastIndexByte(s[:len(s)-1], '\n')+1:] }
	for name, c := range map[string]struct {
		change func(string) string
		want   error
	}{
		"same":    {func(s string) string { return s }, nil},
		"behind":  {func(s string) string { return strings.TrimSuffix(s, last(s)) }, nil},
		"torn":    {func(s string) string { return s + "{" }, nil},
		"ahead":   {func(s string) string { return s + strings.Replace(last(s), `"seq":6`, `"seq":7`, 1) }, ErrContradicted},
		"other":   {func(s string) string { return strings.ReplaceAll(s, `"frozen"`, `"locked"`) }, ErrContradicted},
		"nothing": {func(string) string { return "" }, nil},
		"garbage": {func(string) string { return "garbage\n" }, ErrCopy},
		"changed": {func(s string) string {
			s = strings.TrimSuffix(s, last(s))
			return strings.TrimSuffix(s, last(s)) + strings.ReplaceAll(last(s), `"frozen"`, `"locked"`)
		}, ErrContradicted},
	} {
		if err := check(c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l, err := Open(t.Context(), from, Options{Root: "/srv/git", Copy: filepath.Join(t.TempDir(), "none")})
	if err != nil {
		t.Fatalf("no copy: %v", err)
	}
	l.Close()
	for name, dir := range map[string]string{"a ledger's own folder": from, "another ledger": copyOf(t, sourceOf(t, 2))} {
		if l, err := Open(t.Context(), from, Options{Root: "/srv/git", Copy: dir}); !errors.Is(err, ErrCopy) {
			t.Errorf("%s as copy: %v, %v", name, l, err)
		}
	}
}

// copyOf copies a ledger to a folder of its own.
func copyOf(t *testing.T, from string) string {
	to := filepath.Join(t.TempDir(), "copy")
	copied(t, from, to, CopyOptions{})
	return to
}
