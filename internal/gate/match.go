package gate

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// How many of an environment's deployments are looked at for what they contain:
// a few first, as the newest nearly always decide, and then the most.
const (
	fewDeployments  = 16
	mostDeployments = 512
)

// A matching is what the environments before contain of what a push brings.
type matching struct {
	key     string // what it was asked of
	answers []priorAnswer
	commits map[policy.ObjectID]bool // all that the push brings
	back    bool                     // the commit does not contain what is live
	bar     hindrance
}

// A priorAnswer completes the facts on one environment before.
type priorAnswer struct {
	match    policy.MatchFacts
	standing policy.Standing
	outcome  policy.Outcome
	span     span
	more     bool // there are older deployments that were not looked at
}

// A matchQuestion is what has to be asked of git.
type matchQuestion struct {
	key     string
	brought gitfacts.Brought
	live    policy.ObjectID // that the commit may lack; empty if it cannot
	release bool            // then what it brings is looked at when it is merged
	priors  []priorHistory
}

// A priorHistory is what was deployed to an environment before, newest first.
type priorHistory struct {
	env      *policy.Environment
	requires bool // only what succeeded counts
	ever     bool // what was withdrawn counts too
	live     bool // only what is live counts
	override bool // what came by an override counts too
	soak     time.Duration

	repository string
	deployed   []deployedThen
	more       bool
	overrides  []deployedThen // those that are older
	countless  bool           // there are more than can be listed
}

// A deployedThen is one of these deployments, and how it went.
type deployedThen struct {
	ledger.Entry
	old       policy.ObjectID // what was live before it, by the ledger
	outcome   policy.Outcome
	live      bool // on its ref now
	withdrawn bool // exactly this commit was taken away since
}

// matched completes facts with what the environments before contain; done if
// git need not be asked first.
func (s *scene) matched(b *book, m *move, facts *policy.Facts) (next, error) {
	if err := s.checked(); err != nil {
		return done, err
	}
	needs := s.policy.Needs(s.site, m.env, m.update())
	if m.env.Match == policy.MatchTree {
		return done, b.sameTree(needs, m, facts)
	}
	depth := fewDeployments
	if m.deep {
		depth = mostDeployments
	}
	q := &matchQuestion{brought: gitfacts.Brought{Tip: m.commit, Without: m.without(facts)}}
	if q.release = m.release != nil; !q.release { // a release is merged into what is live
		q.live = facts.Live.Commit
	}
	for i, lookup := range needs.Prior {
		h, err := s.history(b, m.env, i, lookup, depth)
		if err != nil {
			return done, err
		}
		q.priors = append(q.priors, h)
	}
	q.key = q.makeKey()
	if m.match == nil || m.match.key != q.key {
		m.asksMatch = q
		return askGit, nil
	}
	for i := range facts.Prior {
		if m.match.back {
			facts.Prior[i].Match = &policy.MatchFacts{Back: true}
			continue
		}
		a := &m.match.answers[i]
		if !m.deep && a.more && !a.enough(m.env.Soak, b.now) {
			m.deep = true
			return s.matched(b, m, facts)
		}
		a.fill(&facts.Prior[i])
	}
	return done, s.findTickets(b, m, q.priors)
}

// without is what a push does not bring: what is live already, and where
// branches are released, what their base has.
func (m *move) without(facts *policy.Facts) []policy.ObjectID {
	var ids []policy.ObjectID
	if facts.Live.Commit != "" {
		ids = append(ids, facts.Live.Commit)
	}
	if m.release != nil && m.release.base != "" && !m.release.base.IsZero() {
		ids = append(ids, m.release.base)
	}
	return ids
}

