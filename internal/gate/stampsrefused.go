package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

const (
	mostReasons = 50 // that a Synced names
	mostNamed   = 5  // commits that it names for each
	// mostAgain is how many notes a synchronisation looks at again because one of
	// them was refused the last time.
	mostAgain = 4096
	// shortID is how much of a ledger's ID an operator must give.
	shortID = 8
)

// RefusedStamps are those that do not count for one reason.
type RefusedStamps struct {
	Why policy.Offer
	// Commits are the first of those that they are of, and Count is how many
	// there are; none where all of the notes are refused.
	Commits []policy.ObjectID
	Count   int
	// Former is set where their ledger is one that another took the place of:
	// nothing is wrong with that.
	Former bool
}

// Wrong reports whether stamps were refused that a sound host would not have.
func (s *Synced) Wrong() bool {
	return s.More > 0 || slices.ContainsFunc(s.Refused, func(r RefusedStamps) bool { return !r.Former })
}

// refuse notes why stamps of a commit do not count; of an empty one, why all do
// not.
func (y *syncing) refuse(commit policy.ObjectID, why policy.Offer) {
	at := slices.IndexFunc(y.out.Refused, func(r RefusedStamps) bool { return r.Why == why })
	if at < 0 {
		if len(y.out.Refused) >= mostReasons {
			y.out.More++
			return
		}
		at = len(y.out.Refused)
		y.out.Refused = append(y.out.Refused, RefusedStamps{Why: why, Former: why.Kind == policy.OfferLedger && slices.Contains(y.former, why.Ledger)})
	}
	r := &y.out.Refused[at]
	if commit == "" {
		return
	}
	if r.Count++; len(r.Commits) < mostNamed {
		r.Commits = append(r.Commits, commit)
	}
}

// findFormer finds out whether a ledger whose stamps do not fit was known before
// another took its place: then stamps of it are on record.
func (y *syncing) findFormer(in *intake) (err error) {
	asked := in.found[:0:0]
	for _, p := range in.found {
		other := slices.ContainsFunc(in.why[p.asked], func(o policy.Offer) bool { return o.Kind == policy.OfferLedger && o.Ledger == p.Origin })
		if other && !slices.Contains(y.former, p.Origin) {
			asked = append(asked, p)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	l, err := y.keeper.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, p := range asked {
		_, ours, err := l.KnownStamp(string(y.Environment.Name), p.Origin, p.Entry.Seq)
		if err != nil {
			return err
		}
		if ours != 0 && !slices.Contains(y.former, p.Origin) {
			y.former = append(y.former, p.Origin)
		}
	}
	return nil
}

// absent says what is there where the notes are not.
func (y *syncing) absent(ctx context.Context) error {
	y.out.Absent = true
	names, err := y.keeper.scene.repo.RemoteRefs(ctx, y.URL, notesRefs+"/*")
	if err != nil {
		return err
	}
	for _, name := range names {
		if env, ok := notesTarget(name); ok {
			y.out.Others = append(y.out.Others, env)
		}
	}
	y.out.Before, err = y.known()
	return err
}

// known is the ledger that tells of the environment; empty if none does.
func (y *syncing) known() (origin string, err error) {
	l, err := y.keeper.open()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	origin, _, _, err = l.OriginTree(y.Service, y.Environment.Name)
	return origin, err
}

// accepted finds the newest stamp there, which must be of the ledger that the
// operator accepts.
func (y *syncing) accepted(found []*proven, tip *notesTip) (newest *proven, why string, err error) {
	for _, p := range found {
		if p.Tree.N == tip.size && (newest == nil || p.Entry.Seq > newest.Entry.Seq) {
			newest = p
		}
	}
	if newest == nil {
		return nil, "the newest stamp there does not count", nil
	}
	known, err := y.known()
	if err != nil {
		return nil, "", err
	}
	other := known != "" && known != newest.Origin && strings.HasPrefix(known, y.Accept) || slices.ContainsFunc(found, func(p *proven) bool {
		return p.Origin != newest.Origin && strings.HasPrefix(p.Origin, y.Accept)
	})
	switch {
	case !strings.HasPrefix(newest.Origin, y.Accept):
		return nil, fmt.Sprintf("the newest stamp there is not of the ledger %s, but of %s", clean(y.Accept, 40), newest.Origin), nil
	case len(y.Accept) < shortID || other:
		return nil, "which ledger is meant is not clear: give the whole ID, " + newest.Origin, nil
	}
	if known != newest.Origin && known != "" {
		y.former = append(y.former, known)
	}
	return newest, "", nil
}

// forget makes the next run look at all notes again: nothing that was taken
// before counts for another ledger.
func (y *syncing) forget(ctx context.Context) error {
	repo := y.keeper.scene.repo
	_, last, err := repo.Resolve(ctx, y.syncedRef())
	if err != nil || last == "" {
		return err
	}
	err = repo.MoveRef(ctx, y.syncedRef(), orZero("", last), last, "pathgate: another ledger is accepted")
	if errors.Is(err, gitfacts.ErrLostRace) {
		return errors.New("another sync is running: try again")
	}
	return err
}
