//go:build postgres

package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/pgtest"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

const hostsPolicy = `version = 1
root = "DIR/srv"
ledger = "URL"
host = "HOST"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["dev"]
[environments.all]
repository = "{service}/all.git"
refs = ["refs/heads/main"]
after = ["dev"]
match = "contained"
`

// deadPush is the token of a push that is over: its machine has booted since.
const deadPush = "00000000-0000-0000-0000-000000000000/1/1/1"

// livePush is a token that no host can tell anything of.
const livePush = "unknown"

// A host is one of those that share a ledger: with a root of its own.
type host struct {
	t       *testing.T
	name    string
	dir     string
	process *Process
	told    *strings.Builder
}

// A fleet is two hosts on one ledger in a database, which they reach through a
// proxy that counts.
type fleet struct {
	one, two *host
	proxy    *pgtest.Proxy
}

func newFleet(t *testing.T, server *pgtest.Server) *fleet {
	t.Helper()
	name, err := server.Create()
	if err == nil {
		_, _, err = ledger.Migrate(context.Background(), server.URL(pgtest.Owner, name), ledger.Roles{Writer: pgtest.Hooks, Reader: pgtest.Auditor})
	}
	if err == nil {
		err = ledger.Create(server.URL(pgtest.Hooks, name), ledger.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	proxy := pgtest.ProxyTo(t, server.Primary.Address())
	url := server.PlainURL(pgtest.Hooks, name, proxy.Address())
	return &fleet{one: newHost(t, "git-1", url), two: newHost(t, "git-2", url), proxy: proxy}
}

func newHost(t *testing.T, name, url string) *host {
	t.Helper()
	h := &host{t: t, name: name, dir: t.TempDir(), told: &strings.Builder{}}
	text := strings.NewReplacer("DIR", h.dir, "URL", url, "HOST", name).Replace(hostsPolicy)
	if err := os.WriteFile(filepath.Join(h.dir, "policy.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(h.dir, "srv", "shop"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.process = &Process{Getenv: func(string) string { return "" }, Stderr: h.told, Stdout: h.told, Now: time.Now}
	return h
}

func (h *host) git(repo string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", append([]string{"--git-dir=" + h.repo(repo)}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_AUTHOR_DATE=@1700000000 +0000", "GIT_COMMITTER_DATE=@1700000000 +0000")
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: git %v: %v\n%s", h.name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (h *host) repo(name string) string { return filepath.Join(h.dir, "srv", "shop", name+".git") }

// has makes a repository with commits, which are the same on all hosts.
func (h *host) has(repo string, messages ...string) (ids []policy.ObjectID) {
	h.t.Helper()
	if _, err := os.Stat(h.repo(repo)); err != nil {
		h.git(repo, "init", "-q", "--bare", "-b", "main")
		h.git(repo, "config", "pathgate.policy", filepath.Join(h.dir, "policy.toml"))
		h.git(repo, "config", "receive.fsckObjects", "true")
	}
	parent := []string{}
	for _, message := range messages {
		tree := h.git(repo, "hash-object", "-t", "tree", "-w", "/dev/null")
		id := h.git(repo, append([]string{"commit-tree", "-m", message, tree}, parent...)...)
		ids, parent = append(ids, policy.ObjectID(id)), []string{"-p", id}
	}
	return ids
}

func (h *host) scene(repo string) *scene {
	h.t.Helper()
	s, err := openScene(h.repo(repo))
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// announce judges a push of a commit to main, as pre-receive does.
func (h *host) announce(repo string, commit policy.ObjectID, token string) (*judge, error) {
	h.t.Helper()
	s := h.scene(repo)
	_, at, err := s.repo.Resolve(context.Background(), "refs/heads/main")
	if err != nil {
		h.t.Fatal(err)
	}
	push := []receive.Update{{Ref: "refs/heads/main", Old: orZero(at, commit), New: commit}}
	updates, err := s.classify(context.Background(), push, false)
	if err != nil {
		h.t.Fatal(err)
	}
	j := &judge{process: h.process, scene: s, push: "push" + token[:7], sorted: updates,
		principal: receive.Principal{Name: "ana", Via: "ssh"}, token: receive.Token(token)}
	return j, j.run(context.Background())
}

// push announces, moves the ref, and settles, as all hooks and git do.
func (h *host) push(repo string, commit policy.ObjectID) []*ledger.Entry {
	h.t.Helper()
	token := fmt.Sprintf("%s-%s-%d", livePush, h.name, time.Now().UnixNano())
	j, err := h.announce(repo, commit, token)
	if err != nil || len(j.refusals) > 0 {
		h.t.Fatalf("%s: a push of %s to %s: %v, %d refusals", h.name, commit.Short(), repo, err, len(j.refusals))
	}
	m := j.sorted.moves[0]
	h.git(repo, "update-ref", string(m.ref), string(commit))
	done, err := h.process.settlePush(context.Background(), j.scene, j.sorted.moves, receive.Token(token), j.push)
	if err != nil {
		h.t.Fatal(err)
	}
	return done.entries
}

func (h *host) open() []ledger.Entry {
	h.t.Helper()
	s := h.scene("dev")
	l, err := h.process.open(context.Background(), s)
	if err != nil {
		h.t.Fatal(err)
	}
	defer l.Close()
	intents, err := l.Intents(ledger.IntentFilter{})
	if err != nil {
		h.t.Fatal(err)
	}
	return intents
}

func (h *host) reconcile() (what []string) {
	h.t.Helper()
	found, err := Reconcile(context.Background(), h.scene("dev").policy, time.Now)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range found {
		what = append(what, f.What)
	}
	return what
}

// TestHosts is one path over two hosts that share a ledger.
func TestHosts(t *testing.T) {
	server := pgtest.Start(t, pgtest.Options{})
	t.Run("a path goes from host to host", func(t *testing.T) { testPath(t, newFleet(t, server)) })
	t.Run("one name, two repositories", func(t *testing.T) { testSameName(t, newFleet(t, server)) })
	t.Run("what another host has not settled", func(t *testing.T) { testUnsettled(t, newFleet(t, server)) })
	t.Run("a host that is gone", func(t *testing.T) { testGoneHost(t, newFleet(t, server)) })
	t.Run("git cannot be asked", func(t *testing.T) { testContained(t, newFleet(t, server)) })
	t.Run("round trips", func(t *testing.T) { testTrips(t, newFleet(t, server)) })
	t.Run("no answer", func(t *testing.T) { testSilence(t, newFleet(t, server)) })
}

func testPath(t *testing.T, f *fleet) {
	ids := f.one.has("dev", "a", "b")
	f.two.has("prd", "a", "b")
	f.two.has("dev") // a policy is found by it; nothing is ever pushed there
	if e := f.one.push("dev", ids[0])[0]; e.Type != ledger.TypeDeployed || e.Host != "git-1" {
		t.Errorf("on record is %s on host %q", e.Type, e.Host)
	}
	if e := f.two.push("prd", ids[0])[0]; e.Type != ledger.TypeDeployed || e.Host != "git-2" || len(e.Evidence) != 1 {
		t.Errorf("on record is %s on host %q with evidence %v", e.Type, e.Host, e.Evidence)
	}
	j, err := f.two.announce("prd", ids[1], "another-push")
	if err != nil || len(j.refusals) != 1 || j.refusals[0].Code != policy.PriorNotDeployed {
		t.Errorf("what git-1 has not deployed: %v, %+v", err, j.refusals)
	}
	rows, err := Survey(context.Background(), f.two.scene("prd").policy, "shop", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		want := map[policy.EnvironmentName]string{"dev": "git-1"}[row.Spot.Environment]
		if row.Host != want || row.Unreadable != nil || row.Drift() {
			t.Errorf("%s: on host %q, want %q; %v, drift %t", row.Spot.Environment, row.Host, want, row.Unreadable, row.Drift())
		}
	}
	if what := f.two.reconcile(); len(what) != 0 {
		t.Errorf("reconcile on git-2 found %v", what)
	}
}

func testSameName(t *testing.T, f *fleet) {
	ids := f.one.has("dev", "a", "b")
	f.two.has("dev", "a", "b")
	f.one.push("dev", ids[0])
	_, err := f.two.announce("dev", ids[0], "another-push")
	if want := "the ledger has this repository on host git-1 (record"; err == nil || !strings.HasPrefix(publicReason(err), want) {
		t.Errorf("a push to git-2: %v, want %q", err, want)
	}
	if n := len(f.two.open()); n != 0 {
		t.Errorf("%d intents are open", n)
	}
	// The same before anything is live: the first who announces has it.
	f.one.has("all", "a")
	f.two.has("all", "a")
	if j, err := f.one.announce("all", ids[0], deadPush); err != nil || len(j.refusals) > 0 {
		t.Fatal(err, len(j.refusals))
	}
	if _, err = f.two.announce("all", ids[0], "another-push"); err == nil || !strings.Contains(publicReason(err), "on host git-1") {
		t.Errorf("a first push to git-2: %v", err)
	}
}

func testUnsettled(t *testing.T, f *fleet) {
	ids := f.one.has("dev", "a", "b", "c")
	f.two.has("dev")
	f.two.has("prd", "a", "b", "c")
	f.one.push("dev", ids[0])
	f.one.push("dev", ids[1])
	// Of what could only add, git-2 waits a little and goes on without it.
	if _, err := f.one.announce("dev", ids[2], deadPush); err != nil {
		t.Fatal(err)
	}
	f.one.git("dev", "update-ref", "refs/heads/main", string(ids[2]))
	begun := time.Now()
	if j, err := f.two.announce("prd", ids[2], "another-push"); err != nil || len(j.refusals) != 1 || time.Since(begun) < waiting {
		t.Errorf("what git-1 may have deployed: %v, %+v, after %v", err, j.refusals, time.Since(begun))
	}
	if what := f.two.reconcile(); len(what) != 0 || len(f.two.open()) != 1 {
		t.Errorf("reconcile on git-2 found %v", what)
	}
	if what := f.one.reconcile(); !slices.Equal(what, []string{"deployed"}) {
		t.Errorf("reconcile on git-1 found %v", what)
	}
	f.two.push("prd", ids[2])
	// Of what may take the commit away, it says which it is and where.
	if _, err := f.one.announce("dev", ids[0], deadPush); err != nil {
		t.Fatal(err)
	}
	_, err := f.two.announce("prd", ids[1], "another-push")
	if want := "a push to dev on host git-1 is not settled (record "; err == nil || !strings.HasPrefix(publicReason(err), want) {
		t.Errorf("what git-1 may have rolled back: %v, want %q", err, want)
	}
	if what := f.one.reconcile(); !slices.Equal(what, []string{"abandoned"}) {
		t.Errorf("reconcile on git-1 found %v", what)
	}
	f.two.push("prd", ids[1])
}

func testGoneHost(t *testing.T, f *fleet) {
	ids := f.one.has("dev", "a", "b")
	f.one.has("prd", "a", "b")
	f.two.has("dev", "a", "b")
	f.one.push("dev", ids[0])
	for _, repo := range []string{"dev", "prd"} {
		if _, err := f.one.announce(repo, ids[len(repo)-3], deadPush); err != nil { // both ids[0]
			t.Fatal(err)
		}
	}
	if _, err := f.one.announce("dev", ids[1], deadPush); err != nil {
		t.Fatal(err)
	}
	f.two.git("dev", "update-ref", "refs/heads/main", string(ids[1])) // brought back from a copy
	pol := f.two.scene("dev").policy
	for _, wrong := range []string{"git-2", "", "git-11"} {
		if _, err := ReconcileGone(context.Background(), pol, GoneHost{Host: wrong, By: "bob", Reason: "fire"}, time.Now); !errors.Is(err, ErrHost) {
			t.Errorf("for host %q: %v", wrong, err)
		}
	}
	if _, err := ReconcileGone(context.Background(), pol, GoneHost{Host: "git-1", By: "bob", Reason: "fire"}, time.Now); !errors.Is(err, ErrAlive) {
		t.Errorf("for a host that has just pushed: %v", err)
	}
	found, err := ReconcileGone(context.Background(), pol, GoneHost{Host: "git-1", By: "bob", Reason: "fire", Force: true}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var what []string
	for _, r := range found {
		what = append(what, fmt.Sprintf("%s %s", r.Spot.Environment, r.What))
	}
	slices.Sort(what)
	if !slices.Contains(what, "dev deployed") || !slices.Contains(what, "prd abandoned") || len(f.two.open()) != 0 {
		t.Errorf("settled for git-1: %v; %d are open", what, len(f.two.open()))
	}
	err = ledger.Read(pol.Ledger, 0, func(line *ledger.Line) error {
		if e := line.Entry; e.Intent != 0 && strings.Contains(e.Reason, "is gone") && (e.Host != "git-1" || !strings.Contains(e.Reason, "host git-1 is gone, says bob: fire")) {
			t.Errorf("record %d: host %q, %q", e.Seq, e.Host, e.Reason)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func testContained(t *testing.T, f *fleet) {
	ids := f.one.has("dev", "a", "b")
	f.two.has("dev")
	f.two.has("all", "a", "b")
	f.one.push("dev", ids[1])
	_, err := f.two.announce("all", ids[0], "another-push")
	if want := `all has match = "contained", and dev is on host git-1`; err == nil || !strings.HasPrefix(publicReason(err), want) {
		t.Errorf("what dev may contain: %v, want %q", err, want)
	}
}

// tripsOf is how many round trips the connections had that f opened.
func (f *fleet) tripsOf(do func()) []int {
	before := len(f.proxy.Trips())
	do()
	return f.proxy.Trips()[before:]
}

func testTrips(t *testing.T, f *fleet) {
	ids := f.one.has("dev", "a", "b", "c")
	f.two.has("prd", "a", "b", "c")
	f.two.has("dev")
	f.one.push("dev", ids[0])
	f.two.push("prd", ids[0])
	f.one.push("dev", ids[1])
	s := f.two.scene("prd")
	bare := f.tripsOf(func() {
		l, err := f.two.process.open(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	})
	trips := f.tripsOf(func() { f.two.push("prd", ids[1]) })
	// One look at the notes or refs may cost a second try; each connection locks
	// and reads in one round trip, and writes in another.
	t.Logf("opened and closed: %v; a promotion: %v", bare, trips)
	for i, n := range trips {
		if n > bare[0]+1 {
			t.Errorf("connection %d of a promotion had %d round trips, want %d", i, n, bare[0]+1)
		}
	}
	if len(trips) != 2 {
		t.Errorf("a promotion opened the ledger %d times, want 2", len(trips))
	}
	trips = f.tripsOf(func() { f.one.push("dev", ids[2]) })
	t.Logf("a deployment to the first environment: %v", trips)
	for i, n := range trips {
		if n > bare[0]+1 {
			t.Errorf("connection %d of a deployment had %d round trips, want %d", i, n, bare[0]+1)
		}
	}
}

func testSilence(t *testing.T, f *fleet) {
	ids := f.one.has("dev", "a", "b")
	f.one.push("dev", ids[0])
	for name, fault := range map[string]func(){"cut off": f.proxy.Cut, "silent": f.proxy.Silence} {
		fault()
		begun := time.Now()
		_, err := f.one.announce("dev", ids[1], "another-push")
		took := time.Since(begun)
		f.proxy.Restore()
		if want := "the ledger cannot be reached"; err == nil || publicReason(err) != want || took > time.Minute {
			t.Errorf("%s: %v, after %v; want %q", name, err, took, want)
		}
	}
	f.one.push("dev", ids[1])
}

// A passfile that is missing is no wrong password, and its path is not for pushers.
func TestPassfileReason(t *testing.T) {
	_, err := ledger.Open(t.Context(), "postgres://hooks@127.0.0.1/l?passfile=/nowhere/pgpass", ledger.Options{})
	if !errors.Is(err, ledger.ErrPassfile) || errors.Is(err, ledger.ErrDenied) || !strings.Contains(err.Error(), "/nowhere/pgpass") {
		t.Errorf("the log's: %v", err)
	}
	if want := "the ledger's passfile cannot be read, or everybody can read it"; publicReason(err) != want {
		t.Errorf("a pusher's: %q", publicReason(err))
	}
}
