package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// The test binary acts by the name it is run under: links to it make runners,
// whose environment is scrubbed, and a hook that starts one.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case Program:
		os.Exit(program(os.Args, os.Stderr, os.Getenv, testRunner))
	case "starter":
		p := Place{os.Args[3], "shop", "prd"}
		if err := Start(Launch{os.Args[1], os.Args[2]}, p); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// testPolicy stands in the policy file's place.
type testPolicy struct {
	Root, Ledger string
	Deployment   *policy.Deployment
	Grace        time.Duration
}

func (p *testPolicy) asPolicy() *policy.Policy {
	return &policy.Policy{Root: p.Root, Ledger: p.Ledger}
}

func testRunner(path string, service policy.Service, name policy.EnvironmentName, getenv func(string) string) (*Runner, error) {
	read := func() (p testPolicy, err error) {
		raw, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(raw, &p)
		}
		return p, err
	}
	p, err := read()
	if err != nil {
		return nil, err
	}
	return &Runner{
		Place: Place{p.Ledger, service, name}, Books: OfPolicy(p.asPolicy()), Getenv: getenv, Grace: p.Grace,
		Settings: func() (Settings, error) {
			p, err := read()
			return Settings{p.Root, p.Deployment}, err
		},
	}, nil
}

// A world is a server with one repository and its ledger.
type world struct {
	t      *testing.T
	dir    string
	policy testPolicy
	file   string // of the policy
	bare   string
	work   string
	place  Place
	commit string
}

func newWorld(t *testing.T, command ...string) *world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, file: filepath.Join(dir, "policy"), bare: filepath.Join(dir, "root", "shop", "prd.git"), work: filepath.Join(dir, "work")}
	w.policy = testPolicy{Root: filepath.Join(dir, "root"), Ledger: filepath.Join(dir, "ledger"), Grace: 300 * time.Millisecond,
		Deployment: &policy.Deployment{Command: command, Checkout: true, Timeout: time.Minute}}
	w.place = Place{w.policy.Ledger, "shop", "prd"}
	must(t, os.MkdirAll(filepath.Join(dir, "hooks"), 0o755))
	self, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(self, filepath.Join(dir, "hooks", Program)))
	must(t, os.Symlink(self, filepath.Join(dir, "starter")))
	git(t, dir, "init", "-q", "--bare", "-b", "main", w.bare)
	git(t, dir, "init", "-q", "-b", "main", w.work)
	must(t, os.WriteFile(filepath.Join(w.work, "file"), []byte("content\n"), 0o644))
	w.commit = w.push("one")
	must(t, os.Mkdir(w.policy.Ledger, 0o755))
	must(t, ledger.Create(w.policy.Ledger, ledger.CreateOptions{Root: w.policy.Root}))
	w.write()
	t.Cleanup(w.rested)
	return w
}

// rested waits until no runner of this world is left, which would write into
// its folder while that is removed.
func (w *world) rested() {
	program := filepath.Join(w.dir, "hooks", Program)
	eventually(w.t, "the end of all runners", func() bool {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		return !slices.ContainsFunc(files, func(file string) bool {
			line, _ := os.ReadFile(file) // gone meanwhile, if it cannot be read
			return strings.HasPrefix(string(line), program+"\x00")
		})
	})
}

// write makes the policy file what w.policy is.
func (w *world) write() {
	w.t.Helper()
	raw, err := json.Marshal(w.policy)
	must(w.t, err)
	must(w.t, os.WriteFile(w.file+".new", raw, 0o644))
	must(w.t, os.Rename(w.file+".new", w.file))
}

func (w *world) sh(script string) {
	w.policy.Deployment.Command = []string{"/bin/sh", "-c", script}
	w.write()
}

