package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/export"
)

// attestHelp is the help of attest. A test runs the commands in it.
const attestHelp = `Attest prints an in-toto Statement v1 that says which commit the deployment of
RECORD brought to which environment, who asked for it, what it rests on and
what became of it. With --key it is signed: a DSSE envelope whose signature is
one of ssh-keygen for the namespace pathgate-attest. FILE is a private key, or
the public one of a key that the agent holds. Sign on a machine and with a key
that pushers do not have.

Anyone who trusts the key can verify it, here for record 118:

  jq -r .payload 118.json | base64 -d > statement.json
  jq -r '.signatures[0].sig' 118.json | base64 -d > statement.sig
  type=application/vnd.in-toto+json
  { printf 'DSSEv1 %d %s %d ' ${#type} $type $(wc -c < statement.json)
    cat statement.json; } | ssh-keygen -Y verify -n pathgate-attest \
    -f allowed_signers -I ops@example.com -s statement.sig

Status 1: there is no such record, or it is no deployment.`

func (a *app) attest() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "attest RECORD",
		Short: "state a deployment for others, signed with an SSH key",
		Long:  attestHelp,
		Args:  words("RECORD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			record, err := strconv.ParseUint(args[0], 10, 64)
			if err != nil || record == 0 {
				return fmt.Errorf("RECORD must be the number of a record, not %q", args[0])
			}
			return a.runAttest(cmd.Context(), record, key)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "sign with the SSH key in this `FILE`")
	return cmd
}

func (a *app) runAttest(ctx context.Context, record uint64, key string) error {
	pol, _, err := a.loadPolicy()
	if err != nil {
		return err
	}
	out, err := export.Deployment(pol.Ledger, record)
	if errors.Is(err, export.ErrNoRecord) || errors.Is(err, export.ErrNoDeployment) {
		return refused(err)
	}
	if err == nil && key != "" {
		out, err = a.signed(ctx, out, key)
	}
	if err != nil {
		return faulted(err)
	}
	_, err = a.stdout.Write(append(out, '\n'))
	return faulted(err)
}

// signed puts a statement into an envelope. ssh-keygen asks for a passphrase
// at the terminal, and for a touch on standard error.
func (a *app) signed(ctx context.Context, statement []byte, key string) ([]byte, error) {
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		return nil, fmt.Errorf("find ssh-keygen: %w", err)
	}
	if key, err = filepath.Abs(key); err != nil {
		return nil, fmt.Errorf("find the key: %w", err)
	}
	var armoured bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "-q", "-Y", "sign", "-n", export.SSHNamespace, "-f", key)
	cmd.Stdin = bytes.NewReader(export.PAE(export.PayloadType, statement))
	cmd.Stdout, cmd.Stderr = &armoured, a.stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("sign with %s: ssh-keygen: %w", key, err)
	}
	return export.Envelope(statement, armoured.Bytes())
}
