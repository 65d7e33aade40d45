package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// notesTime bounds what a push waits for its notes to be taken.
const notesTime = 20 * time.Second

// mostReplaced is how many notes of ours a push may replace: the stamps in them
// are put on record first.
const mostReplaced = 512

// takeNotes answers for the notes refs of a push, and reports whether one was
// denied. They are moved here and not by git, so that who has older ones than
// this repository is not told that the push failed. What goes wrong with notes
// concerns no other ref.
func (p *Process) takeNotes(ctx context.Context, s *scene, talk *receive.ProcReceive, pushed []receive.Update) (denied bool) {
	ctx, cancel := context.WithTimeout(ctx, notesTime)
	defer cancel()
	for i, u := range pushed {
		name, _ := notesTarget(u.Ref)
		env, known := s.elsewhereNamed(name)
		why := "only pathgate writes there"
		var err error
		switch {
		case i >= mostNotes:
			why = "the push brings more notes than one push may"
		case known && u.New.IsZero():
			why = "notes of deployments cannot be deleted"
		case known:
			why, err = p.takeTip(ctx, s, env, u)
		}
		if err != nil {
			p.log(p.pushID(), s.redact(err.Error()))
			why = "the notes could not be checked: " + publicReason(because("", err))
		}
		if why != "" {
			explain.NotesDenied(p.Stderr, u.Ref, why)
			talk.Deny(u.Ref, why)
			denied = true
			continue
		}
		talk.OK(u.Ref)
	}
	return denied
}

// takeTip moves a notes ref to a tip that was pushed, if that is newer than what
// is there. A reason means that the tip is not taken.
func (p *Process) takeTip(ctx context.Context, s *scene, env *policy.Environment, u receive.Update) (why string, err error) {
	k := &keeper{s, p.Now, p.pushID(), func() (*book, error) { return p.open(ctx, s) }}
	for range 5 {
		final, at, err := s.repo.Resolve(ctx, u.Ref)
		switch {
		case err != nil:
			return "", err
		case final != u.Ref:
			return "this name is a symbolic ref to another one", nil
		case at == u.New:
			return "", nil
		}
		keep, why, err := k.weighTip(ctx, env, at, u.New)
		switch {
		case err != nil || why != "":
			return why, err
		case keep.Reason != "":
			explain.NotesKept(p.Stderr, env.Name, keep)
			return "", nil
		}
		old := orZero(at, u.New)
		yes, err := p.runUpdateHook(ctx, s, string(u.Ref), string(old), string(u.New))
		if err != nil || !yes {
			return declined, err
		}
		err = s.repo.MoveRef(ctx, u.Ref, u.New, old, "pathgate: notes of "+string(env.Name))
		if !errors.Is(err, gitfacts.ErrLostRace) {
			return "", err
		}
	}
	return raced, nil
}

// handedNotes takes the notes refs out of the updates that git hands over.
func (s *scene) handedNotes(updates []receive.Update) (notes, others []receive.Update) {
	for _, u := range updates {
		if s.listed && s.keepsNotes(u.Ref) {
			notes = append(notes, u)
		} else {
			others = append(others, u)
		}
	}
	return notes, slices.Clip(others)
}
