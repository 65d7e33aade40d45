package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The kinds of what a verifier notes beside the projections. None is one of
// theirs that groupOf knows.
const (
	noteRecord = 'r' // seq of a deployed or adopt: what was deployed where
	noteStamp  = 's' // seq of a stamp of a deployment: what was deployed where
	noteIntent = 'i' // seq of an open intent: its claim
)

// note remembers what e says was deployed where.
func (v *verifier) note(kind byte, e *Entry) error {
	return v.notes.Put(keySeq(kind, e.Seq), key(kind, e.Service, e.Environment, e.Repository, e.Ref, e.Commit))
}

// noted is what note remembers of record seq; false if it is none of that kind.
func (v *verifier) noted(kind byte, seq uint64) (d deployment, ok bool, err error) {
	b, err := v.notes.Get(keySeq(kind, seq))
	if err != nil || b == nil {
		return d, false, err
	}
	f, err := fieldsOf(b, 5)
	if err != nil {
		return d, false, err
	}
	return deployment{f[0], f[1], f[2], f[3], f[4]}, true, nil
}

// record is what record seq deployed or adopted; false if it did neither.
func (v *verifier) record(seq uint64) (deployment, bool, error) { return v.noted(noteRecord, seq) }

// A claim is what an intent says will be, in bytes that are the same where it
// is: what is deployed and how, the action on a release branch, the evidence.
type claim struct {
	what, action, evidence []byte
	contained              bool // a branch that it takes out was in what was live
}

func claimOf(e *Entry) (c claim) {
	for _, f := range [...]string{e.Service, e.Environment, e.Repository, e.Ref, e.Commit, e.New, e.Kind, e.Deploy} {
		c.what = appendField(c.what, f)
	}
	for _, f := range e.Overrode {
		c.what = appendField(c.what, f)
	}
	for _, f := range [...]string{e.Action, e.Branch, e.Head} {
		c.action = appendField(c.action, f)
	}
	for _, list := range [...][]string{e.Tickets, e.Gone} {
		c.action = binary.AppendUvarint(c.action, uint64(len(list)))
		for _, f := range list {
			c.action = appendField(c.action, f)
		}
	}
	for _, seq := range e.Evidence {
		c.evidence = binary.BigEndian.AppendUint64(c.evidence, seq)
	}
	return c
}

// acts reports whether the entry says anything of a release branch.
func (c *claim) acts() bool { none := claimOf(&Entry{}); return !bytes.Equal(c.action, none.action) }

// open remembers an intent that is not settled.
func (v *verifier) open(seq uint64, c claim) error {
	b := []byte{0}
	if c.contained {
		b[0] = 1
	}
	for _, part := range [...][]byte{c.what, c.action, c.evidence} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	v.report.Open++
	return v.notes.Put(keySeq(noteIntent, seq), b)
}

// settle takes the intent that e settles out of the open ones.
func (v *verifier) settle(e *Entry) (c claim, err error) {
	k := keySeq(noteIntent, e.Intent)
	b, err := v.notes.Get(k)
	if err != nil {
		return c, err
	}
	if b == nil {
		what := "is no intent"
		if e.Intent < e.Seq && e.Intent != 0 {
			what = "is no open intent"
		}
		return c, finding(e.Seq, meansForged, "record %d, which it settles, %s", e.Intent, what)
	}
	c.contained = b[0] == 1
	rest, ok, part := b[1:], true, ""
	for _, to := range [...]*[]byte{&c.what, &c.action, &c.evidence} {
		if part, rest, ok = cutField(rest); !ok {
			return c, fmt.Errorf("%w: the claim of record %d", errScratch, e.Intent)
		}
		*to = []byte(part)
	}
	v.report.Open--
	return c, v.notes.Delete(k)
}
