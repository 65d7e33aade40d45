package board

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A waiter is a commit that stands in an environment before, and not here.
type waiter struct {
	from   string
	d      *deployment
	since  time.Time
	back   bool     // it was here and was withdrawn
	holds  []string // what holds it back, as far as record and policy tell
	others int      // more commits that stand there and not here
}

// likeRef is the ref of an environment that stands for ref of another.
func likeRef(env *policy.Environment, ref string) string {
	for _, pattern := range env.Refs {
		if pattern.Match(policy.RefName(ref)) {
			return ref
		}
	}
	if len(env.Refs) > 0 && env.Refs[0].Exact() {
		return env.Refs[0].String()
	}
	return ""
}

// waiting lists what stands in the environments before and not here: of each
// ref there what is live, and how many older ones there are.
func (g *gathering) waiting(env *policy.Environment, s spot) (out []waiter) {
	here := g.stages[s.stage()]
	for i, name := range env.After {
		prior, ok := g.pol.Environment(name)
		if !ok || prior.Elsewhere != nil || env.Release != nil || env.Match == policy.MatchContained {
			continue
		}
		from := g.spots[spot{s.service, string(name), prior.Repository.Path(policy.Service(s.service)), likeRef(prior, s.ref)}]
		if from == nil || from.live == nil {
			continue
		}
		there := g.stages[from.stage()]
		if g.stands(here, from.commit) || slices.ContainsFunc(out, func(w waiter) bool { return w.d.entry.Commit == from.live.entry.Commit }) {
			continue
		}
		w := waiter{from: string(name), d: from.live, since: from.live.entry.Time, back: g.had(here, from.commit) != 0}
		w.others = g.others(from, there, here)
		w.holds = g.holdsBack(env, i, s, from)
		out = append(out, w)
	}
	return out[:min(len(out), maxWaits)]
}

// others counts the commits before the live one that stand there and not here,
// back to the newest that is here, among the newest thousand deployments.
func (g *gathering) others(p *place, there, here *environment) int {
	seen := map[string]bool{p.commit: true}
	for i := p.steps - 1; i >= max(0, p.steps-1000); i-- {
		c := g.step(p, i).commit
		if seen[c] {
			continue
		}
		if g.stands(here, c) {
			break
		}
		if g.stands(there, c) {
			seen[c] = true
		}
	}
	return len(seen) - 1
}

// holdsBack says what stands between a commit and an environment.
func (g *gathering) holdsBack(env *policy.Environment, i int, s spot, from *place) (out []string) {
	e := from.live.entry
	if env.RequiresOf(i) == policy.RequiresSuccess && from.live.entry.Deploy != "" {
		if state := cmp.Or(endOf(from.live), from.live.before); state != ledger.StateSuccess {
			out = append(out, "a success in "+from.environment+": "+chipOf(from.live).Word)
		}
	}
	if env.Soak > 0 {
		out = append(out, g.soaks(env.Soak, from)...)
	}
	if env.AfterMatch != policy.AfterAny {
		out = append(out, g.missing(env, s, from)...)
	}
	if env.Approvals != nil {
		out = append(out, g.approvals(env, s, from.commit)...)
	}
	if v := g.vetoes[veto{s.service, e.Commit}]; v != nil {
		out = append(out, "the veto "+saying(v))
	}
	for _, lock := range g.lockedAt(s) {
		out = append(out, "the lock "+saying(lock))
	}
	for _, f := range env.Freezes {
		if end, frozen := f.Until(g.now); frozen {
			out = append(out, fmt.Sprintf("the freeze %s, until %s", f.Name, at(end).Text))
		}
	}
	return out
}

// endOf is how a deployment ended, empty if it did not.
func endOf(d *deployment) string {
	if finished(d.state) {
		return d.state
	}
	return ""
}

func (g *gathering) soaks(want time.Duration, from *place) []string {
	if from.begin.IsZero() {
		return []string{fmt.Sprintf("%s in %s, which do not count yet", span(want), from.environment)}
	}
	if been := g.now.Sub(from.begin); been < want {
		return []string{fmt.Sprintf("%s in %s, until %s", span(want), from.environment, at(from.begin.Add(want)).Text)}
	}
	return nil
}

// missing names the other environments before that do not have the commit.
func (g *gathering) missing(env *policy.Environment, s spot, from *place) (out []string) {
	for _, name := range env.After {
		prior, ok := g.pol.Environment(name)
		if !ok || prior.Elsewhere != nil || string(name) == from.environment {
			continue
		}
		there := g.stages[stage{s.service, string(name), prior.Repository.Path(policy.Service(s.service))}]
		if !g.stands(there, from.commit) {
			out = append(out, "a deployment in "+string(name))
		}
	}
	return out
}

// approvals says how many approvals are missing. Whose own push it will be is
// not known yet, so nobody's is left out for that.
func (g *gathering) approvals(env *policy.Environment, s spot, commit string) (out []string) {
	rule := env.Approvals
	var live string
	var run uint64
	var said map[string]*entry
	if p := g.spots[s]; p != nil {
		said, run = p.approvals[commit], p.run
		if p.live != nil {
			live = p.live.entry.Commit
		}
	}
	newest := make(map[string]*entry)
	for _, e := range said {
		who := g.pol.Canonical(e.Principal)
		if was := newest[who]; (rule.By == nil || rule.By.Has(who)) && (was == nil || e.Seq > was.Seq) {
			newest[who] = e
		}
	}
	valid := 0
	var objections []string
	for who, e := range newest {
		switch {
		case e.Kind == ledger.KindReject:
			objections = append(objections, who)
		case e.Old == live && e.Seq > run && g.now.Before(e.Time.Add(rule.For)):
			valid++
		}
	}
	if valid < rule.Count {
		out = append(out, fmt.Sprintf("approvals: %d of %d", valid, rule.Count))
	}
	if len(objections) > 0 {
		slices.Sort(objections)
		out = append(out, "the objection of "+strings.Join(objections, ", "))
	}
	return out
}
