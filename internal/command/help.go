package command

import (
	_ "embed"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const rootHelp = `pathgate keeps the path to production on a git server: a commit gets into an
environment's ref only if the environments before it have deployed it. Every
move and every refusal is on record.

Exit status: 0 yes, 1 no, 2 the command line is wrong, 3 pathgate could not find
out.`

// reference is the commented policy file: every key with its meaning, default
// and an example. install.sh puts it in place where there is no policy yet.
//
//go:embed reference.toml
var reference string

//go:embed help-codes.txt
var helpCodes string

//go:embed help-formats.txt
var helpFormats string

//go:embed help-push.txt
var helpPush string

//go:embed help-release.txt
var helpRelease string

//go:embed help-remotes.txt
var helpRemotes string

//go:embed help-stamps.txt
var helpStamps string

//go:embed help-postgres.txt
var helpPostgres string

//go:embed help-ledger.txt
var helpLedger string

// topics are pages that "pathgate help" prints.
func topics(stdout io.Writer) []*cobra.Command {
	page := func(name, short, text string) *cobra.Command {
		cmd := &cobra.Command{Use: name, Short: short, Long: text}
		cmd.SetHelpFunc(func(*cobra.Command, []string) { _, _ = io.WriteString(stdout, text) })
		return cmd
	}
	return []*cobra.Command{
		page("policy", "the policy file: every key, commented; itself a policy", reference),
		page("codes", "the refusal codes, one by one", helpCodes),
		page("formats", "the formats that log prints for others", helpFormats),
		page("push", "what developers type, and what they read", helpPush),
		page("release", "release branches: one repository, the server merges", helpRelease),
		page("stamps", "what a stamp is and proves, and how to check one", helpStamps),
		page("remotes", "git config for environments on other hosts", helpRemotes),
		page("postgres", "a ledger in PostgreSQL, for several hosts", helpPostgres),
	}
}

// plainHelp puts our own words where cobra has its stock ones, and keeps help
// within 80 columns.
func plainHelp(root *cobra.Command) {
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 79"))
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [VERB or PAGE]",
		Short: "print the help of a verb, or a page",
		Long:  "Help prints the help of a verb, or one of the pages that \"pathgate help\"\nlists at its end. Status 2: there is no such verb or page.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if page, ok := codePageOf(strings.Join(args, " ")); ok {
				_, err := io.WriteString(cmd.OutOrStdout(), page)
				return err
			}
			found, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				if found == nil || len(rest) == 0 {
					found, rest = root, args
				}
				return notAVerb(found, rest[0])
			}
			if err := found.Help(); err != nil || found.CommandPath() != "pathgate ledger" {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), "\n"+helpLedger) // the page of the verb's name
			return err
		},
	})
	root.InitDefaultHelpCmd()
	for _, cmd := range append(root.Commands(), root) {
		for _, below := range append(cmd.Commands(), cmd) {
			below.InitDefaultHelpFlag()
			below.Flags().Lookup("help").Usage = "print this help"
		}
	}
}
