package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// sinceRebuilt lists what r, which builds its ref anew, does away with.
func sinceRebuilt(before []Entry, r Entry) (gone []Entry) {
	for _, e := range before {
		if e.Ref != r.Ref {
			continue
		}
		if rebuilds(e.Action) {
			gone = nil
		}
		if e.Commit != r.Commit {
			gone = append(gone, e)
		}
	}
	return gone
}

// contents goes through all that was deployed on the ref, as the package
// comment says it.
func (n naive) contents(env, ref, commit string) []uint64 {
	of := map[string][]uint64{}
	live := ""
	for _, e := range n.deployments(env) {
		if e.Ref != ref {
			continue
		}
		if e.Action != "" {
			var now []uint64
			for _, seq := range of[live] {
				if b := n[seq-1].Branch; e.Action != ActionReset && b != e.Branch && !slices.Contains(e.Gone, b) {
					now = append(now, seq)
				}
			}
			if e.Action == ActionRelease || e.Action == ActionReplace {
				now = append(now, e.Seq)
			}
			of[e.Commit] = now
		}
		live = e.Commit
	}
	return of[commit]
}

// branches are those of the releases.
func (n naive) branches(releases []uint64) (names []string) {
	for _, seq := range releases {
		names = append(names, n[seq-1].Branch)
	}
	return names
}

// randomAction is what may be done to a release branch, nil if chance finds
// nothing.
func (n naive) randomAction(random *rand.Rand, env, ref string) *Entry {
	in := n.branches(n.contents(env, ref, n.liveCommit(env, ref)))
	e := &Entry{Branch: fmt.Sprint("JIRA-", random.IntN(5)), Head: oid("head"), Tickets: []string{"JIRA"}, Reason: "why"}
	if len(in) > 1 && random.IntN(3) == 0 {
		e.Gone = []string{in[0], "JIRA-2"}
	}
	switch random.IntN(8) {
	case 0:
		if len(in) == 0 {
			return nil
		}
		e.Action, e.Kind, e.Branch, e.Head = ActionRemove, KindRemove, in[random.IntN(len(in))], ""
	case 1:
		e.Action, e.Kind, e.Branch, e.Head = ActionReset, KindReset, "", ""
	case 2, 3:
		e.Action, e.Kind = ActionReplace, string(policy.Promote)
	default:
		e.Action, e.Kind = ActionRelease, string(policy.Deploy)
	}
	if random.IntN(4) == 0 {
		e.Kind, e.Overrode, e.Rules = KindOverride, []string{"freeze"}, passed("freeze")
	}
	return e
}

// act deploys commit with what e says of a release branch.
func (r *rig) act(e *Entry, env, ref, commit string) uint64 {
	r.Helper()
	return r.settle(env, ref, commit, e.actOn)
}

// actOn copies what e says of a release branch.
func (e *Entry) actOn(to *Entry) {
	to.Action, to.Kind, to.Branch, to.Head, to.Tickets, to.Gone = e.Action, e.Kind, e.Branch, e.Head, e.Tickets, e.Gone
	to.Reason, to.Overrode, to.Rules = e.Reason, e.Overrode, e.Rules
}

func (n naive) history(env string, refs []string) (newest []uint64) {
	for _, e := range n.deployments(env) {
		if slices.Contains(refs, e.Ref) {
			newest = append(newest, e.Seq)
		}
	}
	slices.Reverse(newest)
	return newest
}

func compareReleases(t *testing.T, l *Ledger, n naive, commits []string) {
	t.Helper()
	for _, env := range modelEnvs {
		name, repo := policy.EnvironmentName(env), "shop/"+env+".git"
		for _, c := range commits {
			for _, ref := range modelRefs {
				in, err := l.Contents("shop", name, repo, policy.RefName(ref), policy.ObjectID(c))
				same(t, "contents of "+env+" "+ref+" "+c, err, seqs(in), n.contents(env, ref, c))
			}
			got, err := l.Withdrawn(lookup(env, c))
			same(t, "withdrawn "+env+" "+c, err, got, n.withdrawnBy(env)[c])
		}
		for _, q := range []struct{ patterns, refs []string }{
			{[]string{mainRef}, []string{mainRef}},
			{[]string{"refs/heads/eu/*"}, modelRefs[1:]},
			{[]string{"refs/heads/eu/2", mainRef, mainRef}, []string{mainRef, modelRefs[2]}},
			{[]string{"refs/heads/eu/1", "refs/heads/eu/*", mainRef}, modelRefs},
		} {
			want := n.history(env, q.refs)
			for _, most := range []int{0, 1, len(want), 7, 1000} {
				all, more, err := l.Deployments(lookup(env, "", q.patterns...), most)
				same(t, fmt.Sprint("deployments of ", env, q.patterns, most), err,
					[]any{seqs(all), more}, []any{want[:min(most, len(want))], len(want) > most})
			}
		}
	}
}
