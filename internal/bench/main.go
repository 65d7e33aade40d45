// Command bench measures what pathgate adds to a push. Run it anywhere in the
// module:
//
//	go run ./internal/bench [-n PUSHES] [-scenarios NAME,...] [-trace] [-json] [-quick] [-dir DIR]
//
// It builds the hooks as they are shipped, makes repositories in a temporary
// folder, and pushes to them with the real git client over file paths, without
// any configuration of the machine's or the user's. The pushes of all
// scenarios and variants take turns, round after round, so that whatever else
// the machine does hits all alike; only ratios within one run mean anything.
//
// The variants are:
//
//	none      no hooks
//	noop      pre-receive and post-receive that are "#!/bin/sh" and "exit 0";
//	          the other variants are held against this one
//	empty-go  three Go hooks that do nothing, proc-receive among them: what
//	          any three Go processes cost
//	bash      a gate as people write it: pre-receive greps a log for the
//	          commit, post-receive appends a line; no fsync, no proc-receive
//	pathgate  all three hooks, wired by "pathgate install"
//
// The scenarios are small, ledger-1k, ledger-1m, large, refs-1000, pushers-16,
// rails, release and, only if asked for, shared-1k, shared-1m and shared-16
// ("shared" is all three); scenario.go says what each is. A step is "deploy" (a new
// commit to the first environment) or "promote" (the same commit to the next
// environment of the same repository: no object is sent), but release has steps
// of its own.
//
// rails has none, noop and pathgate with no rules, and holds two more variants
// against that pathgate:
//
//	rails      all guard rails that judge by the policy, the ledger and the
//	           clock; the approval of each promotion is pushed before and not
//	           timed
//	rails-git  those, and branches, ticket, signed and fast_forward
//
// release is one large repository in which main is what production runs, and
// dev and stg are branches that the server keeps (match = "contained" for stg
// and production). It holds pathgate against a release job on the same machine,
// without the time in which a job waits for its turn and its machine starts:
//
//	job         git clone --no-local of all branches, git merge --no-ff, git push
//	            into a repository as large with no-op hooks
//	job-single  the same with --single-branch, and a fetch of what is merged
//	job-warm    a clone that is kept: git fetch, git checkout, merge, push
//
// Each round has new branches of one small commit each, and these steps:
//
//	publish     git push of a branch to a branch of its name: a plain push
//	release     git push of that commit to refs/release/dev/JIRA-n
//	carry       the same of a branch that was not published: the push brings it
//	promote     the first branch to refs/release/stg/JIRA-n; main has gone on,
//	            so that it is merged first, as the jobs do too
//	production  the first branch into main: git merge --no-ff in a developer's
//	            clone and git push, both timed; the jobs clone before
//	catch-up    another branch, published, into dev, which main has left behind
//
// For carry, a job is charged with a plain push beside: the commit must come to
// the server. For catch-up it is the job of release, though that leaves main as
// it is. The jobs that clone take their turn in some rounds only, spread over
// the run. All refs are packed before each round. After each step the branch
// must hold the merge, and the ledger its record.
//
// The shared ones hold a ledger in PostgreSQL against the journal. The server is
// on this machine, with fsync and without a standby, reached by TLS and a
// password through a proxy that makes each round trip take as many milliseconds
// as the variant's name says: rtt-0, rtt-1, rtt-5, rtt-20. TRIPS is how many of
// them a hook makes beyond connecting.
//
// Memory and time of each hook come from pushes of their own, after the timed
// ones, with a launcher around the hooks.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Options are the flags.
type options struct {
	pushes    int
	scenarios string
	dir       string
	quick     bool
	json      bool
	trace     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run returns the exit status: 0 measured, 1 failed, 2 wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err != nil {
		return 2
	}
	r, err := bench(ctx, o, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	write := r.writeText
	if o.json {
		write = r.writeJSON
	}
	if err := write(stdout); err != nil {
		fmt.Fprintln(stderr, "bench: write the report:", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.pushes, "n", 60, "timed `pushes` of each scenario, step and variant")
	f.StringVar(&o.scenarios, "scenarios", "", "comma-separated `names`; all if empty")
	f.StringVar(&o.dir, "dir", "", "`folder` to work in, on the kind of disk to measure; a temporary one if empty")
	f.BoolVar(&o.quick, "quick", false, "few pushes of small things: a smoke test, no measurement")
	f.BoolVar(&o.json, "json", false, "write the report as JSON")
	f.BoolVar(&o.trace, "trace", false, "say where the start of each hook goes (GODEBUG=inittrace=1)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.pushes < 1 {
		err := fmt.Errorf("unexpected arguments: %s, or -n below 1", strings.Join(f.Args(), " "))
		fmt.Fprintln(stderr, "bench:", err)
		return o, err
	}
	return o, nil
}

// bench prepares, measures and removes everything again.
func bench(ctx context.Context, o options, progress io.Writer) (r *report, err error) {
	dir, err := os.MkdirTemp(o.dir, "pathgate-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to work in: %w", err)
	}
	defer func() {
		if removed := os.RemoveAll(dir); err == nil && removed != nil {
			err = fmt.Errorf("remove the bench's folder: %w", removed)
		}
	}()
	s := fullSizes(o.pushes)
	if o.quick {
		s = quickSizes()
	}
	scenarios, err := choose(s, o.scenarios)
	if err != nil {
		return nil, err
	}
	w, err := newWorkshop(ctx, dir, progress)
	if err != nil {
		return nil, err
	}
	defer w.close()
	lanes, err := w.prepare(scenarios, s)
	if err != nil {
		return nil, err
	}
	r = &report{Quick: o.quick, Pushes: s.pushes, Before: load()}
	if r.Git, err = w.git.line("", "version"); err != nil {
		return nil, err
	}
	if err := w.time(lanes, s, r); err != nil {
		return nil, err
	}
	r.After = load()
	if err := w.examine(lanes, s, o.trace, r); err != nil {
		return nil, err
	}
	return r, nil
}
