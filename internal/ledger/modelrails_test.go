package ledger

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// statuses lists what was said of one record, oldest first.
func (n naive) statuses(record uint64) (all []Entry) {
	for _, e := range n {
		if e.Type == TypeStatus && e.Record == record {
			all = append(all, e)
		}
	}
	return all
}

func (n naive) ended(record uint64) bool {
	all := n.statuses(record)
	return len(all) > 0 && all[len(all)-1].State != StatePending
}

// randomStatus is a status that may follow, nil if chance finds none.
func (n naive) randomStatus(random *rand.Rand) *Entry {
	e := n[random.IntN(len(n))]
	if e.Type != TypeDeployed || e.Deploy == "" {
		return nil
	}
	states := []string{StatePending, StateSuccess, StateSuccess, StateFailure, StateError}
	said := n.statuses(e.Seq)
	switch {
	case n.ended(e.Seq) && e.Deploy == DeployCommand:
		return nil
	case n.ended(e.Seq):
		states = states[1:]
	case e.Deploy == DeployCommand && len(said) == 0:
		states = []string{StatePending, StatePending, StateSuperseded, StateError}
	case e.Deploy == DeployCommand:
		states = append(states[1:], StateSuperseded)
	}
	return StatusOf(&e, states[random.IntN(len(states))])
}

func (n naive) outcome(env, commit string) (state string, record uint64, pending bool) {
	for _, e := range n {
		if e.Environment != env || e.Commit != commit {
			continue
		}
		if e.Type == TypeDeployed && e.Deploy != "" {
			pending = !n.ended(e.Seq)
		}
		if e.Type == TypeStatus && e.State != StatePending && e.State != StateSuperseded {
			state, record = e.State, e.Seq
		}
	}
	return state, record, pending
}

