package gitfacts

import "github.com/pathgate/pathgate/policy"

// verdicts say of each commit that a push brings which set it is in. Of each
// deployment they say what it decided; a set is nil where it decided nothing.
type verdicts struct {
	borne, missing, withdrawn, overridden bitset
	bore, withdrew, overrode              []bitset // by deployment
	looked                                int      // how many deployments were looked at
}

// judge walks history from the newest deployment to the oldest.
func (g *graph) judge(history []Deployed) verdicts {
	v := verdicts{borne: g.none(), withdrawn: g.none(), missing: g.all()}
	for range history {
		v.bore, v.withdrew, v.overrode = append(v.bore, g.none()), append(v.withdrew, g.none()), append(v.overrode, g.none())
	}
	g.findOverridden(&v, history)
	v.missing = v.missing.minus(v.overridden)
	v.looked = len(history)
	for i, d := range history {
		if v.missing.count() == 0 || d.Overridden && (g.unknown(d.Commit) || g.gone[d.Old]) {
			v.looked = i
			break
		}
		if d.Counts {
			v.bore[i] = v.missing.and(g.reach(d.Commit))
			v.borne, v.missing = v.borne.or(v.bore[i]), v.missing.minus(v.bore[i])
		}
		if d.Withdraws {
			v.withdrew[i] = v.missing.and(g.reach(d.Old)).minus(g.reach(d.Commit))
			v.withdrawn, v.missing = v.withdrawn.or(v.withdrew[i]), v.missing.minus(v.withdrew[i])
			if g.gone[d.Old] {
				v.looked = i + 1
				break
			}
		}
	}
	return v
}

// findOverridden finds what came by overrides and was not withdrawn since. What
// an override brought that is gone could be anything.
func (g *graph) findOverridden(v *verdicts, history []Deployed) {
	v.overridden = g.none()
	withdrawn := g.none() // since
	last := len(history) - 1
	for last >= 0 && !history[last].Overridden {
		last-- // what was withdrawn before the oldest override took nothing of it away
	}
	for i, d := range history[:last+1] {
		if d.Overridden {
			came := g.reach(d.Commit).minus(g.reach(d.Old)).minus(withdrawn)
			if g.unknown(d.Commit) {
				came = g.all()
			}
			v.overrode[i] = came
			v.overridden = v.overridden.or(came)
		}
		if d.Withdraws && !g.unknown(d.Commit) && !g.gone[d.Old] {
			withdrawn = withdrawn.or(g.reach(d.Old).minus(g.reach(d.Commit)))
		}
	}
}

// unknown reports whether nobody can tell what a deployed commit contained.
func (g *graph) unknown(id policy.ObjectID) bool {
	return id == "" || id.IsZero() || g.gone[id]
}

func (g *graph) none() bitset { return newBitset(len(g.brought)) }

func (g *graph) all() bitset {
	set := g.none()
	for place := range g.brought {
		set.add(place)
	}
	return set
}

// evidence gives records that together contain what is borne out. It starts
// with the newest for each commit and leaves out, from the newest on, those
// whose commits the others contain too.
func (g *graph) evidence(v verdicts, history []Deployed) (records []uint64) {
	var used []int
	contained := make([]bitset, len(history))
	// What no withdrawal so far took away. (A withdrawal newer than what bears a
	// commit out would have been final.)
	lasting := v.borne
	for i, d := range history[:v.looked] {
		if v.bore[i].count() > 0 {
			used = append(used, i)
		}
		if contained[i] = g.none(); d.Counts {
			contained[i] = lasting.and(g.reach(d.Commit))
		}
		if d.Withdraws {
			lasting = lasting.minus(g.reach(d.Old).minus(g.reach(d.Commit)))
		}
	}
	for n := 0; n < len(used); {
		rest := g.none()
		for m, i := range used {
			if m != n {
				rest = rest.or(contained[i])
			}
		}
		if v.borne.minus(rest).count() > 0 {
			n++
			continue
		}
		used = append(used[:n:n], used[n+1:]...)
	}
	for _, i := range used[:min(len(used), MaxEvidence)] {
		records = append(records, history[i].Record)
	}
	return records
}
