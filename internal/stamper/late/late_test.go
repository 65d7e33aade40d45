package late_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/export"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/internal/stamper/late"
	"github.com/pathgate/pathgate/policy"
)

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
`

// A world is a host whose hooks stamp nothing.
type world struct {
	t      testing.TB
	dir    string
	policy *policy.Policy
}

func newWorld(t testing.TB, services ...string) *world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	w := &world{t: t, dir: dir}
	w.policy, err = policy.Parse("policy.toml", fmt.Appendf(nil, rules, dir))
	must(t, err)
	must(t, ledger.Create(w.policy.Ledger, ledger.CreateOptions{Root: w.policy.Root}))
	_, _, err = setup.MakeStampKey(dir+"/dev.key", setup.StampKeyOptions{Comment: "dev-host", Mode: 0o600})
	must(t, err)
	for _, service := range services {
		w.git("init", "-q", "--bare", w.repository(service))
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) repository(service string) string {
	return filepath.Join(w.policy.Root, service, "dev.git")
}

func (w *world) git(args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func commit(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// deploy records deployments of commits, one after the other.
func (w *world) deploy(service, kind string, names ...string) (last *ledger.Entry) {
	w.t.Helper()
	l, err := ledger.Open(context.Background(), w.policy.Ledger, ledger.Options{Root: w.policy.Root, Now: time.Now})
	must(w.t, err)
	defer func() { must(w.t, l.Close()) }()
	for _, name := range names {
		id := commit(name)
		e := &ledger.Entry{Type: ledger.TypeDeployed, Service: service, Environment: "dev", Repository: service + "/dev.git",
			Ref: "refs/heads/main", New: id, Commit: id, Tree: id, Kind: kind, Principal: "ana", Deploy: ledger.DeployExternal}
		live, err := l.Live(policy.Service(service), "dev", e.Repository, "refs/heads/main")
		must(w.t, err)
		if e.Old = string(live.New); e.Old == "" {
			e.Old = strings.Repeat("0", 40)
		}
		intent := *e
		intent.Type, intent.Token = ledger.TypeIntent, "token"
		must(w.t, l.Append(&intent))
		e.Intent, last = intent.Seq, e
		must(w.t, l.Append(e))
	}
	return last
}

func (w *world) report(deployed *ledger.Entry, state string) {
	w.t.Helper()
	e := ledger.StatusOf(deployed, state)
	e.Principal, e.Via = "ci", "local"
	l, err := ledger.Open(context.Background(), w.policy.Ledger, ledger.Options{Root: w.policy.Root, Now: time.Now})
	must(w.t, err)
	must(w.t, l.Append(e))
	must(w.t, l.Close())
}

// catchUp runs CatchUp and gives what it found, as "shop 3".
func (w *world) catchUp() string {
	w.t.Helper()
	found, err := late.CatchUp(context.Background(), w.policy, "", time.Now)
	must(w.t, err)
	var said []string
	for _, f := range found {
		s := fmt.Sprintf("%s %d", f.Service, f.Stamps)
		if f.TooLong {
			s += " too long"
		}
		if f.Restored {
			s += " restored"
		}
		if f.Anew {
			s += " anew"
		}
		if f.Err != nil {
			s += ": " + f.Err.Error()
		}
		said = append(said, s)
	}
	return strings.Join(said, ", ")
}

func (w *world) wants(want string) {
	w.t.Helper()
	if got := w.catchUp(); got != want {
		w.t.Errorf("found %q, want %q", got, want)
	}
}

func (w *world) note(service, name string) string {
	w.t.Helper()
	repo, err := gitfacts.Open(w.repository(service))
	must(w.t, err)
	_, tip, err := repo.Resolve(context.Background(), stamper.Ref("dev"))
	must(w.t, err)
	raw, err := notes.Read(context.Background(), repo, tip, policy.ObjectID(commit(name)))
	must(w.t, err)
	stamps, err := stamp.ParseNote(raw)
	must(w.t, err)
	var said []string
	for _, s := range stamps {
		said = append(said, fmt.Sprintf("%s %d", s.About, s.Entry.Seq))
	}
	return strings.Join(said, ", ")
}

func (w *world) notes(service, name, want string) {
	w.t.Helper()
	if got := w.note(service, name); got != want {
		w.t.Errorf("the note of %s has %q, want %q", name, got, want)
	}
}

func TestCatchUp(t *testing.T) {
	w := newWorld(t, "shop", "api")
	w.wants("") // of an empty ledger
	first := w.deploy("shop", "deploy", "A")
	w.deploy("api", "deploy", "A")
	second := w.deploy("shop", "deploy", "B")
	w.report(second, ledger.StateSuccess)
	w.report(first, ledger.StateFailure)
	w.deploy("shop", "rollback", "A")
	w.report(first, ledger.StateSuccess) // of a deployment that is not the newest any more
	w.wants("shop 4, api 1")
	w.notes("shop", "A", "deployed 11")
	w.notes("shop", "B", "deployed 7, status 8, withdrawal 11")
	w.notes("api", "A", "deployed 5")
	w.wants("")

	// From the cursor on.
	w.report(w.deploy("shop", "deploy", "C"), ledger.StateSuccess)
	w.wants("shop 2")
	w.notes("shop", "C", "deployed 14, status 15")
	w.report(second, ledger.StateFailure)
	w.wants("shop 1")
	w.notes("shop", "B", "deployed 7, withdrawal 11, status 16")

	w.wants("")
}

func (w *world) delete(refs ...policy.RefName) {
	w.t.Helper()
	for _, ref := range refs {
		w.git("-C", w.repository("shop"), "update-ref", "-d", string(ref))
	}
}

// What pathgate keeps restores the notes; without it they are rebuilt from the
// ledger, all of them, and nothing twice.
func TestLost(t *testing.T) {
	w := newWorld(t, "shop")
	refs := stamper.RefsOf("dev")
	w.report(w.deploy("shop", "deploy", "A", "B"), ledger.StateSuccess)
	w.wants("shop 3")
	hook := &stamper.Stamper{Policy: w.policy, Now: time.Now}
	push := func(kind, name string) {
		t.Helper()
		must(t, hook.Stamp(context.Background(), w.deploy("shop", kind, name)))
	}
	kept := w.git("-C", w.repository("shop"), "rev-parse", string(refs.Kept))

	w.delete(refs.Public)
	w.git("-C", w.repository("shop"), "gc", "-q", "--prune=now")
	w.wants("shop 0 restored")
	if at := w.git("-C", w.repository("shop"), "rev-parse", string(refs.Public)); at != kept {
		t.Errorf("restored to %s, not to %s", at, kept)
	}
	w.delete(refs.Public)
	push("deploy", "C")
	w.wants("")
	w.notes("shop", "A", "deployed 3")

	w.delete(refs.Public, refs.Kept)
	w.wants("shop 4 anew")
	w.notes("shop", "B", "deployed 5, status 6")
	w.wants("")

	// A push comes first: the live commit has its stamp, and nothing else has.
	w.delete(refs.Public, refs.Kept)
	push("rollback", "A")
	w.notes("shop", "B", "withdrawal 10")
	w.wants("shop 3 anew")
	w.notes("shop", "B", "deployed 5, status 6, withdrawal 10")
	w.wants("")

	// What says which notes were whole is lost too: the ledger is read again.
	for _, spoilt := range []string{"", "nonsense", `{"ledger":"x"}`} {
		must(t, os.WriteFile(w.policy.Ledger+"/stamps.whole", []byte(spoilt), 0o600))
		w.delete(refs.Public, refs.Kept)
		push("deploy", "D"+spoilt)
		if got := w.catchUp(); !strings.HasPrefix(got, "shop ") {
			t.Errorf("with %q it found %q", spoilt, got)
		}
		w.notes("shop", "B", "deployed 5, status 6, withdrawal 10")
		w.wants("")
	}

	// Both are something else: nothing of it stays in the way.
	w.git("-C", w.repository("shop"), "-c", "user.name=x", "-c", "user.email=x@example.com",
		"notes", "--ref", string(refs.Public), "prune")
	junk := w.git("-C", w.repository("shop"), "-c", "user.name=x", "-c", "user.email=x@example.com",
		"commit-tree", "-m", "junk", w.git("-C", w.repository("shop"), "hash-object", "-t", "tree", "-w", "--stdin"))
	w.git("-C", w.repository("shop"), "update-ref", string(refs.Public), junk)
	w.git("-C", w.repository("shop"), "update-ref", string(refs.Kept), junk)
	if got := w.catchUp(); !strings.HasSuffix(got, " anew") {
		t.Errorf("found %q", got)
	}
	w.notes("shop", "B", "deployed 5, status 6, withdrawal 10")
	w.wants("")
}

// What root's reconcile leaves, those read and write who have the ledger.
func TestFilesAreShared(t *testing.T) {
	w := newWorld(t, "shop")
	want := ownerOf(t, w.policy.Ledger)
	if os.Geteuid() == 0 {
		want = [2]uint32{1234, 2345}
		must(t, os.Chown(w.policy.Ledger, int(want[0]), int(want[1])))
	}
	journal := filepath.Join(w.policy.Ledger, ledger.JournalName)
	must(t, os.Chmod(journal, 0o660))
	w.deploy("shop", "deploy", "A")
	w.wants("shop 1")
	for _, name := range []string{"stamps.whole", "stamps.cursor", "stamps.cursor.lock"} {
		name = filepath.Join(w.policy.Ledger, name)
		info, err := os.Stat(name)
		must(t, err)
		if got := ownerOf(t, name); got != want || info.Mode() != 0o660 {
			t.Errorf("%s: of %d, %v; want %d", name, got, info.Mode(), want)
		}
	}
}

func ownerOf(t *testing.T, name string) [2]uint32 {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	of := info.Sys().(*syscall.Stat_t)
	return [2]uint32{of.Uid, of.Gid}
}

// One rollback takes away more than a hook stamps and than one commit on the notes
// ref says.
func TestManyWithdrawn(t *testing.T) {
	w := newWorld(t, "shop")
	names := []string{"start"}
	for i := range 250 {
		names = append(names, fmt.Sprint("c", i))
	}
	w.deploy("shop", "deploy", names...)
	w.wants("shop 251")
	back := w.deploy("shop", "rollback", "start")
	st := &stamper.Stamper{Policy: w.policy, Now: time.Now}
	must(t, st.Stamp(context.Background(), back))
	w.notes("shop", "start", fmt.Sprint("deployed ", back.Seq))
	w.notes("shop", "c249", fmt.Sprint("deployed 503, withdrawal ", back.Seq))
	w.notes("shop", "c0", "deployed 5")
	w.wants("shop 150")
	w.notes("shop", "c0", fmt.Sprint("deployed 5, withdrawal ", back.Seq))
	w.wants("")
	w.git("-C", w.repository("shop"), "fsck", "--strict")
}

// A repository that fails keeps the cursor, and no other from its stamps.
func TestFailing(t *testing.T) {
	w := newWorld(t, "shop", "api")
	w.deploy("shop", "deploy", "A")
	w.deploy("api", "deploy", "B")
	head := w.repository("api") + "/config"
	config, err := os.ReadFile(head)
	must(t, err)
	must(t, os.WriteFile(head, []byte("[core\n"), 0o644))
	if got := w.catchUp(); !strings.HasPrefix(got, "shop 1, api 0: stamp dev in api/dev.git: ") &&
		!strings.HasPrefix(got, "api 0: ") {
		t.Errorf("found %q", got)
	}
	w.notes("shop", "A", "deployed 3")
	must(t, os.WriteFile(head, config, 0o644))
	w.wants("api 1")
	w.notes("api", "B", "deployed 5")
	must(t, os.RemoveAll(w.repository("api")))
	w.deploy("api", "deploy", "C")
	w.wants("")
}

func TestCursor(t *testing.T) {
	w := newWorld(t, "shop")
	w.deploy("shop", "deploy", "A")
	path := w.policy.Ledger + "/stamps.cursor"
	held, err := export.OpenCursor(path)
	must(t, err)
	w.wants("") // somebody else is at it
	must(t, held.Close())
	w.wants("shop 1")

	// Of another ledger: all is read again.
	must(t, os.WriteFile(path, []byte(`{"ledger":"x","record":3,"sha256":"`+strings.Repeat("0", 64)+`","offset":7}`), 0o600))
	w.deploy("shop", "deploy", "B")
	w.wants("shop 1")
	must(t, os.WriteFile(path, []byte("nonsense"), 0o600))
	if _, err := late.CatchUp(context.Background(), w.policy, "", time.Now); err == nil {
		t.Error("a damaged cursor was taken")
	}
}

// Without stamps nothing is looked at; a shared ledger without a copy cannot be
// caught up with, and says so.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	env, _ := w.policy.Environment("dev")
	stamps := env.Stamps
	env.Stamps = nil
	must(t, os.RemoveAll(w.policy.Ledger))
	w.wants("")
	env.Stamps = stamps
	w.policy.Ledger = "postgres://x@127.0.0.1/y"
	if _, err := late.CatchUp(context.Background(), w.policy, "h", time.Now); err == nil || !strings.Contains(err.Error(), "copy") {
		t.Errorf("a shared ledger without a copy: %v", err)
	}
}
