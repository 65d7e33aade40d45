package command

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
)

func (a *app) ledgerCopy() *cobra.Command {
	return &cobra.Command{
		Use: "copy FROM TO", Short: "copy a ledger into a database, or out of one",
		Long: "Copy copies a ledger. FROM and TO are folders, or URLs of databases with\n" +
			"tables: see migrate. The lines stay the same, byte for byte, and are checked\n" +
			"while they are copied; the index is made anew, so that TO is a ledger that\n" +
			"works. What is in TO must be a beginning of FROM: a copy that was interrupted,\n" +
			"or made a while ago, goes on from there. Pushes may go on meanwhile; those\n" +
			"that come while the last lines are copied are not in it: \"pathgate help\n" +
			"postgres\" says how to move without losing one. Status 3: FROM does not hold,\n" +
			"TO is something else, or one of them cannot be reached.",
		Args: words("FROM", "TO"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := place(args[0])
			if err != nil {
				return faulted(err)
			}
			to, err := place(args[1])
			if err != nil {
				return faulted(err)
			}
			c, err := ledger.Copy(cmd.Context(), from, to, a.progress())
			if err != nil {
				return faulted(err)
			}
			a.printCopied(&c)
			return nil
		},
	}
}

// place is a ledger's place as it was typed: a URL, or a folder.
func place(typed string) (string, error) {
	if ledger.IsURL(typed) {
		return typed, nil
	}
	return filepath.Abs(typed)
}

func (a *app) printCopied(c *ledger.Copied) {
	what := "copied " + counted(c.Lines, "record")
	if c.Lines == 0 {
		what = "there was nothing new to copy"
	}
	fmt.Fprintf(a.stdout, "%s\nledger   %s\nlast     record %d, sha256 %s\n", what, c.Ledger, c.Record, c.Hash)
}
