package ledger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

func TestStampShape(t *testing.T) {
	o := newOrigin(t)
	a, b := oid("a"), oid("b")
	o.deployBy(DeployCommand, "stg", mainRef, a)                                                   // 3
	o.status(3, StatePending)                                                                      // 4
	o.deploy("stg", mainRef, b, "deploy")                                                          // 6
	o.deploy("stg", mainRef, a, "rollback")                                                        // 8
	o.append(&Entry{Type: TypeVeto, Kind: KindVeto, Service: "shop", Commit: a, Principal: "ana"}) // 9
	good := map[string]*Entry{"deployed": o.deployed(3), "status": o.reported(4), "withdrawal": o.took(8, b), "rollback": o.deployed(8),
		"successor": o.successor(6), "fork": with(o.deployed(6), func(e *Entry) { e.Kind, e.Reason = KindFork, "why" })}
	r := newRig(t)
	l := r.open()
	defer l.Close()
	for name, e := range good {
		if err := l.Append(cloned(e)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if about, err := e.Stamp(); (err != nil || about != e.Kind) && e.Kind != KindFork && e.Kind != KindSuccessor {
			t.Errorf("%s: %s %v", name, about, err)
		}
	}
	if about, err := good["successor"].Stamp(); about != KindDeployed || err != nil {
		t.Error(about, err)
	}
	line := func(change func(*Entry)) func(*Entry) {
		return func(e *Entry) { e.Lines = []string{altered(e.Lines[0], change), e.Lines[1]} }
	}
	for name, test := range map[string]struct {
		of     string
		change func(*Entry)
		what   string
	}{
		"no kind":            {"deployed", func(e *Entry) { e.Kind = "" }, "does not say what"},
		"another kind":       {"deployed", func(e *Entry) { e.Kind = "deploy" }, "does not say what"},
		"no origin":          {"deployed", func(e *Entry) { e.Origin = "" }, "the ledger"},
		"a short origin":     {"deployed", func(e *Entry) { e.Origin = e.Origin[1:] }, "the ledger"},
		"a capital origin":   {"deployed", func(e *Entry) { e.Origin = strings.Repeat("A", 32) }, "the ledger"},
		"no record":          {"deployed", func(e *Entry) { e.Record = 0 }, "names no record"},
		"no time":            {"deployed", func(e *Entry) { e.Stamped = time.Time{} }, "when"},
		"an early time":      {"deployed", func(e *Entry) { e.Stamped = time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC) }, "when"},
		"another tree":       {"deployed", func(e *Entry) { e.Tree = oid("d") }, "another tree"},
		"another subject":    {"deployed", func(e *Entry) { e.Subject += "x" }, "another subject"},
		"a tree taken away":  {"withdrawal", func(e *Entry) { e.Tree = oid("d") }, "another tree"},
		"a state of none":    {"deployed", func(e *Entry) { e.State = StateSuccess }, "another state"},
		"more than the line": {"deployed", func(e *Entry) { e.Rules = []string{"x=yes"} }, "says more"},
		"with a reason":      {"deployed", func(e *Entry) { e.Reason = "x" }, "says more"},
		"no key":             {"deployed", func(e *Entry) { e.Key = "" }, "key"},
		"a padded key":       {"deployed", func(e *Entry) { e.Key += "=" }, "key"},
		"another hash":       {"deployed", func(e *Entry) { e.Key = strings.Replace(e.Key, "SHA256", "SHA512", 1) }, "key"},
		"no checkpoint":      {"deployed", func(e *Entry) { e.Checkpoint = "" }, "no size and root"},
		"a size with a plus": {"deployed", func(e *Entry) { e.Checkpoint = "+" + e.Checkpoint }, "no size and root"},
		"a size of nothing":  {"deployed", func(e *Entry) { e.Checkpoint = "0" + e.Checkpoint[1:] }, "no size and root"},
		"a root cut":         {"deployed", func(e *Entry) { e.Checkpoint = e.Checkpoint[:len(e.Checkpoint)-4] }, "no size and root"},
		"three words":        {"deployed", func(e *Entry) { e.Checkpoint += " x" }, "no size and root"},
		"too small":          {"deployed", func(e *Entry) { e.Checkpoint = "2" + e.Checkpoint[1:] }, "does not reach"},
		"no lines":           {"deployed", func(e *Entry) { e.Lines = nil }, "a line and its signature"},
		"three lines":        {"deployed", func(e *Entry) { e.Lines = append(slices.Clone(e.Lines), "x") }, "a line and its signature"},
		"no signature":       {"deployed", func(e *Entry) { e.Lines = []string{e.Lines[0], ""} }, "in base64"},
		"an odd signature":   {"deployed", func(e *Entry) { e.Lines = []string{e.Lines[0], "c2ln\n"} }, "in base64"},
		"no entry":           {"deployed", func(e *Entry) { e.Lines = []string{"{}", "c2ln"} }, "its line: "},
		"not canonical":      {"deployed", func(e *Entry) { e.Lines = []string{strings.Replace(e.Lines[0], `"ana"`, `"\u0061na"`, 1), "c2ln"} }, "not written as"},
		"a bidi sign in it": {"deployed", func(e *Entry) {
			e.Lines = []string{strings.TrimSuffix(e.Lines[0], "}") + ",\"later\":\"\u202e\"}", "c2ln"}
		}, "not written as"},
		"no service":          {"deployed", func(e *Entry) { e.Service = "" }, "names no service"},
		"no commit":           {"deployed", func(e *Entry) { e.Commit = "" }, "names no commit"},
		"another service":     {"deployed", func(e *Entry) { e.Service = "cart" }, "another service"},
		"another environment": {"deployed", func(e *Entry) { e.Environment = "dev" }, "another environment"},
		"another repository":  {"deployed", func(e *Entry) { e.Repository = "x.git" }, "another repository"},
		"another ref":         {"deployed", func(e *Entry) { e.Ref = "refs/heads/x" }, "another ref"},
		"another record":      {"deployed", func(e *Entry) { e.Record = 5 }, "another record"},
		"another time":        {"deployed", func(e *Entry) { e.Stamped = e.Stamped.Add(1000) }, "another time"},
		"another principal":   {"deployed", func(e *Entry) { e.Principal = "bo" }, "another principal"},
		"another commit":      {"deployed", func(e *Entry) { e.Commit = b }, "withdraws none"},
		"a status called one": {"status", func(e *Entry) { e.Kind = KindDeployed }, "kind status"},
		"another state":       {"status", func(e *Entry) { e.State = StateSuccess }, "another state"},
		"a status of another": {"status", func(e *Entry) { e.Commit = b }, "nothing that there are stamps of"},
		"of a later record":   {"status", line(func(l *Entry) { l.Record = l.Seq }), "nothing that there are stamps of"},
		"withdraws its own":   {"withdrawal", func(e *Entry) { e.Commit = a }, "kind deployed"},
		"a veto":              {"deployed", line(func(l *Entry) { l.Type = TypeVeto }), "nothing that there are stamps of"},
		"an intent":           {"deployed", line(func(l *Entry) { l.Type = TypeIntent }), "nothing that there are stamps of"},
		"a plain withdrawal":  {"withdrawal", line(func(l *Entry) { l.Kind = "deploy" }), "withdraws none"},
		"a fork without why":  {"fork", func(e *Entry) { e.Reason = "" }, "names no reason"},
		"a fork of no commit": {"fork", func(e *Entry) { e.Commit = "" }, "names no commit"},
		"nobody's successor":  {"successor", func(e *Entry) { e.Principal = "" }, "names no principal"},
		"a serial":            {"deployed", func(e *Entry) { e.Serial = 1 }, "is no policy"},
		"no stamp":            {"deployed", func(e *Entry) { e.Type, e.Lines = TypeDrift, nil }, "is no stamp"},
	} {
		e := cloned(good[test.of])
		test.change(e)
		err := l.Append(cloned(e))
		if err == nil || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "no stamp" {
			continue
		}
		if err := CheckStamp(e); err == nil || !strings.Contains(err.Error(), test.what) {
			t.Errorf("%s: checked: %v", name, err)
		}
		if fits, err := l.WeighStamps(e); err != nil || fits[0].State != StampUnfit || fits[0].Append != nil || !strings.Contains(fits[0].Reason, test.what) {
			t.Errorf("%s: weighed: %+v %v", name, fits, err)
		}
	}
}

