package ledger

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// heard answers by reading all stamps that were received each time: those of the
// ledger that counts, since it does.
type heard []Entry

// of are the stamps of a service, of one kind, with their lines.
func (h heard) of(service, kind string, fn func(e, line *Entry)) {
	for i := range h {
		if e := &h[i]; e.Service == service && e.Kind == kind {
			line, _ := Decode([]byte(e.Lines[0]))
			fn(e, &line)
		}
	}
}

// prior is what the package comment says of stamps, in so many words.
func (h heard) prior(service, commit string, refs []string) (p policy.PriorFacts) {
	on := map[string]bool{}
	for _, r := range refs {
		on[r] = true
	}
	best := map[string]*Entry{} // by ref: the newest deployment of the commit
	var newest *Entry
	h.of(service, KindDeployed, func(e, _ *Entry) {
		if e.Commit != commit || !on[e.Ref] {
			return
		}
		if best[e.Ref] == nil || e.Record > best[e.Ref].Record {
			best[e.Ref] = e
		}
		if newest == nil || e.Record > newest.Record {
			newest = e
		}
	})
	p.Environment, p.Elsewhere = "stg", true
	if newest == nil {
		return p
	}
	taken, takenBy := uint64(0), uint64(0)
	h.of(service, KindWithdrawal, func(e, _ *Entry) {
		if e.Commit == commit && e.Record > taken {
			taken, takenBy = e.Record, e.Seq
		}
	})
	line, _ := Decode([]byte(newest.Lines[0]))
	p.Standing = policy.Standing{Record: newest.Seq, Ref: policy.RefName(newest.Ref), Time: line.Time, Principal: line.Principal}
	if taken > newest.Record {
		p.Standing.Withdrawn = takenBy
	}
	p.Stamped, p.Override = line.Time, line.Kind == KindOverride
	p.Outcome, p.Pending = h.outcome(newest, &line)
	for ref, e := range best {
		last := uint64(0)
		for _, kind := range []string{KindDeployed, KindWithdrawal} {
			h.of(service, kind, func(other, _ *Entry) {
				if other.Ref == ref {
					last = max(last, other.Record)
				}
			})
		}
		if last != e.Record {
			continue
		}
		p.IsLive = true
		line, _ := Decode([]byte(e.Lines[0]))
		since := line.Time
		if line.Deploy != "" {
			o, _ := h.outcome(e, &line)
			if since = o.Time; o.State != StateSuccess {
				continue
			}
		}
		if taken < e.Record && (p.LiveSince.IsZero() || since.Before(p.LiveSince)) {
			p.LiveSince = since
		}
	}
	return p
}

func (h heard) outcome(d, line *Entry) (o policy.Outcome, pending bool) {
	if line.Deploy == "" {
		return policy.Outcome{State: policy.OutcomeNone}, false
	}
	pending = true
	newest := uint64(0)
	h.of(d.Service, KindStatus, func(e, status *Entry) {
		if status.Record != d.Record || e.Record < newest {
			return
		}
		newest, pending, o = e.Record, status.State == StatePending, policy.Outcome{}
		switch status.State {
		case StateSuccess, StateFailure, StateError:
			o = policy.Outcome{State: status.State, Record: e.Seq, Time: status.Time, URL: status.URL, Message: status.Message}
		}
	})
	return o, pending
}

// fill does random things at the origin, for two services.
func (o *origin) fill(random *rand.Rand, steps int, commits []string) {
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	for range steps {
		service, ref, commit := pick([]string{"shop", "shop", "cart"}), pick(modelRefs), pick(commits)
		n := naive(o.rig.entries())
		mine := func(e *Entry) { e.Service, e.Repository = service, service+"/stg.git" }
		switch random.IntN(12) {
		case 0:
			e := entryFor(TypeAdopt, "stg", ref, commit, "adopt")
			mine(e)
			o.append(e)
		case 1, 2, 3, 4:
			o.settle("stg", ref, commit, func(e *Entry) {
				mine(e)
				e.Kind, e.Deploy = "deploy", pick([]string{DeployCommand, DeployExternal})
			})
		case 5, 6, 7:
			if e := n.randomStatus(random); e != nil {
				o.append(e)
			}
		case 8:
			if e := n.randomAction(random, "stg", ref); service == "shop" && e != nil {
				o.act(e, "stg", ref, commit)
			}
		case 9:
			o.settle("stg", ref, commit, func(e *Entry) {
				mine(e)
				e.Kind, e.Overrode, e.Reason, e.Rules = KindOverride, []string{"freeze"}, "INC-42", passed("freeze")
			})
		case 10:
			n = n.service("shop")
			on, _ := n.standing("stg", commit, []string{ref})
			if record, withdrawn := n.standing("stg", commit, modelRefs); on != 0 && record != 0 && withdrawn == 0 && on < n.live("stg", ref) {
				o.deploy("stg", ref, commit, "rollback")
			}
		default:
			o.settle("stg", ref, commit, func(e *Entry) { mine(e); e.Kind = "deploy" })
		}
	}
}

// service is what is about one service.
func (n naive) service(name string) (out naive) {
	for _, e := range n {
		if e.Service == name {
			out = append(out, e)
		}
	}
	return out
}

