package gate

import (
	"cmp"
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// A head is what is known of the ledger that tells of an environment elsewhere.
type head struct {
	origin string    // its ID, empty if none is known
	tree   tlog.Tree // the newest of it that was seen
}

// admit puts on record, under the ledger's lock, what the stamps say that is
// not there yet; done unless the history of a tree must be followed first.
// Stamps that cannot be admitted do not count and say why. It must be the first
// to append under the lock.
func (in *intake) admit(l *book) (next, error) {
	if len(in.found) == 0 {
		return done, nil
	}
	slices.SortStableFunc(in.found, func(a, b *proven) int {
		return cmp.Or(cmp.Compare(a.asked.env, b.asked.env), cmp.Compare(a.Entry.Seq, b.Entry.Seq))
	})
	for _, p := range in.found {
		p.entry = in.entry(p)
	}
	for {
		in.found = slices.DeleteFunc(in.found, func(p *proven) bool { return p.out })
		fits, err := l.WeighStamps(in.offered()...)
		if err != nil {
			return done, err
		}
		again, err := in.lead(l, fits)
		switch {
		case err != nil:
			return done, err
		case len(in.asks) > 0:
			return askGit, nil
		case !again:
			return done, in.put(l, fits)
		}
	}
}

func (in *intake) offered() []*ledger.Entry {
	out := make([]*ledger.Entry, len(in.found))
	for i, p := range in.found {
		out[i] = p.entry
	}
	return out
}

// entry is a stamp as the ledger keeps it.
func (in *intake) entry(p *proven) *ledger.Entry {
	e := p.EntryFor(p.key)
	e.Push, e.Policy = in.push, in.scene.policy.Hash
	return e
}

// lead looks whether the trees of new stamps lead on from the newest that is
// known. What does not is taken out, or becomes a fork; then all must be weighed
// again.
func (in *intake) lead(l *book, fits []ledger.StampFit) (again bool, err error) {
	heads := make(map[policy.EnvironmentName]*head)
	for i, p := range in.found {
		if fits[i].State != ledger.StampNew {
			continue
		}
		h := heads[p.asked.env]
		if h == nil {
			if h, err = in.headOf(l, p.asked.env); err != nil {
				return false, err
			}
			heads[p.asked.env] = h
		}
		follows, contradiction, why := in.follows(h, p)
		switch {
		case follows:
			if p.Tree.N > h.tree.N {
				h.tree = p.Tree
			}
		case contradiction != "":
			p.entry.Kind, p.entry.Reason = ledger.KindFork, "ledger "+p.Origin+" "+contradiction
			again = true
		case why != "":
			kind := policy.OfferUnproven
			if why == unreadHistory {
				kind = policy.OfferWrong
			}
			in.bar(p, kind, why)
			p.out, again = true, true
		}
	}
	return again, nil
}

// bar notes that a genuine stamp does not fit what is on record.
func (in *intake) bar(p *proven, kind policy.OfferKind, why string) {
	o := policy.Offer{Kind: kind, Reason: clean(why, 200)}
	if kind != policy.OfferWrong {
		o.Ledger = p.Origin
	}
	in.object(p.asked, o)
	in.barred = append(in.barred, barred{p.tip, o})
}

func (in *intake) headOf(l *book, env policy.EnvironmentName) (*head, error) {
	h := &head{}
	var err error
	h.origin, h.tree, _, err = l.OriginTree(in.scene.site.Service, env)
	return h, err
}

// put appends what is new, and says of the others why they do not count.
func (in *intake) put(l *book, fits []ledger.StampFit) error {
	var entries []*ledger.Entry
	for i, fit := range fits {
		if fit.Append != nil {
			entries = append(entries, fit.Append)
		}
		if fit.Reason != "" {
			kind := policy.OfferWrong
			if fit.State == ledger.StampOther {
				kind = policy.OfferLedger
			}
			in.bar(in.found[i], kind, fit.Reason)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := l.Append(entries...); err != nil {
		return err
	}
	in.admitted = append(in.admitted, entries...)
	return nil
}
