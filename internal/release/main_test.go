package release

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// A site is a bare repository of an environment dev that is kept by releases.
type site struct {
	t        testing.TB
	dir      string
	repo     *gitfacts.Repository
	live     policy.ObjectID
	base     policy.ObjectID
	released []Branch
	record   uint64
	forward  bool
}

func run(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func newSite(t testing.TB, format string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), record: 10}
	run(t, s.dir, "", "init", "-q", "--bare", "--object-format="+format, ".")
	var err error
	if s.repo, err = gitfacts.Open(s.dir); err != nil {
		t.Fatal(err)
	}
	s.live = policy.ObjectID(strings.Repeat("0", map[string]int{"sha1": 40, "sha256": 64}[format]))
	return s
}

// eachFormat runs a test on a site of either object format, whose base has a
// file of thirty lines.
func eachFormat(t *testing.T, test func(t *testing.T, s *site)) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			s := newSite(t, format)
			s.base = s.commit("", "f="+numbers())
			test(t, s)
		})
	}
}

func numbers(changes ...any) string {
	lines := make([]string, 31)
	for i := range lines {
		lines[i] = fmt.Sprint(i)
	}
	for i := 0; i+1 < len(changes); i += 2 {
		lines[changes[i].(int)] = changes[i+1].(string)
	}
	return strings.Join(lines[1:], "\n") + "\n"
}

// quote writes a path for git-fast-import(1).
func quote(path string) string {
	var b strings.Builder
	for i := range len(path) {
		fmt.Fprintf(&b, "\\%03o", path[i])
	}
	return `"` + b.String() + `"`
}

// commit makes a commit on top of parents, separated by blanks: "path=content"
// writes a file, "path@mode=content" one of that mode, "-path" deletes it.
func (s *site) commit(parents string, changes ...string) policy.ObjectID {
	s.t.Helper()
	var b strings.Builder
	message := fmt.Sprint(parents, changes)
	fmt.Fprintf(&b, "commit refs/heads/tmp\nmark :1\ncommitter a <a@example.org> 1700000000 +0000\ndata %d\n%s\n", len(message), message)
	for i, p := range strings.Fields(parents) {
		fmt.Fprintf(&b, "%s %s\n", []string{"from", "merge"}[min(i, 1)], p)
	}
	for _, c := range changes {
		if path, ok := strings.CutPrefix(c, "-"); ok {
			fmt.Fprintf(&b, "D %s\n", quote(path))
			continue
		}
		path, content, _ := strings.Cut(c, "=")
		path, mode, ok := strings.Cut(path, "@")
		switch {
		case !ok:
			mode = "100644"
		case mode == modeModule:
			fmt.Fprintf(&b, "M %s %s %s\n", mode, strings.Repeat(content, len(s.live)), quote(path))
			continue
		}
		fmt.Fprintf(&b, "M %s inline %s\ndata %d\n%s\n", mode, quote(path), len(content), content)
	}
	b.WriteString("get-mark :1\n")
	id := run(s.t, s.dir, b.String(), "fast-import", "--quiet", "--force", "--cat-blob-fd=1")
	if strings.TrimSpace(parents) == "" {
		run(s.t, s.dir, "", "update-ref", "-d", "refs/heads/tmp")
	}
	return policy.ObjectID(strings.TrimSpace(id))
}

// fresh is a new root's or a branch's commit: fast-import goes on from the ref
// unless it is gone.
func (s *site) root(changes ...string) policy.ObjectID {
	run(s.t, s.dir, "", "update-ref", "-d", "refs/heads/tmp")
	return s.commit("", changes...)
}

func (s *site) request(action policy.Action, name string, head policy.ObjectID) Request {
	return Request{
		Action: action, Environment: "dev", Ref: "refs/heads/release/dev", BaseRef: "refs/heads/main",
		Live: s.live, Base: s.base, Released: s.released, FastForward: s.forward, Pusher: "ana",
		Branch:    Branch{Name: name, Head: head, Ticket: strings.TrimSuffix(name, "-x")},
		Committer: Identity{Name: "pathgate", Email: "pathgate@localhost"}, Now: time.Unix(1800000000, 0),
	}
}

// build must come to a plan.
func (s *site) build(r Request) *Plan {
	s.t.Helper()
	p, c, err := Build(s.t.Context(), s.repo, r)
	if err != nil || c != nil || p == nil {
		s.t.Fatalf("%s %s: %+v, %v", r.Action, r.Branch.Name, c, err)
	}
	return p
}

// clash must come to a conflict.
func (s *site) clash(r Request) *Conflict {
	s.t.Helper()
	p, c, err := Build(s.t.Context(), s.repo, r)
	if err != nil || c == nil || p != nil {
		s.t.Fatalf("%s %s: %+v, %+v, %v", r.Action, r.Branch.Name, p, c, err)
	}
	return c
}

// do builds, finishes and lets the environment and its record go on.
func (s *site) do(r Request) (*Plan, policy.ObjectID) {
	s.t.Helper()
	p := s.build(r)
	if p.Contained != nil {
		s.t.Fatalf("%s %s: nothing to do", r.Action, r.Branch.Name)
	}
	s.record++
	id, err := p.Finish(s.t.Context(), s.record)
	if err != nil {
		s.t.Fatal(err)
	}
	var kept []Branch
	for _, b := range s.released {
		if b.Name != r.Branch.Name && r.Action != policy.ActionReset {
			kept = append(kept, b)
		}
	}
	if r.Action == policy.ActionRelease {
		b := r.Branch
		b.Record, b.Announced, b.Principal = s.record+1000, s.record, r.Pusher
		kept = append(kept, b)
	}
	s.released, s.live = kept, id
	if tree := s.git("rev-parse", string(id)+"^{tree}"); tree != string(p.Tree()) {
		s.t.Errorf("tree %s, want %s", p.Tree(), tree)
	}
	s.git("fsck", "--strict", "--no-dangling", "--connectivity-only", string(id))
	return p, id
}

func (s *site) release(name string, head policy.ObjectID) (*Plan, policy.ObjectID) {
	s.t.Helper()
	return s.do(s.request(policy.ActionRelease, name, head))
}

func (s *site) git(args ...string) string {
	s.t.Helper()
	return run(s.t, s.dir, "", args...)
}

func (s *site) parents(id policy.ObjectID) string {
	s.t.Helper()
	return s.git("log", "-1", "--format=%P", string(id))
}

func (s *site) file(id policy.ObjectID, path string) string {
	s.t.Helper()
	return s.git("cat-file", "-p", string(id)+":"+path)
}

func names(list []Branch) string {
	var all []string
	for _, b := range list {
		all = append(all, b.Name)
	}
	return strings.Join(all, " ")
}
