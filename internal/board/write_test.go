package board

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
)

// small is a journal with one deployment.
func small(t testing.TB) *journal {
	j := newJournal(t)
	j.done("shop", "dev", "A", "first", ledger.Entry{})
	return j
}

func optionsFor(t testing.TB, j *journal, out string) Options {
	return Options{Out: out, Policy: policyFor(t, j.dir), Now: func() time.Time { return clock }}
}

// TestNotABoard checks that nothing is replaced that no board wrote, and that it
// stays as it was.
func TestNotABoard(t *testing.T) {
	j := small(t)
	for name, prepare := range map[string]func(out string) error{
		"a folder with something in it": func(out string) error {
			return errors.Join(os.Mkdir(out, 0o755), os.WriteFile(filepath.Join(out, "index.html"), []byte("mine"), 0o644))
		},
		"a file": func(out string) error { return os.WriteFile(out, []byte("mine"), 0o644) },
		"a link": func(out string) error {
			return errors.Join(os.Mkdir(out+"-there", 0o755), os.Symlink(out+"-there", out))
		},
		"a board with something else": func(out string) error {
			writeBoard(t, j, out, nil)
			return os.WriteFile(filepath.Join(out, "robots.txt"), []byte("mine"), 0o644)
		},
		"a board with a folder in the place of a page": func(out string) error {
			writeBoard(t, j, out, nil)
			return errors.Join(os.Remove(filepath.Join(out, "index.html")), os.Mkdir(filepath.Join(out, "index.html"), 0o755))
		},
		"a marker that is a folder": func(out string) error {
			return os.MkdirAll(filepath.Join(out, Marker), 0o755)
		},
	} {
		out := filepath.Join(t.TempDir(), "board")
		if err := prepare(out); err != nil {
			t.Fatal(err)
		}
		before := tree(t, filepath.Dir(out))
		_, err := Write(context.Background(), optionsFor(t, j, out))
		if !errors.Is(err, ErrNotBoard) {
			t.Errorf("%s: %v", name, err)
		}
		after := strings.ReplaceAll(tree(t, filepath.Dir(out)), " .board"+lockName, "")
		if before = strings.ReplaceAll(before, " .board"+lockName, ""); before != after {
			t.Errorf("%s:\n%s\n%s", name, before, after)
		}
	}
}

// TestApart checks that no board is written where the ledger or the repositories
// are, also behind a symbolic link.
func TestApart(t *testing.T) {
	j := small(t)
	dir := filepath.Dir(j.dir)
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(j.dir, link))
	before := tree(t, dir)
	for out, want := range map[string]string{
		j.dir:                  "ledger",
		j.dir + "/www":         "ledger",
		dir:                    "ledger",
		link + "/www":          "ledger",
		"/srv/git/board":       "repositories",
		"/srv/../srv/git/b/..": "repositories",
		"/srv":                 "repositories",
	} {
		o := optionsFor(t, j, out)
		for name, write := range map[string]func() error{
			"write":   func() error { _, err := Write(context.Background(), o); return err },
			"refresh": func() error { _, _, err := Refresh(context.Background(), o, 0); return err },
		} {
			if err := write(); !errors.Is(err, ErrNotBoard) || !strings.Contains(err.Error(), "--out must not be the ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s: %v", name, out, err)
			}
		}
	}
	if after := tree(t, dir); after != before {
		t.Errorf("written: %s", after)
	}
}

