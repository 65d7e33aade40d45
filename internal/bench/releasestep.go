package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// releaseStep takes a step of the scenario "release", sees that it came out as
// it should, and returns how long it took. env is added to the environment of
// what is timed.
func (w *workshop) releaseStep(l *lane, step string, round int, env ...string) (sample, error) {
	m := l.moveOf(step, round)
	took, err := w.makeMove(l, step, m, env)
	if err != nil {
		return 0, fmt.Errorf("%s of %s with %s, round %d: %w", step, released, l.variant, round, err)
	}
	return took, nil
}

func (w *workshop) makeMove(l *lane, step string, m move, env []string) (sample, error) {
	if err := w.prepareMove(l, step, m); err != nil {
		return 0, err
	}
	before, err := w.tip(l, m.into)
	if err != nil {
		return 0, err
	}
	cmds := w.commands(l, step, m)
	for _, cmd := range cmds {
		cmd.Env = append(slices.Clip(cmd.Env), env...)
	}
	took, err := timed(cmds)
	if err != nil {
		return 0, err
	}
	if isColdJob(l.variant) {
		if err := os.RemoveAll(w.jobFolder()); err != nil {
			return 0, fmt.Errorf("remove a job's clone: %w", err)
		}
	}
	return took, w.checkMove(l, step, m, before)
}

// prepareMove does what has been done before a step begins, and is not timed: a
// branch is published, and its developer has it. Before each round the refs are
// packed, as maintenance does on any server: else every push would read each
// branch of the rounds before from a file of its own.
func (w *workshop) prepareMove(l *lane, step string, m move) error {
	if step == publish || isJob(l.variant) && step == release {
		if err := w.git.run(l.repos[0], nil, "git", "pack-refs", "--all"); err != nil {
			return err
		}
	}
	switch {
	case isJob(l.variant) && step == release, step == catchUp:
		// A launcher that stands around the hooks wants to write somewhere.
		cmd := w.pushFromSource(l, m.commit+":refs/heads/"+m.branch)
		cmd.Env = append(slices.Clip(cmd.Env), "PATHGATE_BENCH_USAGE="+os.DevNull)
		_, err := timed([]*exec.Cmd{cmd})
		return err
	case step == production && !isJob(l.variant):
		return w.git.run(l.desk, nil, "git", "fetch", "-q", "origin", m.branch)
	}
	return nil
}

// commands are what is timed of a step.
func (w *workshop) commands(l *lane, step string, m move) []*exec.Cmd {
	switch {
	case isJob(l.variant):
		return w.jobCommands(l, m)
	case step == publish:
		return []*exec.Cmd{w.pushFromSource(l, m.commit+":refs/heads/"+m.branch)}
	case step == production:
		return w.mergeAndPush(l.desk, m, m.commit)
	}
	environment := strings.TrimPrefix(m.into, "release/")
	return []*exec.Cmd{w.pushFromSource(l, m.commit+":refs/release/"+environment+"/"+m.branch)}
}

func (w *workshop) pushFromSource(l *lane, refspec string) *exec.Cmd {
	return w.git.command(l.source.dir, "git", "push", l.repos[0], refspec)
}

// jobFolder is where a job makes its clone.
func (w *workshop) jobFolder() string { return filepath.Join(w.dir, "job") }

// jobCommands are a release job, from its clone to its push. It brings an
// environment up to date with main where pathgate does so.
func (w *workshop) jobCommands(l *lane, m move) []*exec.Cmd {
	dir := w.jobFolder()
	var cmds []*exec.Cmd
	add := func(dir string, args ...string) { cmds = append(cmds, w.git.command(dir, "git", args...)) }
	switch l.variant {
	case jobClone:
		add(w.dir, "clone", "-q", "--no-local", "--branch", m.into, l.repos[0], dir)
	case jobSingle:
		add(w.dir, "clone", "-q", "--no-local", "--single-branch", "--branch", m.into, l.repos[0], dir)
		fetch := []string{"fetch", "-q", "origin", tracked(m.branch)}
		if m.behind {
			fetch = append(fetch, tracked(mainBranch))
		}
		add(dir, fetch...)
	case jobWarm:
		dir = l.desk
		add(dir, "fetch", "-q", "origin")
		add(dir, "checkout", "-q", "-B", m.into, "origin/"+m.into)
	}
	if m.behind {
		add(dir, "merge", "-q", "--no-ff", "-m", "Merge main", "origin/"+mainBranch)
	}
	return append(cmds, w.mergeAndPush(dir, m, "origin/"+m.branch)...)
}

