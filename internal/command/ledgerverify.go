package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	stamps "github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) ledgerVerify() *cobra.Command {
	var format string
	var checkpoints, keys []string
	var ofCopy bool
	cmd := &cobra.Command{
		Use: "verify", Short: "check all of it, and that every deployment was allowed",
		Long: "Verify reads the journal from its first line and names the first line that\n" +
			"does not hold. It changes nothing. With --checkpoint it also finds what the\n" +
			"ledger by itself cannot tell: that an old copy was put back, that its end was\n" +
			"cut off, that it was written anew. Keep such checkpoints elsewhere; without\n" +
			"--key their signatures are not checked. With --copy it reads this host's copy\n" +
			"of a shared ledger, the policy's key copy, and needs no database.\n\n" +
			"It needs little memory, and for a while as much room in the folder TMPDIR, or\n" +
			"in /tmp, as the ledger has bytes. Status 0: everything holds, but for an\n" +
			"unfinished last line that may be being written; 1: something does not; 3: it\n" +
			"could not be read.",
		Args: words(),
		RunE: func(*cobra.Command, []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			if len(keys) > 0 && len(checkpoints) == 0 {
				return errors.New("--key is for checkpoints: name some with --checkpoint")
			}
			return a.runVerify(format, ofCopy, checkpoints, keys)
		},
	}
	formatFlag(cmd, &format, "table", "table or json")
	cmd.Flags().BoolVar(&ofCopy, "copy", false, "verify this host's copy of a shared ledger instead")
	cmd.Flags().StringArrayVar(&checkpoints, "checkpoint", nil,
		"a `FILE` of checkpoints held elsewhere, - for the input; may be given again")
	verifiersFlag(cmd, &keys)
	return cmd
}

// verified is the place of the ledger that is to be verified.
func verified(pol *policy.Policy, ofCopy bool) (string, error) {
	switch {
	case !ofCopy:
		return pol.Ledger, nil
	case pol.Copy == "":
		return "", faulted(errors.New("the policy has no key copy: this host keeps no copy of a shared ledger"))
	}
	return pol.Copy, nil
}

func (a *app) runVerify(format string, ofCopy bool, checkpoints, keys []string) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	place, err := verified(pol, ofCopy)
	if err != nil {
		return err
	}
	held, err := a.held(checkpoints, keys)
	if err != nil {
		return faulted(err)
	}
	report, err := ledger.VerifyWith(place, ledger.VerifyOptions{Progress: a.progress(), Held: held, Signed: stamps.CheckEntry})
	if err != nil {
		return faulted(err)
	}
	if ofCopy {
		report.Index = "" // it has none, as nothing is decided by it
	}
	if format == "json" {
		if err := a.json(verifyJSON(&report)); err != nil {
			return err
		}
	} else {
		a.printVerify(&report, len(keys) > 0)
	}
	if !report.OK() {
		return no()
	}
	return nil
}

// maxCheckpoints is the most bytes of a file with checkpoints.
const maxCheckpoints = 64 << 20

// held reads the checkpoints in the files. With keys, each must be signed by
// the one of its ledger.
func (a *app) held(files, keys []string) ([]ledger.Held, error) {
	all, err := verifiers(keys)
	if err != nil {
		return nil, err
	}
	var held []ledger.Held
	for _, file := range files {
		b, err := readInput(file, maxCheckpoints)
		if err != nil {
			return nil, err
		}
		for i, signed := range tlog.Split(b) {
			c, err := tlog.Peek(signed)
			if err == nil && len(keys) > 0 {
				log, witnesses, wrong := tlog.Choose(signed, all)
				if err = wrong; err == nil {
					c, _, err = tlog.Open(signed, log, witnesses...)
				}
			}
			id, ok := tlog.LedgerOf(c.Origin)
			if err == nil && !ok {
				err = fmt.Errorf("%q is not the origin of a ledger", c.Origin)
			}
			if err != nil {
				return nil, refused(fmt.Errorf("%s, checkpoint %d: %w", file, i+1, err))
			}
			held = append(held, ledger.Held{Name: file, Ledger: id, Tree: c.Tree})
		}
	}
	if len(held) == 0 && len(files) > 0 {
		return nil, errors.New("there is no checkpoint in what --checkpoint names")
	}
	return held, nil
}

