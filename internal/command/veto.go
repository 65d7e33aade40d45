package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) veto() *cobra.Command {
	var service, reason string
	var lift bool
	cmd := &cobra.Command{
		Use:   "veto COMMIT --reason TEXT",
		Short: "bar a commit from every environment, or let it in again",
		Long: "Veto bars a commit from every environment of its service, rollbacks too,\n" +
			"until it is lifted with --lift. Where the commit is live it stays: roll\n" +
			"back. COMMIT is a full ID, or anything that git understands in one of the\n" +
			"service's repositories or the current one. Status 1: nothing is known of\n" +
			"the service or the commit, or there is no veto to lift.",
		Args: words("COMMIT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			why, err := spoken("reason", reason, true)
			if err != nil {
				return err
			}
			return a.runVeto(cmd.Context(), args[0], service, why, lift)
		},
	}
	cmd.Flags().StringVar(&service, "service", "", "the `SERVICE`; not needed inside one of its repositories or if there is only one")
	cmd.Flags().StringVar(&reason, "reason", "", "why; pushers are told")
	cmd.Flags().BoolVar(&lift, "lift", false, "let the commit in again")
	return cmd
}

func (a *app) runVeto(ctx context.Context, commit, named, reason string, lift bool) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	service, err := a.serviceOf(ctx, pol, named)
	if err != nil {
		return err
	}
	id, err := a.serviceCommit(ctx, pol, service, commit)
	if err != nil {
		return err
	}
	e := &ledger.Entry{Type: ledger.TypeVeto, Service: string(service), Commit: string(id), Kind: ledger.KindVeto,
		Principal: operator(pol), Via: viaLocal, Policy: pol.Hash, Reason: reason}
	if lift {
		e.Kind = ledger.KindLift
	}
	var lives []ledger.LiveRef
	err = a.change(ctx, pol, func(l *ledger.Ledger) error {
		_, barred, err := l.Veto(service, id)
		if err != nil {
			return err
		}
		if lift && !barred {
			return refused(fmt.Errorf("nobody bars %s from the environments of %s", id.Short(), service))
		}
		if known, ok, err := l.Object(id); err == nil && ok && known.Commit == id {
			e.Subject = known.Subject
		}
		if lives, err = l.Lives(service, "", ""); err != nil {
			return err
		}
		return l.Append(e)
	})
	if err != nil {
		return err
	}
	a.printVeto(e, lives)
	return nil
}

func (a *app) printVeto(e *ledger.Entry, lives []ledger.LiveRef) {
	id := policy.ObjectID(e.Commit)
	if e.Kind == ledger.KindLift {
		fmt.Fprintf(a.stdout, "%s may come to the environments of %s again, record %d\n", id.Short(), e.Service, e.Seq)
		fmt.Fprintln(a.stdout, "note: approvals from before the veto stay void")
		return
	}
	fmt.Fprintf(a.stdout, "%s is barred from every environment of %s, record %d\n", id.Short(), e.Service, e.Seq)
	for _, live := range lives {
		if live.Commit == id {
			fmt.Fprintf(a.stdout, "warning: it is live in %s (%s), and stays there until something else is deployed\n",
				live.Environment, explain.Branch(live.Ref))
		}
	}
}
