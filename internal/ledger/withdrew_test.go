package ledger

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// compareWithdrew holds what Withdrew says of all entries after the record from
// against the model.
func compareWithdrew(t *testing.T, r *rig, from int) {
	t.Helper()
	l := r.open()
	defer l.Close()
	n := naive(r.entries())
	for _, e := range n[from:] {
		var want []string
		if e.Type == TypeDeployed {
			for c, by := range n.withdrawnBy(e.Environment) {
				if by == e.Seq {
					want = append(want, c)
				}
			}
		}
		got, err := l.Withdrew(&e)
		slices.Sort(got)
		slices.Sort(want)
		same(t, fmt.Sprint("withdrawn by record ", e.Seq), err, got, want)
	}
}

func TestWithdrew(t *testing.T) {
	r := newRig(t)
	a, b, c := oid("a"), oid("b"), oid("c")
	for _, commit := range []string{a, b, c, b} {
		r.deploy("stg", mainRef, commit, "deploy")
	}
	back := r.deploy("stg", mainRef, a, "rollback")
	r.deploy("stg", mainRef, c, "deploy") // it stands again, and back withdrew it all the same
	again := r.deploy("stg", mainRef, a, "redeploy")
	l := r.open()
	defer l.Close()
	all := r.entries()
	for seq, want := range map[uint64][]policy.ObjectID{back: {policy.ObjectID(b), policy.ObjectID(c)}, again: nil, back - 2: nil, back - 1: nil} {
		got, err := l.Withdrew(&all[seq-1])
		same(t, fmt.Sprint("record ", seq), err, got, want)
	}
	missing := all[back-1]
	missing.Seq = 1000
	if _, err := l.Withdrew(&missing); err == nil {
		t.Error("of a record that there is not")
	}
}
