package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
)

func (a *app) ledger() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "check and mend the ledger",
		Long: "These verbs check and mend the ledger that the policy names.", Args: aVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(a.ledgerVerify(), a.ledgerRebuild(), a.ledgerRepair())
	return cmd
}

func (a *app) ledgerVerify() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "verify", Short: "check all of it, and that every deployment was allowed",
		Long: "Verify reads the journal from its first line and names the first line that\n" +
			"does not hold. It changes nothing. Status 0: everything holds, but for an\n" +
			"unfinished last line that may be being written; 1: something does not;\n" +
			"3: it could not be read.",
		Args: words(),
		RunE: func(*cobra.Command, []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			return a.runVerify(format)
		},
	}
	formatFlag(cmd, &format, "table", "table or json")
	return cmd
}

func (a *app) runVerify(format string) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	report, err := ledger.Verify(pol.Ledger, nil)
	if err != nil {
		return faulted(err)
	}
	if format == "json" {
		if err := a.json(verifyJSON(&report)); err != nil {
			return err
		}
	} else {
		a.printVerify(&report)
	}
	if !report.OK() {
		return no()
	}
	return nil
}

func verifyJSON(r *ledger.Report) map[string]any {
	findings := []map[string]any{}
	for _, f := range r.Findings {
		findings = append(findings, map[string]any{"line": f.Line, "problem": f.Problem, "meaning": f.Meaning})
	}
	return map[string]any{"ok": r.OK(), "ledger": r.Ledger, "records": r.Records, "bytes": r.Bytes, "first": r.First,
		"last": r.Last, "sha256": r.Hash, "types": r.Counts, "open": r.Open, "unknown": r.Unknown, "torn": r.Torn,
		"index": r.Index, "findings": findings}
}

func (a *app) printVerify(r *ledger.Report) {
	for _, f := range r.Findings {
		fmt.Fprintf(a.stdout, "does not hold: %s\n", f)
	}
	if r.OK() {
		fmt.Fprintf(a.stdout, "the ledger holds: %s, from %s to %s\n", counted(int(r.Records), "record"),
			explain.Time(r.First), explain.Time(r.Last))
	} else {
		fmt.Fprintf(a.stdout, "before that, %s hold\n", counted(int(r.Records), "record"))
	}
	fmt.Fprintf(a.stdout, "ledger   %s\nlast     record %d, sha256 %s\n", r.Ledger, r.Records, r.Hash)
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

func (a *app) ledgerRebuild() *cobra.Command {
	return &cobra.Command{
		Use: "rebuild", Short: "make the index anew from the journal",
		Long: "Rebuild makes the index anew. It holds nothing that the journal does not,\n" +
			"so nothing is lost. Status 3: the journal was cut or is damaged.",
		Args: words(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			pol, _, err := a.loadPolicy()
			if err != nil {
				return err
			}
			if err := ledger.Rebuild(cmd.Context(), pol.Ledger, ledger.Options{Root: pol.Root, Now: a.now}); err != nil {
				return faulted(err)
			}
			fmt.Fprintln(a.stdout, "the index is rebuilt")
			return nil
		},
	}
}

func (a *app) ledgerRepair() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "repair --reason TEXT", Short: "go on after the ledger was cut, moved, or the clock went back",
		Long: "Repair accepts what made every push a fault: a journal that was cut or\n" +
			"restored from a copy, a policy root that moved, a clock that is behind the\n" +
			"last entry. It writes an entry that says so and is kept for ever. Look\n" +
			"with 'pathgate ledger verify' and 'pathgate doctor' first. A journal that\n" +
			"is damaged in its middle cannot be repaired: status 3.",
		Args: words(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reason == "" {
				return errors.New("say why with --reason")
			}
			pol, _, err := a.loadPolicy()
			if err != nil {
				return err
			}
			return a.runRepair(cmd, pol.Ledger, pol.Root, reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it is right to go on")
	return cmd
}

func (a *app) runRepair(cmd *cobra.Command, dir, root, reason string) error {
	entry, err := ledger.Repair(cmd.Context(), dir, ledger.Options{Root: root, Now: a.now}, ledger.Mandate{Principal: setup.OperatingUser(), Via: "local", Reason: reason})
	if errors.Is(err, ledger.ErrSound) {
		fmt.Fprintln(a.stdout, "the ledger needs no repair")
		return nil
	}
	if err != nil {
		return faulted(err)
	}
	fmt.Fprintf(a.stdout, "accepted, record %d: %s\n", entry.Seq, entry.Reason)
	return nil
}