func tracked(branch string) string {
	return "+refs/heads/" + branch + ":refs/remotes/origin/" + branch
}

// mergeAndPush merges into the branch that a clone has checked out.
func (w *workshop) mergeAndPush(dir string, m move, commit string) []*exec.Cmd {
	return []*exec.Cmd{
		w.git.command(dir, "git", "merge", "-q", "--no-ff", "-m", "Merge "+m.branch+" into "+m.into, commit),
		w.git.command(dir, "git", "push", "-q", "origin", m.into),
	}
}

// timed runs commands one after the other.
func timed(cmds []*exec.Cmd) (sample, error) {
	begin := time.Now()
	for _, cmd := range cmds {
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%s: %w\n%s", label(cmd.Path, cmd.Args[1:]), err, out[:min(len(out), 4000)])
		}
	}
	return time.Since(begin), nil
}

// tip is what a branch of a lane's repository holds, empty if there is none.
func (w *workshop) tip(l *lane, branch string) (string, error) {
	return w.git.line(l.repos[0], "for-each-ref", "--format=%(objectname)", "refs/heads/"+branch)
}

// checkMove sees that a step did what it is measured for: the branch holds a
// merge of the commit on top of what it held before, and pathgate has it on
// record.
func (w *workshop) checkMove(l *lane, step string, m move, before string) error {
	after, err := w.tip(l, m.into)
	if err != nil {
		return err
	}
	if step == publish {
		if after != m.commit {
			return fmt.Errorf("%s holds %q, want %s", m.into, after, m.commit)
		}
		return l.checkRecord(m, after, 0)
	}
	if after == before {
		return fmt.Errorf("%s has not moved from %q", m.into, before)
	}
	second, err := w.git.line(l.repos[0], "rev-parse", "--verify", "-q", after+"^2")
	if err != nil {
		return fmt.Errorf("%s is no merge: %w", m.into, err)
	}
	if second != m.commit {
		return fmt.Errorf("%s is a merge of %s, want %s", m.into, second, m.commit)
	}
	if before != "" {
		if err := w.git.run(l.repos[0], nil, "git", "merge-base", "--is-ancestor", before, after); err != nil {
			return fmt.Errorf("%s has lost what it held: %w", m.into, err)
		}
	}
	return l.checkRecord(m, after, 1)
}

// checkRecord reads what the ledger has got since the last look: so many
// deployments, one or none, and that one of the move that ended with after.
func (l *lane) checkRecord(m move, after string, want int) error {
	if l.ledger == "" {
		return nil
	}
	var deployed []ledger.Entry
	err := ledger.Read(l.ledger, l.read, func(line *ledger.Line) error {
		l.read = line.End()
		if line.Entry.Type == ledger.TypeDeployed {
			deployed = append(deployed, line.Entry)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(deployed) != want {
		return fmt.Errorf("%d deployments on record since the last push, want %d", len(deployed), want)
	}
	if want == 0 {
		return nil
	}
	e := deployed[0]
	sound := e.Ref == "refs/heads/"+m.into && e.New == after
	if m.into == mainBranch {
		sound = sound && e.Kind == string(policy.Promote)
	} else {
		sound = sound && e.Action == ledger.ActionRelease && e.Branch == m.branch && e.Head == m.commit
	}
	if !sound {
		return fmt.Errorf("record %d is of another move: %+v", e.Seq, e)
	}
	return nil
}
