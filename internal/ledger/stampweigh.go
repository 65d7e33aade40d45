package ledger

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// A StampState is what a stamp that was received is to the ledger.
type StampState string

// The states of a stamp that was received.
const (
	StampNew    StampState = "new"    // it tells what is not on record
	StampKnown  StampState = "known"  // it is on record, or something newer is
	StampOther  StampState = "other"  // another ledger than its own tells of the service and environment
	StampFork   StampState = "fork"   // it contradicts what is on record
	StampBarred StampState = "barred" // a fork is on record: no stamp counts until a successor is
	StampUnfit  StampState = "unfit"  // CheckStamp refuses it
)

// A StampFit is how a stamp that was received fits what is on record.
type StampFit struct {
	State StampState
	// Record is the stamp on record that it was held against: the same one or a
	// newer, one of the other ledger, the one that it contradicts, or the fork.
	Record uint64
	Reason string // why it does not count, in words fit to print; empty if it is new or known
	Append *Entry // what goes on record: the stamp, a fork made of it, or nothing
}

// WeighStamps tells of each stamp that was received, in this order, whether it
// is to go on record. Its signature was checked before: what is weighed is
// believed. Two that contradict each other are found too. What is to be
// appended must be appended in the same order and before anything else.
//
// An entry of kind fork or successor that the caller made goes on record, but
// for a second fork. The errors are those of a look-up, or of an entry that is
// of another type.
func (l *Ledger) WeighStamps(entries ...*Entry) (fits []StampFit, err error) {
	unfit := make([]error, len(entries))
	for i, e := range entries {
		if e.Type != TypeStamp {
			return nil, fmt.Errorf("weigh a stamp: it is of type %q", e.Type)
		}
		unfit[i] = CheckStamp(e) // before what does not show is taken out
		clean(e)
	}
	next, _, _ := l.Last()
	err = l.look(func(s kv) error {
		fits = nil
		after, seq := overStamps{s, map[string][]byte{}}, next
		for i, e := range entries {
			if unfit[i] != nil {
				fits = append(fits, StampFit{State: StampUnfit, Reason: unfit[i].Error()})
				continue
			}
			fit, err := weigh(after, e)
			if err != nil {
				return err
			}
			fits = append(fits, fit)
			if fit.Append == nil {
				continue
			}
			seq++
			would := *fit.Append
			would.Seq = seq
			if err := projectStamp(after, &would, place{seq: seq}); err != nil {
				return err
			}
		}
		return nil
	})
	return fits, err
}

// overStamps is a store with what stamps would change in it.
type overStamps struct {
	kv
	over map[string][]byte
}

func (o overStamps) Get(k []byte) ([]byte, error) {
	if v, ok := o.over[string(k)]; ok {
		return v, nil
	}
	return o.kv.Get(k)
}

func (o overStamps) Put(k, v []byte) error {
	o.over[string(k)] = v
	return nil
}

// weigh tells of one stamp what WeighStamps does.
func weigh(s kv, e *Entry) (f StampFit, err error) {
	c, err := chainAt(s, e.Service, e.Environment)
	if err != nil {
		return f, err
	}
	switch {
	case e.Kind == KindSuccessor:
		return StampFit{State: StampNew, Append: e}, nil
	case c.forked != 0:
		return StampFit{State: StampBarred, Record: c.forked,
			Reason: fmt.Sprintf("ledger %s contradicts itself, which record %d says", c.origin, c.forked)}, nil
	case c.origin != "" && c.origin != e.Origin:
		return StampFit{State: StampOther, Record: c.at.seq,
			Reason: fmt.Sprintf("it is of ledger %s, and ledger %s tells of %s of %s", e.Origin, c.origin, e.Environment, e.Service)}, nil
	case e.Kind == KindFork:
		return StampFit{State: StampFork, Reason: e.Reason, Append: e}, nil
	}
	why, record, err := contradiction(s, &c, e)
	if err != nil {
		return f, err
	}
	if why != "" {
		fork := *e
		fork.Kind, fork.Reason = KindFork, why
		return StampFit{StampFork, record, why, &fork}, nil
	}
	record, err = newerThan(s, &c, e)
	if err != nil || record != 0 {
		return StampFit{State: StampKnown, Record: record}, err
	}
	return StampFit{State: StampNew, Append: e}, nil
}

