package board

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// maxReports is how many deployments of a ref elsewhere have their outcome kept.
const maxReports = 100

// A chain is the ledger whose stamps tell of a service and environment elsewhere.
type chain struct {
	origin string // its ID
	forked *entry // the first stamp by which it contradicts itself
}

// A there is what stamps tell of one ref elsewhere. Records are the origin's.
type there struct {
	spot
	record  uint64 // the newest that made something live
	stamp   *entry // that told it, nil if none did yet
	reports map[uint64]report
}

// A report is the newest status that stamps tell of a deployment.
type report struct {
	record uint64
	stamp  *entry
}

// stamped takes in what another host says, as the ledger's projections do.
func (g *gathering) stamped(e *entry) {
	of := stage{e.Service, e.Environment, ""}
	c := g.chains[of]
	if _, err := e.StampTree(); err != nil {
		return
	}
	switch e.Kind {
	case ledger.KindSuccessor: // what came before does not count
		c = chain{origin: e.Origin}
		maps.DeleteFunc(g.abroad, func(s spot, _ *there) bool { return s.service == of.service && s.environment == of.environment })
	case ledger.KindFork:
		if c.forked == nil {
			c.forked = e
		}
		c.origin = cmp.Or(c.origin, e.Origin)
	case ledger.KindDeployed, ledger.KindStatus, ledger.KindWithdrawal:
		line, err := e.OriginLine()
		if err != nil || c.origin != "" && c.origin != e.Origin {
			return
		}
		c.origin = e.Origin
		g.told(e, &line)
	default:
		return
	}
	g.chains[of] = c
}

// told takes in what a stamp tells of a ref.
func (g *gathering) told(e *entry, line *ledger.Entry) {
	t := g.abroad[spotOf(e)]
	if t == nil {
		t = &there{spot: spotOf(e).clone(), reports: make(map[uint64]report)}
		g.abroad[t.spot] = t
	}
	switch {
	case e.Kind != ledger.KindStatus && e.Record > t.record:
		t.record, t.stamp = e.Record, e
		maps.DeleteFunc(t.reports, func(of uint64, _ report) bool { return of < t.record })
	case e.Kind == ledger.KindStatus && e.Record > t.reports[line.Record].record && line.Record >= t.record:
		if t.reports[line.Record] = (report{e.Record, e}); len(t.reports) > maxReports {
			delete(t.reports, slices.Min(slices.Collect(maps.Keys(t.reports))))
		}
	}
}

// addElsewhere adds an environment of another host: the refs that stamps tell
// of, or one without a name where none does.
func (pa *path) addElsewhere(g *gathering, env *policy.Environment) {
	var stops []*stop
	for _, t := range g.abroad {
		if t.service == pa.name && t.stamp != nil && of(env, t.spot) {
			stops = append(stops, &stop{spot: t.spot, env: env, there: t})
		}
	}
	if len(stops) == 0 {
		stops = []*stop{{spot: spot{service: pa.name, environment: string(env.Name)}, env: env, there: &there{}}}
	}
	slices.SortFunc(stops, func(a, b *stop) int {
		return cmp.Or(cmp.Compare(a.ref, b.ref), cmp.Compare(a.repository, b.repository))
	})
	for i, s := range stops {
		s.first, s.several = i == 0, len(stops) > 1
	}
	pa.stops = append(pa.stops, stops...)
}

// of reports whether a ref is one of an environment elsewhere, as the policy
// binds it.
func of(env *policy.Environment, s spot) bool {
	repository := ""
	if env.Repository.String() != "" {
		repository = env.Repository.Path(policy.Service(s.service))
	}
	return string(env.Name) == s.environment && (repository == "" || repository == s.repository) &&
		(len(env.Refs) == 0 || matches(env, s.ref))
}

// elsewhere fills in the card of an environment of another host.
func (v view) elsewhere(c *card, t *there) {
	c.Elsewhere = true
	if t.stamp == nil {
		return
	}
	line, err := t.stamp.OriginLine()
	if err != nil {
		return // it was read before
	}
	c.Live = &event{Record: t.stamp.Seq, At: at(t.stamp.Stamped), Commit: v.commit(line.Commit), Subject: line.Subject, By: line.Principal}
	c.Outcome, c.Untracked = t.outcome(&line), line.Deploy == "" && line.Type == ledger.TypeDeployed
}

// outcome is what became of the deployment that the origin's line is.
func (t *there) outcome(line *ledger.Entry) chip {
	d := &deployment{entry: &entry{Entry: *line}}
	if r := t.reports[t.record]; r.stamp != nil {
		d.state = r.stamp.State
	}
	c := chipOf(d)
	if d.state == "" && line.Deploy != "" {
		c.Word = "not known here"
	}
	return c
}

// commit is what stamps say is live, empty if they say nothing.
func (t *there) commit() string {
	if t.stamp == nil {
		return ""
	}
	line, err := t.stamp.OriginLine()
	if err != nil {
		return ""
	}
	return line.Commit
}

// notes are what there is to know about an environment of another host.
func (t *there) notes(g *gathering, s *stop) (out []note) {
	if c := g.chains[stage{s.service, s.environment, ""}]; c.forked != nil {
		out = append(out, newNote(bad, "fork", strings.TrimSpace("its ledger contradicts itself, and its stamps do not count. "+c.forked.Reason), c.forked.Time))
	}
	if most := s.env.Elsewhere.MaxAge; t.stamp != nil && most > 0 && g.now.Sub(t.stamp.Stamped) > most {
		out = append(out, newNote(warn, "old", "a stamp counts for "+span(most)+", and there is no newer one", t.stamp.Stamped))
	}
	return out
}

// code tells it both ways.
func (t *there) code(c *coder) {
	c.spot(&t.spot)
	c.uint(&t.record)
	c.entry(&t.stamp)
	codeMap(c, t.reports, c.uint, func(r *report) {
		c.uint(&r.record)
		c.entry(&r.stamp)
	})
}