// altered is a line with something else in it.
func altered(line string, change func(*Entry)) string {
	e, err := Decode([]byte(line))
	if err != nil {
		panic(err)
	}
	change(&e)
	b, err := Encode(&e)
	if err != nil {
		panic(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}

// otherLine makes e a stamp of another line of the same number.
func otherLine(e *Entry) *Entry {
	e = cloned(e)
	e.Lines = []string{altered(e.Lines[0], func(l *Entry) { l.Subject = "another history" }), e.Lines[1]}
	e.Subject = "another history"
	return e
}

func otherTree(e *Entry) *Entry {
	e = cloned(e)
	tree, _ := e.StampTree()
	tree.Hash[0] ^= 1
	e.Checkpoint = CheckpointText(tree)
	return e
}

func TestStampForks(t *testing.T) {
	a, b := oid("a"), oid("b")
	for name, test := range map[string]struct {
		first, second func(o *origin) *Entry
		what          string
	}{
		"two lines of one number": {func(o *origin) *Entry { return o.deployed(3) }, func(o *origin) *Entry { return otherLine(o.deployed(3)) }, "two lines of number 3"},
		"a line that does not follow": {func(o *origin) *Entry { return otherLine(o.deployed(3)) }, func(o *origin) *Entry { return o.reported(4) },
			"line 4 that does not follow line 3"},
		"one that is not followed": {func(o *origin) *Entry { return o.reported(4) }, func(o *origin) *Entry { return otherLine(o.deployed(3)) },
			"line 4 that does not follow line 3"},
		"two trees of one size":    {func(o *origin) *Entry { return o.deployed(3) }, func(o *origin) *Entry { return otherTree(o.deployed(6)) }, "two trees of 8 lines"},
		"told to another service":  {func(o *origin) *Entry { return o.deployed(3) }, func(o *origin) *Entry { return otherTree(o.deployed(8)) }, "two trees of 8 lines"},
		"of what is known already": {func(o *origin) *Entry { return o.deployed(3) }, func(o *origin) *Entry { return otherTree(o.deployed(3)) }, "two trees of 8 lines"},
	} {
		for _, together := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", together), func(t *testing.T) {
				o, r := newOrigin(t), newRig(t)
				o.deployBy(DeployExternal, "stg", mainRef, a)                                                                      // 3
				o.status(3, StateSuccess)                                                                                          // 4
				o.deploy("stg", mainRef, b, "deploy")                                                                              // 6
				o.settle("stg", mainRef, b, func(e *Entry) { e.Service, e.Repository, e.Kind = "cart", "cart/stg.git", "deploy" }) // 8
				first, second := test.first(o), test.second(o)
				var fork StampFit
				if together {
					fork = r.receive(cloned(first), cloned(second))[1]
				} else {
					r.fits(StampNew, cloned(first))
					fork = r.fits(StampFork, cloned(second))[0]
				}
				if fork.State != StampFork || fork.Record != 2 || !strings.Contains(fork.Reason, test.what) || !strings.Contains(fork.Reason, o.id) {
					t.Fatalf("%+v", fork)
				}
				on := r.entries()[2]
				if on.Kind != KindFork || on.Reason != fork.Reason || on.Lines[0] != second.Lines[0] || on.Checkpoint != second.Checkpoint {
					t.Fatalf("on record is %+v", on)
				}
				q := elsewhere("stg", a)
				q.Service, q.Repository = policy.Service(second.Service), ""
				if p := r.prior(q); p.Forked != 3 || !p.Elsewhere {
					t.Errorf("%+v", p)
				}
				again := r.fits(StampBarred, cloned(second), o.deployed(6).as(second.Service, o))
				if again[0].Record != 3 || len(r.entries()) != 3 {
					t.Errorf("%+v", again)
				}
				r.verified()

				// An operator says which history goes on.
				r.fits(StampNew, with(cloned(second), func(e *Entry) { e.Kind, e.Principal, e.Reason = KindSuccessor, "ops", "accepted" }))
				if p := r.prior(q); p.Forked != 0 || p.Standing.Record != 0 {
					t.Errorf("after the successor: %+v", p)
				}
				if second.Service == "shop" && second.Kind == KindDeployed {
					r.fits(StampNew, cloned(second))
					if p := r.prior(elsewhere("stg", second.Commit)); p.Forked != 0 || p.Standing.Record != 5 {
						t.Errorf("of the successor: %+v", p)
					}
				}
				r.verified()
			})
		}
	}
}

