package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/policy"
)

// A keeper keeps the notes of environments elsewhere in one repository.
type keeper struct {
	scene *scene
	now   func() time.Time
	push  string
	open  func() (*book, error)
}

// A notesTip is a commit of a notes ref whose newest stamp was checked.
type notesTip struct {
	id      policy.ObjectID
	size    int64           // of the tree that the stamp was signed with
	stamped policy.ObjectID // the commit whose note has it
}

// Why the notes of a repository stay.
const (
	asNew   = "they are as new, or newer"
	tooMany = "more of them differ from these than one push takes; an operator's pathgate sync takes all"
	tooSlow = "it took too long to look at all of them"
)

// weighTip puts on record what notes that were pushed tell, and then holds their
// tip against the one that is there: keep says why that stays, and why, that the
// pushed one is none.
func (k *keeper) weighTip(ctx context.Context, env *policy.Environment, at, pushed policy.ObjectID) (keep policy.Offer, why string, err error) {
	keep, err = k.takeIn(ctx, env, at, pushed)
	if err != nil {
		return keep, "", err
	}
	tip, wrong := k.genuine(ctx, env, pushed)
	switch {
	case ctx.Err() != nil:
		return policy.Offer{Reason: tooSlow}, "", nil
	case wrong != "":
		return keep, wrong, nil
	}
	newer, err := k.newer(ctx, env, at, tip)
	if ctx.Err() != nil {
		return policy.Offer{Reason: tooSlow}, "", nil
	}
	if err == nil && !newer {
		keep = policy.Offer{Reason: asNew}
		if older, err := k.scene.repo.IsAncestor(ctx, pushed, at); err == nil && older {
			keep.Reason = "they are newer"
		}
	}
	return keep, "", err
}

// genuine checks the newest stamp of a notes tip, which vouches for the tip.
// Nothing else in it is signed, and nothing is believed for being there.
func (k *keeper) genuine(ctx context.Context, env *policy.Environment, id policy.ObjectID) (*notesTip, string) {
	not := "these are not the notes of " + string(env.Name) + ": "
	info, ours, err := notes.Tip(ctx, k.scene.repo, id)
	if err != nil {
		return nil, clean(not+err.Error(), 200)
	}
	if !ours {
		return nil, not + "their newest commit does not say what was stamped"
	}
	text, err := notes.Read(ctx, k.scene.repo, id, info.Stamped)
	if err != nil {
		return nil, clean(not+err.Error(), 200)
	}
	stamps, err := stamp.ParseNote(text)
	why := "they have no stamp of their newest tree"
	if err != nil {
		why = err.Error()
	}
	for i := range stamps {
		if stamps[i].Tree != info.Tree {
			continue
		}
		_, err := stamps[i].Verify(env.Elsewhere, k.scene.wants(env, info.Stamped), k.now())
		if err == nil {
			return &notesTip{id, info.Tree.N, info.Stamped}, ""
		}
		why = err.Error()
	}
	return nil, clean(not+why, 200)
}

// newer reports whether a tip is newer than the one that is there, which does
// not count if it is not genuine.
func (k *keeper) newer(ctx context.Context, env *policy.Environment, at policy.ObjectID, tip *notesTip) (bool, error) {
	if at == "" {
		return true, nil
	}
	ours, wrong := k.genuine(ctx, env, at)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	// Of one size there are many that anybody can make: the first stays.
	return wrong != "" || tip.size > ours.size, nil
}

// takeIn puts on record the stamps in all notes that are not the same in a tip
// and in the one that is there, whichever of the two then stays: what is kept here
// is no evidence, and may be anybody's. Of too many it is those that the newest
// commits brought. An offer with a reason says why the tip must not take the
// other's place: not every stamp in it that is new here is on record now.
func (k *keeper) takeIn(ctx context.Context, env *policy.Environment, at, pushed policy.ObjectID) (keep policy.Offer, err error) {
	in := newIntake(k.scene, k.now, k.push, nil)
	within, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	why := k.readPushed(within, in, env, at, pushed)
	if why == "" {
		why = in.flaw.Reason
	}
	doubts := in.doubts
	if lost := k.readLost(within, in, env, at, pushed); why == "" {
		why = lost
	}
	if err := in.record(ctx, k.open); err != nil || why != "" {
		return policy.Offer{Reason: why}, err
	}
	for _, b := range in.barred {
		if b.tip == pushed || b.why.Kind == policy.OfferUnproven {
			return b.why, nil
		}
	}
	return k.unrecorded(doubts)
}

