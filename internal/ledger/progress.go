package ledger

import (
	"encoding/binary"
	"fmt"
)

// A deployment is what a record says was deployed where.
type deployment struct {
	service, environment, repository, ref, commit string
}

func deploymentOf(e *Entry) deployment {
	return deployment{e.Service, e.Environment, e.Repository, e.Ref, e.Commit}
}

// A progress is how far a deployment with an outcome is.
type progress struct {
	deploy string // who carries it out
	state  string // the newest status, empty before the first
	status place  // of the newest status
	of     deployment
}

func (p *progress) encode() []byte {
	b := appendPlace(nil, p.status)
	for _, f := range [...]string{p.deploy, p.state, p.of.service, p.of.environment, p.of.repository, p.of.ref, p.of.commit} {
		b = appendField(b, f)
	}
	return b
}

func cutProgress(b []byte) (p progress, err error) {
	var rest []byte
	if p.status, rest, err = cutPlace(b); err != nil {
		return p, err
	}
	ok := true
	for _, f := range [...]*string{&p.deploy, &p.state, &p.of.service, &p.of.environment, &p.of.repository, &p.of.ref, &p.of.commit} {
		if *f, rest, ok = cutField(rest); !ok {
			return p, fmt.Errorf("%w: a progress of %d bytes", errIndex, len(b))
		}
	}
	return p, nil
}

// finished reports whether the state is one that ends a deployment.
func finished(state string) bool { return state != "" && state != StatePending }

// bars says why the status e cannot follow, empty if it can.
func (p *progress) bars(e *Entry) string {
	external := p.deploy == DeployExternal
	switch {
	case p.of != deploymentOf(e):
		return "is about something else"
	case external && e.State == StateSuperseded:
		return "is reported from outside, and is not superseded"
	case finished(p.state) && !(external && finished(e.State)):
		return "has ended"
	case !external && e.State == StatePending && p.state == StatePending:
		return "has been started"
	case !external && p.state == "" && (e.State == StateSuccess || e.State == StateFailure):
		return "was never started"
	}
	return ""
}

// progressOf reads how far record is; false if its deployment has no outcome.
func progressOf(s kv, record uint64) (progress, bool, error) {
	v, err := s.Get(keySeq(keyProgress, record))
	if err != nil || v == nil {
		return progress{}, false, err
	}
	p, err := cutProgress(v)
	return p, err == nil, err
}

// projectProgress makes a deployment known whose outcome is to come, and
// queues it if pathgate is to run it.
func projectProgress(s kv, e *Entry, at place) error {
	if e.Type != TypeDeployed || e.Deploy == "" {
		return nil
	}
	p := progress{deploy: e.Deploy, of: deploymentOf(e)}
	if err := s.Put(keySeq(keyProgress, e.Seq), p.encode()); err != nil {
		return err
	}
	o, err := outcomeAt(s, p.of)
	if err != nil {
		return err
	}
	o.newest, o.open = e.Seq, true
	if err := o.put(s, p.of); err != nil || e.Deploy != DeployCommand {
		return err
	}
	return enqueue(s, e, at)
}

// projectStatus takes a deployment one step further. A status that cannot
// follow changes nothing: the first end of a deployment is its end.
func projectStatus(s kv, e *Entry, at place) error {
	p, ok, err := progressOf(s, e.Record)
	if err != nil || !ok || p.bars(e) != "" {
		return err
	}
	ends := finished(e.State) && !finished(p.state)
	p.state, p.status = e.State, at
	if err := s.Put(keySeq(keyProgress, e.Record), p.encode()); err != nil {
		return err
	}
	if p.deploy == DeployCommand {
		if ends {
			err = dequeue(s, e)
		} else {
			err = started(s, e, at)
		}
	}
	if err != nil || !finished(e.State) {
		return err
	}
	o, err := outcomeAt(s, p.of)
	if err != nil {
		return err
	}
	o.open = o.open && o.newest != e.Record
	if e.State != StateSuperseded {
		o.at = at
	}
	if err := o.put(s, p.of); err != nil || e.State == StateSuperseded {
		return err
	}
	return projectSpan(s, e, at)
}

// A result is what became of the deployments of a commit in an environment.
type result struct {
	at     place  // of the newest success, failure or error; its seq is zero if there is none
	newest uint64 // the newest deployment with an outcome
	open   bool   // whether that has not ended
}

func (o *result) put(s kv, of deployment) error {
	b := binary.BigEndian.AppendUint64(appendPlace(nil, o.at), o.newest)
	if o.open {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	return s.Put(key(keyOutcome, of.service, of.environment, of.repository, of.commit), b)
}

// outcomeAt reads what became of the commit's deployments in its environment.
func outcomeAt(s kv, of deployment) (o result, err error) {
	v, err := s.Get(key(keyOutcome, of.service, of.environment, of.repository, of.commit))
	if err != nil || v == nil {
		return o, err
	}
	at, rest, err := cutPlace(v)
	if err != nil || len(rest) != 9 {
		return o, fmt.Errorf("%w: an outcome of %d bytes", errIndex, len(v))
	}
	return result{at, binary.BigEndian.Uint64(rest), rest[8] == 1}, nil
}
