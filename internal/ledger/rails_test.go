package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

func (r *rig) span(env, commit string) (live bool, since time.Time, longest time.Duration) {
	r.Helper()
	l := r.open()
	defer l.Close()
	live, since, longest, err := l.LiveSpan("shop", policy.EnvironmentName(env), "shop/"+env+".git", lookup(env, commit, mainRef).Refs, policy.ObjectID(commit))
	if err != nil {
		r.Fatal(err)
	}
	return live, since, longest
}

// wantSpan wants the commit live since the record since, zero for none, and the
// longest span from one record to another.
func (r *rig) wantSpan(commit string, live bool, since uint64, from, to uint64) {
	r.Helper()
	gotLive, gotSince, longest := r.span("dev", commit)
	all := r.entries()
	var wantSince time.Time
	if since != 0 {
		wantSince = all[since-1].Time
	}
	var want time.Duration
	if to != 0 {
		want = all[to-1].Time.Sub(all[from-1].Time)
	}
	if gotLive != live || !gotSince.Equal(wantSince) || longest != want {
		r.Fatalf("live %v since %v longest %v, want %v %v %v", gotLive, gotSince, longest, live, wantSince, want)
	}
}

func TestSpanFromSuccess(t *testing.T) {
	r := newRig(t)
	a, b := oid("a"), oid("b")
	rec := r.deployBy(DeployCommand, "dev", mainRef, a)
	r.wantSpan(a, true, 0, 0, 0)
	r.status(rec, StatePending)
	r.clock.t = r.clock.t.Add(time.Hour)
	good := r.status(rec, StateSuccess)
	r.wantSpan(a, true, good, 0, 0)
	// A redeploy does not break it, neither queued nor when it ends well.
	again := r.deployBy(DeployCommand, "dev", mainRef, a)
	r.status(again, StatePending)
	r.wantSpan(a, true, good, 0, 0)
	r.status(again, StateSuccess)
	r.wantSpan(a, true, good, 0, 0)
	r.clock.t = r.clock.t.Add(time.Hour)
	next := r.deployBy(DeployExternal, "dev", mainRef, b)
	r.wantSpan(a, false, 0, good, next)
	// Live again, and it fails: that time does not count, and the old span does.
	rec = r.deployBy(DeployCommand, "dev", mainRef, a)
	r.status(rec, StatePending)
	r.status(rec, StateFailure)
	r.wantSpan(a, true, 0, good, next)
	// A report of the time before says nothing of this one.
	old := r.deployBy(DeployExternal, "dev", mainRef, oid("c"))
	r.deploy("dev", mainRef, a, "deploy")
	rec = r.deployBy(DeployExternal, "dev", mainRef, oid("c"))
	r.status(old, StateSuccess)
	r.wantSpan(oid("c"), true, 0, 0, 0)
	r.wantSpan(oid("c"), true, r.status(rec, StateSuccess), 0, 0)
	// b was never reported while it was live, and a report now is too late.
	r.status(next, StateSuccess)
	r.wantSpan(b, false, 0, 0, 0)
	r.verified()
}

// What failed while it was live has not soaked, however long it was live.
func TestSpanEndsWithFailure(t *testing.T) {
	r := newRig(t)
	a := oid("a")
	rec := r.deployBy(DeployExternal, "dev", mainRef, a)
	r.status(rec, StateSuccess)
	r.clock.t = r.clock.t.Add(5 * time.Hour)
	r.status(rec, StateFailure)
	r.wantSpan(a, true, 0, 0, 0)
	fixed := r.status(rec, StateSuccess)
	r.wantSpan(a, true, fixed, 0, 0)
	r.deploy("dev", mainRef, oid("b"), "deploy")
	r.wantSpan(a, false, 0, fixed, fixed+2)
}

// kargo#3016: what was rolled back has to soak anew.
func TestSpanAfterWithdrawal(t *testing.T) {
	r := newRig(t)
	a, b := oid("a"), oid("b")
	r.deploy("dev", mainRef, a, "deploy")
	first := r.deploy("dev", mainRef, b, "deploy")
	r.wantSpan(b, true, first, 0, 0)
	r.clock.t = r.clock.t.Add(5 * time.Hour)
	r.deploy("dev", mainRef, a, "rollback")
	r.wantSpan(b, false, 0, 0, 0)
	again := r.deploy("dev", mainRef, b, "deploy")
	r.wantSpan(b, true, again, 0, 0)
	end := r.deploy("dev", mainRef, oid("c"), "deploy")
	r.wantSpan(b, false, 0, again, end)
	// By an override it is a rollback all the same.
	r.override("dev", mainRef, b)
	if st := r.standing("dev", oid("c")); st.Withdrawn == 0 {
		t.Error("an override went back, and what it went back from stands")
	}
	r.verified()
}

