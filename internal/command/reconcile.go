package command

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gate"
)

const reconcileHelp = "Reconcile turns what interrupted pushes have announced into records, by\n" +
	"looking at the refs, and records environments' refs that somebody moved\n" +
	"without a push. Deployments whose runner is gone it ends as errors, and\n" +
	"starts what waits. What the audit sinks have not taken it sends, however\n" +
	"much that is. Where an environment has stamps, it writes those that are\n" +
	"missing, and restores notes that somebody has deleted or moved (pathgate help\n" +
	"stamps). Run it from a timer as the user that git runs as; it may run at any\n" +
	"moment, also while pushes are under way. Status 0: done; 3: a repository\n" +
	"could not be read, a deployment not go on, a stamp not be written, or an audit\n" +
	"sink has not taken all.\n\n" +
	"Where hosts share the ledger, each settles what is on it and leaves the\n" +
	"repositories of others alone: run it on all. For a host that is gone for\n" +
	"ever, --host NAME settles on any of them, once, what it has left, from the\n" +
	"repositories that are here now under the same names; what it was to deploy\n" +
	"ends as errors. Then pathgate adopt --reason moves its repositories here; to\n" +
	"move one between hosts that both live, see pathgate adopt --help. Status 1: no\n" +
	"such host is on record, or it has made a record in the last hour and there is\n" +
	"no --force."

func (a *app) reconcile() *cobra.Command {
	var format string
	var quiet bool
	var gone gate.GoneHost
	cmd := &cobra.Command{
		Use:   "reconcile",
		Short: "settle what pushes have left, and look for drift",
		Long:  reconcileHelp,
		Args:  words(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			pol, _, err := a.loadPolicy()
			if err != nil {
				return err
			}
			if gone.Host != "" || gone.Reason != "" || gone.Force {
				return a.reconcileGone(cmd.Context(), pol, gone, format)
			}
			found, err := gate.Reconcile(cmd.Context(), pol, a.now)
			if err != nil {
				return faulted(err)
			}
			deployments, err := a.recoverDeployments(cmd.Context(), pol)
			if err == nil {
				err = undeployed(deployments)
			}
			stamps, stampErr := a.lateStamps(cmd.Context(), pol)
			sinks, sinkErr := a.shipAll(cmd.Context(), pol)
			found = slices.Concat(found, deployments, stamps)
			return errors.Join(a.printFindings(found, sinks, format, quiet), err, stampErr, sinkErr)
		},
	}
	formatFlag(cmd, &format, "table", "table or json")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print nothing when there was nothing to do")
	cmd.Flags().StringVar(&gone.Host, "host", "", "settle what the host `NAME` has left, which is gone for ever; with --reason")
	cmd.Flags().BoolVar(&gone.Force, "force", false, "also where that host has made a record in the last hour")
	cmd.Flags().StringVar(&gone.Reason, "reason", "", "why it is right to settle for that host; kept on record")
	return cmd
}

// old tells findings that a timer need not repeat at every run.
func old(f gate.Finding) bool {
	return f.What == "waiting" || f.What == "gone" || f.What == "drift" && f.Record == 0
}

func (a *app) printFindings(found []gate.Finding, sinks []sinkFinding, format string, quiet bool) error {
	unreadable := 0
	rows := []map[string]any{}
	t := a.table()
	if quiet {
		found = slices.DeleteFunc(found, old)
	}
	for i := range found {
		f := &found[i]
		detail := cmp.Or(f.Detail, deploymentDetail(f))
		switch f.What {
		case "unreadable":
			unreadable++
			detail = f.Err.Error()
		case "drift":
			detail = fmt.Sprintf("the ref is at %s, on record is %s", orNothing(f.Seen), orNothing(f.Live))
		case "gone":
			detail = "the repository is not there any more"
		case "waiting":
			detail = "its push is still under way"
		}
		record := ""
		if f.Record != 0 {
			record = fmt.Sprintf("record %d", f.Record)
		}
		t.row(f.What, string(f.Spot.Service), string(f.Spot.Environment), explain.Branch(f.Spot.Ref), record, detail)
		rows = append(rows, map[string]any{"what": f.What, "service": f.Spot.Service, "environment": f.Spot.Environment,
			"repository": f.Spot.Repository, "ref": f.Spot.Ref, "record": f.Record, "live": f.Live, "seen": f.Seen, "detail": detail})
	}
	for i := range sinks {
		f := &sinks[i]
		t.row(f.what, "", "", "", fmt.Sprintf("record %d", f.Record), f.detail())
		rows = append(rows, f.json())
	}
	switch {
	case format == "json":
		if err := a.json(rows); err != nil {
			return err
		}
	case len(rows) > 0:
		t.flush()
	case !quiet:
		fmt.Fprintln(a.stdout, "nothing to settle, no drift")
	}
	if unreadable > 0 {
		return faulted(fmt.Errorf("%s could not be read", counted(unreadable, "ref")))
	}
	return nil
}