// all are all stamps that the origin would make of what it has, each with a
// checkpoint of when it could.
func (o *origin) all(random *rand.Rand) (stamps []*Entry) {
	o.read()
	l := o.open()
	defer l.Close()
	for _, e := range o.entries {
		size := int(e.Seq) + random.IntN(len(o.raw)-int(e.Seq)+1)
		switch e.Type {
		case TypeDeployed, TypeAdopt:
			stamps = append(stamps, o.stampAt(KindDeployed, e.Seq, e.Commit, size))
			took, err := l.Withdrew(&e)
			if err != nil {
				o.Fatal(err)
			}
			for _, c := range took {
				stamps = append(stamps, o.stampAt(KindWithdrawal, e.Seq, string(c), size))
			}
		case TypeStatus:
			stamps = append(stamps, o.stampAt(KindStatus, e.Seq, e.Commit, size))
		}
	}
	random.Shuffle(len(stamps), func(i, j int) { stamps[i], stamps[j] = stamps[j], stamps[i] })
	return stamps
}

// Whatever the order in which stamps arrive, and whatever arrives twice, what
// they tell is what the words say; and once all have arrived, it is what the
// origin itself says.
func TestStampModel(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 6))
			commits := make([]string, 5)
			for i := range commits {
				commits[i] = oid(fmt.Sprint("commit", i))
			}
			o, r := newOrigin(t), newRig(t)
			o.fill(random, 60, commits)
			stamps := o.all(random)
			var known heard
			for i := 0; i < len(stamps); i++ {
				batch := []*Entry{cloned(stamps[i])}
				if i+1 < len(stamps) && random.IntN(3) == 0 {
					i++
					batch = append(batch, cloned(stamps[i]))
				}
				if i > 5 && random.IntN(4) == 0 {
					batch = append(batch, cloned(stamps[random.IntN(i)]))
				}
				for _, f := range r.receive(batch...) {
					if f.State != StampNew && f.State != StampKnown {
						t.Fatalf("%+v", f)
					}
					if f.State == StampNew {
						known = append(known, *f.Append)
					}
				}
				compareStamps(t, r, known, commits)
			}
			compareOrigin(t, o, r, commits)
			if rep := r.verified(); rep.Unsigned != uint64(len(known)) || rep.Counts[TypeStamp] != rep.Unsigned {
				t.Errorf("%+v", rep)
			}
			want := r.dump()
			r.remove(IndexName)
			if got := r.dump(); !reflect.DeepEqual(got, want) {
				t.Error("rebuilt it says something else")
			}
		})
	}
}

func cloned(e *Entry) *Entry {
	c := *e
	return &c
}

func compareStamps(t *testing.T, r *rig, known heard, commits []string) {
	t.Helper()
	l := r.open()
	defer l.Close()
	for _, service := range []string{"shop", "cart"} {
		for _, c := range commits {
			for _, q := range []struct{ patterns, refs []string }{
				{[]string{mainRef}, []string{mainRef}},
				{[]string{"refs/heads/eu/*"}, modelRefs[1:]},
				{nil, modelRefs},
			} {
				look := elsewhere("stg", c, q.patterns...)
				look.Service, look.Repository = policy.Service(service), service+"/stg.git"
				if q.patterns == nil {
					look.Repository = ""
				}
				got, err := l.Prior(policy.Needs{}, look)
				same(t, fmt.Sprint(service, " ", c[:7], q.patterns), err, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", known.prior(service, c, q.refs)))
			}
		}
		size, record := int64(0), uint64(0)
		for _, e := range known {
			if tree, err := e.StampTree(); err != nil {
				t.Fatal(err)
			} else if e.Service == service && tree.N > size {
				size, record = tree.N, e.Seq
			}
		}
		_, tree, at, err := l.OriginTree(policy.Service(service), "stg")
		same(t, "tree", err, []any{tree.N, at}, []any{size, record})
	}
}

// compareOrigin holds what all stamps tell against the origin.
func compareOrigin(t *testing.T, o *origin, r *rig, commits []string) {
	t.Helper()
	own, l := o.open(), r.open()
	defer own.Close()
	defer l.Close()
	here := r.entries()
	there := func(seq uint64) uint64 {
		if seq == 0 {
			return 0
		}
		return here[seq-1].Record
	}
	for _, service := range []policy.Service{"shop", "cart"} {
		for _, c := range commits {
			q := elsewhere("stg", c, modelRefs...)
			q.Service, q.Repository = service, string(service)+"/stg.git"
			p, e, err := l.StampStanding(q)
			if err != nil || e.Seq != p.Standing.Record {
				t.Fatal(e.Seq, err)
			}
			q.Elsewhere = false
			want, err := own.Standing(q)
			same(t, "standing", err, []any{there(p.Standing.Record), there(p.Standing.Withdrawn), p.Stamped}, []any{want.Record, want.Withdrawn, want.Time})
			live, _, _, err := own.LiveSpan(q.Service, "stg", q.Repository, q.Refs, q.Commit)
			same(t, "live", err, p.IsLive, live)
		}
		want, err := own.Lives(service, "stg", "")
		got, wrong := l.StampLive(service, "stg")
		for i := range got {
			got[i].Record = there(got[i].Record)
		}
		if err != nil || wrong != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("live %+v %v %v, want %+v", got, err, wrong, want)
		}
	}
}