func (s *scene) history(b *book, env *policy.Environment, i int, q policy.Lookup, depth int) (priorHistory, error) {
	prior, _ := s.policy.Environment(q.Environment)
	h := priorHistory{env: prior, requires: env.RequiresOf(i) == policy.RequiresSuccess, ever: env.Evidence == policy.EvidenceEver,
		live: env.Evidence == policy.EvidenceLive, override: env.OverrideCounts, soak: env.Soak, repository: q.Repository}
	entries, more, err := b.Deployments(q, depth)
	if err != nil {
		return h, err
	}
	if err := b.mayCompare(env, prior, entries); err != nil {
		return h, err
	}
	h.more = more
	seen := make(map[string]bool)
	for _, e := range entries {
		q.Commit = policy.ObjectID(e.Commit)
		withdrawn, err := b.Withdrawn(q)
		if err != nil {
			return h, err
		}
		d := deployedThen{Entry: e, live: !seen[e.Ref], withdrawn: withdrawn > e.Seq}
		if d.old, err = b.LiveBefore(&e); err != nil {
			return h, err
		}
		seen[e.Ref] = true
		if h.requires || h.soak > 0 {
			outcome, has, err := b.OutcomeOf(e.Seq)
			if err != nil {
				return h, err
			}
			d.outcome = policy.Outcome(outcome)
			if !has && e.Deploy == "" {
				d.outcome.State = policy.OutcomeNone
			}
		}
		h.deployed = append(h.deployed, d)
	}
	return h, h.addOverrides(b, q)
}

// incremental reports whether the environment looks only at what each update
// brings: then what came in by an override is not looked at again.
func (h *priorHistory) incremental() bool {
	return h.env.Release != nil || h.env.Match == policy.MatchContained
}

// addOverrides finds the overrides that are older than the deployments looked
// at: what they brought may still be there.
func (h *priorHistory) addOverrides(b *book, q policy.Lookup) error {
	if h.override || !h.incremental() || !h.more {
		return nil
	}
	newest, total, err := b.Overrides(q.Service, q.Environment, ledger.MaxOverrides)
	if err != nil {
		return err
	}
	oldest := h.deployed[len(h.deployed)-1].Seq
	for _, e := range newest {
		if e.Seq >= oldest || e.Repository != q.Repository {
			continue
		}
		old, err := b.LiveBefore(&e)
		if err != nil {
			return err
		}
		h.overrides = append(h.overrides, deployedThen{Entry: e, old: old})
	}
	h.countless = total > uint64(len(newest))
	return nil
}

// makeKey names all that the answer rests on.
func (q *matchQuestion) makeKey() string {
	var k strings.Builder
	fmt.Fprintf(&k, "%s %v", q.brought.Tip, q.brought.Without)
	for _, h := range q.priors {
		fmt.Fprintf(&k, "; %s %t", h.repository, h.more)
		for _, d := range h.deployed {
			fmt.Fprintf(&k, " %d %d %t", d.Seq, d.outcome.Record, d.withdrawn)
		}
		for _, e := range h.overrides {
			fmt.Fprintf(&k, " %d", e.Seq)
		}
	}
	return k.String()
}

// counts reports whether a deployment is evidence of what it contains. Where only
// what each update brings is looked at, an override is, but for what it brought.
func (h *priorHistory) counts(d *deployedThen, anyOutcome bool) bool {
	went := !h.requires || anyOutcome || d.outcome.State == policy.OutcomeSuccess || d.outcome.State == policy.OutcomeNone
	return went && (!h.live || d.live) && (h.ever || !d.withdrawn) && (h.override || h.incremental() || d.Kind != ledger.KindOverride)
}

// steps is the history as git is asked about it.
func (h *priorHistory) steps(anyOutcome bool) []gitfacts.Deployed {
	var out []gitfacts.Deployed
	for i := range h.deployed {
		d := &h.deployed[i]
		by := d.Kind == ledger.KindOverride
		out = append(out, gitfacts.Deployed{Record: d.Seq, Commit: policy.ObjectID(d.Commit), Old: d.old,
			Counts: h.counts(d, anyOutcome), Withdraws: d.takesAway() && !h.ever})
		if by && !h.override && h.incremental() {
			out = append(out, overridden(d))
		}
	}
	for i := range h.overrides {
		out = append(out, overridden(&h.overrides[i]))
	}
	if h.countless {
		out = append(out, gitfacts.Deployed{Overridden: true}) // nobody knows what it brought
	}
	return out
}