// A clock that went back makes no time.
func TestSpanClockBack(t *testing.T) {
	r := newRig(t)
	a := oid("a")
	rec := r.deploy("dev", mainRef, a, "deploy")
	r.clock.t = r.clock.t.Add(-time.Minute)
	r.deploy("dev", mainRef, oid("b"), "deploy")
	r.wantSpan(a, false, 0, 0, 0)
	_ = rec
}

func TestOutcome(t *testing.T) {
	r := newRig(t)
	a := oid("a")
	plain := r.deploy("dev", mainRef, oid("0"), "deploy")
	rec := r.deployBy(DeployCommand, "dev", mainRef, a)
	r.status(rec, StatePending)
	good := r.status(rec, StateSuccess)
	again := r.deployBy(DeployCommand, "dev", mainRef, a)
	l := r.open()
	defer l.Close()
	o, pending, err := l.Outcome("shop", "dev", "shop/dev.git", policy.ObjectID(a))
	if err != nil || !pending || o.State != StateSuccess || o.Record != good || o.URL != "https://ci.example/1" || o.Message != "said success" {
		t.Errorf("%+v %v %v", o, pending, err)
	}
	if o, pending, err := l.Outcome("shop", "dev", "shop/other.git", policy.ObjectID(a)); err != nil || pending || o != (Outcome{}) {
		t.Errorf("another repository: %+v %v %v", o, pending, err)
	}
	if o, has, err := l.OutcomeOf(again); err != nil || !has || o != (Outcome{}) {
		t.Errorf("queued: %+v %v %v", o, has, err)
	}
	if o, has, err := l.OutcomeOf(plain); err != nil || has || o != (Outcome{}) {
		t.Errorf("without an outcome: %+v %v %v", o, has, err)
	}
	queued, err := l.Queued("shop", "dev")
	if err != nil || len(queued) != 1 || queued[0].Deployed.Seq != again || queued[0].Pending {
		t.Errorf("%+v %v", queued, err)
	}
	p := StatusOf(&queued[0].Deployed, StatePending)
	p.Token = "mine"
	if err := l.Append(p); err != nil {
		t.Fatal(err)
	}
	queued, err = l.AllQueued()
	if err != nil || len(queued) != 1 || !queued[0].Pending || queued[0].Token != "mine" || !queued[0].Started.Equal(p.Time) {
		t.Errorf("%+v %v", queued, err)
	}
	// The first end is the end, also if somebody writes a second one.
	if err := l.Append(StatusOf(&queued[0].Deployed, StateError), StatusOf(&queued[0].Deployed, StateSuccess)); err != nil {
		t.Fatal(err)
	}
	if o, _, err := l.Outcome("shop", "dev", "shop/dev.git", policy.ObjectID(a)); err != nil || o.State != StateError {
		t.Errorf("%+v %v", o, err)
	}
}