// readPushed reads the notes of a tip that are not the same in the one that is
// there; why says that there are others.
func (k *keeper) readPushed(ctx context.Context, in *intake, env *policy.Environment, at, pushed policy.ObjectID) (why string) {
	in.tips[env.Name] = tipsOf(pushed, at)
	if at == pushed {
		return ""
	}
	commits, why := k.differing(ctx, at, pushed)
	in.readNotes(ctx, env.Name, pushed, commits)
	return why
}

// tipsOf are two tips, of which the second may be none.
func tipsOf(tip, at policy.ObjectID) []policy.ObjectID {
	if at == "" {
		return []policy.ObjectID{tip}
	}
	return []policy.ObjectID{tip, at}
}

// differing lists the commits whose notes in a tip are not those that are here;
// why says that there are others.
func (k *keeper) differing(ctx context.Context, at, tip policy.ObjectID) (commits []policy.ObjectID, why string) {
	all, more, err := notes.Changed(ctx, k.scene.repo, at, tip, mostReplaced)
	switch {
	case err != nil:
		why = clean("they cannot be compared with these: "+cause(err), 200)
	case more:
		why = tooMany
	case len(all)*stamp.MaxStamps <= mostStamps:
		return all, ""
	}
	// Where the history ends is no matter: what it does not tell of comes last.
	_ = notes.Newest(ctx, k.scene.repo, tip, at, func(id policy.ObjectID) bool {
		if why != "" || slices.Contains(all, id) {
			commits = append(commits, id)
		}
		return len(commits) < mostReplaced && (why != "" || len(commits) < len(all))
	})
	if why != "" {
		return commits, why
	}
	for _, id := range all {
		if !slices.Contains(commits, id) {
			commits = append(commits, id)
		}
	}
	return commits, ""
}

// readLost reads the notes that are here and not in a tip, so that what they tell
// goes on record before they go; why says that there are others.
func (k *keeper) readLost(ctx context.Context, in *intake, env *policy.Environment, at, tip policy.ObjectID) (why string) {
	if at == "" {
		return ""
	}
	lost, more, err := notes.Changed(ctx, k.scene.repo, tip, at, mostReplaced)
	if err != nil {
		return clean("these cannot be compared with them: "+cause(err), 200)
	}
	in.readNotes(ctx, env.Name, at, lost)
	switch {
	case ctx.Err() != nil:
		return tooSlow
	case more || in.checks >= in.mostStamps:
		return tooMany
	}
	return ""
}

// unrecorded is why one of the stamps that do not verify, and are not on record
// either, does not.
func (k *keeper) unrecorded(doubts []*doubt) (why policy.Offer, err error) {
	if len(doubts) == 0 {
		return why, nil
	}
	l, err := k.open()
	if err != nil {
		return why, because("", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, d := range doubts {
		if held, err := l.HoldsStamp(d.entry); err != nil || !held {
			return d.why, err
		}
	}
	return why, nil
}

// takeOver puts on record the stamps in the notes that a tip which was fetched
// would take the place of, and its newest. An offer with a reason means that it
// must not.
func (k *keeper) takeOver(ctx context.Context, env *policy.Environment, at policy.ObjectID, tip *notesTip) (keep policy.Offer, err error) {
	in := newIntake(k.scene, k.now, k.push, nil)
	in.mostStamps = batchStamps
	in.tips[env.Name] = tipsOf(tip.id, at)
	in.readNotes(ctx, env.Name, tip.id, []policy.ObjectID{tip.stamped})
	keep.Reason = k.readLost(ctx, in, env, at, tip.id)
	if err := in.record(ctx, k.open); err != nil || keep.Reason != "" {
		return keep, err
	}
	for _, b := range in.barred {
		if b.tip == tip.id || b.why.Kind == policy.OfferUnproven {
			return b.why, nil
		}
	}
	return keep, nil
}

// record admits all that was read, in as many tries as it takes.
func (in *intake) record(ctx context.Context, open func() (*book, error)) error {
	for {
		what, err := in.recordOnce(open)
		if errors.Is(err, ledger.ErrMoved) && ctx.Err() == nil {
			continue // others were quicker than the second of two writes
		}
		if err != nil || what == done {
			return err
		}
		if err := in.trace(ctx); err != nil {
			return err
		}
	}
}

func (in *intake) recordOnce(open func() (*book, error)) (what next, err error) {
	l, err := open()
	if err != nil {
		return done, because("", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := in.scene.putPolicy(l, ledger.Entry{Push: in.push, Repository: clean(in.scene.site.Repository, 400)}); err != nil {
		return done, because("", err)
	}
	return in.admit(l)
}
