package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/testscript"
)

// still tells what a repository holds and what is on record as having been
// let in: all its refs, and the number and the last of the intents and the
// deployments of the ledger. A refused push changes none of it.
func still(ts *testscript.TestScript, repo string) (string, error) {
	cmd := exec.Command("git", "--git-dir="+repo, "for-each-ref", "--format=%(objectname) %(refname) %(symref)")
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_CONFIG_GLOBAL=/dev/null")
	refs, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("list the refs of %s: %w", repo, err)
	}
	entries, err := readLedger(filepath.Join(ts.Getenv("WORK"), "ledger", "ledger.jsonl"))
	if err != nil {
		return "", fmt.Errorf("ledger: %w", err)
	}
	count, last := 0, entry{}
	for _, e := range entries {
		switch e.text("type") {
		case "intent", "deployed", "abandoned", "adopted", "approval", "drift":
			count++
			last = e
		}
	}
	return fmt.Sprintf("%s%d records, the last %s\n", refs, count, strings.TrimSpace(last.text("seq"))), nil
}

// cmdStill remembers what there is, with -from, or checks that it is still so.
func cmdStill(ts *testscript.TestScript, neg bool, args []string) {
	fresh := len(args) > 0 && args[0] == "-from"
	if fresh {
		args = args[1:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: still [-from] REPO")
	}
	st, repo := stateOf(ts), repository(ts, args[0])
	have, err := still(ts, repo)
	ts.Check(err)
	switch want, ok := st.still[repo]; {
	case fresh:
		st.still[repo] = have
	case !ok:
		ts.Fatalf("still: nothing is remembered of %s: use -from", args[0])
	case want != have:
		ts.Fatalf("%s", diff.Diff("before", []byte(want), "now", []byte(have)))
	}
}
