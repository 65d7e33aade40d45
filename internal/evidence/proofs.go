package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
)

// named lists the records that the tables name, and the first, which names the
// ledger.
func (p *pack) named() map[uint64]bool {
	all := map[uint64]bool{1: true}
	for _, ch := range p.changes {
		all[ch.entry.Seq], all[ch.intentSeq()], all[ch.ended().Seq], all[ch.backed().Seq] = true, true, true, true
		all[ch.previous.record] = true
		for _, t := range ch.tests {
			all[t.record], all[t.outcome] = true, true
		}
		p.namePolicy(all, ch.policy)
	}
	for _, a := range p.approvals {
		all[a.says().Seq] = true
	}
	for _, x := range p.exceptions {
		all[x.entry.Seq], all[x.entry.Intent] = true, true
		if x.kind == repoliced {
			p.namePolicy(all, p.policies[x.entry.Policy])
		}
	}
	delete(all, 0)
	return all
}

// namePolicy names all parts of a policy file.
func (p *pack) namePolicy(all map[uint64]bool, file *policyFile) {
	if file == nil || all[file.First] && all[file.Record] {
		return
	}
	for part := file.First; part <= file.Record; part++ {
		all[part] = true
	}
}

var errEnough = errors.New("enough")

// prove writes a proof for each record that is named, in the tree of the
// checkpoint, in one more reading of the journal. Without a signature there is
// none.
func (p *pack) prove(ctx context.Context, f *folder) (n int, err error) {
	if len(p.signed) == 0 {
		return 0, nil
	}
	if err := f.mkdir("proofs"); err != nil {
		return 0, err
	}
	named := p.named()
	err = ledger.Read(p.o.Policy.Ledger, 0, func(line *ledger.Line) error {
		record := uint64(line.Number)
		if n == len(named) || record > uint64(p.tree.N) {
			return errEnough
		}
		if line.Number%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if !named[record] {
			return nil
		}
		n++
		return p.proof(f, record, line.Raw)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err == nil && n != len(named) {
		err = fmt.Errorf("%d of %d records could not be found again in the journal", len(named)-n, len(named))
	}
	return n, err
}

// proof writes the proof of one record.
func (p *pack) proof(f *folder, record uint64, line []byte) error {
	hashes, err := p.forest.prove(record, line)
	if err != nil {
		return err
	}
	proof := tlog.Proof{Line: line, Index: int64(record) - 1, Hashes: hashes, Checkpoint: p.signed}
	return f.write(fmt.Sprintf("proofs/%d.tlog-proof", record), func(w io.Writer) error {
		_, err := w.Write(proof.Format())
		return err
	})
}
