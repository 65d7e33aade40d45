package command

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/login"
	"github.com/pathgate/pathgate/internal/policyfile"
)

const shellHelp = `Shell is what sshd runs for a key in place of git-shell: with it the key can
fetch, push and fetch archives (git archive --remote), under the name that
--user gives, and nothing else.

The line of the key in authorized_keys, with the policy where that is not
/etc/pathgate/policy.toml:

  command="/usr/local/bin/pathgate shell --policy FILE --user ana",restrict KEY

The path that the client names must be that of a repository below the policy's
root that an environment matches, or of any below it with unlisted = "allow". A
relative path counts from the root: both git@host:shop/prd.git and
ssh://git@host/srv/git/shop/prd.git work. Links are resolved first. What lies
within another repository or the ledger's folder is none. git-shell, in
contrast, serves all that looks like a repository anywhere on the host, with the
hooks that lie there. So let deployments publish nothing below the root.

git gets PATH, HOME, LANG, USER and LOGNAME of the account, PATHGATE_USER, what
sshd says of the connection, and the client's GIT_PROTOCOL; no other variable.

Status 1: refused; 3: the policy or git could not be had. Else it is git's.`

func (a *app) shell() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "shell --user NAME", Short: "what sshd runs for a key: fetch and push, nothing else",
		Long: shellHelp, Args: words(),
		RunE: func(*cobra.Command, []string) error {
			if user == "" {
				return errors.New("shell wants --user NAME")
			}
			return a.serve(user)
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "the `NAME` that pushes with this key go by")
	return cmd
}

// serve answers one client. The errors say to whom they are shown: somebody who
// must learn nothing of the host.
func (a *app) serve(user string) error {
	asked, err := login.Parse(a.getenv("SSH_ORIGINAL_COMMAND"))
	if err != nil {
		return refused(errors.New(explain.ShellCommand))
	}
	path := a.policyFlag
	if path == "" {
		path = policyfile.Default
	}
	pol, err := policyfile.Load(path)
	if err != nil {
		return faulted(errors.New(explain.ShellPolicy))
	}
	dir, err := login.Find(pol, asked.Path)
	switch {
	case errors.Is(err, login.ErrRepository):
		return refused(errors.New(explain.ShellRepository))
	case err == nil:
		_ = login.Exec(asked.Service, dir, user, a.getenv) // comes back with an error only
	}
	return faulted(errors.New(explain.ShellFault))
}