// as is e, or the origin's stamp of the other service where that is asked for.
func (e *Entry) as(service string, o *origin) *Entry {
	if e.Service == service {
		return e
	}
	return o.deployed(8)
}

// asked opens the ledger for one question.
func asked[T any](r *rig, question func(*Ledger) (T, error)) (T, error) {
	l := r.open()
	defer l.Close()
	return question(l)
}

// What one environment's key signs does not bear on another environment.
func TestStampsOfAnotherEnvironment(t *testing.T) {
	o, r := newOrigin(t), newRig(t)
	a := oid("a")
	o.deploy("stg", mainRef, a, "deploy") // 3
	o.deploy("dev", mainRef, a, "deploy") // 5
	lie := o.deployed(3)
	lie.Environment, lie.Repository = "dev", "shop/dev.git"
	lie.Lines = []string{altered(lie.Lines[0], func(l *Entry) { l.Environment, l.Repository = "dev", "shop/dev.git" }), "c2ln"}
	r.fits(StampNew, otherTree(lie), o.deployed(3))
	if p := r.prior(elsewhere("stg", a)); p.Forked != 0 || p.Standing.Record != 3 {
		t.Errorf("%+v", p)
	}
	r.fits(StampFork, o.deployed(5))
	if p := r.prior(elsewhere("stg", a)); p.Forked != 0 {
		t.Errorf("%+v", p)
	}
	if p := r.prior(elsewhere("dev", a)); p.Forked != 4 {
		t.Errorf("%+v", p)
	}
	all, err := asked(r, (*Ledger).Origins)
	if err != nil || len(all) != 2 || all[0].Forked != 4 || all[1].Forked != 0 || all[1].Ledger != o.id {
		t.Errorf("%+v %v", all, err)
	}
}

