package gate

import (
	"fmt"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// patience is how long an intent is left alone whose receive-pack cannot be
// seen from here, because it runs in another PID namespace.
const patience = time.Hour

// gone finds which intents belong to pushes that are over, so that their ref
// can be asked what became of them, and reports whether it found a new one. It
// must be called before the ref is read: only then can no later move be
// theirs. A push over a command ref moves the ref itself, under the ledger's
// lock and only while its intent is open.
//
// Of pushes on another host nothing is known here: they are never over.
func (b *book) gone(intents []ledger.Entry, now time.Time, into map[uint64]bool) (more bool) {
	for i := range intents {
		seq := intents[i].Seq
		if into[seq] {
			continue
		}
		if b.afar(intents[i].Host) != "" {
			into[seq] = false
			continue
		}
		life := receive.Token(intents[i].Token).Life()
		into[seq] = life == receive.Dead || life == receive.Unknown && now.Sub(intents[i].Time) > patience
		more = more || into[seq]
	}
	return more
}

// A refState is what settling one ref rests on.
type refState struct {
	live     policy.ObjectID // where the ledger has the ref
	drifted  policy.ObjectID // where drift has been recorded since, else empty
	observed policy.ObjectID // where it was read to be, after dead was found
	dead     map[uint64]bool // intents whose push was over by then
	// late is set when those that still run have been waited for long enough.
	late bool
}

// settleRef decides what became of the open intents on one ref, oldest first.
// It returns the entries that settle them, and wait if the ref has moved and
// a push that still runs may have moved it.
//
// An intent explains where the ref is if it wanted it there and began where
// the ledger, or recorded drift, has it. Of several that do, one is taken:
// there was one move, so there is one record. If they are of different
// persons, nobody can tell whose move it was, and the record says so instead
// of naming one. A move that no ref can show, such as an unsettled redeploy,
// did not happen as far as anyone can prove.
func settleRef(intents []ledger.Entry, at refState) (entries []*ledger.Entry, wait bool) {
	var rivals []*ledger.Entry
	running := false
	for i := range intents {
		if at.explains(&intents[i]) {
			rivals = append(rivals, &intents[i])
			running = running || !at.dead[intents[i].Seq]
		}
	}
	wait = running && !at.late
	for i := range intents {
		intent := &intents[i]
		switch {
		case len(rivals) > 0 && intent == rivals[0] && !wait:
			entries = append(entries, fromRef(rivals))
		case !at.dead[intent.Seq], wait && at.explains(intent):
			// Its push still runs, or another one that does may be the mover.
		default:
			entries = append(entries, abandoned(intent, "the ref did not move"))
		}
	}
	return entries, wait
}

func (at *refState) explains(intent *ledger.Entry) bool {
	live, observed := sameLength(at.live, at.observed)
	began := intent.Old == string(orZero(live, policy.ObjectID(intent.New))) ||
		at.drifted != "" && intent.Old == string(orZero(at.drifted, policy.ObjectID(intent.New)))
	return observed != live && intent.New == string(observed) && intent.Old != intent.New && began
}

// fromRef is the record of a move that the ref shows and one of the rivals
// made.
func fromRef(rivals []*ledger.Entry) *ledger.Entry {
	e := deployed(rivals[0], "settled from the ref")
	var others []string
	for _, rival := range rivals {
		if rival.Principal != e.Principal {
			others = append(others, fmt.Sprintf("%d by %s", rival.Seq, rival.Principal))
		}
	}
	if len(others) > 0 {
		e.Reason = clean(strings.TrimSuffix(rivals[0].Reason+"; ", "; ")+fmt.Sprintf("settled from the ref; it was moved by record %d by %s, or %s: which one cannot be told",
			rivals[0].Seq, e.Principal, strings.Join(others, ", ")), 1000)
		e.Principal, e.Via, e.Address = "", "", ""
	}
	return e
}

// deployed is the record of the deployment that an intent announced.
func deployed(intent *ledger.Entry, reason string) *ledger.Entry {
	e := settled(intent, ledger.TypeDeployed, reason)
	e.Evidence = intent.Evidence
	if len(intent.Overrode) > 0 || intent.Action == ledger.ActionReset {
		// Why rules were overridden, or an environment started over, must stay
		// in sight.
		e.Reason = strings.TrimSuffix(intent.Reason+"; "+reason, "; ")
	}
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
		Host: intent.Host, Ref: intent.Ref, Old: intent.Old, New: intent.New,
		Commit: intent.Commit, Tree: intent.Tree, Subject: intent.Subject, Kind: intent.Kind,
		Principal: intent.Principal, Via: intent.Via, Address: intent.Address, Policy: intent.Policy,
		Deploy: intent.Deploy, Overrode: intent.Overrode,
		Action: intent.Action, Branch: intent.Branch, Head: intent.Head, Tickets: intent.Tickets, Gone: intent.Gone,
	}
}
