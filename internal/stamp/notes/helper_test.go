package notes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

const (
	ref     = policy.RefName("refs/notes/deployments/dev")
	hookVar = "PATHGATE_TEST_HOOK"
)

// TestMain makes the test binary a pre-receive hook where it is linked as one:
// it prints the note of the commit in PATHGATE_TEST_HOOK that is pushed.
func TestMain(m *testing.M) {
	commit := os.Getenv(hookVar)
	if commit == "" {
		os.Exit(m.Run())
	}
	if err := hook(policy.ObjectID(commit)); err != nil {
		fmt.Fprintln(os.Stderr, "hook failed:", err)
		os.Exit(1)
	}
}

func hook(commit policy.ObjectID) error {
	repo, err := gitfacts.Open(os.Getenv("GIT_DIR"))
	if err != nil {
		return err
	}
	if err := repo.UseQuarantine(os.Getenv); err != nil {
		return err
	}
	var old, tip, name string
	if _, err := fmt.Scanln(&old, &tip, &name); err != nil {
		return err
	}
	note, err := Read(context.Background(), repo, policy.ObjectID(tip), commit)
	if err != nil {
		return err
	}
	trees, err := Trees(context.Background(), repo, policy.ObjectID(tip), 0)
	fmt.Fprintf(os.Stderr, "note=%q trees=%d\n", note, len(trees))
	return err
}

func tryGit(dir, stdin string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@x",
		"GIT_AUTHOR_DATE=2026-11-21T12:00:00Z", "GIT_COMMITTER_DATE=2026-11-21T12:00:00Z")
	out, err := cmd.CombinedOutput()
	return strings.TrimSuffix(string(out), "\n"), err
}

func git(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	out, err := tryGit(dir, stdin, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

// bare makes a repository.
func bare(t testing.TB, args ...string) (dir string, repo *gitfacts.Repository) {
	t.Helper()
	parent, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(parent, "dev.git")
	git(t, parent, "", append(append([]string{"init", "-q", "--bare"}, args...), dir)...)
	if repo, err = gitfacts.Open(dir); err != nil {
		t.Fatal(err)
	}
	return dir, repo
}

// id is a commit that there is none of: notes do not ask.
func id(n, digits int) policy.ObjectID {
	const odd = 0x9e3779b97f4a7c15 // spreads the first digits
	s := fmt.Sprintf("%016x", uint64(n+1)*odd)
	return policy.ObjectID(strings.Repeat(s, 4)[:digits])
}

func blob(t testing.TB, dir, content string) string {
	t.Helper()
	return git(t, dir, content, "hash-object", "-w", "--stdin")
}

func mktree(t testing.TB, dir string, lines ...string) string {
	t.Helper()
	input := strings.Join(lines, "\n")
	if input != "" {
		input += "\n"
	}
	return git(t, dir, input, "mktree", "--missing")
}

func commitTree(t testing.TB, dir, tree, message string, parents ...string) policy.ObjectID {
	t.Helper()
	args := []string{"commit-tree", tree}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return policy.ObjectID(git(t, dir, message, args...))
}

// A log is a ledger's tree of n lines "record N".
type log struct {
	t      testing.TB
	salt   string // of the lines from the number at on
	at     int64
	hashes []sumdb.Hash
	n      int64
}

func (l *log) ReadHashes(indexes []int64) (out []sumdb.Hash, err error) {
	for _, i := range indexes {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

func (l *log) grow(n int64) {
	for ; l.n < n; l.n++ {
		line := fmt.Sprintf("record %d", l.n)
		if l.n >= l.at {
			line += l.salt
		}
		more, err := sumdb.StoredHashes(l.n, []byte(line), l)
		if err != nil {
			l.t.Fatal(err)
		}
		l.hashes = append(l.hashes, more...)
	}
}

func (l *log) tree(n int64) tlog.Tree {
	l.grow(n)
	h, err := sumdb.TreeHash(n, l)
	if err != nil {
		l.t.Fatal(err)
	}
	return tlog.Tree{N: n, Hash: h}
}

func (l *log) proof(from, to int64) tlog.TreeProof {
	l.grow(to)
	if from == to || from == 0 {
		return nil
	}
	p, err := sumdb.ProveTree(to, from, l)
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// change is one of notes, with the tree of n records.
func (l *log) change(old Old, n int64, notes map[policy.ObjectID]string) *Change {
	c := &Change{Notes: make(map[policy.ObjectID][]byte), Tree: l.tree(n), Message: "stamp", Time: time.Unix(1_790_000_000, 0)}
	for commit, note := range notes {
		c.Notes[commit], c.Stamped = []byte(note), max(c.Stamped, commit)
	}
	if from := old.Trailers.Tree.N; from <= n {
		c.Proof = l.proof(from, n)
	}
	return c
}

// put writes notes with the tree of n records.
func put(t testing.TB, repo *gitfacts.Repository, l *log, n int64, notes map[policy.ObjectID]string) policy.ObjectID {
	t.Helper()
	tip, err := Write(context.Background(), repo, Refs{Public: ref}, nil, func(old Old) (*Change, error) {
		return l.change(old, n, notes), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

func read(t testing.TB, repo *gitfacts.Repository, tip, commit policy.ObjectID) string {
	t.Helper()
	note, err := Read(context.Background(), repo, tip, commit)
	if err != nil {
		t.Fatal(err)
	}
	return string(note)
}
