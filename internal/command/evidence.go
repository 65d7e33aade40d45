package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/evidence"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

const evidenceHelp = `Evidence writes a folder with what an audit of change management asks for
(SOC 2 CC8.1, ISO/IEC 27001:2022 A.8.32, PCI DSS 4.0.1 requirement 6.5.1):
each change to production in a window, with who asked for it, who approved it,
the tests before, the rules' verdicts, the outcome and the back-out. Overrides,
drift, adoptions, repairs, faults, changes of the policy, and what was let in
without being enforced stand first. CSV files, a page to print, the result of
ledger verify, a signed checkpoint, a proof for each record that is named, and
a README.txt that tells an auditor how to check it all without us.

Production is the environments that no other comes after. A day in --to is part
of the window. The ledger is read without its lock; --out must be a new or an
empty folder, which appears whole or not at all. Without a key, or where the
default one may not be read, the checkpoint is not signed and there are no
proofs. Keep the SHA-256 of MANIFEST that is printed elsewhere. The folder names
persons and their addresses.

Status 1: nothing is known of the service or an environment, --out is taken,
the window is too large, or the ledger does not hold: then the folder is
written, says so, and is not signed. 3: it could not be made.`

// An evidenceOrder is what was typed.
type evidenceOrder struct {
	service, from, to, out, key string
	environments                []string
}

func (a *app) evidence() *cobra.Command {
	var o evidenceOrder
	cmd := &cobra.Command{
		Use:   "evidence --service SERVICE --from DATE --to DATE --out DIR",
		Short: "write what an audit of change management asks for",
		Long:  evidenceHelp,
		Args:  words(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.service == "" || o.from == "" || o.to == "" || o.out == "" {
				return errors.New("evidence wants --service, --from, --to and --out")
			}
			from, err := parseDate("from", o.from, false)
			if err != nil {
				return err
			}
			to, err := parseDate("to", o.to, true)
			if err != nil {
				return err
			}
			if !from.Before(to) {
				return errors.New("--from must be before --to")
			}
			return a.runEvidence(cmd.Context(), &o, from, to)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.service, "service", "", "the `SERVICE`")
	flags.StringSliceVar(&o.environments, "environment", nil, "the `ENVIRONMENTS` that are production (default: those that\nno other comes after)")
	flags.StringVar(&o.from, "from", "", "from this `DATE` on: a day (UTC) or a time by RFC 3339")
	flags.StringVar(&o.to, "to", "", "up to this `DATE`: a whole day, or before a time")
	flags.StringVar(&o.out, "out", "", "the new `DIR`")
	keyFlag(cmd, &o.key)
	return cmd
}

// parseDate reads a day or a time. The end of a window that is a day is the
// beginning of the next one.
func parseDate(flag, value string, end bool) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return t, nil
	}
	t, err := time.Parse("2006-01-02", value)
	if err != nil {
		return t, fmt.Errorf("--%s must be a day such as 2026-11-21 or a time such as 2026-11-21T09:14:00Z, not %q", flag, value)
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

func (a *app) runEvidence(ctx context.Context, order *evidenceOrder, from, to time.Time) error {
	pol, path, err := a.loadPolicy()
	if err != nil {
		return err
	}
	o := evidence.Options{Out: order.out, Policy: pol, Service: policy.Service(order.service), From: from, To: to,
		Now: a.now(), Version: Version, Progress: a.progress()}
	for _, name := range order.environments {
		o.Environments = append(o.Environments, policy.EnvironmentName(name))
	}
	if err := a.evidenceKey(&o, order.key, path); err != nil {
		return faulted(err)
	}
	r, err := evidence.Write(ctx, o)
	if errors.Is(err, evidence.ErrTaken) || errors.Is(err, evidence.ErrUnknown) || errors.Is(err, evidence.ErrTooMany) {
		return refused(err)
	}
	if err != nil {
		return faulted(err)
	}
	return a.printEvidence(order.out, &r)
}

// evidenceKey finds the key that signs. Only one that was not named may be
// absent, or out of reach: it is best owned by another user.
func (a *app) evidenceKey(o *evidence.Options, key, path string) error {
	id, err := ledger.IDOf(o.Policy.Ledger)
	if err != nil {
		return err
	}
	signer, err := a.signer(key, path, id)
	if key == "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		fmt.Fprintf(a.stderr, "warning: the checkpoint is not signed and there are no proofs: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	if key == "" {
		key = keyBeside(path)
	}
	secret, err := tlog.ReadKey(key)
	if err != nil {
		return err
	}
	o.Signer = signer
	o.VerifierKey, err = tlog.VerifierKey(secret)
	return err
}

func (a *app) printEvidence(out string, r *evidence.Result) error {
	for _, f := range r.Findings {
		fmt.Fprintf(a.stdout, "does not hold: %s\n", f)
	}
	fmt.Fprintf(a.stdout, "%s: %s to production, %s, %s, %s\n", text.Clean(out, 200), counted(r.Changes, "change"),
		counted(r.Exceptions, "exception"), counted(r.Approvals, "approval"), counted(r.Proofs, "proof"))
	signed := "not signed"
	if r.Signed {
		signed = "signed"
	}
	fmt.Fprintf(a.stdout, "tree      %s, root %s, %s\n", counted(int(r.Tree.N), "record"), r.Tree.Hash, signed)
	if _, err := fmt.Fprintf(a.stdout, "manifest  sha256 %s\n", r.Manifest); err != nil {
		return faulted(err)
	}
	if len(r.Findings) > 0 {
		return no()
	}
	return nil
}
