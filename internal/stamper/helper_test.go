package stamper_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// A world is a host with a ledger, a key, and repositories of environments with
// stamps.
type world struct {
	t      testing.TB
	dir    string
	policy *policy.Policy
	public string
}

const rules = `version = 1
root = "%[1]s/srv"
ledger = "%[1]s/ledger"
identity.source = "env:PATHGATE_USER"

[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/*"]
deploy = "external"
reporters = ["ci"]
stamps = { key = "%[1]s/dev.key" }

[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]
`

func newWorld(t testing.TB, services ...string) *world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	w := &world{t: t, dir: dir}
	w.policy, err = policy.Parse("policy.toml", fmt.Appendf(nil, rules, dir))
	must(t, err)
	must(t, ledger.Create(w.policy.Ledger, ledger.CreateOptions{Root: w.policy.Root}))
	w.public, _, err = setup.MakeStampKey(dir+"/dev.key", setup.StampKeyOptions{Comment: "dev-host", Mode: 0o600})
	must(t, err)
	for _, service := range services {
		w.git("", "init", "-q", "--bare", filepath.Join(w.policy.Root, service, "dev.git"))
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) git(dir string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit is an ID; notes can be of commits that are not there.
func commit(name string) policy.ObjectID {
	sum := sha1.Sum([]byte(name))
	return policy.ObjectID(hex.EncodeToString(sum[:]))
}

func (w *world) ledger(fn func(*ledger.Ledger) error) {
	w.t.Helper()
	l, err := ledger.Open(context.Background(), w.policy.Ledger, ledger.Options{Root: w.policy.Root, Now: time.Now})
	must(w.t, err)
	err = fn(l)
	if closed := l.Close(); err == nil {
		err = closed
	}
	must(w.t, err)
}

// deploy records a deployment of a commit on a branch of a service's dev.
func (w *world) deploy(service, branch, name string, change ...func(*ledger.Entry)) *ledger.Entry {
	w.t.Helper()
	id := string(commit(name))
	e := &ledger.Entry{Type: ledger.TypeDeployed, Service: service, Environment: "dev", Repository: service + "/dev.git",
		Ref: "refs/heads/" + branch, New: id, Commit: id, Tree: id, Kind: "deploy", Principal: "ana", Deploy: ledger.DeployExternal}
	w.ledger(func(l *ledger.Ledger) error {
		live, err := l.Live(policy.Service(service), "dev", e.Repository, policy.RefName(e.Ref))
		if err != nil {
			return err
		}
		if e.Old = string(live.New); e.Old == "" {
			e.Old = strings.Repeat("0", 40)
		}
		for _, f := range change {
			f(e)
		}
		intent := *e
		intent.Type, intent.Token = ledger.TypeIntent, "token"
		if err := l.Append(&intent); err != nil {
			return err
		}
		e.Intent = intent.Seq
		return l.Append(e)
	})
	return e
}

func rollback(e *ledger.Entry) { e.Kind = string(policy.Rollback) }

// report records how a deployment ended.
func (w *world) report(deployed *ledger.Entry, state string) *ledger.Entry {
	w.t.Helper()
	e := ledger.StatusOf(deployed, state)
	e.Principal, e.Via = "ci", "local"
	w.ledger(func(l *ledger.Ledger) error { return l.Append(e) })
	return e
}

func (w *world) stamper() *stamper.Stamper { return &stamper.Stamper{Policy: w.policy, Now: time.Now} }

func (w *world) repository(service string) *gitfacts.Repository {
	w.t.Helper()
	repo, err := gitfacts.Open(filepath.Join(w.policy.Root, service, "dev.git"))
	must(w.t, err)
	return repo
}

func (w *world) tip(service string) policy.ObjectID {
	w.t.Helper()
	_, tip, err := w.repository(service).Resolve(context.Background(), stamper.Ref("dev"))
	must(w.t, err)
	return tip
}

// note gives the verified stamps of a commit by what they are about, as "deployed
// 4" or "status 5".
func (w *world) note(service, name string) string {
	w.t.Helper()
	raw, err := notes.Read(context.Background(), w.repository(service), w.tip(service), commit(name))
	must(w.t, err)
	stamps, err := stamp.ParseNote(raw)
	must(w.t, err)
	key, err := policy.Parse("policy.toml", fmt.Appendf(nil, `version = 1
root = "/srv"
ledger = "/ledger"
identity.source = "ssh"
[environments.dev]
elsewhere = true
keys = ["%s"]
services = ["*"]
max_age = "1d"
[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]
`, w.public))
	must(w.t, err)
	env, _ := key.Environment("dev")
	var said []string
	for i := range stamps {
		s := &stamps[i]
		_, err := s.Verify(env.Elsewhere, stamp.Want{Environment: "dev", Service: policy.Service(service), Commit: commit(name)}, time.Now())
		must(w.t, err)
		said = append(said, fmt.Sprintf("%s %d", s.About, s.Entry.Seq))
	}
	return strings.Join(said, ", ")
}

// chain checks that the trees of a notes ref are proven from its tip to its first
// commit, and are those of the journal; it returns how many commits it has.
func (w *world) chain(service string) int {
	w.t.Helper()
	trees, err := notes.Trees(context.Background(), w.repository(service), w.tip(service), 0)
	must(w.t, err)
	dir := filepath.Join(w.policy.Root, service, "dev.git")
	if n := w.git(dir, "rev-list", "--count", string(stamper.Ref("dev"))); n != fmt.Sprint(len(trees)) {
		w.t.Fatalf("%s commits, and the trees of %d are proven", n, len(trees))
	}
	sizes := make([]int64, len(trees))
	for i, t := range trees {
		sizes[i] = t.N
	}
	real, err := ledger.Trees(w.policy.Ledger, sizes...)
	must(w.t, err)
	for i, t := range trees {
		if t != (tlog.Tree{N: real[i].N, Hash: real[i].Hash}) {
			w.t.Fatalf("the tree of %d records is not the journal's", t.N)
		}
	}
	w.git(dir, "fsck", "--strict")
	return len(trees)
}
