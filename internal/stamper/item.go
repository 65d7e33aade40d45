package stamper

import (
	"slices"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/policy"
)

// A Target is what has one notes ref: an environment in a repository.
type Target struct {
	Environment policy.EnvironmentName
	Repository  string // relative to the policy's root
}

// An Item is a stamp that shall be there.
type Item struct {
	About   stamp.About
	Service string
	Ref     string
	Commit  policy.ObjectID
	Record  uint64
	// Of is the deployment that a status is of.
	Of uint64
	// At is where the record begins in the journal, in bytes; for Stamper.Load.
	At int64
	// Entry is the record; nil if Stamper.Load gets it.
	Entry *ledger.Entry
}

// ItemOf is what a record says of its own commit; false if nothing that is
// stamped.
func ItemOf(e *ledger.Entry) (Item, bool) {
	item := Item{Service: e.Service, Ref: e.Ref, Commit: policy.ObjectID(e.Commit), Record: e.Seq, Of: e.Record, Entry: e}
	switch {
	case e.Commit == "" || e.Ref == "" || e.Seq == 0:
		return Item{}, false
	case e.Type == ledger.TypeDeployed, e.Type == ledger.TypeAdopt:
		item.About = stamp.Deployed
	case e.Type == ledger.TypeStatus && ends(e.State):
		item.About = stamp.Status
	default:
		return Item{}, false
	}
	return item, true
}

func ends(state string) bool {
	return state == ledger.StateSuccess || state == ledger.StateFailure || state == ledger.StateError
}

// Withdrawals are the items of what an entry takes away.
func Withdrawals(e *ledger.Entry, commits []policy.ObjectID) []Item {
	items := make([]Item, 0, len(commits))
	for _, commit := range commits {
		items = append(items, Item{About: stamp.Withdrawal, Service: e.Service, Ref: e.Ref, Commit: commit,
			Record: e.Seq, Entry: e})
	}
	return items
}

// in reports whether stamps of a note say an item, or something newer that takes
// its place: of a status that is also a newer deployment.
func (i *Item) in(note []stamp.Stamp) bool {
	return slices.ContainsFunc(note, func(s stamp.Stamp) bool {
		if s.Entry.Service != i.Service || s.Entry.Ref != i.Ref {
			return false
		}
		return s.About == i.About && s.Entry.Seq >= i.Record ||
			i.About == stamp.Status && s.About == stamp.Deployed && s.Entry.Seq > i.Of
	})
}