// takesAway reports whether a deployment can have taken something away on
// purpose.
func (d *deployedThen) takesAway() bool {
	return d.Kind == string(policy.Rollback) || d.Action != "" && d.Action != ledger.ActionRelease ||
		d.Kind == ledger.KindOverride && d.Action == ""
}

// overridden says that what a deployment brought came by an override. Of a
// release that is its branch, whatever became of the merge.
func overridden(d *deployedThen) gitfacts.Deployed {
	out := gitfacts.Deployed{Record: d.Seq, Commit: policy.ObjectID(d.Commit), Old: d.old, Overridden: true}
	if d.Head != "" {
		out.Commit = policy.ObjectID(d.Head)
	}
	return out
}

// askMatch asks git what the environments before contain.
func (s *scene) askMatch(ctx context.Context, q *matchQuestion) (*matching, error) {
	repo := s.repo
	var others []*gitfacts.Repository
	for _, h := range q.priors {
		if h.repository == s.site.Repository || slices.ContainsFunc(others, func(r *gitfacts.Repository) bool {
			name, _ := r.Relative(s.policy.Root)
			return name == h.repository
		}) {
			continue
		}
		other, err := gitfacts.Open(filepath.Join(s.policy.Root, filepath.FromSlash(h.repository)))
		if err != nil {
			return nil, because("the repository of an environment before cannot be read", err)
		}
		others = append(others, other)
	}
	if len(others) > 0 {
		var err error
		if repo, err = repo.Beside(others...); err != nil {
			return nil, because("the repository of an environment before cannot be read", err)
		}
	}
	out := &matching{key: q.key, commits: make(map[policy.ObjectID]bool)}
	if q.live != "" {
		forward, err := repo.IsAncestor(ctx, q.live, q.brought.Tip)
		if err != nil {
			return nil, because("what the environments before contain cannot be found out", err)
		}
		if out.back = !forward; out.back {
			return out, nil // then only the exact commit counts
		}
	}
	if !q.release {
		var err error
		if out.bar, err = s.sound(ctx, q.brought); err != nil || out.bar.code != "" {
			return out, err
		}
	}
	for i := range q.priors {
		a, commits, err := q.priors[i].ask(ctx, repo, q.brought)
		if err != nil {
			out.bar, err = hindered(err, "what the environments before contain cannot be found out")
			return out, err
		}
		out.answers = append(out.answers, a)
		for _, id := range commits {
			out.commits[id] = true
		}
	}
	return out, nil
}

// ask looks for what the push brings among what was deployed: first among what
// counts, and if that is not all, among what would count had it succeeded.
func (h *priorHistory) ask(ctx context.Context, repo *gitfacts.Repository, brought gitfacts.Brought) (a priorAnswer, commits []policy.ObjectID, err error) {
	found, err := repo.Borne(ctx, brought, h.steps(false))
	if err != nil {
		return a, nil, err
	}
	succeeded := found.All()
	if !succeeded && h.requires {
		if found, err = repo.Borne(ctx, brought, h.steps(true)); err != nil {
			return a, nil, err
		}
	}
	a = priorAnswer{more: h.more, match: policy.MatchFacts{
		Evidence: found.Evidence, Brought: found.Needed,
		Missing: found.Missing, MissingCount: found.MissingCount,
		Withdrawn: found.Withdrawn, WithdrawnCount: found.WithdrawnCount, WithdrawnBy: found.WithdrawnBy,
		Overridden: found.Overridden, OverriddenCount: found.OverriddenCount, OverriddenBy: found.OverriddenBy,
	}}
	if len(found.Evidence) == 0 {
		return a, found.Commits, nil
	}
	d := h.record(found.Evidence[0])
	a.standing = policy.Standing{Record: d.Seq, Ref: policy.RefName(d.Ref), Time: d.Time, Principal: d.Principal}
	a.outcome = d.outcome
	if !succeeded {
		a.outcome = h.worst(found.Evidence)
	}
	if h.soak > 0 || h.live {
		a.span, err = h.soaked(ctx, repo, brought)
	}
	return a, found.Commits, err
}

