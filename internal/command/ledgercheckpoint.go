package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

func (a *app) ledgerCheckpoint() *cobra.Command {
	var key string
	var old uint64
	cmd := &cobra.Command{
		Use: "checkpoint", Short: "print a signed statement of all that is on record",
		Long: "Checkpoint prints the size and the root of the tree of all lines, signed.\n" +
			"Keep it where this server cannot reach it: whoever has it can tell later\n" +
			"whether a line was cut off, edited or put in. With --old it prints the proof\n" +
			"for a witness that knows the tree of so many records, and the checkpoint\n" +
			"after it. Status 1: journal and index do not agree, or there never were so\n" +
			"many records, and nothing was signed; 3: it could not be made.",
		Args: words(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			pol, path, err := a.loadPolicy()
			if err != nil {
				return err
			}
			book := &notary{app: a, policy: pol, path: path, key: key}
			if !cmd.Flags().Changed("old") {
				signed, err := book.checkpoint(cmd.Context(), nil)
				if err == nil {
					_, err = a.stdout.Write(signed)
				}
				return faulted(err)
			}
			return book.update(cmd.Context(), old)
		},
	}
	keyFlag(cmd, &key)
	cmd.Flags().Uint64Var(&old, "old", 0, "prove that it goes on from the first `N` records")
	return cmd
}

// A notary signs what the ledger says.
type notary struct {
	*app
	policy *policy.Policy
	path   string // of the policy
	key    string // --key
}

// checkpoint signs the tree of all that is on record. also may ask the ledger
// for more about that tree, under the same lock.
//
// The tree comes from the index and once more from the journal itself: what
// the two do not agree on is not signed.
func (n *notary) checkpoint(ctx context.Context, also func(*ledger.Ledger, tlog.Tree) error) ([]byte, error) {
	id, err := ledger.IDOf(n.policy.Ledger)
	if err != nil {
		return nil, err
	}
	signer, err := n.signer(n.key, n.path, id)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(ctx, n.policy.Ledger, ledger.Options{Root: n.policy.Root, Copy: n.policy.Copy, Now: n.now, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	tree, err := l.Tree()
	if err == nil && also != nil {
		err = also(l, tree)
	}
	if err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	if err := n.agrees(tree); err != nil {
		return nil, err
	}
	return tlog.Sign(&tlog.Checkpoint{Origin: tlog.Origin(id), Tree: tree}, signer)
}

// agrees checks the journal itself against a tree.
func (n *notary) agrees(tree tlog.Tree) error {
	trees, err := ledger.Trees(n.policy.Ledger, tree.N)
	if errors.Is(err, ledger.ErrCut) || err == nil && trees[0] != tree {
		return refused(fmt.Errorf("the first %d lines of the journal are not those of the tree %s: nothing was signed; "+
			"look with pathgate ledger verify", tree.N, tlog.Short(tree)))
	}
	return err
}

// update prints the proof for a witness, and the checkpoint.
func (n *notary) update(ctx context.Context, old uint64) error {
	u := tlog.Update{Old: int64(old)}
	signed, err := n.checkpoint(ctx, func(l *ledger.Ledger, tree tlog.Tree) (err error) {
		if old > uint64(tree.N) {
			return refused(fmt.Errorf("there never were %d records, as far as this ledger knows, which has %d; or it was cut, and does not know: "+
				"look with pathgate ledger verify --checkpoint", old, tree.N))
		}
		u.Hashes, err = l.ProveTree(old)
		return err
	})
	if err != nil {
		return faulted(err)
	}
	u.Checkpoint = signed
	_, err = n.stdout.Write(u.Format())
	return faulted(err)
}
