package login

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

func TestParse(t *testing.T) {
	for command, want := range map[string]Request{
		`git-receive-pack '/srv/git/shop/prd.git'`: {"receive-pack", "/srv/git/shop/prd.git"},
		`git receive-pack 'shop/prd.git'`:          {"receive-pack", "shop/prd.git"},
		`git-upload-pack 'a b'`:                    {"upload-pack", "a b"},
		`git-upload-archive 'it'\''s'\!'x'`:        {"upload-archive", "it's!x"},
		`git-upload-pack 'x'\'''`:                  {"upload-pack", "x'"},
		`git-upload-pack ''\'''\'''`:               {"upload-pack", "''"},
		`git-upload-pack 'a\b'`:                    {"upload-pack", `a\b`},
		`git-upload-pack '--help'`:                 {"upload-pack", "--help"},
		`git-upload-pack ''`:                       {"upload-pack", ""},
	} {
		if got, err := Parse(command); err != nil || got != want {
			t.Errorf("Parse(%s) = %+v, %v", command, got, err)
		}
	}
	for _, command := range []string{
		``, `id`, `git`, `git-`, `git-receive-pack`, `git-receive-pack `, `git-receive-pack x`, `git-receive-pack "x"`,
		`git-receive-pack 'x`, `git-receive-pack '`, `git-receive-pack x'`, `git-receive-pack  'x'`, `git-receive-pack 'x' `,
		`git-receive-pack 'x' 'y'`, `git-receive-pack 'x''y'`, `git-receive-pack 'x'; id;'y'`, `git-receive-pack 'x'"y"`,
		`git-receive-pack 'x'\a'y'`, `git-receive-pack 'x' --help`, `git-upload-pack --strict 'x'`,
		`git -c core.hooksPath=/dev/null receive-pack 'x'`, `git-receive-pack-x 'x'`, `git-shell 'x'`, `git-config 'x'`,
		`GIT-receive-pack 'x'`, ` git-receive-pack 'x'`, `PATHGATE_USER=x git-receive-pack 'x'`, `/usr/bin/git-receive-pack 'x'`,
		`git-upload-pack '` + strings.Repeat("x", maxCommand) + `'`,
	} {
		if got, err := Parse(command); err != ErrCommand {
			t.Errorf("Parse(%s) = %+v, %v", command, got, err)
		}
	}
}

// A host has repositories that are open, and traps: what git-shell would serve
// as well.
type host struct {
	t      *testing.T
	dir    string
	policy *policy.Policy
}

func (h *host) run(script string) {
	h.t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

func newHost(t *testing.T) *host {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, dir: dir}
	h.run(`
		bare() { git init -q --bare "$1"; }
		mkdir real && ln -s real srv
		bare srv/shop/prd.git; bare srv/shop/dev.git; bare srv/other.git; git init -q srv/tools
		bare outside.git
		bare srv/ledger/deploy/shop/dev/1.tree/evil
		mkdir -p srv/shop/prd.git/refs/heads/evil
		cp -r outside.git/. srv/shop/prd.git/refs/heads/evil
		ln -s ../../outside.git srv/shop/link.git
		ln -s dev.git srv/shop/alias.git
		echo "gitdir: $PWD/outside.git" >srv/shop/file.git
		cp -r outside.git srv/links.git; rm -r srv/links.git/refs; ln -s "$PWD/srv/shop/prd.git/refs" srv/links.git/refs
		cp -r outside.git srv/tools/evil
		mkdir -p srv/tools/.git/modules; cp -r outside.git srv/tools/.git/modules/evil
		git init -q srv/both; cp -r outside.git/. srv/both
		git -C srv/tools -c user.name=x -c user.email=x commit -q --allow-empty -m x
		git -C srv/tools worktree add -q ../linked
		cp -r outside.git srv/halved.git; rm srv/halved.git/HEAD
	`)
	text := `version = 1
root = "` + dir + `/srv"
ledger = "` + dir + `/srv/ledger"
identity.source = "ssh"
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["dev"]
`
	if h.policy, err = policy.Parse("policy.toml", []byte(text)); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *host) find(path, want string) {
	h.t.Helper()
	got, err := Find(h.policy, strings.ReplaceAll(path, "DIR", h.dir))
	if want == "" {
		if err != ErrRepository {
			h.t.Errorf("%s: served as %s, %v", path, got, err)
		}
		return
	}
	if err != nil || got != filepath.Join(h.dir, "real", want) {
		h.t.Errorf("%s: %s, %v", path, got, err)
	}
}

func TestFind(t *testing.T) {
	h := newHost(t)
	for path, want := range map[string]string{
		"shop/prd.git": "shop/prd.git", "shop/prd": "shop/prd.git", "shop/prd.git/": "shop/prd.git", "shop/prd/": "shop/prd.git",
		"DIR/srv/shop/prd.git": "shop/prd.git", "DIR/real/shop/prd.git": "shop/prd.git", "./shop/../shop/prd.git": "shop/prd.git",
		"shop/alias.git": "shop/dev.git", "other.git": "", "tools": "",
	} {
		h.find(path, want)
	}
	h.policy.Unlisted = policy.UnlistedAllow
	for path, want := range map[string]string{
		"shop/prd.git": "shop/prd.git", "other.git": "other.git", "other": "other.git", "tools": "tools/.git", "tools/.git": "tools/.git",
	} {
		h.find(path, want)
	}
}

// What git would serve, and a policy with unlisted = "allow" too, is closed all
// the same where it is a part of something, or not below the root.
func TestFindNoTraps(t *testing.T) {
	h := newHost(t)
	for _, h.policy.Unlisted = range []policy.Unlisted{policy.UnlistedRefuse, policy.UnlistedAllow} {
		for _, path := range []string{
			"DIR/outside.git", "../outside.git", "shop/../../outside.git", "shop/link.git", "shop/link", "shop/file.git",
			"ledger/deploy/shop/dev/1.tree/evil", "DIR/srv/ledger/deploy/shop/dev/1.tree/evil",
			"shop/prd.git/refs/heads/evil", "links.git", "tools/evil", "tools/.git/modules/evil", "both", "linked", "halved.git",
			"", ".", "/", "DIR", "DIR/srv", "shop", "shop/nowhere.git", "/etc/passwd", "~", "~/outside.git", "~root/x", "--help",
			"shop/prd.git/objects", "shop/prd.git/HEAD", "shop/prd.git\x00", strings.Repeat("x/", 3000),
		} {
			h.find(path, "")
		}
	}
	h.policy.Root = filepath.Join(h.dir, "gone")
	if _, err := Find(h.policy, "x.git"); err == nil || err == ErrRepository {
		t.Errorf("without a root: %v", err)
	}
}
