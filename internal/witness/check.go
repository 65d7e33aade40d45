package witness

import (
	"context"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
)

// Check reads a copy of a ledger, the folder with its journal, and if it goes
// on from what the witness knows, keeps its tree and returns the checkpoint
// with the witness's signature, and with those that it had if nothing is new.
// Errors are as those of Add. The journal is read without the lock.
func (w *Witness) Check(ctx context.Context, dir string, t Terms) (*Known, error) {
	id, err := ledger.IDOf(dir)
	o := &offer{terms: t, ledger: id}
	switch {
	case errors.Is(err, ledger.ErrDamaged):
		kind := Malformed
		if o.ledger = t.Ledger; t.Ledger != "" {
			kind = Other
		}
		err = o.alarm(kind, "%v", err)
	case err == nil && t.Ledger != "" && id != t.Ledger:
		o.ledger = t.Ledger
		err = o.alarm(Other, "it must be ledger %.40s, and the copy is of %s", t.Ledger, id)
	}
	var before *Known
	var trees []tlog.Tree
	if err == nil {
		before, err = w.known(id)
	}
	if err == nil {
		trees, err = o.trees(dir, before)
	}
	unlock, lockErr := w.lock(ctx)
	if lockErr != nil {
		return nil, lockErr
	}
	defer unlock()
	var k *Known
	if err == nil {
		k, err = w.check(o, before, trees)
	}
	return k, w.recorded(err)
}

// trees computes the trees of the copy: of as many lines as are known, of none
// if it has fewer, and of all.
func (o *offer) trees(dir string, known *Known) ([]tlog.Tree, error) {
	n := int64(0)
	if known != nil {
		n = known.N
	}
	trees, err := ledger.Trees(dir, n)
	if errors.Is(err, ledger.ErrCut) {
		trees, err = ledger.Trees(dir, 0)
	}
	if errors.Is(err, ledger.ErrDamaged) {
		err = o.alarm(Malformed, "%v", err).against(known)
	}
	return trees, err
}

// check judges a copy by what was known when it was read.
func (w *Witness) check(o *offer, before *Known, trees []tlog.Tree) (*Known, error) {
	known, err := w.known(o.ledger)
	if err != nil {
		return nil, err
	}
	all := trees[len(trees)-1]
	o.said = tlog.Checkpoint{Origin: tlog.Origin(o.ledger), Tree: all}
	switch {
	case known == nil && !o.terms.First:
		return nil, o.alarm(Unknown, "this ledger was never seen here")
	case known != nil && o.terms.First:
		return nil, o.alarm(Twice, "it is known, with %d records", known.N)
	case known != nil && (before == nil || before.Tree != known.Tree):
		return nil, o.alarm(Stale, "something newer was seen while the copy was read").against(known)
	case known != nil && all.N < known.N && o.terms.Known > 0 && all.N >= o.terms.Known:
		return nil, o.alarm(Stale, "%d records were seen since the copy was asked for, and it has %d", known.N, all.N).against(known)
	case known != nil && all.N < known.N:
		o.bytes = []byte(o.said.Text())
		return nil, o.alarm(Cut, "%d records were seen, and the copy has %d", known.N, all.N).against(known)
	case known != nil && trees[0] != known.Tree:
		o.bytes = []byte((&tlog.Checkpoint{Origin: o.said.Origin, Tree: trees[0]}).Text())
		return nil, o.alarm(Fork, "the first %d lines of the copy are not those that were seen: their root is %s; "+
			"keep the copy", known.N, trees[0].Hash).against(known)
	}
	signed, err := w.sign(&o.said, known)
	if err != nil {
		return nil, fmt.Errorf("sign the checkpoint: %w", err)
	}
	return w.keep(o.ledger, signed, "")
}

// sign signs what a copy says: anew, or once more what is known already.
func (w *Witness) sign(c *tlog.Checkpoint, known *Known) ([]byte, error) {
	if known != nil && known.Tree == c.Tree {
		return tlog.Cosign(known.Signed, w.signer)
	}
	return tlog.Sign(c, w.signer)
}
