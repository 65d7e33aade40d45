package ledger

import (
	"slices"
	"strings"
)

// rails checks the entries that guard rails and outcomes have against what
// came before them.
func (v *verifier) rails(e *Entry) error {
	switch e.Type {
	case TypeStatus:
		return v.status(e)
	case TypeApproval:
		return v.approval(e)
	case TypeStamp:
		return v.stamp(e)
	case TypeUnlock:
		if b, err := v.model.Get(lockKey(e)); err != nil || b == nil {
			return finding(e.Seq, meansForged, "it takes off a lock that was not set")
		}
	case TypeVeto:
		at, veto, err := vetoAt(v.model, e.Service, e.Commit)
		if err != nil {
			return err
		}
		if e.Kind == KindLift && (veto == 0 || at.seq != veto) {
			return finding(e.Seq, meansForged, "it lifts a veto that was not in force")
		}
	}
	return nil
}

// status checks that a status is about a deployment with an outcome, and can
// follow what was said of it so far.
func (v *verifier) status(e *Entry) error {
	p, ok, err := progressOf(v.model, e.Record)
	if err != nil {
		return err
	}
	if !ok {
		return finding(e.Seq, meansForged, "record %d, which it is about, is no deployment with an outcome", e.Record)
	}
	if why := p.bars(e); why != "" {
		return finding(e.Seq, meansForged, "record %d, which it is about, %s", e.Record, why)
	}
	return nil
}

// approval checks that it names the commit that was live.
func (v *verifier) approval(e *Entry) error {
	on, err := lifeAt(v.model, key(keyLive, e.Service, e.Environment, e.Repository, e.Ref))
	if err != nil {
		return err
	}
	if on.commit != e.Old {
		return finding(e.Seq, meansForged, "it names a commit as live that was not")
	}
	return nil
}

// contains reports whether a branch that e takes out is in what is live on its
// ref; true of an entry that takes none out.
func (v *verifier) contains(e *Entry) (bool, error) {
	if e.Action != ActionRemove {
		return true, nil
	}
	on, err := lifeAt(v.model, key(keyLive, e.Service, e.Environment, e.Repository, e.Ref))
	if err != nil {
		return false, err
	}
	in, err := contentsAt(v.model, deployment{e.Service, e.Environment, e.Repository, e.Ref, on.commit})
	return slices.ContainsFunc(in, func(r release) bool { return r.branch == e.Branch }), err
}

// ever reports whether a decision took evidence that was withdrawn, because
// the policy's key evidence said so. The verdict of that rule is on record.
func ever(rules []string) bool {
	return slices.ContainsFunc(rules, func(r string) bool { return strings.HasSuffix(r, ".evidence=ever") })
}

// matched reports whether a decision took evidence about other commits, because
// the policy's key match said so. The verdict of that rule is on record.
func matched(rules []string) bool {
	return slices.ContainsFunc(rules, func(r string) bool {
		return strings.HasSuffix(r, ".match=contained") || strings.HasSuffix(r, ".match=tree")
	})
}