// progress tells a person at a terminal how far it is; nil where there is none.
func (a *app) progress() func(done, total int64) {
	if terminalWidth(a.stderr) < 40 {
		return nil
	}
	shown := int64(-1)
	return func(done, total int64) {
		percent := int64(100)
		if total > 0 {
			percent = done * 100 / total
		}
		switch {
		case done >= total:
			fmt.Fprint(a.stderr, "\r\x1b[K")
		case percent != shown:
			const width = 25
			fmt.Fprintf(a.stderr, "\r%-*.*s %3d %%", width, int(percent*width/100), "#########################", percent)
		}
		shown = percent
	}
}

func verifyJSON(r *ledger.Report) map[string]any {
	findings := []map[string]any{}
	for _, f := range r.Findings {
		findings = append(findings, map[string]any{"line": f.Line, "first": f.First, "problem": f.Problem, "meaning": f.Meaning})
	}
	return map[string]any{"ok": r.OK(), "ledger": r.Ledger, "records": r.Records, "bytes": r.Bytes, "first": r.First,
		"last": r.Last, "sha256": r.Hash, "tree": map[string]any{"size": r.Tree.N, "root": r.Tree.Hash.String()},
		"checkpoints": r.Held, "judged": r.Judged, "unjudged": r.Unjudged, "types": r.Counts, "open": r.Open,
		"unknown": r.Unknown, "forks": r.Forks, "torn": r.Torn, "index": r.Index, "findings": findings}
}

// forkWords says how many stamps show that a ledger contradicts itself.
func forkWords(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s on record: pathgate log --type stamp", counted(int(n), "fork"))
}

func (a *app) printVerify(r *ledger.Report, signed bool) {
	for _, f := range r.Findings {
		fmt.Fprintf(a.stdout, "does not hold: %s\n", f)
	}
	if r.OK() {
		fmt.Fprintf(a.stdout, "the ledger holds: %s, from %s to %s\n", counted(int(r.Records), "record"),
			explain.Time(r.First), explain.Time(r.Last))
	} else {
		before := min(r.Records, max(r.Findings[0].First, 1)-1)
		fmt.Fprintf(a.stdout, "before that, %s hold\n", counted(int(before), "record"))
	}
	fmt.Fprintf(a.stdout, "ledger   %s\nlast     record %d, sha256 %s\n", r.Ledger, r.Records, r.Hash)
	fmt.Fprintf(a.stdout, "tree     %d records, root %s\n", r.Tree.N, r.Tree.Hash)
	switch {
	case r.Held == 0 && r.OK():
		fmt.Fprintln(a.stdout, "outside  no checkpoint was given: that it was not written anew is not shown")
	case r.Held > 0 && signed:
		fmt.Fprintf(a.stdout, "outside  goes on from %s, signatures good\n", counted(r.Held, "checkpoint"))
	case r.Held > 0:
		fmt.Fprintf(a.stdout, "outside  goes on from %s, signatures not checked: no --key\n", counted(r.Held, "checkpoint"))
	}
	fmt.Fprintf(a.stdout, "judged   %s again by the policy on record", counted(int(r.Judged), "decision"))
	if r.Unjudged > 0 {
		fmt.Fprintf(a.stdout, "; of %d the policy is not on record, or cannot be read", r.Unjudged)
	}
	if r.Beyond > 0 {
		fmt.Fprintf(a.stdout, "; record %d is a policy of a later pathgate", r.Beyond)
	}
	fmt.Fprintln(a.stdout)
	if n := r.Counts[ledger.TypeStamp]; n > 0 {
		fmt.Fprintf(a.stdout, "stamps   %s of environments elsewhere, signatures good%s\n", counted(int(n), "stamp"), forkWords(r.Forks))
	}
	if r.Index != "" {
		fmt.Fprintf(a.stdout, "index    %s\n", r.Index)
	}
	if r.Open > 0 {
		fmt.Fprintf(a.stdout, "open     %s; pathgate reconcile settles what is over\n", counted(r.Open, "intent"))
	}
	if r.Torn > 0 {
		fmt.Fprintf(a.stdout, "torn     %s of an unfinished line at the end\n", counted(int(r.Torn), "byte"))
	}
}
