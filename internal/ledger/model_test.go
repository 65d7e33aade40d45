package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// naive answers by reading all entries each time, as the words say it.
type naive []Entry

func (n naive) deployments(env string) (all []Entry) {
	for _, e := range n {
		if (e.Type == TypeDeployed || e.Type == TypeAdopt) && e.Environment == env {
			all = append(all, e)
		}
	}
	return all
}

// withdrawnBy lists for each commit the newest record that withdrew it.
func (n naive) withdrawnBy(env string) map[string]uint64 {
	by := map[string]uint64{}
	all := n.deployments(env)
	for i, r := range all {
		if rebuilds(r.Action) {
			for _, e := range sinceRebuilt(all[:i], r) {
				by[e.Commit] = r.Seq
			}
			continue
		}
		if r.Kind != "rollback" && !(r.Kind == KindOverride && r.Action == "" && goesBackTo(all[:i], by, r)) {
			continue
		}
		var since []Entry // what was deployed on the ref, from the target's last deployment on
		for _, e := range all[:i] {
			if e.Ref != r.Ref {
				continue
			}
			if e.Commit == r.Commit {
				since = nil
				continue
			}
			since = append(since, e)
		}
		for _, e := range since {
			by[e.Commit] = r.Seq
		}
	}
	return by
}

// goesBackTo tells whether the override r went back to what stood and had been
// on its ref.
func goesBackTo(before []Entry, by map[string]uint64, r Entry) bool {
	var onRef, newest uint64
	live := ""
	for _, e := range before {
		if e.Ref == r.Ref {
			live = e.Commit
		}
		if e.Commit == r.Commit {
			newest = e.Seq
			if e.Ref == r.Ref {
				onRef = e.Seq
			}
		}
	}
	return onRef != 0 && live != r.Commit && newest > by[r.Commit]
}

func (n naive) standing(env, commit string, refs []string) (record, withdrawn uint64) {
	for _, e := range n.deployments(env) {
		for _, r := range refs {
			if e.Ref == r && e.Commit == commit {
				record = e.Seq
			}
		}
	}
	if w := n.withdrawnBy(env)[commit]; record != 0 && w > record {
		withdrawn = w
	}
	return record, withdrawn
}

func (n naive) live(env, ref string) (seq uint64) {
	for _, e := range n.deployments(env) {
		if e.Ref == ref {
			seq = e.Seq
		}
	}
	return seq
}

func (n naive) open() (seqs []uint64) {
	open := map[uint64]bool{}
	for _, e := range n {
		open[e.Seq] = e.Type == TypeIntent
		open[e.Intent] = false
	}
	for _, e := range n {
		if open[e.Seq] {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

func (n naive) drift(env, ref string) (seen string, known bool) {
	for _, e := range n {
		if e.Environment != env || e.Ref != ref {
			continue
		}
		switch e.Type {
		case TypeDrift:
			seen, known = e.New, e.New != e.Old
		case TypeDeployed, TypeAdopt:
			seen, known = "", false
		}
	}
	if !known {
		seen = ""
	}
	return seen, known
}

func TestModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 7)), steps(t, 150)) })
	}
}

var (
	modelRefs = []string{mainRef, "refs/heads/eu/1", "refs/heads/eu/2"}
	modelEnvs = []string{"dev", "stg"}
)

