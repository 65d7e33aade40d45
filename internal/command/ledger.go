package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) ledger() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "check, prove and mend the ledger",
		Long: "These verbs check, prove and mend the ledger that the policy names. What its\n" +
			"lines, checkpoints and proofs are, \"pathgate help ledger\" says to whoever\n" +
			"writes a verifier of his own.", Args: aVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(a.ledgerVerify(), a.ledgerRebuild(), a.ledgerRepair())
	cmd.AddCommand(a.ledgerMigrate(), a.ledgerCopy())
	cmd.AddCommand(a.ledgerKeygen(), a.ledgerCheckpoint(), a.ledgerProve(), a.ledgerVerifyProof())
	return cmd
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
			return a.runRepair(cmd.Context(), pol, reason)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it is right to go on")
	return cmd
}

func (a *app) runRepair(ctx context.Context, pol *policy.Policy, reason string) error {
	entry, err := ledger.Repair(ctx, pol.Ledger, ledger.Options{Root: pol.Root, Now: a.now}, ledger.Mandate{Principal: setup.OperatingUser(), Via: "local", Reason: reason})
	if errors.Is(err, ledger.ErrSound) {
		fmt.Fprintln(a.stdout, "the ledger needs no repair")
		return nil
	}
	if err != nil {
		return faulted(err)
	}
	fmt.Fprintf(a.stdout, "accepted, record %d: %s\n", entry.Seq, entry.Reason)
	a.toSinks(ctx, pol)
	return nil
}
