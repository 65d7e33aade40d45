package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// forge writes entries with a good chain, as somebody would who knows how.
func (r *rig) forge(entries ...*Entry) {
	r.Helper()
	lines := r.lines()
	for _, e := range entries {
		last := strings.TrimSuffix(lines[len(lines)-1], "\n")
		sum := sha256.Sum256([]byte(last))
		e.Seq, e.Prev = uint64(len(lines)+1), hex.EncodeToString(sum[:])
		if e.Time.IsZero() {
			e.Time = r.clock.now()
		}
		line, err := Encode(e)
		if err != nil {
			r.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	r.setJournal([]byte(strings.Join(lines, "")))
}

func TestVerifyFindsForgery(t *testing.T) {
	a, b := oid("a"), oid("b")
	with := func(e *Entry, f func(*Entry)) *Entry { f(e); return e }
	intent := func(env, commit, kind string, evidence ...uint64) *Entry {
		return with(entryFor(TypeIntent, env, mainRef, commit, kind), func(e *Entry) { e.Evidence = evidence })
	}
	deployed := func(env, commit, kind string, n uint64) *Entry {
		return with(entryFor(TypeDeployed, env, mainRef, commit, kind), func(e *Entry) { e.Intent = n })
	}
	for name, test := range map[string]struct {
		line    uint64
		what    string
		entries []*Entry
	}{
		// Records 3 and 5 deploy a and b to dev, 7 rolls back to a, so b is withdrawn.
		"sound":                     {0, "", []*Entry{intent("stg", a, "promote", 7), deployed("stg", a, "promote", 8)}},
		"no intent":                 {8, "no intent", []*Entry{deployed("stg", a, "promote", 0)}},
		"intent of the future":      {8, "no intent", []*Entry{deployed("stg", a, "promote", 9)}},
		"settled twice":             {10, "no open intent", []*Entry{intent("dev", a, "deploy"), deployed("dev", a, "deploy", 8), deployed("dev", a, "deploy", 8)}},
		"abandoned twice":           {10, "no open intent", []*Entry{intent("dev", a, "deploy"), {Type: TypeAbandoned, Intent: 8}, {Type: TypeAbandoned, Intent: 8}}},
		"another commit":            {9, "something else", []*Entry{intent("dev", a, "deploy"), deployed("dev", b, "deploy", 8)}},
		"another kind":              {9, "something else", []*Entry{intent("dev", a, "deploy"), deployed("dev", a, "rollback", 8)}},
		"other evidence":            {9, "something else", []*Entry{intent("stg", a, "promote", 7), with(deployed("stg", a, "promote", 8), func(e *Entry) { e.Evidence = []uint64{3} })}},
		"evidence of the future":    {8, "not before", []*Entry{intent("stg", a, "promote", 9)}},
		"evidence is an intent":     {8, "no deployment", []*Entry{intent("stg", a, "promote", 2)}},
		"evidence about another":    {8, "another service or commit", []*Entry{intent("stg", a, "promote", 5)}},
		"evidence withdrawn":        {8, "withdrawn by record 7", []*Entry{intent("stg", b, "promote", 5)}},
		"redeploy of what is gone":  {8, "not live", []*Entry{intent("dev", b, "redeploy")}},
		"rollback to the unknown":   {8, "never had", []*Entry{intent("dev", oid("c"), "rollback")}},
		"rollback to the withdrawn": {8, "does not stand", []*Entry{intent("dev", b, "rollback")}},
		"names no commit":           {8, "names no commit", []*Entry{with(entryFor(TypeAdopt, "dev", mainRef, a, "adopt"), func(e *Entry) { e.Commit = "" })}},
		"time steps back":           {8, "before the one", []*Entry{{Type: TypeRefused, Time: testStart.Add(-time.Hour)}}},
		"a repair's time may":       {0, "", []*Entry{{Type: TypeRepair, Time: testStart.Add(-time.Hour)}}},
		"a later type":              {0, "", []*Entry{{Type: "release", Commit: a}}},
		"a second first line":       {8, "exactly the first", []*Entry{{Type: TypeLedger, Ledger: "x", Version: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.deploy("dev", mainRef, a, "deploy")
			r.deploy("dev", mainRef, b, "deploy")
			r.deploy("dev", mainRef, a, "rollback")
			r.forge(test.entries...)
			if test.line != 0 {
				r.found(test.line, test.what)
				return
			}
			if rep := r.verified(); rep.Records != uint64(7+len(test.entries)) || rep.Index != "agrees up to record 7" {
				t.Errorf("%+v", rep)
			}
		})
	}
}

func TestVerifyFindsForgedRails(t *testing.T) {
	a, b := oid("a"), oid("b")
	with := func(e *Entry, f func(*Entry)) *Entry { f(e); return e }
	status := func(record uint64, commit, state string) *Entry {
		d := entryFor(TypeDeployed, "dev", mainRef, commit, "deploy")
		d.Seq = record
		return StatusOf(d, state)
	}
	approval := func(old string) *Entry {
		return &Entry{Type: TypeApproval, Kind: KindApprove, Service: "shop", Environment: "dev", Repository: "shop/dev.git",
			Ref: mainRef, Commit: a, Old: old, Principal: "ana"}
	}
	veto := func(kind string) *Entry {
		return &Entry{Type: TypeVeto, Kind: kind, Service: "shop", Commit: a, Principal: "ana"}
	}
	lock := func(typ Type, ref string) *Entry {
		return &Entry{Type: typ, Environment: "dev", Ref: ref, Principal: "ana"}
	}
	override := func(typ Type, f func(*Entry)) *Entry {
		return with(entryFor(typ, "dev", mainRef, a, KindOverride), func(e *Entry) {
			e.Overrode, e.Reason, e.Rules = []string{"soak"}, "INC-42", passed("soak")
			f(e)
		})
	}
	for name, test := range map[string]struct {
		line    uint64
		what    string
		entries []*Entry
	}{
		// Record 3 deploys a by command, 5 deploys b with an external outcome, 7 deploys b without one.
		"sound":                    {0, "", []*Entry{status(3, a, StatePending), status(3, a, StateSuccess), status(5, b, StateFailure), status(5, b, StateSuccess)}},
		"superseded, never begun":  {0, "", []*Entry{status(3, a, StateSuperseded)}},
		"error, never begun":       {0, "", []*Entry{status(3, a, StateError)}},
		"success, never begun":     {8, "never started", []*Entry{status(3, a, StateSuccess)}},
		"begun twice":              {9, "has been started", []*Entry{status(3, a, StatePending), status(3, a, StatePending)}},
		"ended twice":              {9, "has ended", []*Entry{status(3, a, StateError), status(3, a, StateError)}},
		"begun after its end":      {9, "has ended", []*Entry{status(3, a, StateSuperseded), status(3, a, StatePending)}},
		"a report is superseded":   {8, "reported from outside", []*Entry{status(5, b, StateSuperseded)}},
		"pending after a report":   {9, "has ended", []*Entry{status(5, b, StateSuccess), status(5, b, StatePending)}},
		"status of no outcome":     {8, "no deployment with an outcome", []*Entry{status(7, b, StatePending)}},
		"status of an intent":      {8, "no deployment with an outcome", []*Entry{status(2, a, StatePending)}},
		"status of the future":     {8, "no deployment with an outcome", []*Entry{status(9, a, StatePending)}},
		"status of another commit": {8, "about something else", []*Entry{status(3, b, StatePending)}},
		"status elsewhere":         {8, "about something else", []*Entry{with(status(3, a, StatePending), func(e *Entry) { e.Environment = "stg" })}},
		"status without a state":   {8, "no state", []*Entry{status(3, a, "done")}},
		"approval":                 {0, "", []*Entry{approval(b)}},
		"approval of the past":     {8, "live that was not", []*Entry{approval(a)}},
		"approval of nothing live": {8, "live that was not", []*Entry{approval("")}},
		"approval by nobody":       {8, "no principal", []*Entry{with(approval(b), func(e *Entry) { e.Principal = "" })}},
		"locks":                    {0, "", []*Entry{lock(TypeLock, ""), lock(TypeLock, mainRef), lock(TypeUnlock, ""), lock(TypeUnlock, mainRef)}},
		"unlock of another":        {9, "not set", []*Entry{lock(TypeLock, ""), lock(TypeUnlock, mainRef)}},
		"unlocked twice":           {10, "not set", []*Entry{lock(TypeLock, ""), lock(TypeUnlock, ""), lock(TypeUnlock, "")}},
		"veto":                     {0, "", []*Entry{veto(KindVeto), veto(KindVeto), veto(KindLift), veto(KindVeto)}},
		"lifted twice":             {10, "not in force", []*Entry{veto(KindVeto), veto(KindLift), veto(KindLift)}},
		"lift of nothing":          {8, "not in force", []*Entry{veto(KindLift)}},
		"override": {0, "", []*Entry{override(TypeIntent, func(*Entry) {}),
			override(TypeDeployed, func(e *Entry) { e.Intent = 8 })}},
		"override without a reason": {9, "no reason", []*Entry{override(TypeIntent, func(*Entry) {}),
			override(TypeDeployed, func(e *Entry) { e.Intent, e.Reason = 8, "" })}},
		"override of nothing": {8, "names no rule", []*Entry{override(TypeIntent, func(e *Entry) { e.Overrode = nil })}},
		"override of other rules": {9, "something else", []*Entry{override(TypeIntent, func(*Entry) {}),
			override(TypeDeployed, func(e *Entry) { e.Intent, e.Overrode = 8, []string{"freeze"} })}},
		"no override":       {8, "is no override", []*Entry{override(TypeIntent, func(e *Entry) { e.Kind = "deploy" })}},
		"another executor":  {9, "something else", []*Entry{entryFor(TypeIntent, "dev", mainRef, a, "deploy"), with(entryFor(TypeDeployed, "dev", mainRef, a, "deploy"), func(e *Entry) { e.Intent, e.Deploy = 8, DeployCommand })}},
		"unknown executor":  {8, "nobody is known", []*Entry{with(entryFor(TypeIntent, "dev", mainRef, a, "deploy"), func(e *Entry) { e.Deploy = "later" })}},
		"withdrawn for all": {12, "withdrawn", []*Entry{entryFor(TypeIntent, "dev", mainRef, a, "rollback"), with(entryFor(TypeDeployed, "dev", mainRef, a, "rollback"), func(e *Entry) { e.Intent = 8 }), with(entryFor(TypeRefused, "stg", mainRef, b, ""), func(e *Entry) { e.Codes = []string{"withdrawn"} }), with(entryFor(TypeIntent, "stg", mainRef, b, "promote"), func(e *Entry) { e.Evidence, e.Rules = []uint64{7}, []string{"environments.stg.evidence=ever"} }), with(entryFor(TypeIntent, "stg", mainRef, b, "promote"), func(e *Entry) { e.Evidence = []uint64{7} })}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.deployBy(DeployCommand, "dev", mainRef, a)
			r.deployBy(DeployExternal, "dev", mainRef, b)
			r.deploy("dev", mainRef, b, "redeploy")
			r.forge(test.entries...)
			if test.line != 0 {
				r.found(test.line, test.what)
				return
			}
			r.verified()
			if isURL(r.dir) {
				r.refusedBeyond()
				return
			}
			r.open().Close() // and what the index makes of it is the same
			if rep := r.verified(); rep.Index != fmt.Sprint("agrees up to record ", rep.Records) {
				t.Error(rep.Index)
			}
		})
	}
}

func TestVerifyReport(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	r.append(entryFor(TypeIntent, "dev", mainRef, oid("b"), "deploy"), &Entry{Type: TypeRefused}, &Entry{Type: "release"})
	var done, total int64
	rep, err := Verify(r.dir, func(d, n int64) { done, total = d, n })
	if err != nil || !rep.OK() {
		t.Fatal(rep.Findings, err)
	}
	l := r.open()
	defer l.Close()
	seq, at, sum := l.Last()
	size := int64(len(r.journal()))
	if rep.Records != 6 || rep.Records != seq || !rep.Last.Equal(at) || rep.Hash != sum || rep.Ledger != l.ID() || rep.Bytes != size ||
		rep.Open != 1 || rep.Unknown != 1 || rep.Torn != 0 || rep.Counts[TypeIntent] != 2 || rep.Index != "agrees up to record 6" {
		t.Errorf("%+v", rep)
	}
	if done != size || total != size {
		t.Errorf("progress %d of %d", done, total)
	}
}

func TestVerifyIndex(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	r.remove(IndexName)
	if rep := r.verified(); !strings.HasPrefix(rep.Index, "not compared") {
		t.Errorf("no index: %s", rep.Index)
	}
	if _, err := os.Stat(r.path(IndexName)); err == nil {
		t.Error("Verify made an index")
	}
	for name, change := range map[string]func(s kv) error{
		"a lost withdrawal": func(s kv) error { return s.Put(key(keyCommit, "shop", "dev", "shop/dev.git", oid("a")), seqValue(9)) },
		"a lost intent":     func(s kv) error { return s.Delete(keySeq(keyIntent, 4)) },
		"one too many":      func(s kv) error { return s.Put(key(keyService, "ghost"), []byte{1}) },
	} {
		r := newRig(t)
		r.deploy("dev", mainRef, oid("a"), "deploy")
		r.append(entryFor(TypeIntent, "dev", mainRef, oid("b"), "deploy"))
		l := r.open()
		if err := l.index.update(watermark{schema, l.id, l.boot, l.head}, change); err != nil {
			t.Fatal(err)
		}
		l.Close()
		rep, err := Verify(r.dir, nil)
		if err != nil || len(rep.Findings) != 1 || rep.Findings[0].Meaning != meansIndex {
			t.Errorf("%s: %+v %v", name, rep.Findings, err)
		}
		if err := Rebuild(context.Background(), r.dir, r.o); err != nil {
			t.Fatal(err)
		}
		r.verified()
	}
	// The index is ahead: the journal was cut.
	l := r.lines()
	r.open().Close()
	r.setJournal([]byte(strings.Join(l[:2], "")))
	r.found(3, "the index saw record 3")
	r.remove(JournalName)
	if _, err := Verify(r.dir, nil); !errors.Is(err, ErrMissing) {
		t.Errorf("no journal: %v", err)
	}
}

// Each byte of the journal counts.
func TestVerifyEveryByte(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	sound := r.journal()
	for i := range sound {
		b := append([]byte(nil), sound...)
		b[i] ^= 1
		r.setJournal(b)
		rep, err := Verify(r.dir, nil)
		if err != nil || rep.OK() {
			t.Fatalf("byte %d (%q to %q) was changed, and Verify says %+v %v", i, sound[i], b[i], rep, err)
		}
	}
}

func TestRead(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	var ends []int64
	if err := Read(r.dir, 0, func(l *Line) error {
		if l.Number != int64(l.Entry.Seq) {
			t.Errorf("line %d is record %d", l.Number, l.Entry.Seq)
		}
		ends = append(ends, l.End())
		return nil
	}); err != nil || len(ends) != 3 || ends[2] != int64(len(r.journal())) {
		t.Fatal(ends, err)
	}
	// Go on from there, past a line that is being written.
	r.setJournal(append(r.journal(), `{"seq":4,`...))
	n := 0
	if err := Read(r.dir, ends[0], func(l *Line) error { n++; return nil }); err != nil || n != 2 {
		t.Error(n, err)
	}
	stop := errors.New("stop")
	if err := Read(r.dir, 0, func(*Line) error { return stop }); err != stop {
		t.Error(err)
	}
	r.setJournal(append(r.journal(), '\n'))
	if err := Read(r.dir, 0, func(*Line) error { return nil }); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "line 4") {
		t.Error(err)
	}
	r.remove(JournalName)
	if err := Read(r.dir, 0, func(*Line) error { return nil }); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
}
