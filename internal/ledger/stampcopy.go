package ledger

import (
	"reflect"
	"time"
)

// NewStamp begins the entry that keeps a stamp of a kind about a commit: with all
// that is copied from the origin's line. Tree and Subject are left out of a
// withdrawal, whose line has those of another commit.
func NewStamp(kind, commit string, line *Entry) *Entry {
	e := &Entry{
		Type: TypeStamp, Kind: kind,
		Service: line.Service, Environment: line.Environment, Repository: line.Repository, Ref: line.Ref,
		Commit: commit, State: line.State, Principal: line.Principal, Record: line.Seq, Stamped: line.Time,
	}
	if kind != KindWithdrawal {
		e.Tree, e.Subject = line.Tree, line.Subject
	}
	return e
}

// saysOtherwise tells in what a stamp differs from the one that its line makes;
// empty if in nothing. A fork has its own kind and reason, and a successor an own
// principal too.
func saysOtherwise(e, line *Entry) string {
	about, wrong := aboutOf(e, line)
	want := NewStamp(about, e.Commit, line)
	if e.Kind == KindSuccessor {
		want.Principal = e.Principal
	}
	for _, f := range [...]struct{ name, here, there string }{
		{"service", e.Service, want.Service}, {"environment", e.Environment, want.Environment},
		{"repository", e.Repository, want.Repository}, {"ref", e.Ref, want.Ref},
		{"principal", e.Principal, want.Principal}, {"state", e.State, want.State},
	} {
		if f.here != f.there {
			return "its line is of another " + f.name
		}
	}
	switch {
	case line.Seq != e.Record:
		return "its line is of another record"
	case !line.Time.Equal(e.Stamped):
		return "its line is of another time"
	case wrong != "":
		return wrong
	case about != e.Kind && e.Kind != KindFork && e.Kind != KindSuccessor:
		return "its line is that of a stamp of kind " + about
	case e.Tree != want.Tree:
		return "its line is of another tree"
	case e.Subject != want.Subject:
		return "its line is of another subject"
	}
	return saysMore(e)
}

// saysMore tells whether a stamp has a field that stamps do not have.
func saysMore(e *Entry) string {
	rest := *e
	rest.Seq, rest.Time, rest.Type, rest.Prev, rest.Push, rest.Policy, rest.Host = 0, time.Time{}, "", "", "", "", ""
	rest.Service, rest.Environment, rest.Repository, rest.Ref, rest.Commit = "", "", "", "", ""
	rest.Tree, rest.Subject, rest.Kind, rest.State, rest.Principal, rest.Record = "", "", "", "", "", 0
	rest.Origin, rest.Checkpoint, rest.Key, rest.Stamped, rest.Lines = "", "", "", time.Time{}, nil
	switch e.Kind {
	case KindSuccessor:
		rest.Via, rest.Reason = "", ""
	case KindFork:
		rest.Reason = ""
	}
	if !reflect.DeepEqual(rest, Entry{}) {
		return "it says more than its line"
	}
	return ""
}