// push commits what lies in the worktree.
func (w *world) push(message string) string {
	w.t.Helper()
	git(w.t, w.work, "add", "-A")
	git(w.t, w.work, "commit", "-q", "--allow-empty", "-m", message)
	git(w.t, w.work, "push", "-q", "-f", w.bare, "HEAD:refs/heads/main")
	return git(w.t, w.work, "rev-parse", "HEAD")
}

func (w *world) books(f func(Book) error) {
	w.t.Helper()
	must(w.t, OfPolicy(w.policy.asPolicy())(context.Background(), f))
}

// queue puts the record of a deployment on the ledger.
func (w *world) queue() uint64 {
	w.t.Helper()
	e := &ledger.Entry{Type: ledger.TypeDeployed, Push: "p1", Service: "shop", Environment: "prd", Repository: "shop/prd.git",
		Ref: "refs/heads/main", Old: strings.Repeat("0", 40), New: w.commit, Commit: w.commit, Kind: "promote",
		Principal: "ana", Deploy: ledger.DeployCommand}
	w.record(e)
	return e.Seq
}

// record puts deployments on the ledger, each after the intent that it settles.
func (w *world) record(deployed ...*ledger.Entry) {
	w.t.Helper()
	intents := make([]*ledger.Entry, len(deployed))
	for i, e := range deployed {
		intent := *e
		intent.Type = ledger.TypeIntent
		intents[i] = &intent
	}
	w.books(func(b Book) error {
		if err := b.Append(intents...); err != nil {
			return err
		}
		for i, e := range deployed {
			e.Intent = intents[i].Seq
		}
		return b.Append(deployed...)
	})
}

func (w *world) start() {
	w.t.Helper()
	must(w.t, Start(Launch{filepath.Join(w.dir, "hooks"), w.file}, w.place))
}

// run runs the queue in this process.
func (w *world) run() {
	w.t.Helper()
	r, err := testRunner(w.file, "shop", "prd", os.Getenv)
	must(w.t, err)
	must(w.t, r.Run(context.Background()))
}

func (w *world) outcome(record uint64) (o ledger.Outcome) {
	w.t.Helper()
	w.books(func(b Book) (err error) {
		o, _, err = b.OutcomeOf(record)
		return err
	})
	return o
}

// ends waits for the end of a deployment.
func (w *world) ends(record uint64) ledger.Outcome {
	w.t.Helper()
	var o ledger.Outcome
	eventually(w.t, "the end of the deployment", func() bool {
		o = w.outcome(record)
		return o.State != "" && o.State != ledger.StatePending
	})
	return o
}

func (w *world) want(record uint64, state, message string) {
	w.t.Helper()
	if o := w.ends(record); o.State != state || o.Message != message {
		w.t.Fatalf("record %d ended as %s %q, want %s %q; its log:\n%s", record, o.State, o.Message, state, message, w.log(record))
	}
}

func (w *world) log(record uint64) string {
	path, err := w.place.LogPath(record)
	must(w.t, err)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	return string(raw)
}

// noTrees waits until no checkout is left.
func (w *world) noTrees() {
	w.t.Helper()
	eventually(w.t, "the removal of the checkout", func() bool {
		trees, err := w.place.trees()
		must(w.t, err)
		return len(trees) == 0
	})
}

// read waits for a file that a command writes, and gives its first line.
func (w *world) read(name string) (line string) {
	w.t.Helper()
	eventually(w.t, "the file "+name, func() bool {
		raw, _ := os.ReadFile(filepath.Join(w.dir, name))
		found := false
		line, _, found = strings.Cut(string(raw), "\n")
		return found
	})
	return line
}

func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// running reports whether a process is there and no zombie.
func running(t *testing.T, pid string) bool {
	t.Helper()
	n, err := strconv.Atoi(pid)
	must(t, err)
	fields, err := statFields(n)
	return err == nil && fields[0] != "Z"
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return gitIn(t, dir, "", args...)
}

func gitIn(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C", "GIT_NO_REPLACE_OBJECTS=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func atoi(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}
