package evidence

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A change is a deployment to production in the window.
type change struct {
	entry    *ledger.Entry
	place    *place
	commit   uint32
	intent   *ledger.Entry // nil if the record has none
	said     []statement
	tests    []test
	previous prior // what was live before, empty if nothing was
	outcome  *ledger.Entry
	back     *ledger.Entry // what took it back
	noes     []string      // codes of rules that said no and were not enforced
	policy   *policyFile   // nil if it is not on record
	kept     policy.RollbackRule
	stands   bool // whether previous can be gone back to now
}

// A test is a record in an environment before, and how its deployment had ended
// when the change was decided.
type test struct {
	record      uint64
	environment string
	at          time.Time
	state       string // of the outcome; empty if there was none yet
	asked       bool   // whether the environment asks for an outcome
	outcome     uint64 // the status that says so
	ended       time.Time
	adopted     bool
}

// change takes a deployment as a change or an exception.
func (g *gathering) change(p *place, e *ledger.Entry, in *intent) {
	var noes []string
	if in != nil {
		noes = refusing(in.entry.Rules)
	}
	if len(e.Overrode) > 0 || e.Kind == ledger.KindOverride {
		kind := overridden
		if slices.Equal(e.Overrode, []string{ledger.Inherited}) {
			kind = inherited
		}
		g.except(kind, e, nil)
	}
	if len(noes) > 0 {
		if x := g.except(reportOnly, e, nil); x != nil {
			x.codes = noes
		}
	}
	if e.Principal == "" {
		g.except(unnamed, e, nil)
	}
	if !g.production[e.Environment] || !g.o.within(e.Time) {
		return
	}
	ch := &change{entry: e, place: p, commit: g.number(e.Commit), previous: p.live, noes: noes}
	if in != nil {
		ch.intent, ch.tests = in.entry, in.tests
		for _, said := range in.said {
			ch.said = append(ch.said, statement{entry: said})
		}
		g.statements += len(ch.said)
	}
	g.changes, g.bySeq[e.Seq] = append(g.changes, ch), ch
	p.open = append(p.open, ch)
}

// releases reports whether the change merged a branch into the environment's.
func (ch *change) releases() bool {
	return ch.entry.Action == ledger.ActionRelease || ch.entry.Action == ledger.ActionReplace
}

// refusing lists the codes in verdicts that are a no and were not overridden.
func refusing(rules []string) (codes []string) {
	for _, rule := range rules {
		says := rule[strings.LastIndexByte(rule, '=')+1:]
		switch says {
		case "yes", string(policy.EvidenceEver), string(policy.MatchContained), string(policy.MatchTree):
			continue
		}
		if !strings.HasPrefix(says, "overridden:") && !slices.Contains(codes, says) {
			codes = append(codes, says)
		}
	}
	return codes
}

// testsOf looks up what the decision of an intent rests on, as it was then.
func (g *gathering) testsOf(e *ledger.Entry) (all []test) {
	for _, record := range e.Evidence {
		d := g.records[record]
		if d == nil {
			if t, ok := g.elsewhere.test(record); ok {
				all = append(all, t)
			}
			continue
		}
		t := test{record: record, environment: d.place.stage.name, at: d.at, asked: d.deploy != "", adopted: d.adopted}
		if o := d.place.stage.outcomes[d.commit]; o != nil && t.asked {
			t.state, t.outcome, t.ended = o.state, o.record, o.at
			if o.open {
				t.state = ledger.StatePending
			}
		}
		all = append(all, t)
	}
	return all
}

// passed sums up the tests.
func (ch *change) passed() string {
	word := "none"
	for _, t := range ch.tests {
		switch {
		case t.asked && (t.state == ledger.StateFailure || t.state == ledger.StateError):
			return "no"
		case t.asked && t.state != ledger.StateSuccess:
			word = "unfinished"
		case !t.asked && word != "unfinished":
			word = "not asked for"
		case t.asked && word == "none":
			word = "yes"
		}
	}
	return word
}

// A statement is an approval or an objection that stood when a change was
// decided.
type statement struct {
	entry  *ledger.Entry
	other  string // yes, no, unknown: whether somebody else than the requester said it
	counts string // yes, no, objection, not asked for, unknown
	why    string // of no
}

