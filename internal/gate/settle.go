package gate

import (
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// patience is how long an intent is left alone whose receive-pack cannot be
// seen from here, because it runs in another PID namespace.
const patience = time.Hour

// gone tells which intents belong to pushes that are over, so that their ref
// can be asked what became of them. It must be called before the ref is read:
// only then can no later move be theirs.
func gone(intents []ledger.Entry, now time.Time, into map[uint64]bool) {
	for i := range intents {
		if into[intents[i].Seq] {
			continue
		}
		switch receive.Token(intents[i].Token).Life() {
		case receive.Dead:
			into[intents[i].Seq] = true
		case receive.Unknown:
			if now.Sub(intents[i].Time) > patience {
				into[intents[i].Seq] = true
			}
		}
	}
}

// settleRef decides what became of the open intents on one ref, oldest first:
// live is where the ledger has the ref, observed where the ref was read to be
// after dead was found. It returns the entries that settle them, and wait if
// the ref has moved and a push that still runs may have moved it.
//
// Of several intents that would each explain the ref one is taken: there was
// one move, so there is one record. A move that no ref can show, such as an
// unsettled redeploy, did not happen as far as anyone can prove.
func settleRef(intents []ledger.Entry, live, observed policy.ObjectID, dead map[uint64]bool) (entries []*ledger.Entry, wait bool) {
	live, observed = sameLength(live, observed)
	moved := observed != live
	explains := func(i *ledger.Entry) bool {
		return moved && i.New == string(observed) && i.Old != i.New
	}
	for i := range intents {
		if explains(&intents[i]) && !dead[intents[i].Seq] {
			wait = true
		}
	}
	found := false
	for i := range intents {
		intent := &intents[i]
		switch {
		case !dead[intent.Seq], wait && explains(intent):
			// Its push still runs, or another one that does may be the mover.
		case explains(intent) && !found:
			found = true
			entries = append(entries, deployed(intent, "settled from the ref"))
		default:
			entries = append(entries, abandoned(intent, "the ref did not move"))
		}
	}
	return entries, wait
}

// deployed is the record of the deployment that an intent announced.
func deployed(intent *ledger.Entry, reason string) *ledger.Entry {
	e := settled(intent, ledger.TypeDeployed, reason)
	e.Evidence = intent.Evidence
	return e
}

// abandoned is the end of an intent whose ref did not move.
func abandoned(intent *ledger.Entry, reason string) *ledger.Entry {
	return settled(intent, ledger.TypeAbandoned, reason)
}

func settled(intent *ledger.Entry, t ledger.Type, reason string) *ledger.Entry {
	return &ledger.Entry{
		Type: t, Push: intent.Push, Intent: intent.Seq, Reason: reason,
		Service: intent.Service, Environment: intent.Environment, Repository: intent.Repository,
		Ref: intent.Ref, Old: intent.Old, New: intent.New,
		Commit: intent.Commit, Tree: intent.Tree, Subject: intent.Subject, Kind: intent.Kind,
		Principal: intent.Principal, Via: intent.Via, Address: intent.Address, Policy: intent.Policy,
	}
}