func TestStampSuccessor(t *testing.T) {
	old, other, r := newOrigin(t), newOrigin(t), newRig(t)
	a, b := oid("a"), oid("b")
	for range 4 {
		old.deploy("stg", mainRef, a, "deploy")
	}
	other.deploy("stg", mainRef, a, "deploy") // 3
	other.deploy("stg", mainRef, b, "deploy") // 5
	r.fits(StampNew, old.deployed(9))         // 2
	f := r.fits(StampOther, other.deployed(3))[0]
	if f.Record != 2 || f.Append != nil || !strings.Contains(f.Reason, other.id) || !strings.Contains(f.Reason, old.id) {
		t.Errorf("%+v", f)
	}
	if p := r.prior(elsewhere("stg", a, mainRef)); p.Standing.Record != 2 || !p.IsLive {
		t.Errorf("%+v", p)
	}
	r.fits(StampNew, other.successor(3)) // 3
	if p := r.prior(elsewhere("stg", a)); p.Standing.Record != 0 || p.IsLive {
		t.Errorf("of the old ledger: %+v", p)
	}
	l := r.open()
	origin, tree, record, err := l.OriginTree("shop", "stg")
	l.Close()
	if origin != other.id || tree != other.trees[5] || record != 3 || err != nil {
		t.Errorf("%s %v %d %v", origin, tree, record, err)
	}
	// Its numbers begin anew, and what the old one said of higher ones is no bar.
	r.fits(StampOther, old.deployed(7))
	r.fits(StampNew, other.deployed(3), other.deployed(5)) // 4, 5
	if p := r.prior(elsewhere("stg", a)); p.Standing.Record != 4 || p.IsLive {
		t.Errorf("of the new ledger: %+v", p)
	}
	live, err := asked(r, func(l *Ledger) ([]LiveRef, error) { return l.StampLive("", "") })
	if err != nil || len(live) != 1 || live[0].Record != 5 || live[0].Commit != policy.ObjectID(b) || live[0].Environment != "stg" {
		t.Errorf("%+v %v", live, err)
	}
	r.verified()
	r.forge(old.deployed(5))
	r.found(6, "it is of ledger "+old.id)
}