// history does random things and compares all answers after each.
func history(t *testing.T, random *rand.Rand, steps int) {
	r := newRig(t)
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	commits := make([]string, 6)
	for i := range commits {
		commits[i] = oid(fmt.Sprint("commit", i))
	}
	for range steps {
		env, ref, commit := pick(modelEnvs), pick(modelRefs), pick(commits)
		n := naive(r.entries())
		switch random.IntN(34) {
		case 12, 13, 14, 15, 16:
			r.deployBy(pick([]string{DeployCommand, DeployExternal}), env, ref, commit)
		case 17, 18, 19, 20, 21:
			if e := n.randomStatus(random); e != nil {
				r.append(e)
			}
		case 22:
			r.append(n.approval(env, ref, commit, pick([]string{"ana", "bo"}), pick([]string{KindApprove, KindReject})))
		case 23:
			e := &Entry{Type: TypeLock, Service: pick([]string{"", "shop"}), Environment: env, Ref: pick([]string{"", ref}), Principal: "ana"}
			if n.locked(*e) != 0 && random.IntN(2) == 0 {
				e.Type = TypeUnlock
			}
			r.append(e)
		case 24:
			e := &Entry{Type: TypeVeto, Kind: KindVeto, Service: "shop", Commit: commit, Principal: "ana"}
			if in, _ := n.veto(commit); in != 0 && random.IntN(2) == 0 {
				e.Kind = KindLift
			}
			r.append(e)
		case 25:
			r.override(env, ref, commit)
		case 26, 27, 28, 29, 30, 31, 32, 33:
			if e := n.randomAction(random, env, ref); e != nil {
				r.act(e, env, ref, commit)
			}
		case 0:
			r.append(entryFor(TypeAdopt, env, ref, commit, "adopt"))
		case 1:
			r.append(entryFor(TypeIntent, env, ref, commit, "deploy"))
		case 2:
			if open := n.open(); len(open) > 0 {
				r.append(&Entry{Type: TypeAbandoned, Intent: open[random.IntN(len(open))]})
			}
		case 3:
			e := entryFor(TypeDrift, env, ref, commit, "")
			e.Old, e.New = pick(commits), pick(commits)
			r.append(e)
		case 4:
			r.remove(IndexName)
		case 5:
			if err := Snapshot(context.Background(), r.dir, r.o, 5); err != nil {
				t.Fatal(err)
			}
		case 6, 7, 8:
			// A rollback, if the model says that one is possible.
			on, _ := n.standing(env, commit, []string{ref})
			if record, withdrawn := n.standing(env, commit, modelRefs); on != 0 && record != 0 && n.withdrawnBy(env)[commit] < record && withdrawn == 0 && on < n.live(env, ref) {
				r.deploy(env, ref, commit, "rollback")
			}
		default:
			r.deploy(env, ref, commit, "deploy")
		}
		compare(t, r, commits)
		compareWithdrew(t, r, len(n))
	}
	compareWithdrew(t, r, 0)
	rep := r.verified()
	if rep.Open != len(naive(r.entries()).open()) {
		t.Errorf("%d open intents", rep.Open)
	}
	want := r.dump()
	r.remove(IndexName)
	if got := r.dump(); !reflect.DeepEqual(got, want) {
		t.Error("rebuilt with the snapshot it says something else")
	}
	r.remove(IndexName)
	r.remove(SnapshotName)
	if got := r.dump(); !reflect.DeepEqual(got, want) {
		t.Error("rebuilt without it it says something else")
	}
	m := newMemory(nil)
	err := Read(r.dir, 0, func(l *Line) error {
		if err := grow(m, l.Number-1, []tlog.Hash{tlog.LeafHash(l.Raw)}); err != nil {
			return err
		}
		return project(m, &l.Entry, place{l.Entry.Seq, l.Offset, int64(len(l.Raw) + 1), hashOf(l.Raw)})
	})
	if err != nil || m.count != len(want) {
		t.Fatalf("in memory: %d keys, %v", m.count, err)
	}
	err = m.Scan(nil, func(k, v []byte) error {
		if want[string(k)] != string(v) {
			t.Fatalf("in memory %q is different", k)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, r *rig, commits []string) {
	t.Helper()
	l := r.open()
	defer l.Close()
	n := naive(r.entries())
	for _, env := range modelEnvs {
		for _, c := range commits {
			for _, q := range []struct{ patterns, refs []string }{
				{[]string{mainRef}, []string{mainRef}},
				{[]string{"refs/heads/eu/*"}, modelRefs[1:]},
				{[]string{"refs/heads/eu/1", "refs/heads/eu/*", mainRef}, modelRefs},
			} {
				record, withdrawn := n.standing(env, c, q.refs)
				st, err := l.Standing(lookup(env, c, q.patterns...))
				if err != nil || st.Record != record || st.Withdrawn != withdrawn {
					t.Fatalf("%s %s on %v: %+v %v, want %d %d", env, c[:7], q.patterns, st, err, record, withdrawn)
				}
			}
		}
		for _, ref := range modelRefs {
			live, err := l.Live("shop", policy.EnvironmentName(env), "shop/"+env+".git", policy.RefName(ref))
			if err != nil || live.Record != n.live(env, ref) {
				t.Fatalf("live of %s %s: %+v %v, want %d", env, ref, live, err, n.live(env, ref))
			}
			seen, known := n.drift(env, ref)
			got, ok, err := l.Drift("shop", policy.EnvironmentName(env), "shop/"+env+".git", policy.RefName(ref))
			if err != nil || ok != known || string(got) != seen {
				t.Fatalf("drift of %s %s: %q %v %v, want %q %v", env, ref, got, ok, err, seen, known)
			}
		}
	}
	compareRails(t, l, n, commits)
	compareReleases(t, l, n, commits)
	var open []uint64
	all, err := l.Intents(IntentFilter{})
	for _, e := range all {
		open = append(open, e.Seq)
	}
	if err != nil || !reflect.DeepEqual(open, n.open()) {
		t.Fatalf("open intents %v %v, want %v", open, err, n.open())
	}
}
