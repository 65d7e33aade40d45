package ledger

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// A verifier is a model of the ledger that it builds line by line.
type verifier struct {
	encoder *encoder
	model   *memory
	head    head
	report  Report
	names   names
	open    map[uint64]claim   // intents that are not settled
	records map[uint64]numbers // what was deployed or adopted
	stamps  map[uint64]numbers // what was stamped as deployed
	index   *index             // a copy, nil if there is none to compare
	mark    watermark          // of the copy
	differs bool               // the copy does not say the same
	tree    treeCheck
	judged  rejudge
}

// A claim is what an intent says will be deployed.
type claim struct {
	deployment
	new, kind, deploy string
	evidence          []uint64
	overrode          []string
	action            action
	contained         bool // a branch that it takes out was in what was live
}

// An action is what an entry says of a release branch.
type action struct {
	name, branch, head string
	tickets, gone      []string
}

func said(e *Entry) action { return action{e.Action, e.Branch, e.Head, e.Tickets, e.Gone} }

func (a action) equal(b action) bool {
	return a.name == b.name && a.branch == b.branch && a.head == b.head &&
		slices.Equal(a.tickets, b.tickets) && slices.Equal(a.gone, b.gone)
}

func newVerifier(x *index, w watermark, held []Held, r rejudge) *verifier {
	if w.schema != schema {
		x = nil
	}
	return &verifier{
		encoder: newEncoder(), model: newMemory(), report: Report{Counts: map[Type]uint64{}},
		names: names{number: map[string]uint32{}}, open: map[uint64]claim{}, records: map[uint64]numbers{},
		stamps: map[uint64]numbers{},
		index:  x, mark: w, tree: treeCheck{held: sorted(held), differs: -1}, judged: r,
	}
}

func (v *verifier) claim(e *Entry) claim {
	return claim{v.deployment(e), v.name(e.New), v.name(e.Kind), v.name(e.Deploy), e.Evidence, e.Overrode, said(e), false}
}

// rules checks what e says against all that came before it.
func (v *verifier) rules(e *Entry) error {
	if wrong := shape(e); wrong != "" {
		return finding(e.Seq, meansForged, "%s", wrong)
	}
	switch e.Type {
	case TypeIntent:
		if err := v.complete(e); err != nil {
			return err
		}
		if err := v.evidence(e); err != nil {
			return err
		}
		if err := v.kind(e); err != nil {
			return err
		}
		c, err := v.claim(e), error(nil)
		if c.contained, err = v.contains(e); err != nil {
			return err
		}
		v.open[e.Seq] = c
	case TypeAbandoned:
		return v.abandoned(e)
	case TypeDeployed:
		if err := v.complete(e); err != nil {
			return err
		}
		if err := v.settled(e); err != nil {
			return err
		}
		v.records[e.Seq] = v.numbers(e)
	case TypeAdopt:
		if err := v.complete(e); err != nil {
			return err
		}
		v.records[e.Seq] = v.numbers(e)
	default:
		return v.rails(e)
	}
	return nil
}

// complete checks that a deployment says what was deployed where.
func (v *verifier) complete(e *Entry) error {
	for _, f := range [...]struct{ name, value string }{
		{"service", e.Service}, {"environment", e.Environment}, {"repository", e.Repository},
		{"ref", e.Ref}, {"new", e.New}, {"commit", e.Commit},
	} {
		if f.value == "" {
			return finding(e.Seq, meansForged, "it names no %s", f.name)
		}
	}
	return nil
}

// evidence checks that what an intent rests on was on record and stood.
func (v *verifier) evidence(e *Entry) error {
	for _, seq := range e.Evidence {
		d, ok := v.record(seq)
		stamp := false
		if !ok {
			d, stamp = v.names.deployment(v.stamps, seq)
			ok = stamp
		}
		switch {
		case seq >= e.Seq:
			return finding(e.Seq, meansForged, "its evidence, record %d, is not before it", seq)
		case !ok:
			return finding(e.Seq, meansForged, "its evidence, record %d, is no deployment", seq)
		case d.service != e.Service || d.commit != e.Commit && !matched(e.Rules):
			return finding(e.Seq, meansForged, "its evidence, record %d, is about another service or commit", seq)
		}
		if stamp {
			if err := v.stampStands(e, seq, d); err != nil {
				return err
			}
			continue
		}
		withdrawn, err := v.withdrawn(d)
		if err != nil {
			return err
		}
		if withdrawn > seq && !ever(e.Rules) {
			return finding(e.Seq, meansForged, "its evidence, record %d, was withdrawn by record %d", seq, withdrawn)
		}
	}
	return nil
}

func (v *verifier) withdrawn(d deployment) (uint64, error) {
	b, err := v.model.Get(key(keyCommit, d.service, d.environment, d.repository, d.commit))
	if err != nil || b == nil {
		return 0, err
	}
	return seqOf(b)
}

