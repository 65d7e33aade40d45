package gate

import (
	"context"
	"fmt"
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// readLoose reads those of the pushed objects that lie loose, as those of a
// small push do, which costs no process.
func (j *judge) readLoose() error {
	for _, m := range j.sorted.moves {
		if m.pushed.New.IsZero() {
			continue
		}
		object, ok, err := j.scene.repo.Loose(m.pushed.New)
		if err != nil {
			return because("a pushed object cannot be read", err)
		}
		if ok {
			j.objects[m.pushed.New] = object
		}
	}
	return nil
}

// identify finds the commit that a move brings: from a loose object, from what
// the ledger has recorded of it, or, next time, from git.
func (j *judge) identify(b *book, m *move) (next, error) {
	id := m.pushed.New
	if id.IsZero() { // a removal brings none
		return done, nil
	}
	if object, ok := j.objects[id]; ok {
		m.commit, m.tree = object.Commit, object.Tree
		m.subject = clean(object.Subject, 200)
		m.peel()
		return done, nil
	}
	recorded, ok, err := b.Object(id)
	if err != nil {
		return done, err
	}
	if !ok {
		return askGit, nil
	}
	m.commit, m.tree, m.subject = recorded.Commit, recorded.Tree, recorded.Subject
	m.peel()
	return done, nil
}

// askGit reads what the last try lacked: objects that neither lay loose nor are
// on record, and what rules ask about history.
func (j *judge) askGit(ctx context.Context) error {
	var ids []policy.ObjectID
	asked := make(map[policy.ObjectID]bool)
	for _, m := range j.sorted.moves {
		if _, ok := j.objects[m.pushed.New]; !ok && !m.pushed.New.IsZero() && m.commit == "" && !asked[m.pushed.New] {
			asked[m.pushed.New] = true
			ids = append(ids, m.pushed.New)
		}
	}
	objects, err := j.scene.repo.Commits(ctx, ids)
	if err != nil {
		return because("a pushed object cannot be read", err)
	}
	for id, object := range objects {
		j.objects[id] = object
	}
	j.lookAtStamps(ctx)
	for _, m := range j.sorted.moves {
		if err := j.askAbout(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// askAbout finds out for one move what the last try lacked.
func (j *judge) askAbout(ctx context.Context, m *move) (err error) {
	if !m.asks.None() {
		m.git, err = j.scene.repo.CommitFacts(ctx, m.asks, m.commit, m.asksLive, m.asksWithout...)
		if err != nil {
			m.bar, err = hindered(err, "the history that a rule asks for cannot be read")
			return err
		}
		m.gitAsked, m.asks = m.asks, policy.GitNeeds{}
	}
	if m.asksMatch != nil {
		if m.match, err = j.scene.askMatch(ctx, m.asksMatch); err != nil {
			return err
		}
		m.asksMatch, m.bar = nil, m.match.bar
	}
	if m.bar.code != "" {
		return nil
	}
	if m.release != nil && m.release.look != "" {
		return j.lookInto(ctx, m)
	}
	if m.release != nil && m.release.request != nil {
		return j.build(ctx, m)
	}
	return nil
}

// covers reports whether git was asked all that is needed. The rules that bind
// can change between two tries, as the kind of the update does.
func covers(asked, needs policy.GitNeeds) bool {
	return (len(needs.Branches) == 0 || slices.Equal(asked.Branches, needs.Branches)) &&
		(needs.Ticket == "" || asked.Ticket == needs.Ticket) &&
		(needs.Signed == "" || asked.Signed == needs.Signed) &&
		(!needs.FastForward || asked.FastForward)
}

// history makes a move ask git for what the rules need to know, given what the
// ledger says; done if it knows already.
func (j *judge) history(l *book, m *move, facts *policy.Facts) (what next, err error) {
	needs := m.env.GitNeeds(m.update(), *facts)
	if needs.Prior {
		needs.Prior = false
		if what, err = j.scene.matched(l, m, facts); err != nil {
			return done, err
		}
	}
	without := m.without(facts)
	since := fmt.Sprint(without)
	if needs.None() {
		facts.Commit = policy.CommitFacts{Fetched: true} // all that was asked for
		return what, nil
	}
	if m.git.Fetched && m.gitSince == since && covers(m.gitAsked, needs) {
		facts.Commit = m.git
		return what, nil
	}
	m.git = policy.CommitFacts{} // what answers less is no answer
	m.asks, m.gitSince = needs, since
	m.asksLive, m.asksWithout = orZero(facts.Live.Commit, m.commit), without
	return askGit, nil
}
