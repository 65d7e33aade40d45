package evidence

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// What a decision rests on with a stamp stands in the package as what a record
// of this host does.
func TestElsewhere(t *testing.T) {
	_, pol := march(t)
	g := newGathering(&Options{Policy: pol, Service: "shop", maxRows: 100, From: time.Now()}, nil)
	stamp := func(seq uint64, kind string, line ledger.Entry) *ledger.Entry {
		line.Service, line.Environment, line.Repository, line.Ref, line.Commit = "shop", "stg", "shop/stg.git", "refs/heads/main", id("a")
		line.Time = time.Date(2026, 3, 2, 9, int(line.Seq), 0, 0, time.UTC)
		raw, err := ledger.Encode(&line)
		must(t, err)
		e := line
		e.Type, e.Kind, e.Seq, e.Record, e.Stamped, e.Origin = ledger.TypeStamp, kind, seq, line.Seq, line.Time, "0a"
		e.Lines = []string{strings.TrimSuffix(string(raw), "\n"), "c2ln"}
		return &e
	}
	status := func(seq, record uint64, state string) *ledger.Entry {
		return stamp(seq, ledger.KindStatus, ledger.Entry{Seq: record, Type: ledger.TypeStatus, Record: 3, State: state})
	}
	rests := &ledger.Entry{Type: ledger.TypeIntent, Service: "shop", Environment: "prd", Evidence: []uint64{4}}
	broken := stamp(9, ledger.KindDeployed, ledger.Entry{Seq: 3, Type: ledger.TypeDeployed})
	broken.Lines[0] = "{}"
	for i, step := range []struct {
		e    *ledger.Entry
		want string
	}{
		{status(2, 7, ledger.StateSuccess), "[]"}, // the newer status came first
		{status(3, 5, ledger.StateFailure), "[]"},
		{stamp(4, ledger.KindDeployed, ledger.Entry{Seq: 3, Type: ledger.TypeDeployed, Deploy: ledger.DeployExternal}), "[4 stg success 2 09:03 09:07]"},
		{stamp(5, ledger.KindWithdrawal, ledger.Entry{Seq: 8, Type: ledger.TypeDeployed}), "[4 stg success 2 09:03 09:07]"},
		{status(6, 9, ledger.StateError), "[4 stg error 6 09:03 09:09]"},
		{broken, "[4 stg error 6 09:03 09:09]"},
	} {
		must(t, g.add(step.e))
		var got []string
		for _, x := range g.testsOf(rests) {
			got = append(got, fmt.Sprint(x.record, " ", x.environment, " ", x.state, " ", x.outcome, " ", x.at.Format("15:04"), " ", x.ended.Format("15:04")))
		}
		if fmt.Sprint(got) != step.want {
			t.Errorf("after stamp %d: %v, want %s", i, got, step.want)
		}
	}
}
