package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/setup"
	stamps "github.com/pathgate/pathgate/internal/stamp"
)

func (a *app) stamp() *cobra.Command {
	cmd := &cobra.Command{Use: "stamp", Short: "make and show the keys that sign stamps",
		Long: "These verbs are about the keys of environments with stamps. What a stamp is,\n" +
			"what it proves and how to check one by hand, \"pathgate help stamps\" says.", Args: aVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(a.stampKeygen(), a.stampKey())
	return cmd
}

func (a *app) stampKeygen() *cobra.Command {
	var o setup.StampKeyOptions
	var group bool
	cmd := &cobra.Command{
		Use: "keygen FILE", Short: "make a key that signs stamps",
		Long: "Keygen makes an Ed25519 key in OpenSSH's format, in a file that only its\n" +
			"owner can read, and prints its public half: the line for keys in the policy\n" +
			"of the hosts that are to believe it. Name the file in the policy here:\n" +
			"stamps = { key = \"FILE\" }. Made by root, it must belong to whom git runs as:\n" +
			"name that one with --owner. Without, it goes to whom the ledger of the policy\n" +
			"belongs to, and where there is no policy or no ledger yet, to the owner of its\n" +
			"folder, with a warning. It never writes over a file: status 1; 3: the file\n" +
			"could not be written.",
		Args: words("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			o.Mode = 0o600
			if group {
				o.Mode = 0o640
			}
			if o.Comment == "" {
				o.Comment, _ = os.Hostname()
			}
			return a.makeStampKey(args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.Comment, "comment", "", "the `NAME` that stands behind the public half (default: the host's)")
	cmd.Flags().StringVar(&o.Owner, "owner", "", "the `USER` whose the key is to be: whom git runs as; for root")
	cmd.Flags().BoolVar(&group, "group", false, "let the file's group read it: where several users run the hooks")
	return cmd
}

func (a *app) makeStampKey(name string, o setup.StampKeyOptions) error {
	guessed := false
	if o.Owner == "" && os.Geteuid() == 0 {
		o.Like = a.keyOwner()
		guessed = o.Like == ""
	}
	public, whose, err := setup.MakeStampKey(name, o)
	if errors.Is(err, fs.ErrExist) {
		return refused(keyIsThere(name))
	}
	if err != nil {
		return faulted(err)
	}
	fmt.Fprintf(a.stderr, "pathgate: the key %s belongs to %s (mode %04o); its public half:\n", name, whose, o.Mode)
	_, err = fmt.Fprintln(a.stdout, public)
	if guessed {
		fmt.Fprintf(a.stderr, "pathgate: warning: that is the owner of its folder: there is no policy with a ledger here yet that says whom git runs as. Hooks must be able to read the key; if git runs as git: chown git: %s\n", name)
	}
	return faulted(err)
}

// keyOwner is the folder whose owner a new key gets: the ledger's, or that of the
// repositories; empty if there is neither here.
func (a *app) keyOwner() string {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return ""
	}
	folders := []string{pol.Root}
	if !pol.Shared() {
		folders = []string{pol.Ledger, pol.Root}
	}
	for _, folder := range folders {
		if _, err := os.Stat(folder); err == nil {
			return folder
		}
	}
	return ""
}

func (a *app) stampKey() *cobra.Command {
	return &cobra.Command{
		Use: "key ENVIRONMENT", Short: "print the public half of an environment's key",
		Long: "Key prints the public half of the key that signs the stamps of an\n" +
			"environment: the line for keys in the policy of another host. Status 1: the\n" +
			"policy has no stamps there; 3: the key cannot be read.",
		Args: words("ENVIRONMENT"),
		RunE: func(_ *cobra.Command, args []string) error {
			pol, _, err := a.loadPolicy()
			if err != nil {
				return err
			}
			env, err := environmentNamed(pol, args[0])
			if err != nil {
				return err
			}
			if env.Stamps == nil {
				return refused(fmt.Errorf("%s has no stamps in the policy", env.Name))
			}
			key, err := stamps.LoadKey(env.Stamps.Key)
			if err == nil {
				_, err = fmt.Fprintln(a.stdout, key.Authorized())
			}
			return faulted(err)
		},
	}
}