func TestKnownStamps(t *testing.T) {
	o, r := newOrigin(t), newRig(t)
	a, b := oid("a"), oid("b")
	o.deployBy(DeployExternal, "stg", mainRef, a) // 3
	o.status(3, StateFailure)                     // 4
	o.deployBy(DeployExternal, "stg", mainRef, a) // 6
	o.status(6, StateSuccess)                     // 7
	o.deploy("stg", mainRef, b, "deploy")         // 9
	o.deploy("stg", mainRef, a, "rollback")       // 11
	if f := r.receive(o.reported(7), o.reported(7)); f[0].State != StampNew || f[1].State != StampKnown || f[1].Record != 2 {
		t.Errorf("%+v", f)
	}
	if p := r.prior(elsewhere("stg", a)); p.Standing.Record != 0 || p.Outcome.State != "" {
		t.Errorf("of a status alone: %+v", p)
	}
	r.fits(StampNew, o.deployed(6)) // 3
	p := r.prior(elsewhere("stg", a))
	if p.Standing.Record != 3 || p.Outcome.State != StateSuccess || p.Outcome.Record != 2 || p.Outcome.URL == "" ||
		!p.LiveSince.Equal(o.entries[6].Time) || p.Soaked != 0 || !p.Stamped.Equal(o.entries[5].Time) {
		t.Errorf("%+v", p)
	}
	r.fits(StampKnown, o.deployed(3), o.reported(4), o.deployed(6))
	r.fits(StampNew, o.took(11, b)) // 4: b was live there, and no more; a is again
	if p := r.prior(elsewhere("stg", a)); p.IsLive {
		t.Errorf("live by a deployment that is not the newest: %+v", p)
	}
	r.fits(StampNew, o.deployed(9))
	if p := r.prior(elsewhere("stg", b)); p.Standing.Record != 5 || p.Standing.Withdrawn != 4 || p.IsLive {
		t.Errorf("%+v", p)
	}
	l := r.open()
	sum, ours, err := l.KnownStamp("stg", o.id, 11)
	if ours != 4 || hash(sum) != hashOf([]byte(o.raw[10])) || err != nil {
		t.Errorf("%x %d %v", sum, ours, err)
	}
	if _, ours, err := l.KnownStamp("dev", o.id, 11); ours != 0 || err != nil {
		t.Error(ours, err)
	}
	if _, err := l.WeighStamps(&Entry{Type: TypeDrift}); err == nil {
		t.Error("weighed what is no stamp")
	}
	l.Close()
	// A deployment of a local ledger of the same name is no stamp.
	c := oid("c")
	r.deploy("stg", mainRef, c, "deploy")
	if p := r.prior(elsewhere("stg", c)); p.Standing.Record != 0 || p.IsLive {
		t.Errorf("%+v", p)
	}
}

// What one service has seen of a ledger stays when another takes a successor.
func TestSightingsOfServices(t *testing.T) {
	o, r := newOrigin(t), newRig(t)
	a, b := oid("a"), oid("b")
	o.deploy("stg", mainRef, a, "deploy")                                                                                     // 3
	o.settle("stg", mainRef, b, func(e *Entry) { e.Service, e.Repository, e.Kind = "cart", "cart/stg.git", "deploy" })        // 5
	o.settle("stg", "refs/heads/x", b, func(e *Entry) { e.Service, e.Repository, e.Kind = "cart", "cart/stg.git", "deploy" }) // 7
	r.fits(StampNew, o.deployed(5))                                                                                           // 2, of cart: the tree of 7
	r.fits(StampNew, o.successor(3))                                                                                          // 3, of shop
	r.fits(StampNew, otherTree(o.deployed(3)))                                                                                // 4: shop has seen no other
	if f := r.fits(StampFork, otherTree(o.deployed(7)))[0]; f.Record != 2 {                                                   // 5
		t.Errorf("cart has forgotten what it saw: %+v", f)
	}
	if f := r.fits(StampFork, o.reported3(a))[0]; f.Record != 4 {
		t.Errorf("shop has forgotten what it saw: %+v", f)
	}
	r.verified()
}

