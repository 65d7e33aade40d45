package gate

import (
	"context"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

// lookAtStamps reads the notes that the last try asked for, then what else the
// push brings of their environments, and follows the histories. What cannot be
// read does not count, and is no fault.
func (j *judge) lookAtStamps(ctx context.Context) {
	looked := j.stamps.look(ctx, j.wantStamps)
	j.lookBeside(ctx)
	for _, err := range []error{looked, j.stamps.trace(ctx)} {
		if err == nil {
			continue
		}
		for _, q := range j.wantStamps {
			j.stamps.refuse(q, publicReason(err))
		}
	}
	j.wantStamps = nil
}

// lookBeside reads all notes of an environment that the push brings and this
// repository has not: that something else is live there by now, or that the origin
// contradicts itself, stands in the notes of other commits.
func (j *judge) lookBeside(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	k := &keeper{scene: j.scene, now: j.process.Now, push: j.push}
	for _, q := range j.wantStamps {
		if j.beside[q.env] {
			continue
		}
		j.beside[q.env] = true
		env, _ := j.scene.elsewhereNamed(q.env)
		_, at, err := j.scene.repo.Resolve(ctx, stamper.Ref(q.env))
		if err != nil {
			at = "" // then all differ
		}
		j.stamps.mostStamps = j.stamps.checks + mostStamps
		k.readPushed(ctx, j.stamps, env, at, j.stamps.pushed[q.env])
	}
}

// admitStamps puts on record what the notes of the push say, where one of its
// commits needs evidence, and tells each move why stamps of its commit do not count. Where
// the notes have still to be read, that is asked for.
func (j *judge) admitStamps(l *book) (next, error) {
	var asked []question
	for _, m := range j.sorted.moves {
		m.offered = nil
		of := j.scene.questions(m)
		if len(of) == 0 || len(j.stamps.pushed) == 0 {
			continue
		}
		needs, err := j.scene.needsEvidence(l, m)
		if err != nil {
			return done, err
		}
		if needs {
			asked = append(asked, of...)
		}
	}
	if j.wantStamps = j.stamps.unread(asked); len(j.wantStamps) > 0 {
		return askGit, nil
	}
	if what, err := j.stamps.admit(l); what != done || err != nil {
		return what, err
	}
	for _, m := range j.sorted.moves {
		for _, q := range j.scene.questions(m) {
			m.offer(q, j.stamps.why[q])
		}
	}
	return done, nil
}

// needsEvidence reports whether a move may need any: one that goes back to what
// the ref had, or stays at it, or takes something out, does not.
func (s *scene) needsEvidence(l *book, m *move) (bool, error) {
	if m.release != nil {
		return m.release.action == policy.ActionRelease, nil
	}
	here, _, err := l.StandingRecord(s.policy.Needs(s.site, m.env, m.update()).Here)
	if err != nil || !here.Stands() {
		return true, err
	}
	on, err := l.onRef(s.spot(m.env, m.ref), m.commit)
	return on == 0, err
}

func (m *move) offer(q question, why []policy.Offer) {
	if m.offered == nil {
		m.offered = make(map[policy.EnvironmentName][]policy.Offer)
	}
	m.offered[q.env] = why
}

// waitingStamp is why a stamp that nobody has taken yet does not count.
const waitingStamp = "this repository's notes have one: a push that brings it, or pathgate sync, puts it on record"

// ownNotes are the tips of the repository's own notes that questions are about.
func (s *scene) ownNotes(ctx context.Context, asked []question) map[policy.EnvironmentName]policy.ObjectID {
	own := make(map[policy.EnvironmentName]policy.ObjectID)
	for _, q := range asked {
		if _, at, err := s.repo.Resolve(ctx, stamper.Ref(q.env)); err == nil && at != "" {
			own[q.env] = at
		}
	}
	return own
}

// offers tells a rehearsal, which puts nothing on record, of the stamps that a
// push would find in the repository's own notes.
func (s *scene) offers(ctx context.Context, m *move, now func() time.Time) error {
	asked := s.questions(m)
	if s.repo == nil || len(asked) == 0 {
		return nil
	}
	in := newIntake(s, now, "", s.ownNotes(ctx, asked))
	if err := in.look(ctx, asked); err != nil {
		return err
	}
	for _, q := range asked {
		m.offer(q, in.why[q])
		if slices.ContainsFunc(in.found, func(p *proven) bool { return p.asked == q }) {
			m.offer(q, append([]policy.Offer{{Kind: policy.OfferWaiting, Reason: waitingStamp}}, in.why[q]...))
		}
	}
	return nil
}