// A long queue is listed in part: its oldest and its newest.
func TestQueuedBound(t *testing.T) {
	r := newRig(t)
	l := r.open()
	defer l.Close()
	var last uint64
	for i := range MaxQueued + 10 {
		id := oid(fmt.Sprint(i))
		e := entryFor(TypeIntent, "dev", mainRef, id, "deploy")
		d := entryFor(TypeDeployed, "dev", mainRef, id, "deploy")
		e.Deploy, d.Deploy = DeployCommand, DeployCommand
		seq, _, _ := l.Last()
		d.Intent = seq + 1
		if err := l.Append(e); err != nil {
			t.Fatal(err)
		}
		if err := l.Append(d); err != nil {
			t.Fatal(err)
		}
		last = d.Seq
	}
	for rounds := 0; ; rounds++ {
		queued, err := l.Queued("shop", "dev")
		if err != nil || len(queued) > MaxQueued || queued[len(queued)-1].Deployed.Seq != last {
			t.Fatalf("%d queued %v", len(queued), err)
		}
		if len(queued) == 1 {
			if rounds != 2 {
				t.Errorf("%d rounds", rounds)
			}
			break
		}
		for i := range queued[:len(queued)-1] {
			if err := l.Append(StatusOf(&queued[i].Deployed, StateSuperseded)); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.Close()
	r.verified()
}

func (r *rig) approve(ref, commit, principal, kind string) {
	r.Helper()
	r.append(naive(r.entries()).approval("dev", ref, commit, principal, kind))
}

func (r *rig) approvals(ref, commit string) (who string, err error) {
	r.Helper()
	l := r.open()
	defer l.Close()
	all, err := l.Approvals("shop", "dev", "shop/dev.git", policy.RefName(ref), policy.ObjectID(commit))
	for _, e := range all {
		who += e.Kind + " " + e.Principal + ";"
	}
	return who, err
}

func TestApprovals(t *testing.T) {
	r := newRig(t)
	a, b, c := oid("a"), oid("b"), oid("c")
	want := func(ref, commit, want string) {
		t.Helper()
		if got, err := r.approvals(ref, commit); err != nil || got != want {
			t.Fatalf("%q %v, want %q", got, err, want)
		}
	}
	r.deploy("dev", mainRef, a, "deploy")
	r.approve(mainRef, c, "ana", KindApprove)
	r.approve(mainRef, c, "bo", KindApprove)
	want(mainRef, c, "approve ana;approve bo;")
	want(mainRef, b, "")
	want("refs/heads/other", c, "")
	r.approve(mainRef, c, "ana", KindReject)
	want(mainRef, c, "approve bo;reject ana;")
	// a, b, a: what was approved while a was live first is void.
	r.deploy("dev", mainRef, b, "deploy")
	r.deploy("dev", mainRef, a, "rollback")
	want(mainRef, c, "reject ana;")
	r.approve(mainRef, c, "ana", KindApprove)
	r.deploy("dev", mainRef, a, "redeploy")
	want(mainRef, c, "approve ana;")
	// A veto makes them void for good.
	r.append(&Entry{Type: TypeVeto, Kind: KindVeto, Service: "shop", Commit: c, Principal: "chi"})
	r.append(&Entry{Type: TypeVeto, Kind: KindLift, Service: "shop", Commit: c, Principal: "chi"})
	want(mainRef, c, "")
	for i := range MaxApprovals {
		r.approve(mainRef, b, fmt.Sprint("p", i), KindApprove)
	}
	if got, err := r.approvals(mainRef, b); err != nil || strings.Count(got, ";") != MaxApprovals {
		t.Fatal(len(got), err)
	}
	r.approve(mainRef, b, "one more", KindApprove)
	if _, err := r.approvals(mainRef, b); !errors.Is(err, ErrTooMany) {
		t.Fatal(err)
	}
	want(mainRef, c, "")
	r.verified()
}

func TestLocksAndOverrides(t *testing.T) {
	r := newRig(t)
	until := testStart.Add(time.Hour + 1)
	r.append(&Entry{Type: TypeLock, Environment: "dev", Principal: "ana", Reason: "audit", Until: until})
	r.append(&Entry{Type: TypeLock, Environment: "dev", Service: "other", Principal: "ana"})
	r.append(&Entry{Type: TypeLock, Environment: "dev", Service: "shop", Ref: mainRef, Principal: "bo"})
	l := r.open()
	locks, err := l.Locks("shop", "dev", mainRef)
	if err != nil || len(locks) != 2 || locks[0].Reason != "audit" || !locks[0].Until.Equal(testStart.Add(time.Hour)) || locks[1].Principal != "bo" {
		t.Errorf("%+v %v", locks, err)
	}
	if locks, err := l.Locks("shop", "stg", mainRef); err != nil || len(locks) != 0 {
		t.Errorf("%+v %v", locks, err)
	}
	if all, more, err := l.AllLocks(); err != nil || len(all) != 3 || more {
		t.Errorf("%+v %v", all, err)
	}
	if _, total, err := l.Overrides("shop", "dev", 20); err != nil || total != 0 {
		t.Error(total, err)
	}
	l.Close()
	var last uint64
	for i := range 23 {
		last = r.override("dev", mainRef, oid(fmt.Sprint(i)))
	}
	l = r.open()
	defer l.Close()
	newest, total, err := l.Overrides("shop", "dev", 20)
	if err != nil || total != 23 || len(newest) != 20 || newest[0].Seq != last || newest[0].Reason != "INC-42" || newest[0].Overrode[0] != "freeze" {
		t.Errorf("%d %d %v", total, len(newest), err)
	}
	l.Close()
	r.verified()
}

// What an index that was changed names is held against the journal.
func TestRailsReadBack(t *testing.T) {
	a, b := oid("a"), oid("b")
	for name, test := range map[string]struct {
		change func(s kv) error
		ask    func(l *Ledger) error
	}{
		"an outcome of another commit": {
			func(s kv) error {
				o, err := outcomeAt(s, deployment{"shop", "dev", "shop/dev.git", "", a})
				if err != nil {
					return err
				}
				return o.put(s, deployment{"shop", "dev", "shop/dev.git", "", b})
			},
			func(l *Ledger) error {
				_, _, err := l.Outcome("shop", "dev", "shop/dev.git", policy.ObjectID(b))
				return err
			},
		},
		"a longer span": {
			func(s kv) error {
				k := recordKey(deployment{"shop", "dev", "shop/dev.git", mainRef, a})
				v, err := s.Get(k)
				if err != nil {
					return err
				}
				at, p, err := cutRecord(v)
				if err != nil || p.length == 0 {
					return fmt.Errorf("no span: %w", err)
				}
				p.length += time.Hour
				return s.Put(k, appendSpan(appendPlace(nil, at), p))
			},
			func(l *Ledger) error {
				_, _, _, err := l.LiveSpan("shop", "dev", "shop/dev.git", lookup("dev", a, mainRef).Refs, policy.ObjectID(a))
				return err
			},
		},
		"a lock from nothing": {
			func(s kv) error {
				at, err := lifeAt(s, key(keyLive, "shop", "dev", "shop/dev.git", mainRef))
				if err != nil {
					return err
				}
				return s.Put(key(keyLock, "dev", "", ""), appendPlace(nil, at.at))
			},
			func(l *Ledger) error { _, err := l.Locks("shop", "dev", mainRef); return err },
		},
		"an approval of another commit": {
			func(s kv) error {
				v, err := s.Get(key(keyApproval, "shop", "dev", "shop/dev.git", mainRef, a, "ana"))
				if err != nil {
					return err
				}
				return s.Put(key(keyApproval, "shop", "dev", "shop/dev.git", mainRef, b, "ana"), append([]byte(nil), v...))
			},
			func(l *Ledger) error {
				_, err := l.Approvals("shop", "dev", "shop/dev.git", mainRef, policy.ObjectID(b))
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.status(r.deployBy(DeployExternal, "dev", mainRef, a), StateSuccess)
			r.deploy("dev", mainRef, b, "deploy")
			r.approve(mainRef, a, "ana", KindApprove)
			l := r.open()
			defer l.Close()
			if err := l.index.update(watermark{schema, l.id, l.boot, l.head}, test.change); err != nil {
				t.Fatal(err)
			}
			if err := test.ask(l); !errors.Is(err, ErrDamaged) {
				t.Errorf("%v, want ErrDamaged", err)
			}
		})
	}
}

// A caller's mistake is an error and not a line that Verify has to find.
func TestAppendShape(t *testing.T) {
	r := newRig(t)
	l := r.open()
	defer l.Close()
	override := entryFor(TypeIntent, "dev", mainRef, oid("a"), KindOverride)
	override.Overrode = []string{"soak"}
	for _, e := range []*Entry{
		{Type: TypeStatus, State: StateSuccess, Record: 1}, {Type: TypeStatus, Record: 1},
		{Type: TypeApproval, Kind: KindApprove}, {Type: TypeApproval, Kind: "yes"},
		{Type: TypeLock}, {Type: TypeUnlock, Environment: "dev"}, {Type: TypeVeto, Kind: KindVeto, Service: "shop"}, {Type: TypeVeto},
		{Type: TypeIntent, Deploy: "later"}, {Type: TypeIntent, Overrode: []string{"soak"}}, {Type: TypeIntent, Kind: KindOverride}, override,
		{Type: TypeIntent, Branch: "JIRA-1"}, {Type: TypeIntent, Action: "merge"}, {Type: TypeIntent, Kind: KindReset},
		{Type: TypeIntent, Action: ActionReset, Kind: KindReset}, {Type: TypeAdopt, Action: ActionRelease},
	} {
		if err := l.Append(e); err == nil {
			t.Errorf("appended %+v", e)
		}
	}
}
