package metrics

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A trail remembers when commits began their way. A commit is a hash of its
// name and its service, seeded anew by each process: nobody can choose commits
// that are taken for each other.
type trail struct {
	seed    maphash.Seed
	horizon time.Time           // nothing before it is remembered
	starts  map[uint64]int64    // when a first environment had the commit, in microseconds; or unknown
	arrived map[uint64]struct{} // what took effect in other environments
	records []origin            // of deployed entries, in order
}

// unknown is the start of a commit that was there before pathgate saw it.
const unknown = -1

// An origin says when the way began that led to a deployed entry.
type origin struct {
	record uint64
	start  int64
}

// A way is a commit, or the head of a branch, and when its way began: in
// microseconds, zero or less if that is not known.
type way struct {
	id    uint64
	start int64
}

func newTrail(horizon time.Time) *trail {
	return &trail{seed: maphash.MakeSeed(), horizon: horizon, starts: map[uint64]int64{}, arrived: map[uint64]struct{}{}}
}

// id is the hash of a commit of a service.
func (t *trail) id(service, commit string) uint64 {
	return maphash.Comparable(t.seed, [2]string{service, commit})
}

// at is the hash of a commit in an environment.
func (t *trail) at(environment string, id uint64) uint64 {
	type key struct {
		environment string
		id          uint64
	}
	return maphash.Comparable(t.seed, key{environment, id})
}

// note takes a deployed entry in and finds where its way began: where that of
// the branch's head or the commit did, else where those of its evidence did.
func (t *trail) note(e *ledger.Entry, first bool) way {
	commit := t.id(e.Service, e.Commit)
	ids, w := []uint64{commit}, way{id: commit}
	if e.Head != "" {
		w.id = t.id(e.Service, e.Head)
		ids = []uint64{w.id, commit}
	}
	if e.Time.Before(t.horizon) {
		return w
	}
	for _, id := range ids {
		if _, known := t.starts[id]; first && !known {
			t.starts[id] = e.Time.UnixMicro()
		}
		if w.start == 0 {
			w.start = t.starts[id]
		}
	}
	if w.start == 0 {
		w.start = t.earliest(e.Evidence)
	}
	if w.start > 0 {
		t.records = append(t.records, origin{e.Seq, w.start})
	}
	return w
}

// earliest is the first beginning of the ways that led to records.
func (t *trail) earliest(records []uint64) (start int64) {
	for _, record := range records {
		i, ok := slices.BinarySearchFunc(t.records, record, func(o origin, record uint64) int {
			switch {
			case o.record < record:
				return -1
			case o.record > record:
				return 1
			}
			return 0
		})
		if ok && (start == 0 || t.records[i].start < start) {
			start = t.records[i].start
		}
	}
	return start
}

// adopt takes an adopt entry in: nobody knows when what it tells of came.
func (t *trail) adopt(e *ledger.Entry, first bool) {
	if e.Time.Before(t.horizon) {
		return
	}
	id := t.id(e.Service, e.Commit)
	if !first {
		t.arrived[t.at(e.Environment, id)] = struct{}{}
	} else if _, known := t.starts[id]; !known {
		t.starts[id] = unknown
	}
}

// arrive notes that what came by a way took effect in an environment, and tells
// how long the way was, if it is known and was not gone before.
func (t *trail) arrive(environment string, w way, at time.Time) (lead time.Duration, ok bool) {
	if at.Before(t.horizon) {
		return 0, false
	}
	key := t.at(environment, w.id)
	if _, before := t.arrived[key]; before {
		return 0, false
	}
	t.arrived[key] = struct{}{}
	lead = at.Sub(time.UnixMicro(w.start))
	return lead, w.start > 0 && lead >= 0
}
