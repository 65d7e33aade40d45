package metrics

import (
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

const (
	maxPast = 1000 // commits that are remembered of a ref
	maxOpen = 100  // deployments of a ref whose outcome is awaited
)

// A change is a deployment that counts as one.
type change struct {
	at         time.Time // of its deployed entry
	effect     time.Time // zero if it did not take effect
	reported   bool      // a failure is on record
	gone       bool      // it was gone back from, or taken out
	superseded bool
	first      bool // in a first environment: it has no lead time
	way        way
	lead       time.Duration
	hasLead    bool
}

func (c *change) failed() bool { return c.reported || c.gone }

// A run is the time that a commit is live on a ref by the record.
type run struct {
	ref    *ref
	commit string
	// change brought the commit; nil if none did, or if that was before the
	// window and the commit was gone back to.
	change *change
	own    bool      // the run began with the change: what is reported of it is of that
	since  time.Time // in effect; zero if it is not
}

// An attempt is one deployment that has an outcome.
type attempt struct {
	tally           *tally
	run             *run
	external, ended bool
}

// An incident is a time in which a ref was not as it should be.
type incident struct {
	begin, end time.Time
	record     uint64 // a deployment as new as this ends it when it takes effect
}

// A ref is what is known of one ref of an environment.
type ref struct {
	live     *run
	past     []step             // its commits, but those that were withdrawn
	branches map[string]*change // the newest release in the window of each branch
	incident *incident          // that has not ended
	effect   uint64             // the newest deployment that took effect
	open     []uint64           // attempts
}

// A step is a commit that was live on a ref.
type step struct {
	commit uint64
	change *change // of the window
}

// had finds the newest step of a commit, -1 if there is none.
func (r *ref) had(commit uint64) int {
	for i := len(r.past) - 1; i >= 0; i-- {
		if r.past[i].commit == commit {
			return i
		}
	}
	return -1
}

// remember adds a step, unless the ref has gone back to it.
func (r *ref) remember(commit uint64, u *run, inWindow bool) {
	if n := len(r.past); n > 0 && r.past[n-1].commit == commit {
		return
	}
	s := step{commit: commit}
	if u.own && inWindow {
		s.change = u.change
	}
	if len(r.past) >= 2*maxPast {
		r.past = slices.Delete(r.past, 0, maxPast)
	}
	r.past = append(r.past, s)
}

// goBack withdraws what came after the commit, and returns the change that
// brought it.
func (r *ref) goBack(commit uint64) *change {
	i := r.had(commit)
	if i < 0 {
		return nil
	}
	clear(r.past[i+1:])
	r.past = r.past[:i+1]
	return r.past[i].change
}

// blame makes what was live a failure, as record goes back from it.
func (r *ref) blame(was *run, record uint64) {
	if was == nil {
		return
	}
	if was.change != nil {
		was.change.gone = true
	}
	r.fail(was.since, record)
}

// release remembers which change released a branch.
func (r *ref) release(e *ledger.Entry, c *change) {
	if e.Branch == "" || e.Action != ledger.ActionRelease && e.Action != ledger.ActionReplace {
		return
	}
	if r.branches == nil {
		r.branches = map[string]*change{}
	}
	r.branches[strings.Clone(e.Branch)] = c
}

// takeOut makes the release of a branch that is taken out a failure.
func (r *ref) takeOut(e *ledger.Entry) {
	c := r.branches[e.Branch]
	if c == nil {
		return
	}
	c.gone = true
	r.fail(c.effect, e.Seq)
	delete(r.branches, e.Branch)
}

// fail begins an incident at a time, if that is known, or goes on with the one
// that has begun: it ends when a deployment as new as record takes effect.
func (r *ref) fail(at time.Time, record uint64) {
	switch {
	case r.incident != nil:
		r.incident.record = max(r.incident.record, record)
	case !at.IsZero():
		r.incident = &incident{begin: at, record: record}
	}
}
