package evidence

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func TestInert(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "a=1": "a=1", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t1": `'\t1`, "\r1": `'\r1`, "\n=1": `'\n=1`, "  =1": "'  =1",
		"\uff1d1": "'\uff1d1", "\uff201": "'\uff201", "'=1": "'=1", "a\u202eb": `a\u202eb`, "\xff=": `\xff=`, "é": "é",
	} {
		if got := inert(cell); got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
}

// Nothing is written where something is wrong, and nothing is left behind.
func TestRefuses(t *testing.T) {
	j, pol := march(t)
	dir := t.TempDir()
	full, file, link := filepath.Join(dir, "full"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	must(t, os.MkdirAll(filepath.Join(full, "sub"), 0o755))
	must(t, os.WriteFile(file, nil, 0o644))
	must(t, os.Symlink(t.TempDir(), link))
	done, cancel := context.WithCancel(context.Background())
	cancel()
	damaged := *pol
	damaged.Ledger = filepath.Join(dir, "ledger")
	must(t, os.Mkdir(damaged.Ledger, 0o755))
	must(t, os.WriteFile(filepath.Join(damaged.Ledger, ledger.JournalName), []byte("{}\n"), 0o644))
	for name, c := range map[string]struct {
		change func(*Options)
		want   error
	}{
		"full":        {func(o *Options) { o.Out = full }, ErrTaken},
		"file":        {func(o *Options) { o.Out = file }, ErrTaken},
		"link":        {func(o *Options) { o.Out = link }, ErrTaken},
		"parent":      {func(o *Options) { o.Out = filepath.Join(dir, "a", "b") }, os.ErrNotExist},
		"service":     {func(o *Options) { o.Service = "shpo" }, ErrUnknown},
		"environment": {func(o *Options) { o.Environments = []policy.EnvironmentName{"prod"} }, ErrUnknown},
		"rows":        {func(o *Options) { o.maxRows = 3 }, ErrTooMany},
		"window":      {func(o *Options) { o.To = o.From }, nil},
		"no folder":   {func(o *Options) { o.Out = "" }, nil},
		"key":         {func(o *Options) { key(t, o); o.VerifierKey = "" }, nil},
		"damaged":     {func(o *Options) { o.Policy = &damaged }, ledger.ErrDamaged},
	} {
		o := j.options(pol, filepath.Join(dir, "out"))
		c.change(&o)
		_, err := Write(context.Background(), o)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	big := newJournal(t)
	big.many(5000)
	o := big.options(pol, filepath.Join(dir, "out"))
	o.Policy = &policy.Policy{Ledger: big.dir, Environments: pol.Environments}
	if _, err := Write(done, o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	names, err := os.ReadDir(dir)
	must(t, err)
	if len(names) != 4 {
		t.Errorf("left behind: %v", names)
	}
}

// An empty folder is taken, with its mode; one that fills meanwhile is not.
func TestEmptyFolder(t *testing.T) {
	j, pol := march(t)
	dir := filepath.Join(t.TempDir(), "out")
	must(t, os.Mkdir(dir, 0o700))
	j.writes(pol, func(o *Options) { o.Out = dir })
	info, err := os.Stat(dir)
	must(t, err)
	if info.Mode().Perm() != 0o700 || !strings.Contains(read(t, dir, "README.txt"), "is not signed, and there are no proofs") {
		t.Errorf("%v", info.Mode())
	}
	made := t.TempDir()
	if err := putInPlace(made, dir, 0o700); !errors.Is(err, ErrTaken) {
		t.Errorf("%v", err)
	}
}

// A key of another ledger signs nothing.
func TestOtherKey(t *testing.T) {
	j, pol := march(t)
	o := j.options(pol, filepath.Join(t.TempDir(), "out"))
	key(t, &o)
	o.Signer = otherName{o}
	if _, err := Write(context.Background(), o); err == nil || !strings.Contains(err.Error(), "the key is of other") {
		t.Errorf("%v", err)
	}
}

type otherName struct{ Options }

func (otherName) Name() string                    { return "other" }
func (o otherName) KeyHash() uint32               { return o.Signer.KeyHash() }
func (o otherName) Sign(b []byte) ([]byte, error) { return o.Signer.Sign(b) }

// A line that is changed between two readings is found.
func TestChanged(t *testing.T) {
	f, err := newForest(t.TempDir())
	must(t, err)
	defer f.file.Close()
	for _, line := range []string{"one", "two", "three"} {
		must(t, f.add([]byte(line)))
	}
	_, err = f.done()
	must(t, err)
	if _, err := f.prove(2, []byte("two")); err != nil {
		t.Error(err)
	}
	if _, err := f.prove(2, []byte("zwei")); err == nil {
		t.Error("a changed line was proven")
	}
}

// What the index of controls names must be there.
func TestControls(t *testing.T) {
	known := map[string][]string{"changes.csv": nil, "exceptions.csv": exceptionNames[:], "approvals.csv": nil}
	for _, c := range changeColumns {
		known["changes.csv"] = append(known["changes.csv"], c.name)
	}
	for _, c := range approvalColumns {
		known["approvals.csv"] = append(known["approvals.csv"], c.name)
	}
	names := regexp.MustCompile(`(changes|approvals)\.csv: ([a-z_0-9]+(?:, [a-z_0-9]+)*)`)
	found := 0
	for _, s := range standards {
		for _, c := range s.Controls {
			if c.Asked == "" || c.Answered == "" || c.Missing == "" {
				t.Errorf("%s: %+v", s.Name, c)
			}
			for _, m := range names.FindAllStringSubmatch(c.Answered, -1) {
				for column := range strings.SplitSeq(m[2], ", ") {
					found++
					if !slices.Contains(known[m[1]+".csv"], column) {
						t.Errorf("%s names a column %q that %s.csv does not have", s.Name, column, m[1])
					}
				}
			}
		}
	}
	if found < 35 {
		t.Errorf("only %d columns are named", found)
	}
}
