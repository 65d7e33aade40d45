package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/setup"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) adopt() *cobra.Command {
	var also []string
	var ref, reason string
	cmd := &cobra.Command{
		Use:   "adopt REPO...",
		Short: "record what is live on a server that ran before pathgate",
		Long: "Adopt records the environments' refs of repositories as deployed, so that\n" +
			"they are evidence for the environments after them and can be rolled back\n" +
			"to. --also names earlier commits, oldest first, as targets for a rollback\n" +
			"on day one. A ref that is where the record has it is left alone. Which\n" +
			"branches a ref holds that branches are released into stays unknown, and it\n" +
			"says so.\n\n" +
			"Where hosts share the ledger, --reason also moves a repository to this host\n" +
			"from the one that has it. While nothing is pushed to it (pathgate lock), and\n" +
			"after pathgate reconcile there: move it away there and here below the root;\n" +
			"here run pathgate install --policy FILE REPO, then pathgate adopt REPO\n" +
			"--reason TEXT, without --ref; unlock. \"pathgate help postgres\" shows each\n" +
			"step.\n\n" +
			"Status 1: a repository is not listed, a ref is on record with another\n" +
			"commit, or on another host, and there is no --reason, or a commit is none;\n" +
			"3: something could not be read or written.",
		Args: someRepositories,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(also) > 0 && len(args) > 1 {
				return errors.New("--also goes with one repository")
			}
			o, err := a.setupOptions(args, "")
			if err != nil {
				return err
			}
			return a.runAdopt(cmd.Context(), setup.AdoptOptions{Options: o, Also: also, Ref: fullRef(ref), Reason: reason}, args)
		},
	}
	cmd.Flags().StringSliceVar(&also, "also", nil, "an earlier `COMMIT` of the ref; may be repeated, oldest first")
	cmd.Flags().StringVar(&ref, "ref", "", "only this `REF` of the repository, such as main")
	cmd.Flags().StringVar(&reason, "reason", "", "why; needed for a ref that is on record already")
	return cmd
}

func (a *app) runAdopt(ctx context.Context, o setup.AdoptOptions, repos []string) error {
	recorded := false
	var adopted []*ledger.Entry
	err := a.eachRepository(repos, func(repo string) (string, int, error) {
		done, err := setup.Adopt(ctx, o, repo)
		if errors.Is(err, setup.ErrNothing) {
			return strings.TrimPrefix(err.Error(), "adopt ") + "\n", 0, nil
		}
		recorded = recorded || len(done.Entries) > 0
		for i := range done.Entries {
			adopted = append(adopted, &done.Entries[i])
		}
		return done.String(), 0, err
	})
	if recorded {
		a.stamped(ctx, o.Policy, adopted...)
		a.toSinks(ctx, o.Policy)
	}
	return err
}

// fullRef takes the name of a branch for its ref.
func fullRef(ref string) policy.RefName {
	if ref != "" && !strings.HasPrefix(ref, "refs/") {
		ref = "refs/heads/" + ref
	}
	return policy.RefName(ref)
}
