package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/policyfile"
	"github.com/pathgate/pathgate/internal/setup"
)

func (a *app) doctor() *cobra.Command {
	var hooks, format string
	var all bool
	cmd := &cobra.Command{
		Use:   "doctor [REPO...]",
		Short: "look for what is wrong with the set-up, each with its mend",
		Long: "Doctor looks at the policy, the ledger and at repositories: all that the\n" +
			"policy matches, or those named; and whether stamps of environments on other\n" +
			"hosts count here: their keys, their ledgers, their age, and whether they\n" +
			"say that what is live here was taken back there. (Which stamps were refused,\n" +
			"pathgate sync tells.) It changes nothing. Run it as the user\n" +
			"that git runs as, or as root. Status 0: nothing stands in the way, though\n" +
			"there may be warnings; 1: something does.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			path, err := a.policyPath(args...)
			if err != nil {
				return err
			}
			dir, err := hooksDir(hooks)
			if err != nil {
				return err
			}
			found := setup.Doctor(cmd.Context(), setup.Options{PolicyPath: path, Default: path == policyfile.Default, HooksDir: dir, Now: a.now}, args)
			return a.printDoctor(found, format, all)
		},
	}
	hooksFlag(cmd, &hooks)
	cmd.Flags().BoolVar(&all, "all", false, "show also what is in order")
	formatFlag(cmd, &format, "table", "table or json")
	return cmd
}

func (a *app) printDoctor(found []setup.Finding, format string, all bool) error {
	count := map[setup.Severity]int{}
	rows := []map[string]any{}
	for _, f := range found {
		count[f.Severity]++
		rows = append(rows, map[string]any{"severity": f.Severity, "repository": f.Repository, "what": f.What, "why": f.Why, "mend": f.Mend})
		if format == "table" && (all || f.Severity != setup.OK) {
			fmt.Fprint(a.stdout, f.String())
		}
	}
	if format == "json" {
		if err := a.json(rows); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "%s in order, %s, %s\n", counted(count[setup.OK], "thing"), counted(count[setup.Warn], "warning"), counted(count[setup.Fail], "failure"))
	}
	if count[setup.Fail] > 0 {
		return no()
	}
	return nil
}
