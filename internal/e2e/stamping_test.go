package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// cmdChain checks that the trees on a notes ref, as the trailers of its commits
// prove them, reach back to its first commit, and are those of the journal.
func cmdChain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: chain REPO ENVIRONMENT")
	}
	dir := repository(ts, args[0])
	ts.Check(checkChain(dir, "refs/notes/deployments/"+args[1], ts.Getenv("WORK")+"/ledger"))
}

func checkChain(dir, ref, journal string) error {
	repo, err := gitfacts.Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	_, tip, err := repo.Resolve(ctx, policy.RefName(ref))
	if err != nil {
		return err
	}
	trees, err := notes.Trees(ctx, repo, tip, 0)
	if err != nil {
		return err
	}
	out, err := exec.Command("git", "-C", dir, "rev-list", "--count", ref).Output()
	if err != nil {
		return err
	}
	if n := strings.TrimSpace(string(out)); n != fmt.Sprint(len(trees)) {
		return fmt.Errorf("%s has %s commits, and the trees of %d are proven", ref, n, len(trees))
	}
	var sizes []int64
	for _, t := range trees {
		sizes = append(sizes, t.N)
	}
	real, err := ledger.Trees(journal, sizes...)
	if err != nil {
		return err
	}
	for i, t := range trees {
		if real[i] != (tlog.Tree{N: t.N, Hash: t.Hash}) {
			return fmt.Errorf("%s has a tree of %d records that the journal does not have", ref, t.N)
		}
	}
	return nil
}