// tree lists what is in a folder.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		all.WriteString(" " + rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestWrong(t *testing.T) {
	j := small(t)
	for want, change := range map[string]func(*Options){
		"it wants a policy and a folder":            func(o *Options) { o.Out = "" },
		"the commits must be 1 to 50000, not -1":    func(o *Options) { o.MaxCommits = -1 },
		"the commits must be 1 to 50000, not 50001": func(o *Options) { o.MaxCommits = 50001 },
		"the page size must be 1 to 1000, not 1001": func(o *Options) { o.PageSize = 1001 },
		"its parent folder must exist":              func(o *Options) { o.Out = filepath.Join(o.Out, "x", "y") },
		"it is the root folder":                     func(o *Options) { o.Out = "/" },
		"ledger.jsonl: no such file or directory":   func(o *Options) { o.Policy = policyFor(t, t.TempDir()) },
	} {
		o := optionsFor(t, j, filepath.Join(t.TempDir(), "board"))
		change(&o)
		if _, err := Write(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestEnded checks that a board whose writing ended early leaves the old site.
func TestEnded(t *testing.T) {
	j := small(t)
	out := filepath.Join(t.TempDir(), "board")
	writeBoard(t, j, out, nil)
	before := readFile(t, out, "index.html")
	j.done("shop", "dev", "B", "second", ledger.Entry{})
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Write(ctx, optionsFor(t, j, out)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	line := strings.Replace(readFile(t, j.dir, ledger.JournalName), `"type":"deployed"`, `"type":deployed`, 1)
	damaged := newJournal(t)
	if err := os.WriteFile(filepath.Join(damaged.dir, ledger.JournalName), []byte(line), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(context.Background(), optionsFor(t, damaged, out)); !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if readFile(t, out, "index.html") != before {
		t.Error("the old site changed")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".board"+newName+"*")); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// TestModes checks who may read a site: a new one as the umask says, an old one
// as it was.
func TestModes(t *testing.T) {
	j := small(t)
	out := filepath.Join(t.TempDir(), "board")
	writeBoard(t, j, out, nil)
	if mode := modeOf(t, out); mode&0o700 != 0o700 || mode != modeOf(t, filepath.Join(out, "assets")) {
		t.Errorf("a new site has the mode %o", mode)
	}
	if err := os.Chmod(out, 0o710); err != nil {
		t.Fatal(err)
	}
	// What a writer that died has left goes, what only looks like it stays.
	for _, name := range []string{".board" + newName + "1", ".boards" + newName + "1"} {
		if err := os.MkdirAll(filepath.Join(filepath.Dir(out), name, "assets"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeBoard(t, j, out, nil)
	if mode := modeOf(t, out); mode != 0o710 {
		t.Errorf("the mode is %o", mode)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*"+newName+"*")); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
	if err := os.Chtimes(out, clock, clock); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(out, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	writeBoard(t, j, out, nil)
	for _, name := range []string{"", "assets", "index.html", "services/shop.html", Marker} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(out, name), &st); err != nil || st.Uid != 65534 {
			t.Errorf("%q: owner %d, %v", name, st.Uid, err)
		}
	}
}

func modeOf(t testing.TB, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// TestExchange takes the exchange away.
func TestExchange(t *testing.T) {
	without := func(int, string, int, string, uint) error { return unix.EINVAL }
	broken := func(int, string, int, string, uint) error { return unix.EBUSY }
	dir := t.TempDir()
	made, path := filepath.Join(dir, "made"), filepath.Join(dir, "site")
	fill := func() {
		for _, d := range []string{made, path} {
			if err := errors.Join(os.MkdirAll(d, 0o755), os.WriteFile(filepath.Join(d, "is"), []byte(filepath.Base(d)), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	if err := exchange(made, path, broken); !errors.Is(err, unix.EBUSY) || readFile(t, path, "is") != "site" {
		t.Errorf("%v", err)
	}
	if err := exchange(made, path, without); err != nil || readFile(t, path, "is") != "made" {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
	fill()
	if err := os.RemoveAll(made); err != nil {
		t.Fatal(err)
	}
	if err := exchange(made, path, without); err == nil || readFile(t, path, "is") != "site" {
		t.Errorf("the old site is gone: %v", err)
	}
}

// TestNeverHalf reads a site while it is written anew many times: every file
// that is read is whole, and the site is always there.
func TestNeverHalf(t *testing.T) {
	j := small(t)
	out := filepath.Join(t.TempDir(), "board")
	writeBoard(t, j, out, nil)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	reads := 0
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, name := range []string{"index.html", "services/shop.html", "assets/board.css"} {
				b, err := os.ReadFile(filepath.Join(out, name))
				if err != nil || name != "assets/board.css" && !strings.HasSuffix(string(b), "</html>\n") {
					t.Errorf("%s: %d bytes, %v", name, len(b), err)
					return
				}
			}
			reads++
		}
	})
	for range 20 {
		writeBoard(t, j, out, nil)
	}
	close(stop)
	readers.Wait()
	if reads == 0 {
		t.Error("nothing was read")
	}
}

// TestRefresh starts many at once: the newest entry is told, and only a few
// wrote.
func TestRefresh(t *testing.T) {
	j := small(t)
	out := filepath.Join(t.TempDir(), "board")
	o := optionsFor(t, j, out)
	wrote := 0
	var all sync.WaitGroup
	var mutex sync.Mutex
	for i := range 30 {
		if i == 29 {
			j.done("shop", "dev", "newest", "the newest of all", ledger.Entry{})
		}
		all.Go(func() {
			_, did, err := Refresh(context.Background(), o, 200*time.Millisecond)
			if err != nil {
				t.Error(err)
			}
			mutex.Lock()
			defer mutex.Unlock()
			if did {
				wrote++
			}
		})
	}
	all.Wait()
	if wrote < 1 || wrote > 10 {
		t.Errorf("%d of 30 wrote", wrote)
	}
	if !strings.Contains(readFile(t, out, "index.html"), "the newest of all") {
		t.Error("the newest is not told")
	}
	ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	if _, did, err := Refresh(ctx, o, time.Hour); did || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a young site was not left: %v %v", did, err)
	}
	dir, err := placeOf(out, o.Policy)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := dir.try(lockName)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop = context.WithTimeout(context.Background(), 120*time.Millisecond)
	defer stop()
	if _, err := Write(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("two wrote at once: %v", err)
	}
	unlock()
	if _, err := Write(context.Background(), o); err != nil {
		t.Error(err)
	}
}