// reported3 is another stamp of shop, with the tree of all that there is.
func (o *origin) reported3(commit string) *Entry {
	e := o.deployed(3)
	e.Lines = []string{altered(e.Lines[0], func(l *Entry) { l.Type, l.State, l.Record, l.Kind, l.Seq = TypeStatus, StateSuccess, 1, "", 6 }), e.Lines[1]}
	e.Kind, e.State, e.Record = KindStatus, StateSuccess, 6
	return e
}

func TestHoldsStamp(t *testing.T) {
	o, r := newOrigin(t), newRig(t)
	a := oid("a")
	o.deploy("stg", mainRef, a, "deploy") // 3
	o.deploy("stg", mainRef, a, "deploy") // 5
	first, second := o.stampAt(KindDeployed, 3, a, 0+len(o.read().raw)), o.deployed(5)
	r.fits(StampNew, cloned(first), cloned(second))
	for name, test := range map[string]struct {
		e    *Entry
		want bool
	}{
		"it":                     {second, true},
		"one of before":          {first, false},
		"another signature":      {with(cloned(second), func(e *Entry) { e.Lines = []string{e.Lines[0], "eHh4"} }), false},
		"another tree":           {otherTree(second), false},
		"another line":           {otherLine(second), false},
		"another ledger":         {with(cloned(second), func(e *Entry) { e.Origin = strings.Repeat("0", 32) }), false},
		"another commit":         {with(cloned(second), func(e *Entry) { e.Commit = oid("b") }), false},
		"of another environment": {with(cloned(second), func(e *Entry) { e.Environment = "dev" }), false},
		"no line":                {with(cloned(second), func(e *Entry) { e.Lines = nil }), false},
	} {
		held, err := asked(r, func(l *Ledger) (bool, error) { return l.HoldsStamp(cloned(test.e)) })
		if held != test.want || err != nil {
			t.Errorf("%s: %v %v", name, held, err)
		}
	}
	r.fits(StampNew, o.successor(5))
	if held, err := asked(r, func(l *Ledger) (bool, error) { return l.HoldsStamp(cloned(second)) }); held || err != nil {
		t.Error("it is of before the successor", err)
	}
}

// What a withdrawal tells is live stands by the stamp of its deployment, in
// whatever order the two came.
func TestStampLiveAfterWithdrawal(t *testing.T) {
	o := newOrigin(t)
	a, b := oid("a"), oid("b")
	o.deploy("stg", mainRef, a, "deploy")
	o.deploy("stg", mainRef, b, "deploy")
	o.deploy("stg", mainRef, a, "rollback")
	o.read()
	last := uint64(len(o.entries))
	for _, stamps := range [][]*Entry{{o.took(last, b), o.deployed(last)}, {o.deployed(last), o.took(last, b)}, {o.took(last, b)}} {
		r := newRig(t)
		fits := r.receive(stamps...)
		live, err := asked(r, func(l *Ledger) ([]LiveRef, error) { return l.StampLive("shop", "stg") })
		if err != nil || len(live) != 1 || string(live[0].Commit) != a {
			t.Fatalf("%+v %v", live, err)
		}
		want := fits[0].Append
		for i, e := range stamps {
			if e.Kind == KindDeployed {
				want = fits[i].Append
			}
		}
		if live[0].Record != want.Seq {
			t.Errorf("of %d stamps: record %d, want %d", len(stamps), live[0].Record, want.Seq)
		}
	}
}
