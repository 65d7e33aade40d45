package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
)

func (a *app) ledgerMigrate() *cobra.Command {
	var roles ledger.Roles
	cmd := &cobra.Command{
		Use: "migrate [URL]", Short: "make or upgrade the tables of a ledger in PostgreSQL",
		Long: "Migrate makes the tables of a ledger in the database that URL names, or\n" +
			"brings them to this version of pathgate, and gives roles their rights. It is\n" +
			"the only way to do either, and may be run again. The user of the URL must be\n" +
			"who shall own the tables: not one that hooks log in as. Without URL it is the\n" +
			"database of the policy. The ledger's first line is made by pathgate install,\n" +
			"or comes with pathgate ledger copy. See: pathgate help postgres. Status 3: it\n" +
			"could not be done, and nothing was.",
		Args: words("[URL]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			url, err := a.migrates(args)
			if err != nil {
				return err
			}
			was, now, err := ledger.Migrate(cmd.Context(), url, roles)
			if err != nil {
				return faulted(err)
			}
			a.printMigrated(was, now, roles)
			return nil
		},
	}
	cmd.Flags().StringVar(&roles.Writer, "writer", "", "the `ROLE` of hooks and of the command: it adds lines")
	cmd.Flags().StringVar(&roles.Reader, "reader", "", "the `ROLE` of auditors: it reads")
	return cmd
}

// migrates is the URL that migrate is about.
func (a *app) migrates(args []string) (string, error) {
	if len(args) > 0 {
		if !ledger.IsURL(args[0]) {
			return "", errors.New("a ledger in a folder needs no tables: name the URL of a database")
		}
		return args[0], nil
	}
	pol, path, err := a.loadPolicy()
	if err != nil {
		return "", err
	}
	if !pol.Shared() {
		return "", refused(fmt.Errorf("the ledger of %s is a folder and needs no tables: name the URL of a database", path))
	}
	return pol.Ledger, nil
}

func (a *app) printMigrated(was, now int, roles ledger.Roles) {
	switch {
	case was == 0:
		fmt.Fprintf(a.stdout, "made the tables, version %d\n", now)
	case was < now:
		fmt.Fprintf(a.stdout, "brought the tables from version %d to %d\n", was, now)
	default:
		fmt.Fprintf(a.stdout, "the tables are of version %d already\n", was)
	}
	for _, given := range [...][2]string{{roles.Writer, "adds lines and reads"}, {roles.Reader, "reads"}} {
		if given[0] != "" {
			fmt.Fprintf(a.stdout, "role %s: %s\n", strings.TrimSpace(given[0]), given[1])
		}
	}
}
