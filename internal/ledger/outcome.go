package ledger

import (
	"time"

	"github.com/pathgate/pathgate/policy"
)

// An Outcome is what became of a deployment.
type Outcome struct {
	State   string    // one of the states of a status; empty if nothing is on record
	Record  uint64    // the status entry that says so
	Time    time.Time // of that entry
	URL     string    // where to read more, if it says
	Message string
}

// StatusOf returns an entry that says that the deployment of d, a deployed
// entry, is in a state. Who reports, Token, URL and Message are left to fill in.
func StatusOf(d *Entry, state string) *Entry {
	return &Entry{
		Type: TypeStatus, Push: d.Push, Service: d.Service, Environment: d.Environment, Repository: d.Repository,
		Host: d.Host, Ref: d.Ref, Commit: d.Commit, State: state, Record: d.Seq,
	}
}

// Outcome is the newest finished outcome (success, failure or error) of the
// commit in an environment, whichever of its deployments and refs it was of;
// its State is empty if there is none. pending reports whether the newest
// deployment of the commit there has an outcome that is still to come. What is
// answered is read back from the journal.
func (l *Ledger) Outcome(service policy.Service, environment policy.EnvironmentName, repository string,
	commit policy.ObjectID) (o Outcome, pending bool, err error) {
	of := deployment{cleanString(string(service)), cleanString(string(environment)), cleanString(repository), "", string(commit)}
	var r result
	err = l.look(func(s kv) (err error) {
		r, err = outcomeAt(s, of)
		return err
	})
	if err != nil || r.at.seq == 0 {
		return Outcome{}, r.open, err
	}
	e, err := l.status(r.at, of)
	if err != nil {
		return Outcome{}, false, err
	}
	if !finished(e.State) || e.State == StateSuperseded {
		return Outcome{}, false, damaged(e.Seq, "it is no outcome")
	}
	return outcomeFrom(e), r.open, nil
}

func outcomeFrom(e *Entry) Outcome { return Outcome{e.State, e.Seq, e.Time, e.URL, e.Message} }

// OutcomeOf is the newest status of one deployment, given by the seq of its
// deployed entry. has reports whether that deployment has an outcome at all;
// where it has and State is empty, it was not started or reported yet.
func (l *Ledger) OutcomeOf(record uint64) (o Outcome, has bool, err error) {
	var p progress
	err = l.look(func(s kv) (err error) {
		p, has, err = progressOf(s, record)
		return err
	})
	if err != nil || p.status.seq == 0 {
		return Outcome{}, has && err == nil, err
	}
	e, err := l.status(p.status, p.of)
	if err != nil {
		return Outcome{}, false, err
	}
	if e.Record != record || e.State != p.state {
		return Outcome{}, false, damaged(e.Seq, "it does not say %q of record %d", p.state, record)
	}
	return outcomeFrom(e), true, nil
}

// status reads a status entry back and checks what it is about. An empty ref
// stands for any.
func (l *Ledger) status(at place, of deployment) (*Entry, error) {
	e, err := l.readBack(at)
	if err != nil {
		return nil, err
	}
	got := deploymentOf(e)
	if of.ref == "" {
		got.ref = ""
	}
	if e.Type != TypeStatus || got != of {
		return nil, damaged(e.Seq, "it is no status of commit %s in %s of %s", of.commit, of.environment, of.service)
	}
	return e, nil
}
