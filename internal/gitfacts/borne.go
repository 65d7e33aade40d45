package gitfacts

import (
	"context"
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// Brought says which commits a push brings: those that can be reached from Tip
// and from none of Without, which are the live commit and the base. Zero and
// empty IDs in Without are ignored.
type Brought struct {
	Tip     policy.ObjectID
	Without []policy.ObjectID
}

// A Deployed is one deployment of an environment before, as far as it bears on
// what is contained there.
type Deployed struct {
	Record uint64
	Commit policy.ObjectID
	Old    policy.ObjectID // what was live before it; zero or empty if nothing was

	Counts     bool // what Commit contains is borne out by it
	Withdraws  bool // what Old contains and Commit does not was taken away by it
	Overridden bool // what Commit contains and Old does not came by an override
}

// Borne is what history says of the commits that a push brings.
type Borne struct {
	// Commits is all that the push brings, clean merges included, in git's
	// order.
	Commits []policy.ObjectID
	// Needed is how many of them needed evidence: all but the clean merges that
	// nothing bears out.
	Needed int
	// Evidence names records that together contain all that needed evidence,
	// newest first; none of them can be left out, and more than MaxEvidence are
	// cut to the newest. It is empty if anything is missing, withdrawn or
	// overridden, or if nothing needed evidence.
	Evidence []uint64

	Missing, Withdrawn, Overridden                []policy.ObjectID // the first MaxListed of each
	MissingCount, WithdrawnCount, OverriddenCount int
	// The newest of the records that took away, or overrode, one of these.
	WithdrawnBy, OverriddenBy uint64
}

// MaxEvidence is how many records an answer names.
const MaxEvidence = 20

// Borne looks in a history of deployments, newest first, for the commits that a
// push brings. What a deployment contains that Counts is borne out by it, unless
// a newer one withdrew it: withdrawn beats contained, and what was deployed
// again afterwards is borne out by that. What came by an override is never borne
// out. What no deployment decides is missing.
//
// Clean merges among what is not borne out are set aside: two parents, and
// exactly the tree that git merge-tree makes of them, without a conflict. Up to
// 1,000 merges are looked at; those beyond need evidence.
//
// A commit of history that is gone from the repository contains nothing. But if
// it was what a withdrawal left, nothing older counts; if it belonged to an
// override, neither does that, and if it was what the override brought, nothing
// does at all, as nobody can tell what came by it. More than MaxBrought commits,
// a history with a gap in it, a shallow repository, or more than a minute are
// errors.
func (r *Repository) Borne(ctx context.Context, b Brought, history []Deployed) (Borne, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	b.Without = known(b.Without)
	err := r.answers(append([]policy.ObjectID{b.Tip}, b.Without...)...)
	if err != nil {
		return Borne{}, fmt.Errorf("look for what the push brings: %w", err)
	}
	if answer, ok := r.borneByChain(b, history); ok {
		return answer, nil
	}
	g, err := r.loadGraph(ctx, b, history)
	if err != nil {
		return Borne{}, fmt.Errorf("look for what the push brings: %w", err)
	}
	v := g.judge(history)
	if g.err != nil {
		return Borne{}, fmt.Errorf("look for what the environment before contains: %w", g.err)
	}
	merges, err := r.cleanMerges(ctx, g.merges(v.missing.or(v.withdrawn).or(v.overridden)))
	if err != nil {
		return Borne{}, fmt.Errorf("look for clean merges: %w", err)
	}
	answer := g.answer(v, g.places(merges), history)
	return answer, errors.Join(g.err, ctx.Err())
}

// Holds tells which of the commits contain all that a push brings, clean merges
// aside, each by itself. A commit that is gone from the repository contains
// nothing. The errors are those of Borne.
func (r *Repository) Holds(ctx context.Context, b Brought, commits []policy.ObjectID) (map[policy.ObjectID]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	b.Without = known(b.Without)
	if err := r.answers(append([]policy.ObjectID{b.Tip}, b.Without...)...); err != nil {
		return nil, fmt.Errorf("look for what the push brings: %w", err)
	}
	history := make([]Deployed, len(commits))
	for i, id := range commits {
		history[i].Commit = id
	}
	g, err := r.loadGraph(ctx, b, history)
	if err != nil {
		return nil, fmt.Errorf("look for what the push brings: %w", err)
	}
	lacks, any := make(map[policy.ObjectID]bitset), g.none()
	for _, id := range commits {
		lacks[id] = g.all().minus(g.reach(id))
		any = any.or(lacks[id])
	}
	if g.err != nil {
		return nil, fmt.Errorf("look for what the commits contain: %w", g.err)
	}
	merges, err := r.cleanMerges(ctx, g.merges(any))
	if err != nil {
		return nil, fmt.Errorf("look for clean merges: %w", err)
	}
	clean, holds := g.places(merges), make(map[policy.ObjectID]bool)
	for id, lack := range lacks {
		holds[id] = !g.unknown(id) && lack.minus(clean).count() == 0
	}
	return holds, ctx.Err()
}

// borneByChain answers without git for a few loose commits on top of what is
// live that the newest deployment contains.
func (r *Repository) borneByChain(b Brought, history []Deployed) (Borne, bool) {
	if len(b.Without) != 1 || len(history) == 0 || !history[0].Counts {
		return Borne{}, false
	}
	for _, d := range history {
		if d.Overridden {
			return Borne{}, false
		}
	}
	if _, ok := r.objectID(string(history[0].Commit)); !ok {
		return Borne{}, false
	}
	ids, ok := r.chain(b.Tip, b.Without[0], maxChain)
	if !ok {
		return Borne{}, false
	}
	if history[0].Commit != b.Tip {
		if _, ok := r.chain(history[0].Commit, b.Tip, maxChain); !ok {
			return Borne{}, false
		}
	}
	return Borne{Commits: ids, Needed: len(ids), Evidence: []uint64{history[0].Record}}, true
}

// merges names those of a set that have two parents.
func (g *graph) merges(set bitset) (ids []policy.ObjectID) {
	for _, place := range set.first(len(g.brought)) {
		if node := g.brought[place]; g.count[node] == 2 && len(ids) <= maxMerges {
			ids = append(ids, g.ids[node])
		}
	}
	return ids
}

// places gives the set of the commits in ids.
func (g *graph) places(ids map[policy.ObjectID]bool) bitset {
	set := newBitset(len(g.brought))
	for id := range ids {
		set.add(g.place[g.index[id]])
	}
	return set
}

// answer puts the verdicts into words, without the clean merges.
func (g *graph) answer(v verdicts, clean bitset, history []Deployed) Borne {
	a := Borne{Needed: len(g.brought) - clean.count()}
	for _, node := range g.brought {
		a.Commits = append(a.Commits, g.ids[node])
	}
	a.Missing, a.MissingCount = g.list(v.missing.minus(clean))
	a.Withdrawn, a.WithdrawnCount = g.list(v.withdrawn.minus(clean))
	a.Overridden, a.OverriddenCount = g.list(v.overridden.minus(clean))
	for i, d := range history {
		if a.WithdrawnBy == 0 && v.withdrew[i].minus(clean).count() > 0 {
			a.WithdrawnBy = d.Record
		}
		if a.OverriddenBy == 0 && v.overrode[i].minus(clean).count() > 0 {
			a.OverriddenBy = d.Record
		}
	}
	if a.All() {
		a.Evidence = g.evidence(v, history)
	}
	return a
}

// list names the first of a set, and counts it.
func (g *graph) list(set bitset) (ids []policy.ObjectID, count int) {
	for _, place := range set.first(MaxListed) {
		ids = append(ids, g.ids[g.brought[place]])
	}
	return ids, set.count()
}

// All reports whether all that needed evidence is borne out; so it is where
// nothing needed any.
func (b Borne) All() bool {
	return b.MissingCount+b.WithdrawnCount+b.OverriddenCount == 0
}
