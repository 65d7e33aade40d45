package evidence

import (
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// An elsewhere is what stamps have told of other hosts' environments so far.
type elsewhere struct {
	stamps   map[uint64]*stamped // of deployments, by the record here
	outcomes map[deploymentThere]*outcome
}

// A stamped is a deployment elsewhere.
type stamped struct {
	deploymentThere
	at      time.Time // there
	deploy  string
	adopted bool
}

// A deploymentThere is a deployment by the record in its own ledger.
type deploymentThere struct {
	origin, environment, commit string
	record                      uint64
}

// add takes a stamp in. One whose line cannot be read tells nothing: Verify, which
// every package is made after, finds it.
func (w *elsewhere) add(e *ledger.Entry) {
	line, err := e.OriginLine()
	if err != nil {
		return
	}
	d := deploymentThere{strings.Clone(e.Origin), strings.Clone(e.Environment), strings.Clone(e.Commit), e.Record}
	switch e.Kind {
	case ledger.KindDeployed:
		w.stamps[e.Seq] = &stamped{d, e.Stamped, strings.Clone(line.Deploy), line.Type == ledger.TypeAdopt}
	case ledger.KindStatus:
		d.record = line.Record
		if o := w.outcomes[d]; o == nil || o.newest < e.Record {
			w.outcomes[d] = &outcome{state: strings.Clone(e.State), record: e.Seq, at: e.Stamped, newest: e.Record}
		}
	}
}

// test is what a decision now rests on with a stamp.
func (w *elsewhere) test(record uint64) (t test, ok bool) {
	d, ok := w.stamps[record]
	if !ok {
		return t, false
	}
	t = test{record: record, environment: d.environment, at: d.at, asked: d.deploy != "", adopted: d.adopted}
	if o := w.outcomes[d.deploymentThere]; o != nil && t.asked {
		t.state, t.outcome, t.ended = o.state, o.record, o.at
	}
	return t, true
}
