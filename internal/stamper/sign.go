package stamper

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/tlog"
)

// A proven is what was read of the ledger at one moment.
type proven struct {
	stamps []stamp.Stamp // of the items, not signed yet
	tree   tlog.Tree
	// goesOn is whether proof proves that the tree before is the beginning of
	// this one.
	goesOn bool
	proof  tlog.TreeProof
}

// prove reads from the ledger what is to be signed of items. before is the tree
// that should be the beginning of the ledger's, empty if none is known.
func (s *Stamper) prove(ctx context.Context, items []Item, before tlog.Tree) (*proven, error) {
	out := &proven{stamps: make([]stamp.Stamp, len(items))}
	if err := s.read(ctx, out, items, before); err != nil {
		return nil, err
	}
	out.goesOn = before.N > 0 && tlog.CheckTree(out.proof, out.tree, before) == nil
	if !out.goesOn {
		out.proof = nil
	}
	for i := range out.stamps {
		st := &out.stamps[i]
		line, err := ledger.Encode(items[i].Entry)
		if err != nil {
			return nil, err
		}
		st.Line = bytes.TrimSuffix(line, []byte("\n"))
		st.About, st.Commit, st.Tree, st.Entry = items[i].About, items[i].Commit, out.tree, *items[i].Entry
		at := int64(items[i].Record)
		if err := sumdb.CheckRecord(st.Proof, st.Tree.N, st.Tree.Hash, at-1, tlog.LeafHash(st.Line)); err != nil {
			return nil, fmt.Errorf("record %d is not in the ledger's tree as it was read: %w", at, err)
		}
	}
	return out, nil
}

// read is the part of prove that holds the ledger's lock.
func (s *Stamper) read(ctx context.Context, out *proven, items []Item, before tlog.Tree) (err error) {
	l, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if out.tree, err = l.Tree(); err != nil {
		return err
	}
	if before.N > 0 && before.N <= out.tree.N {
		if out.proof, err = l.ProveTree(uint64(before.N)); err != nil {
			return err
		}
	}
	for i := range items {
		out.stamps[i].Origin = l.ID()
		if out.stamps[i].Proof, err = l.ProveRecord(items[i].Record, uint64(out.tree.N)); err != nil {
			return err
		}
	}
	return nil
}

// sign signs stamps and leaves out what is too long for one; tooLong then says
// which.
func sign(key *stamp.Key, stamps []stamp.Stamp) (signed []stamp.Stamp, tooLong, err error) {
	for i := range stamps {
		st := &stamps[i]
		refused := (*stamp.Refusal)(nil)
		switch err := st.Sign(key); {
		case errors.As(err, &refused):
			tooLong = errors.Join(tooLong, fmt.Errorf("%w: record %d: %w", ErrTooLong, st.Entry.Seq, err))
		case err != nil:
			return nil, nil, err
		default:
			signed = append(signed, *st)
		}
	}
	return signed, tooLong, nil
}
