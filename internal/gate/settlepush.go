package gate

import (
	"context"
	"errors"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
)

// A settlement is what became of the intents of a push.
type settlement struct {
	entries  []*ledger.Entry   // what went on record now
	carried  []*ledger.Entry   // what proc-receive has put there, and stamped
	receipts []explain.Receipt // of the deployments in entries
	drifts   []*drift          // of those in entries
}

// settlePush records, under one lock, what became of the push's intents.
func (p *Process) settlePush(ctx context.Context, s *scene, moved []*move, token receive.Token, push string) (out settlement, err error) {
	l, err := p.open(ctx, s, s.toRecord(moved))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	intents, err := l.Intents(ledger.IntentFilter{Token: string(token)})
	if err != nil {
		return out, err
	}
	announced := errands(intents)
	settledNow := make(map[uint64]bool)
	for _, m := range moved {
		intent := announced[errand{string(m.ref), string(m.pushed.Old), string(m.pushed.New)}]
		if intent == nil || recordedSince(l, s.spot(m.env, m.ref), intent) {
			if err := out.addUnannounced(l, s, m, push); err != nil {
				return settlement{}, err
			}
			continue
		}
		receipt, err := s.receipt(l, m.env, intent)
		if err != nil {
			return settlement{}, err
		}
		settledNow[intent.Seq] = true
		out.receipts, out.entries = append(out.receipts, receipt), append(out.entries, deployed(intent, ""))
	}
	for i := range intents {
		if !settledNow[intents[i].Seq] {
			out.entries = append(out.entries, abandoned(&intents[i], "the ref did not move"))
		}
	}
	if err := l.Append(out.entries...); err != nil {
		return settlement{}, err
	}
	number(out.entries, out.receipts, out.drifts)
	if n := len(out.receipts); n > 0 {
		out.receipts[n-1].Tree = l.tree()
	}
	for i := range out.receipts[:min(len(out.receipts), explain.MostReceipts)] {
		env, _ := s.site.Environment(out.receipts[i].Ref)
		if err := s.nextOf(l, env, &out.receipts[i]); err != nil { // they are on record; only what comes next cannot be told
			p.log(push, s.redact(err.Error()))
		}
	}
	return out, nil
}

// addUnannounced adds a move that has no intent to be settled.
func (out *settlement) addUnannounced(l *book, s *scene, m *move, push string) error {
	d, e, err := s.unannounced(l, m, push)
	if err != nil {
		return err
	}
	if e != nil {
		out.drifts, out.entries = append(out.drifts, d), append(out.entries, e)
		return nil
	}
	if e, err = s.carriedOut(l, m, push); e != nil {
		out.carried = append(out.carried, e)
	}
	return err
}