// kind checks what an intent calls itself: a redeployment is of what is live,
// a rollback to what stands here and was on this ref before.
func (v *verifier) kind(e *Entry) error {
	d := v.deployment(e)
	live, err := seqAt(v.model, key(keyLive, d.service, d.environment, d.repository, d.ref))
	if err != nil {
		return err
	}
	switch policy.Kind(e.Kind) {
	case policy.Redeploy:
		if was, _ := v.record(live); was.commit != d.commit {
			return finding(e.Seq, meansForged, "it is a redeployment of a commit that was not live")
		}
	case policy.Rollback:
		onRef, err := seqAt(v.model, key(keyRecord, d.service, d.environment, d.repository, d.commit, d.ref))
		if err != nil {
			return err
		}
		if onRef == 0 {
			return finding(e.Seq, meansForged, "it is a rollback to a commit that this ref never had")
		}
		withdrawn, err := v.withdrawn(d)
		if err != nil {
			return err
		}
		if ok, err := stands(v.model, d, onRef, withdrawn); err != nil || !ok {
			return finding(e.Seq, meansForged, "it is a rollback to a commit that does not stand here")
		}
	}
	return nil
}

// settle takes the intent that e settles out of the open ones.
func (v *verifier) settle(e *Entry) error {
	if _, ok := v.open[e.Intent]; !ok {
		what := "is no intent"
		if e.Intent < e.Seq && e.Intent != 0 {
			what = "is no open intent"
		}
		return finding(e.Seq, meansForged, "record %d, which it settles, %s", e.Intent, what)
	}
	delete(v.open, e.Intent)
	return nil
}

// abandoned checks an entry that need not repeat what its intent would have
// done, but must not say that it was something else.
func (v *verifier) abandoned(e *Entry) error {
	intent, does := v.open[e.Intent], said(e)
	if err := v.settle(e); err != nil {
		return err
	}
	if !does.equal(action{}) && !does.equal(intent.action) {
		return finding(e.Seq, meansForged, "it says something else than its intent, record %d", e.Intent)
	}
	return nil
}

// settled checks that a deployment says what its intent said.
func (v *verifier) settled(e *Entry) error {
	intent := v.open[e.Intent]
	if err := v.settle(e); err != nil {
		return err
	}
	does := v.claim(e)
	if does.deployment != intent.deployment || does.new != intent.new || does.kind != intent.kind ||
		does.deploy != intent.deploy || !slices.Equal(does.overrode, intent.overrode) || !does.action.equal(intent.action) ||
		len(e.Evidence) > 0 && !slices.Equal(e.Evidence, intent.evidence) {
		return finding(e.Seq, meansForged, "it says something else than its intent, record %d", e.Intent)
	}
	if intent.contained {
		return nil
	}
	if in, err := v.contains(e); err != nil || in {
		return err
	}
	return finding(e.Seq, meansForged, "it takes out a branch that was not released here")
}

// compare holds the index against the model, which stands where the index
// does.
func (v *verifier) compare() error {
	if v.mark.ledger != v.report.Ledger || v.mark.hash != v.head.hash || v.mark.end != v.head.end {
		v.differs = true
		return finding(v.head.seq, meansCut, "the index saw another line here")
	}
	if v.mark.boot != bootID() {
		v.report.Index = "not compared: of another boot, the next push rebuilds it"
		return nil
	}
	n, chunks := 0, int64(0)
	err := v.index.view(func(s kv) error {
		return s.Scan(nil, func(k, b []byte) error {
			if k[0] == keyMark {
				return nil
			}
			if k[0] == keyTree {
				chunks++
				return nil
			}
			n++
			if want, err := v.model.Get(k); err != nil || want == nil || !bytes.Equal(want, b) {
				return fmt.Errorf("%w: projection %c differs", errIndex, k[0])
			}
			return nil
		})
	})
	if err == nil && n != v.model.count {
		err = fmt.Errorf("it lacks %d of %d values", v.model.count-n, v.model.count)
	}
	if err == nil {
		err = v.compareTree(chunks)
	}
	if err != nil {
		v.differs = true
		return finding(v.head.seq, meansIndex, "the index does not say what the journal says up to here: %v", err)
	}
	v.report.Index = fmt.Sprintf("agrees up to record %d", v.mark.seq)
	return nil
}

// reached checks at the end that the index has not seen more than there is.
func (v *verifier) reached() error {
	if v.index == nil || v.mark.seq <= v.head.seq && v.mark.seq > 0 {
		return nil
	}
	v.differs = true
	return finding(v.head.seq+1, meansCut, "the index saw record %d, and the journal ends with record %d", v.mark.seq, v.head.seq)
}
