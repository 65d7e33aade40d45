package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// released is the scenario that compares a release by one push with a job that
// clones, merges and pushes.
const released = "release"

// The variants of the scenario "release" that do it as a release job would.
// Their repositories have hooks that do nothing.
const (
	jobClone  = "job"        // a fresh clone of everything
	jobSingle = "job-single" // a fresh clone of the environment's branch, and what is merged
	jobWarm   = "job-warm"   // a clone that is kept, and fetches
)

// isJob reports whether a variant is a release job.
func isJob(variant string) bool { return isColdJob(variant) || variant == jobWarm }

// isColdJob reports whether it clones each time.
func isColdJob(variant string) bool { return variant == jobClone || variant == jobSingle }

// The steps of a round of the scenario "release", beside promote: into stg.
const (
	publish    = "publish"    // a branch's commit to a branch of its own: a plain push
	release    = "release"    // the same commit into dev
	carry      = "carry"      // another branch's commit into dev, which the push brings along
	production = "production" // the first branch into main, which the pusher merges
	catchUp    = "catch-up"   // a third branch into dev, which main has left behind
)

func releaseSteps() []string { return []string{publish, release, carry, promote, production, catchUp} }

// Each round has branches of its own, by the order of the steps that begin
// with them.
const (
	ownBranch = iota
	carriedBranch
	lateBranch
	branchesPerRound
)

// A move is what a step of the scenario "release" does: a branch's commit comes
// into another branch.
type move struct {
	branch, commit string // such as "JIRA-7"
	into           string // such as "release/dev"
	behind         bool   // main has gone on since into was made
}

// moveOf is the move of a step. A plain push comes into the branch itself.
func (l *lane) moveOf(step string, round int) move {
	which := ownBranch
	into := strings.TrimPrefix(devRef, "refs/heads/")
	switch step {
	case carry:
		which = carriedBranch
	case catchUp:
		which = lateBranch
	case promote:
		into = strings.TrimPrefix(stgRef, "refs/heads/")
	case production:
		into = mainBranch
	case publish:
		into = branchName(round, ownBranch)
	}
	return move{branch: branchName(round, which), commit: l.source.commits[round][which], into: into,
		behind: step == promote || step == catchUp}
}

// mainBranch is what production runs.
const mainBranch = "main"

// branchName names a branch of a round after a ticket that nobody else has.
func branchName(round, which int) string {
	return fmt.Sprintf("JIRA-%d", round*branchesPerRound+which+1)
}

// takesPart reports whether a lane does anything in a step of a round. A job
// that clones takes its turn in some rounds only, spread over the run: it takes
// long.
func (l *lane) takesPart(step string, round int, s sizes) bool {
	if l.scenario.name != released || l.variant == product {
		return true
	}
	if l.variant == noOp {
		return step == publish || step == production
	}
	if step == publish || step == carry || step == catchUp {
		return false
	}
	every := max(1, s.pushes/s.jobs)
	return !isColdJob(l.variant) || round < warmups || (round-warmups)%every == 0
}

// releaseVariants are the variants of the scenario "release".
func releaseVariants() []variant {
	job := func(w *workshop, root string, l *lane) error {
		if err := installNoOp(w, root, l); err != nil {
			return err
		}
		for _, ref := range []string{devRef, stgRef} {
			if err := w.git.run(l.repos[0], nil, "git", "update-ref", ref, mainBranch); err != nil {
				return err
			}
		}
		if l.variant != jobWarm {
			return nil
		}
		return w.newDesk(root, l)
	}
	return []variant{
		{noOp, func(w *workshop, root string, l *lane) error {
			if err := installNoOp(w, root, l); err != nil {
				return err
			}
			return w.newDesk(root, l)
		}},
		{jobClone, job},
		{jobSingle, job},
		{jobWarm, job},
		{product, installReleases},
	}
}

// installReleases wires pathgate and puts on record what production runs.
func installReleases(w *workshop, root string, l *lane) error {
	if err := installPathgate(w, root, l); err != nil {
		return err
	}
	l.ledger = filepath.Join(root, "ledger")
	if err := w.git.run(root, nil, w.pathgate, "adopt", "--policy", filepath.Join(root, "policy.toml"), l.repos[0]); err != nil {
		return err
	}
	return w.newDesk(root, l)
}

// newDesk makes the clone that a lane's developer or warm job works in.
func (w *workshop) newDesk(root string, l *lane) error {
	l.desk = filepath.Join(root, "desk")
	return w.git.run("", nil, "git", "clone", "-q", "--branch", mainBranch, l.repos[0], l.desk)
}

// releasePolicy is the policy of the scenario "release".
func releasePolicy(root, ledger string) string {
	const environment = `
[environments.%[1]s]
repository = "{service}/app.git"
refs = ["refs/heads/release/%[1]s"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
`
	return fmt.Sprintf("version = 1\nroot = %q\nledger = %q\n\n[identity]\nsource = %q\n", root, ledger, "env:"+identity) +
		fmt.Sprintf(environment, "dev") +
		fmt.Sprintf(environment, "stg") + "after = [\"dev\"]\nmatch = \"contained\"\n" + `
[environments.prd]
repository = "{service}/app.git"
refs = ["refs/heads/main"]
after = ["stg"]
match = "contained"
`
}

// addBranches makes the branches of all rounds, each of one commit that adds a
// file to the main that the history ends with.
func (w *workshop) addBranches(src *source, rounds int) error {
	marks := filepath.Join(src.dir, "marks")
	err := w.fastImport(src.dir, func(out io.Writer) {
		for round := range rounds {
			for which := range branchesPerRound {
				writeBranch(out, round, which)
			}
		}
	}, "--export-marks="+marks)
	if err != nil {
		return err
	}
	if src.commits, err = readMarks(marks, rounds, branchesPerRound); err != nil {
		return fmt.Errorf("read the branches that fast-import made: %w", err)
	}
	return nil
}

func writeBranch(out io.Writer, round, which int) {
	name, number := branchName(round, which), round*branchesPerRound+which+1
	subject := name + ": add what was asked for\n"
	fmt.Fprintf(out, "commit refs/heads/%s\nmark :%d\ncommitter Bench <bench@example.com> %d +0000\ndata %d\n%s\n",
		name, number, 1_750_000_000+number, len(subject), subject)
	content := "what " + name + " asks for\n"
	fmt.Fprintf(out, "from refs/heads/%s^0\nM 100644 inline folder-%02d/%s.txt\ndata %d\n%s\n",
		mainBranch, number%100, name, len(content), content)
}
