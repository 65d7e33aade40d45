package gitfacts

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// hookVariable makes the test binary act as a pre-receive hook that tells what
// it sees of the IDs pushed, as JSON on one line.
const hookVariable = "PATHGATE_TEST_HOOK"

type seen struct {
	Objects map[policy.ObjectID]Object
	Loose   int // how many of them were read natively
	Git     string
}

func TestMain(m *testing.M) {
	if os.Getenv(hookVariable) == "" {
		os.Exit(m.Run())
	}
	act := actPreReceive
	switch os.Getenv(hookVariable) {
	case "history":
		act = actHistory
	case "borne":
		act = actBorne
	}
	if err := act(); err != nil {
		fmt.Fprintln(os.Stderr, "hook failed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func actPreReceive() error {
	r, err := Open(os.Getenv("GIT_DIR"))
	if err != nil {
		return err
	}
	if err := r.UseQuarantine(os.Getenv); err != nil {
		return err
	}
	var ids []policy.ObjectID
	result := seen{}
	for {
		var old, id, ref string
		if n, _ := fmt.Scanln(&old, &id, &ref); n != 3 {
			break
		}
		ids = append(ids, policy.ObjectID(id))
		if _, _, err := r.loose(r.quarantine, policy.ObjectID(id)); err == nil {
			result.Loose++
		}
	}
	if result.Objects, err = r.Commits(context.Background(), ids); err != nil {
		return err
	}
	out, _, err := r.Git(context.Background(), nil, "cat-file", "-t", string(ids[0]))
	if err != nil {
		return err
	}
	result.Git = strings.TrimSpace(string(out))
	line, err := json.Marshal(result)
	fmt.Fprintf(os.Stderr, "seen=%s\n", line)
	return err
}

// gitEnvironment is clean, and makes commits with fixed names.
func gitEnvironment() []string {
	return append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
}

func tryGit(dir, stdin string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, gitEnvironment(), strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return strings.TrimSuffix(string(out), "\n"), err
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := tryGit(dir, "", args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

// newRepository makes a bare repository and a clone-to-be beside it.
func newRepository(t testing.TB, args ...string) (bare, work string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bare, work = filepath.Join(dir, "shop", "dev.git"), filepath.Join(dir, "work")
	git(t, dir, append(append([]string{"init", "-q", "-b", "main", "--bare"}, args...), bare)...)
	git(t, dir, append(append([]string{"init", "-q", "-b", "main"}, args...), work)...)
	return bare, work
}

// commit makes an empty commit in a worktree and gives its ID.
func commit(t testing.TB, work, message string) policy.ObjectID {
	t.Helper()
	git(t, work, "commit", "-q", "--allow-empty", "-m", message)
	return policy.ObjectID(git(t, work, "rev-parse", "HEAD"))
}

func open(t testing.TB, path string) *Repository {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t testing.TB, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}
