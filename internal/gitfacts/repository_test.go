package gitfacts

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	bare, work := newRepository(t)
	commit(t, work, "one")
	dir := filepath.Dir(work)
	linked := filepath.Join(dir, "linked")
	git(t, work, "worktree", "add", "-q", linked)
	alias := filepath.Join(dir, "alias")
	if err := os.Symlink(bare, alias); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, gitDir, commonDir, relative string }{
		{bare, bare, bare, "shop/dev.git"},
		{alias, bare, bare, "shop/dev.git"},
		{work, work + "/.git", work + "/.git", "work"},
		{work + "/.git", work + "/.git", work + "/.git", "work"},
		{linked, work + "/.git/worktrees/linked", work + "/.git", "work"},
		{linked + "/.git", work + "/.git/worktrees/linked", work + "/.git", "work"},
	}
	for _, tt := range tests {
		r := open(t, tt.path)
		if r.GitDir() != tt.gitDir || r.CommonDir() != tt.commonDir {
			t.Errorf("%s: git dir %s, common dir %s", tt.path, r.GitDir(), r.CommonDir())
		}
		if rel, ok := r.Relative(dir); !ok || rel != tt.relative {
			t.Errorf("%s: relative %q, %v", tt.path, rel, ok)
		}
		if r.Format() != SHA1 || r.RefStorage() != Files {
			t.Errorf("%s: %s, %s", tt.path, r.Format(), r.RefStorage())
		}
	}
	t.Chdir(bare)
	if r := open(t, "."); r.GitDir() != bare {
		t.Errorf("GIT_DIR=. is %s", r.GitDir())
	}
	for _, root := range []string{bare, bare + "/objects", dir + "/absent", dir + "/wor", linked} {
		if rel, ok := open(t, bare).Relative(root); ok {
			t.Errorf("below %s: %q", root, rel)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	bare, work := newRepository(t)
	dir := filepath.Dir(work)
	write(t, dir+"/loop", "gitdir: "+dir+"/loop\n")
	write(t, dir+"/garbage", "gitdir\n")
	write(t, dir+"/empty", "")
	for _, path := range []string{dir, dir + "/absent", dir + "/loop", dir + "/garbage", dir + "/empty", "/dev/null"} {
		if r, err := Open(path); err == nil {
			t.Errorf("%s: opened %s", path, r.GitDir())
		}
	}
	for _, config := range []string{
		"[core\n", "[core]\ngarb age\n", "[extensions]\n\tobjectFormat = md5\n", "[extensions]\n\trefStorage = sql\n",
		"[a]\n\tb = \"x\n", strings.Repeat("#", maxConfigBytes+1),
	} {
		write(t, bare+"/config", config)
		if _, err := Open(bare); err == nil {
			t.Errorf("config %.40q: opened", config)
		}
	}
	if err := os.Remove(bare + "/config"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(bare); err == nil {
		t.Error("opened without a config file")
	}
}

func TestFormatSHA256(t *testing.T) {
	bare, _ := newRepository(t, "--object-format=sha256")
	if r := open(t, bare); r.Format() != SHA256 {
		t.Fatalf("format %s", r.Format())
	}
}

// listConfig is what git itself says of a config file.
func listConfig(t *testing.T, name string) (map[string][]string, bool) {
	t.Helper()
	cmd := exec.Command("git", "config", "--file", name, "--no-includes", "-z", "--list")
	cmd.Dir, cmd.Env = filepath.Dir(name), gitEnvironment()
	out, err := cmd.Output()
	values := make(map[string][]string)
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		key, value, ok := strings.Cut(entry, "\n")
		if !ok {
			value = "true"
		}
		if key != "" {
			values[key] = append(values[key], value)
		}
	}
	return values, err == nil
}

// Every file that the native reader takes means the same to git.
func TestConfigAgreesWithGit(t *testing.T) {
	plain := map[string]bool{
		"":                                   true,
		"[a]\n\tb = c\n\tb=d\n":              true,
		"[a]\n\tb\n":                         true,
		"[a]\n\tb =\n":                       true,
		"[A]\n\tBeta-2 = x y  z \t\n":        true,
		"# x\n; y\n\n[a \"Sub.x y\"]\nb = 1": true,
		"[a]\nb = x=y\n":                     true,
		"[a]\nb = ü\n":                       true,
		"[a]\n[b]\nc = 1\n[a]\nc = 2\n":      true,
		"[a]\nb = \"x y\" z # c\n":           false,
		"[a]\nb = x # c\n":                   false,
		"[a]\nb = x\\\n  y\n":                false,
		"[a]\nb = x\ty\n":                    false,
		"[a]\r\nb = c\r\n":                   false,
		"[a] b = c\n":                        false,
		"[A.Sub]\nb = 1\n":                   false,
		"[a \"x\\\"y\"]\nb = 1\n":            false,
		"[a \"\"]\nb = 1\n":                  false,
		"\ufeff[a]\nb = 1\n":                 false,
		"[a]\nb = C:\\\\x\n":                 false,
		"[a]\n2b = 1\n":                      false,
		"[a]\nb_c = 1\n":                     false,
		"b = 1\n":                            false,
		"[]\nb = 1\n":                        false,
		"[a\nb = 1\n":                        false,
		"[a]]\nb = 1\n":                      false,
		"[a]\n= 1\n":                         false,
		"[a]\nb c = 1\n":                     false,
		"[a  \"x\"]\nb = 1\n":                false,
		"[a]x\n":                             false,
		"[a \"x\" ]\nb = 1\n":                false,
		"[a ]\nb = 1\n":                      false,
		"[a]\nb = x\x00y\n":                  false,
	}
	bare, _ := newRepository(t)
	r := open(t, bare)
	name := bare + "/config"
	for raw, want := range plain {
		values, ok := plainConfig(raw)
		if ok != want {
			t.Errorf("%q: plain is %v", raw, ok)
		}
		write(t, name, raw)
		truth, sound := listConfig(t, name)
		if ok && (!sound || !reflect.DeepEqual(values, truth)) {
			t.Errorf("%q: got %v, git has %v, %v", raw, values, truth, sound)
		}
		err := r.readConfig(t.Context())
		if (err == nil) != sound {
			t.Errorf("%q: error %v, but git's is %v", raw, err, !sound)
		}
		if err == nil && !reflect.DeepEqual(r.values, truth) {
			t.Errorf("%q: read %v, git has %v", raw, r.values, truth)
		}
	}
}

func TestConfigIsLocal(t *testing.T) {
	bare, _ := newRepository(t)
	other := filepath.Join(filepath.Dir(bare), "other")
	write(t, other, "[pathgate]\n\tpolicy = /evil\n")
	git(t, bare, "config", "include.path", other)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "pathgate.policy")
	t.Setenv("GIT_CONFIG_VALUE_0", "/evil")
	if got := open(t, bare).Config("pathgate.policy"); len(got) != 0 {
		t.Fatalf("got %q", got)
	}
	git(t, bare, "config", "pathgate.policy", "/srv/a b/#p.toml")
	git(t, bare, "config", "--add", "pathgate.policy", "/second")
	git(t, bare, "config", "remote.Up.url", "x")
	r := open(t, bare)
	if got := r.Config("PathGate.Policy"); !reflect.DeepEqual(got, []string{"/srv/a b/#p.toml", "/second"}) {
		t.Fatalf("got %q", got)
	}
	if len(r.Config("Remote.Up.URL")) != 1 || len(r.Config("remote.up.url")) != 0 {
		t.Fatal("the case of a subsection is not kept")
	}
}

func FuzzPlainConfig(f *testing.F) {
	f.Add("[a]\n\tb = c\n[d \"e\"]\nf\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, raw string) {
		values, ok := plainConfig(raw)
		if !ok || len(values) == 0 {
			return
		}
		name := filepath.Join(dir, "config")
		write(t, name, raw)
		truth, sound := listConfig(t, name)
		if !sound || !reflect.DeepEqual(values, truth) {
			t.Fatalf("%q: got %v (%v), git has %v, %v", raw, values, keys(values), truth, sound)
		}
	})
}

func keys(m map[string][]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	sort.Strings(list)
	return list
}
