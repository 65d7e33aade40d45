package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/internal/tlog"
)

func (a *app) ledgerProve() *cobra.Command {
	var key, checkpoint string
	cmd := &cobra.Command{
		Use: "prove RECORD", Short: "print a proof that a record is in the ledger",
		Long: "Prove prints a proof in the form of https://c2sp.org/tlog-proof: the\n" +
			"record's line, its way up the tree, and a signed checkpoint. Whoever has the\n" +
			"verifier key can check it with neither ledger nor network. With --checkpoint\n" +
			"it is a proof in the tree of that checkpoint, with all who signed it. Status\n" +
			"1: there is no such record, or the ledger does not agree with the\n" +
			"checkpoint; 3: it could not be made.",
		Args: words("RECORD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			record, err := strconv.ParseUint(args[0], 10, 63)
			if err != nil || record == 0 {
				return fmt.Errorf("RECORD must be the number of a record, not %q", args[0])
			}
			if key != "" && checkpoint != "" {
				return errors.New("--key and --checkpoint exclude each other: the checkpoint is signed already")
			}
			pol, path, err := a.loadPolicy()
			if err != nil {
				return err
			}
			n := &notary{app: a, policy: pol, path: path, key: key}
			return n.prove(cmd.Context(), record, checkpoint)
		},
	}
	keyFlag(cmd, &key)
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "the `FILE` of a checkpoint that is signed already, - for the input")
	return cmd
}

func (n *notary) prove(ctx context.Context, record uint64, checkpoint string) error {
	p := tlog.Proof{Index: int64(record) - 1}
	var err error
	if checkpoint == "" {
		p.Checkpoint, err = n.checkpoint(ctx, func(l *ledger.Ledger, t tlog.Tree) (err error) {
			p.Hashes, err = proveIn(l, record, uint64(t.N))
			return err
		})
	} else {
		p.Checkpoint, p.Hashes, err = n.proveBy(ctx, record, checkpoint)
	}
	if err == nil {
		p.Line, err = ledger.RawLine(n.policy.Ledger, record)
	}
	if err == nil {
		_, err = n.stdout.Write(p.Format())
	}
	return faulted(err)
}

// proveBy is the proof of a record by a checkpoint in a file.
func (n *notary) proveBy(ctx context.Context, record uint64, file string) ([]byte, tlog.RecordProof, error) {
	signed, err := readInput(file, tlog.MaxCheckpoint)
	if err != nil {
		return nil, nil, err
	}
	c, err := tlog.Peek(signed)
	if err != nil {
		return nil, nil, refused(fmt.Errorf("%s: %w", file, err))
	}
	l, err := ledger.Open(ctx, n.policy.Ledger, ledger.Options{Root: n.policy.Root, Copy: n.policy.Copy, Now: n.now, ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if origin := tlog.Origin(l.ID()); c.Origin != origin {
		return nil, nil, refused(fmt.Errorf("%s is of %q, and this is %s", file, c.Origin, origin))
	}
	p, err := proveIn(l, record, uint64(c.N))
	if err == nil {
		err = l.Close()
	}
	if err == nil {
		err = n.agrees(c.Tree)
	}
	return signed, p, err
}

// proveIn proves that a record is in the tree of the first size records.
func proveIn(l *ledger.Ledger, record, size uint64) (tlog.RecordProof, error) {
	p, err := l.ProveRecord(record, size)
	if last, _, _ := l.Last(); err != nil && (size > last || record > size) {
		return nil, refused(err)
	}
	return p, err
}

// readInput reads a file, or the standard input for "-", of at most limit
// bytes.
func readInput(name string, limit int64) ([]byte, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return b, err
}

func (a *app) ledgerVerifyProof() *cobra.Command {
	var keys []string
	cmd := &cobra.Command{
		Use: "verify-proof FILE", Short: "check a proof, on any machine",
		Long: "Verify-proof checks what 'pathgate ledger prove' printed, with neither policy\n" +
			"nor ledger nor network: that the ledger's key signed the checkpoint, and that\n" +
			"the line is in its tree. It prints the line. Of keys that are witnesses' it\n" +
			"says which signed too. FILE may be - for the input. Status 1: it does not\n" +
			"hold; 3: it could not be read.",
		Args: words("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(keys) == 0 {
				return errors.New("name the ledger's verifier key with --key")
			}
			return a.verifyProof(args[0], keys)
		},
	}
	verifiersFlag(cmd, &keys)
	return cmd
}

func (a *app) verifyProof(file string, keys []string) error {
	all, err := verifiers(keys)
	if err != nil {
		return faulted(err)
	}
	b, err := readInput(file, tlog.MaxProof)
	if err != nil {
		return faulted(err)
	}
	p, err := tlog.ParseProof(b)
	if err != nil {
		return refused(err)
	}
	log, witnesses, err := tlog.Choose(p.Checkpoint, all)
	if err != nil {
		return refused(err)
	}
	c, good, err := p.Check(log, witnesses...)
	if err != nil {
		return refused(err)
	}
	e, err := ledger.Decode(p.Line)
	if err != nil || int64(e.Seq) != p.Index+1 {
		return refused(fmt.Errorf("what is leaf %d of the tree is not record %d of a ledger", p.Index, p.Index+1))
	}
	fmt.Fprintf(a.stdout, "the proof holds: record %d, of %s\n", e.Seq, explain.Time(e.Time))
	fmt.Fprintf(a.stdout, "ledger   %s\ntree     %d records, root %s\n", text.Clean(c.Origin, 200), c.N, c.Hash)
	for _, s := range good {
		fmt.Fprintf(a.stdout, "witness  %s, %s\n", s.Name, explain.Time(s.Time))
	}
	_, err = fmt.Fprintf(a.stdout, "line     %s\n", text.CleanRecord(string(p.Line), 12*len(p.Line)))
	return faulted(err)
}