func (n naive) queue(env string) (seqs []uint64) {
	for _, e := range n {
		if e.Type == TypeDeployed && e.Environment == env && e.Deploy == DeployCommand && !n.ended(e.Seq) {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

// span goes through each ref's history run by run, as the package comment
// says it.
func (n naive) span(env, commit string, refs []string) (live bool, since time.Time, longest time.Duration) {
	withdrawn := n.withdrawnBy(env)[commit]
	for _, ref := range refs {
		var run []Entry // the deployments of the commit since another was live, or it was withdrawn
		var begin time.Time
		for _, e := range n {
			switch deployed := e.Type == TypeDeployed || e.Type == TypeAdopt; {
			case e.Environment != env || e.Ref != ref:
			case deployed && e.Commit != commit:
				if len(run) > 0 && run[0].Seq > withdrawn && !begin.IsZero() {
					longest = max(longest, e.Time.Sub(begin))
				}
				run, begin = nil, time.Time{}
			case deployed:
				if len(run) > 0 && run[0].Seq < withdrawn && e.Seq > withdrawn {
					run, begin = nil, time.Time{}
				}
				run = append(run, e)
				if begin.IsZero() && e.Deploy == "" {
					begin = e.Time
				}
			case e.Type == TypeStatus && len(run) > 0 && e.Commit == commit && e.Record >= run[0].Seq:
				switch {
				case e.State == StateFailure || e.State == StateError:
					begin = time.Time{}
				case e.State == StateSuccess && begin.IsZero():
					begin = e.Time
				}
			}
		}
		if len(run) == 0 {
			continue
		}
		live = true
		if run[0].Seq > withdrawn && !begin.IsZero() && (since.IsZero() || begin.Before(since)) {
			since = begin
		}
	}
	return live, since, longest
}

func (n naive) liveCommit(env, ref string) string {
	if seq := n.live(env, ref); seq != 0 {
		return n[seq-1].Commit
	}
	return ""
}

func (n naive) approval(env, ref, commit, principal, kind string) *Entry {
	return &Entry{Type: TypeApproval, Kind: kind, Service: "shop", Environment: env, Repository: "shop/" + env + ".git",
		Ref: ref, Commit: commit, Old: n.liveCommit(env, ref), Principal: principal}
}

// approvals lists the newest statements that hold.
func (n naive) approvals(env, ref, commit string) (seqs []uint64) {
	_, veto := n.veto(commit)
	for i, e := range n {
		if e.Type != TypeApproval || e.Environment != env || e.Ref != ref || e.Commit != commit {
			continue
		}
		void := e.Kind == KindApprove && e.Seq < veto
		for _, later := range n[i+1:] {
			switch {
			case later.Environment != env || later.Ref != ref:
			case later.Type == TypeApproval && later.Commit == commit && later.Principal == e.Principal:
				void = true
			case (later.Type == TypeDeployed || later.Type == TypeAdopt) && e.Kind == KindApprove:
				// The live commit again changes nothing, unless it had been withdrawn.
				void = void || later.Commit != e.Old || naive(n[:later.Seq-1]).lost(env, ref)
			}
		}
		if !void {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

// lost reports whether what is live on the ref was withdrawn after its run
// began.
func (n naive) lost(env, ref string) bool {
	var run uint64
	by := n.withdrawnBy(env)
	live := n.liveCommit(env, ref)
	for _, e := range n.deployments(env) {
		if e.Ref != ref {
			continue
		}
		if e.Commit != live {
			run = 0
		} else if run == 0 || naive(n[:e.Seq-1]).withdrawnBy(env)[live] > run {
			run = e.Seq
		}
	}
	return by[live] > run
}

func (n naive) veto(commit string) (inForce, newest uint64) {
	for _, e := range n {
		if e.Type == TypeVeto && e.Commit == commit {
			if inForce = 0; e.Kind == KindVeto {
				inForce, newest = e.Seq, e.Seq
			}
		}
	}
	return inForce, newest
}

func (n naive) locked(as Entry) (seq uint64) {
	for _, e := range n {
		if (e.Type == TypeLock || e.Type == TypeUnlock) && e.Environment == as.Environment && e.Service == as.Service && e.Ref == as.Ref {
			if seq = 0; e.Type == TypeLock {
				seq = e.Seq
			}
		}
	}
	return seq
}

func seqs(all []Entry) (list []uint64) {
	for _, e := range all {
		list = append(list, e.Seq)
	}
	return list
}

// same wants two things that print alike.
func same(t *testing.T, what string, err error, got, want any) {
	t.Helper()
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s: %v %v, want %v", what, got, err, want)
	}
}

func compareRails(t *testing.T, l *Ledger, n naive, commits []string) {
	t.Helper()
	for _, env := range modelEnvs {
		name, repo := policy.EnvironmentName(env), "shop/"+env+".git"
		for _, c := range commits {
			id := policy.ObjectID(c)
			o, pending, err := l.Outcome("shop", name, repo, id)
			state, record, open := n.outcome(env, c)
			same(t, "outcome of "+env+" "+c, err, []any{o.State, o.Record, pending}, []any{state, record, open})
			for _, q := range []struct{ patterns, refs []string }{
				{[]string{mainRef}, []string{mainRef}},
				{[]string{"refs/heads/eu/*"}, modelRefs[1:]},
			} {
				live, since, longest, err := l.LiveSpan("shop", name, repo, lookup(env, c, q.patterns...).Refs, id)
				on, from, best := n.span(env, c, q.refs)
				same(t, "span of "+env+" "+c, err, []any{live, since, longest}, []any{on, from, best})
			}
			for _, ref := range modelRefs {
				all, err := l.Approvals("shop", name, repo, policy.RefName(ref), id)
				same(t, "approvals of "+env+" "+ref+" "+c, err, seqs(all), n.approvals(env, ref, c))
			}
		}
		queued, err := l.Queued("shop", name)
		var got []uint64
		for _, q := range queued {
			got = append(got, q.Deployed.Seq)
			same(t, "pending", nil, q.Pending, len(n.statuses(q.Deployed.Seq)) > 0)
		}
		same(t, "queue of "+env, err, got, n.queue(env))
		for _, ref := range modelRefs {
			locks, err := l.Locks("shop", name, policy.RefName(ref))
			var want []uint64
			for _, as := range []Entry{{}, {Ref: ref}, {Service: "shop"}, {Service: "shop", Ref: ref}} {
				as.Environment = env
				if seq := n.locked(as); seq != 0 {
					want = append(want, seq)
				}
			}
			same(t, "locks of "+env+" "+ref, err, seqs(locks), want)
		}
	}
	for _, c := range commits {
		e, in, err := l.Veto("shop", policy.ObjectID(c))
		want, _ := n.veto(c)
		same(t, "veto of "+c, err, []any{in, e.Seq}, []any{want != 0, want})
	}
	for _, e := range n {
		if e.Type == TypeDeployed {
			o, has, err := l.OutcomeOf(e.Seq)
			last := Entry{}
			if all := n.statuses(e.Seq); len(all) > 0 {
				last = all[len(all)-1]
			}
			same(t, fmt.Sprint("outcome of record ", e.Seq), err, []any{o.State, o.Record, has}, []any{last.State, last.Seq, e.Deploy != ""})
		}
	}
}
