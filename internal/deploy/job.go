package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// deploy runs one job that is pending, records how it ended, and leaves no
// checkout behind.
func (r *Runner) deploy(ctx context.Context, s Settings, job *ledger.Queued) error {
	record, tree := job.Deployed.Seq, r.Place.newTree(job.Deployed.Seq)
	end := r.perform(ctx, s, job, tree)
	// Also when we are to stop: it must be on record.
	err := r.open(context.WithoutCancel(ctx), patienceToEnd, func(b Book) error {
		return b.Append(status(job, end.state, text.Clean(end.message, 400)))
	})
	if failed := removeTree(tree); failed != nil {
		r.log("the checkout of record %d could not be removed: %v", record, failed)
	}
	if err != nil {
		return fmt.Errorf("record %d ended as %s (%s), which could not be recorded: %w", record, end.state, end.message, err)
	}
	return nil
}

// perform runs the command of a job, with tree for its checkout. What it could
// not do is an outcome too.
func (r *Runner) perform(ctx context.Context, s Settings, job *ledger.Queued, tree string) (end outcome) {
	defer func() {
		if value := recover(); value != nil {
			r.log("panic: %v", value)
			end = failed("pathgate itself failed")
		}
	}()
	d := s.Deployment
	if d == nil || d.External || len(d.Command) == 0 {
		return failed("the policy has no deployment command for %s any more", r.Place.Environment)
	}
	log, err := r.Place.open(strconv.FormatUint(job.Deployed.Seq, 10)+logEnd, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return failed("its log cannot be written: %v", withoutPath(err))
	}
	defer log.Close()
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d.Timeout, errTimeout{d.Timeout})
		defer cancel()
	}
	repo, err := openRepository(s.Root, job.Deployed.Repository)
	if err != nil {
		r.log("record %d: %v", job.Deployed.Seq, err)
		return failed("the repository %s cannot be read", job.Deployed.Repository)
	}
	dir := repo.GitDir()
	if d.Checkout {
		dir = tree
		if err := checkout(ctx, repo, policy.ObjectID(job.Deployed.Commit), dir); err != nil {
			return notCheckedOut(ctx, err)
		}
	}
	run := &run{argv: d.Command, dir: dir, env: r.variables(ctx, repo, job), out: newLimited(log, maxLog), grace: r.Grace}
	return run.execute(ctx)
}

func notCheckedOut(ctx context.Context, err error) outcome {
	if ctx.Err() != nil {
		return stopReason(ctx)
	}
	return failed("the commit cannot be checked out: %v", err)
}

func openRepository(root, name string) (*gitfacts.Repository, error) {
	name = filepath.FromSlash(name)
	if !filepath.IsAbs(root) || !filepath.IsLocal(name) {
		return nil, errors.New("the record names no repository below the policy's root")
	}
	return gitfacts.Open(filepath.Join(root, name))
}

// variables is the environment of the command: PATH, HOME, LANG, and what it
// is to deploy. All values are one line of printable text.
func (r *Runner) variables(ctx context.Context, repo *gitfacts.Repository, job *ledger.Queued) []string {
	e := &job.Deployed
	env := Environment(r.Getenv)
	for _, v := range [...]struct{ name, value string }{
		{"PATHGATE_SERVICE", e.Service},
		{"PATHGATE_ENVIRONMENT", e.Environment},
		{"PATHGATE_COMMIT", e.Commit},
		{"PATHGATE_PREVIOUS", string(previous(ctx, repo, policy.ObjectID(e.Old)))},
		{"PATHGATE_KIND", e.Kind},
		{"PATHGATE_PRINCIPAL", e.Principal},
		{"PATHGATE_RECORD", strconv.FormatUint(e.Seq, 10)},
		{"PATHGATE_PUSH", e.Push},
		{"PATHGATE_REPOSITORY", e.Repository},
		{"PATHGATE_REF", e.Ref},
		{runnerVariable, string(r.token)},
	} {
		env = append(env, v.name+"="+text.Clean(v.value, 1024))
	}
	return env
}

// previous is the commit that the ref was at before, empty if there was none.
// An ID that cannot be peeled any more is given as it is.
func previous(ctx context.Context, repo *gitfacts.Repository, id policy.ObjectID) policy.ObjectID {
	if id == "" || id.IsZero() {
		return ""
	}
	found, err := repo.Commits(ctx, []policy.ObjectID{id})
	if err != nil || found[id].Commit == "" {
		return id
	}
	return found[id].Commit
}