// worst is the outcome of the first of some deployments that has not succeeded;
// none if that is not among those that were named.
func (h *priorHistory) worst(evidence []uint64) policy.Outcome {
	for _, seq := range evidence {
		if d := h.record(seq); d.outcome.State != policy.OutcomeSuccess && d.outcome.State != policy.OutcomeNone {
			return d.outcome
		}
	}
	return policy.Outcome{}
}

func (h *priorHistory) record(seq uint64) *deployedThen {
	i := slices.IndexFunc(h.deployed, func(d deployedThen) bool { return d.Seq == seq })
	return &h.deployed[i]
}

// enough reports whether older deployments could add nothing to a yes.
func (a *priorAnswer) enough(soak time.Duration, now time.Time) bool {
	if a.match.Brought == 0 {
		return true
	}
	soaked := a.span.longest >= soak || !a.span.since.IsZero() && now.Sub(a.span.since) >= soak
	return len(a.match.Evidence) > 0 && soaked
}

// fill completes what the ledger said of the exact commit.
func (a *priorAnswer) fill(p *policy.PriorFacts) {
	match := a.match
	p.Match, p.Standing, p.Override = &match, a.standing, false
	p.Outcome, p.Pending = a.outcome, a.outcome.State == "" || a.outcome.State == policy.OutcomePending
	p.IsLive, p.LiveSince, p.Soaked = a.span.live, a.span.since, a.span.longest
}

// sameTree looks among the deployments before for one of a commit with the same
// files, where the commit itself does not stand.
func (b *book) sameTree(needs policy.Needs, m *move, facts *policy.Facts) error {
	for i, q := range needs.Prior {
		match := &policy.MatchFacts{Brought: 1}
		facts.Prior[i].Match = match
		if facts.Prior[i].Standing.Stands() && !facts.Prior[i].Override || m.tree == "" {
			continue
		}
		entries, _, err := b.Deployments(q, mostDeployments)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Tree != string(m.tree) || e.Commit == string(m.commit) {
				continue
			}
			q.Commit = policy.ObjectID(e.Commit)
			found, err := b.Prior(needs, q)
			if err != nil {
				return err
			}
			switch {
			case !found.Standing.Stands() || m.env.Evidence == policy.EvidenceLive && !found.IsLive:
				continue
			case found.Override && !m.env.OverrideCounts:
				match.Overridden, match.OverriddenCount, match.OverriddenBy = []policy.ObjectID{q.Commit}, 1, found.Standing.Record
				continue
			}
			found.Match = &policy.MatchFacts{Brought: 1, Evidence: []uint64{found.Standing.Record}}
			facts.Prior[i] = found
			break
		}
	}
	return nil
}

// findTickets notes whose branches a push brings: those released into the
// environments before whose commits are among what it brings.
func (s *scene) findTickets(b *book, m *move, priors []priorHistory) error {
	m.tickets = nil
	for _, h := range priors {
		for i := range h.deployed {
			d := &h.deployed[i]
			if !d.live || h.env.Release == nil {
				continue
			}
			released, err := b.Contents(s.site.Service, h.env.Name, h.repository, policy.RefName(d.Ref), policy.ObjectID(d.Commit))
			if err != nil {
				return err
			}
			for _, e := range released {
				if m.match.commits[policy.ObjectID(e.Head)] {
					m.tickets = appendNew(m.tickets, e.Tickets...)
				}
			}
		}
	}
	return nil
}

func appendNew(to []string, names ...string) []string {
	for _, name := range names {
		if name != "" && !slices.Contains(to, name) {
			to = append(to, name)
		}
	}
	return bounded(to, mostTickets)
}
