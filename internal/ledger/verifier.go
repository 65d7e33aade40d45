package ledger

import (
	"bytes"
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// A verifier is a model of the ledger that it builds line by line. What grows
// with the ledger is in a scratch.
type verifier struct {
	encoder *encoder
	scratch *scratch
	model   *memory // the projections
	notes   *memory // what else lines have said that later ones rest on
	head    head
	report  Report
	index   *index    // a copy, nil if there is none to compare
	mark    watermark // of the copy
	differs bool      // the copy does not say the same
	tree    treeCheck
	judged  rejudge
}

func newVerifier(x *index, w watermark, s *scratch, held []Held, r rejudge) *verifier {
	if w.schema != schema {
		x = nil
	}
	return &verifier{
		encoder: newEncoder(), scratch: s, model: newMemory(s), notes: newMemory(s), report: Report{Counts: map[Type]uint64{}},
		index: x, mark: w, tree: treeCheck{held: sorted(held), differs: -1}, judged: r,
	}
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
		c, err := claimOf(e), error(nil)
		if c.contained, err = v.contains(e); err != nil {
			return err
		}
		return v.open(e.Seq, c)
	case TypeAbandoned:
		return v.abandoned(e)
	case TypeDeployed:
		if err := v.complete(e); err != nil {
			return err
		}
		if err := v.settled(e); err != nil {
			return err
		}
		return v.note(noteRecord, e)
	case TypeAdopt:
		if err := v.complete(e); err != nil {
			return err
		}
		return v.note(noteRecord, e)
	}
	return v.rails(e)
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
		d, stamp, ok, err := v.taken(seq)
		switch {
		case err != nil:
			return err
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

// taken is what record seq is evidence of, and whether it is a stamp.
func (v *verifier) taken(seq uint64) (d deployment, stamp, ok bool, err error) {
	if d, ok, err = v.record(seq); err != nil || ok {
		return d, false, ok, err
	}
	d, ok, err = v.noted(noteStamp, seq)
	return d, ok, ok, err
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
	d := deploymentOf(e)
	live, err := seqAt(v.model, key(keyLive, d.service, d.environment, d.repository, d.ref))
	if err != nil {
		return err
	}
	switch policy.Kind(e.Kind) {
	case policy.Redeploy:
		if was, _, err := v.record(live); err != nil || was.commit != d.commit {
			if err != nil {
				return err
			}
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

// abandoned checks an entry that need not repeat what its intent would have
// done, but must not say that it was something else.
func (v *verifier) abandoned(e *Entry) error {
	intent, err := v.settle(e)
	if err != nil {
		return err
	}
	if does := claimOf(e); does.acts() && !bytes.Equal(does.action, intent.action) {
		return finding(e.Seq, meansForged, "it says something else than its intent, record %d", e.Intent)
	}
	return nil
}

// settled checks that a deployment says what its intent said.
func (v *verifier) settled(e *Entry) error {
	intent, err := v.settle(e)
	if err != nil {
		return err
	}
	does := claimOf(e)
	if !bytes.Equal(does.what, intent.what) || !bytes.Equal(does.action, intent.action) ||
		len(e.Evidence) > 0 && !bytes.Equal(does.evidence, intent.evidence) {
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
	want, have := newDigests()
	chunks := int64(0)
	err := v.index.view(func(s kv) error {
		return s.Scan(nil, func(k, b []byte) error {
			switch k[0] {
			case keyMark:
			case keyTree:
				chunks++
			default:
				have.add(k, b)
			}
			return nil
		})
	})
	v.model.each(want.add)
	for kind := range want.of {
		if err == nil && want.of[kind] != have.of[kind] {
			err = fmt.Errorf("%w: projection %c differs, with %d values and not %d", errIndex, kind, have.of[kind].count, want.of[kind].count)
		}
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