// contradiction tells how a stamp contradicts one that is on record; empty if
// it contradicts none.
func contradiction(s kv, c *chain, e *Entry) (why string, record uint64, err error) {
	line, err := e.OriginLine()
	if err != nil {
		return "", 0, err
	}
	tree, err := e.StampTree()
	if err != nil {
		return "", 0, err
	}
	is, prev := hash(sha256.Sum256([]byte(e.Lines[0]))), hashFrom(line.Prev)
	for _, held := range [...]struct {
		k      []byte
		agrees func(sighting) bool
		what   string
	}{
		{lineKey(e, e.Record), func(t sighting) bool { return t.hash == is }, fmt.Sprintf("has two lines of number %d", e.Record)},
		{lineKey(e, e.Record-1), func(t sighting) bool { return t.hash == prev }, fmt.Sprintf("has a line %d that does not follow line %d", e.Record, e.Record-1)},
		{lineKey(e, e.Record+1), func(t sighting) bool { return t.prev == is }, fmt.Sprintf("has a line %d that does not follow line %d", e.Record+1, e.Record)},
		{treeKey(e, tree), func(t sighting) bool { return t.hash == hash(tree.Hash) }, fmt.Sprintf("has two trees of %d lines", tree.N)},
	} {
		seen, err := sightingOf(s, c, e.Service, held.k)
		if err != nil {
			return "", 0, err
		}
		if seen.at.seq != 0 && !held.agrees(seen) {
			return fmt.Sprintf("ledger %s %s, by this stamp and record %d", e.Origin, held.what, seen.at.seq), seen.at.seq, nil
		}
	}
	return "", 0, nil
}

// newerThan is the stamp on record that leaves e nothing to tell; zero if there
// is none.
func newerThan(s kv, c *chain, e *Entry) (uint64, error) {
	line, err := e.OriginLine()
	if err != nil {
		return 0, err
	}
	have, err := slotAt(s, c, slotsOf(e, &line)[0])
	if err != nil || have.record >= e.Record {
		return have.at.seq, err
	}
	if e.Kind != KindStatus {
		return 0, nil
	}
	if have, err = slotAt(s, c, stampedKey(deploymentOf(e))); err != nil || have.record <= line.Record {
		return 0, err
	}
	return have.at.seq, nil
}

// HoldsStamp reports whether a stamp is on record byte for byte, with line,
// checkpoint and signature, is the newest of what it is about, and counts.
func (l *Ledger) HoldsStamp(e *Entry) (bool, error) {
	line, err := e.OriginLine()
	if err != nil {
		return false, nil
	}
	var newest slot
	err = l.look(func(s kv) error {
		c, err := chainAt(s, e.Service, e.Environment)
		if err == nil && c.forked == 0 && c.origin == e.Origin {
			newest, err = slotAt(s, &c, slotsOf(e, &line)[0])
		}
		return err
	})
	if err != nil || newest.at.seq == 0 || newest.record != e.Record {
		return false, err
	}
	have, _, err := l.readStamp(newest.at)
	return err == nil && have.Kind == e.Kind && have.Commit == e.Commit && have.Checkpoint == e.Checkpoint &&
		slices.Equal(have.Lines, e.Lines), err
}

// KnownStamp finds the stamp that first told, for an environment, what a line of
// a ledger is: the SHA-256 of the line, and the record here. ours is zero if
// none did. It takes no notice of successors.
func (l *Ledger) KnownStamp(environment, origin string, record uint64) (lineHash [32]byte, ours uint64, err error) {
	var t sighting
	err = l.look(func(s kv) (err error) {
		t, err = sightingAt(s, &chain{}, lineKey(&Entry{Environment: cleanString(environment), Origin: origin}, record))
		return err
	})
	return t.hash, t.at.seq, err
}
