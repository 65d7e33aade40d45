package command

import (
	_ "embed"
	"io"

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

//go:embed help-push.txt
var helpPush string

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
		page("push", "what developers type, and what they read", helpPush),
	}
}