// approval keeps the newest statement of each principal.
func (g *gathering) approval(e *ledger.Entry) {
	if !g.production[e.Environment] {
		return
	}
	p := g.at(spotOf(e))
	if p.approvals[e.Commit] == nil {
		p.approvals[e.Commit] = make(map[string]*ledger.Entry)
	}
	p.approvals[e.Commit][e.Principal] = e
}

// stood lists the statements about what an intent wants to deploy that are not
// void, oldest first. Of a release they may be about the branch's commit.
func (g *gathering) stood(e *ledger.Entry) (all []*ledger.Entry) {
	p := g.places[spotOf(e)]
	if p == nil {
		return nil
	}
	about := []string{e.Commit}
	if e.Head != "" && e.Head != e.Commit {
		about = append(about, e.Head)
	}
	for _, commit := range about {
		for _, a := range p.approvals[commit] {
			void := a.Seq < p.run || a.Old != p.live.commit || a.Seq < g.vetoes[commit] ||
				a.Seq <= p.live.record && p.kind != string(policy.Redeploy)
			if a.Kind == ledger.KindReject || !void {
				all = append(all, a)
			}
		}
	}
	slices.SortFunc(all, func(a, b *ledger.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}

// judge tells of each statement on a change whether it counted.
func (g *gathering) judge(ch *change) {
	ch.policy = g.policies[ch.entry.Policy]
	names, env := g.o.Policy, (*policy.Environment)(nil)
	if ch.policy != nil && ch.policy.policy != nil {
		names = ch.policy.policy
		env, _ = names.Environment(policy.EnvironmentName(ch.entry.Environment))
	}
	if now, ok := g.o.Policy.Environment(policy.EnvironmentName(ch.entry.Environment)); ok {
		ch.kept = now.Rollback
	}
	ch.stands = ch.previous.commit != "" && ch.place.stage.stands(g.number(ch.previous.commit))
	newest := make(map[string]uint64)
	for _, s := range ch.said {
		newest[names.Canonical(s.entry.Principal)] = s.entry.Seq
	}
	requester := names.Canonical(ch.entry.Principal)
	for i := range ch.said {
		s := &ch.said[i]
		who := names.Canonical(s.entry.Principal)
		switch {
		case requester == "" || who == "":
			s.other = "unknown"
		case who == requester:
			s.other = "no"
		default:
			s.other = "yes"
		}
		s.count(ch, env, who, newest[who])
	}
}

// count says whether a statement counted by the environment's rule.
func (s *statement) count(ch *change, env *policy.Environment, who string, newest uint64) {
	s.counts = "no"
	switch {
	case env == nil:
		s.counts = "unknown"
	case env.Approvals == nil:
		s.counts = "not asked for"
	case newest != s.entry.Seq:
		s.why = "the same person said something newer"
	case env.Approvals.By != nil && !env.Approvals.By.Has(who):
		s.why = "not among those who may approve"
	case s.entry.Kind == ledger.KindReject:
		s.counts = "objection"
	case s.other != "yes" && !env.Approvals.Self:
		s.why = "by the requester, or the requester is not known"
	case !ch.intent.Time.Before(s.entry.Time.Add(env.Approvals.For)):
		s.why = "too old"
	default:
		s.counts = "yes"
	}
}

// approvers lists who approved with effect. Where the policy asks for no
// approvals, or is not on record, that is everybody whose approval stood.
func (ch *change) approvers() (names []string, records []uint64, another string) {
	another = "no"
	for _, s := range ch.said {
		if s.entry.Kind != ledger.KindApprove || s.counts == "no" {
			continue
		}
		names, records = append(names, s.entry.Principal), append(records, s.entry.Seq)
		if another != "yes" && s.other != "no" {
			another = s.other
		}
	}
	return names, records, another
}

// decided is when the change was decided.
func (ch *change) decided() time.Time {
	if ch.intent == nil {
		return time.Time{}
	}
	return ch.intent.Time
}

// required is how many approvals the policy asked for: 0 for none, -1 if the
// policy is not on record.
func (ch *change) required() int {
	if ch.policy == nil || ch.policy.policy == nil {
		return -1
	}
	env, ok := ch.policy.policy.Environment(policy.EnvironmentName(ch.entry.Environment))
	if !ok {
		return -1
	}
	if env.Approvals == nil {
		return 0
	}
	return env.Approvals.Count
}
