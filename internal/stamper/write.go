package stamper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/policy"
)

// Ref is the notes ref of an environment.
func Ref(environment policy.EnvironmentName) policy.RefName {
	return policy.RefName("refs/notes/deployments/" + string(environment))
}

// RefsOf are the notes ref of an environment and, where no pusher can reach it,
// the ref that keeps what pathgate wrote there.
func RefsOf(environment policy.EnvironmentName) notes.Refs {
	return notes.Refs{Public: Ref(environment), Kept: policy.RefName("refs/pathgate/stamps/" + string(environment))}
}

// Write makes sure that items are stamped, and returns how many stamps were
// missing and are there now. An error that is ErrTooLong is of some records only:
// all others are stamped.
func (s *Stamper) Write(ctx context.Context, t Target, items []Item) (n int, err error) {
	env, ok := s.Policy.Environment(t.Environment)
	if !ok || env.Stamps == nil || len(items) == 0 {
		return 0, nil
	}
	n, err = s.write(ctx, t, env.Stamps.Key, items)
	if err != nil {
		err = fmt.Errorf("stamp %s in %s: %w", t.Environment, t.Repository, err)
	}
	return n, err
}

func (s *Stamper) write(ctx context.Context, t Target, path string, items []Item) (int, error) {
	repo, err := s.repository(t)
	if err != nil {
		return 0, err
	}
	key, err := stamp.LoadKey(path)
	if err != nil {
		return 0, err
	}
	w := &writing{stamper: s, repo: repo, target: t, key: key, items: items}
	if err := w.write(ctx); err != nil {
		return 0, err
	}
	return max(w.written, w.lost), w.tooLong
}

// write writes what is missing, and mends the refs first where they are not as
// pathgate left them.
func (w *writing) write(ctx context.Context) error {
	for range mostMends {
		_, err := notes.Write(ctx, w.repo, RefsOf(w.target.Environment), commitsOf(w.items), w.build(ctx))
		if !errors.Is(err, errUnsound) && !errors.Is(err, notes.ErrApart) {
			return err
		}
		if mended := w.mend(ctx); mended != nil {
			return fmt.Errorf("%w, and cannot be mended: %w", err, mended)
		}
		w.anew = w.anew || errors.Is(err, errUnsound)
	}
	return errors.New("somebody else writes to the refs of the notes")
}

func commitsOf(items []Item) (commits []policy.ObjectID) {
	for i := range items {
		commits = append(commits, items[i].Commit)
	}
	slices.Sort(commits)
	return slices.Compact(commits)
}

// errUnsound says that the tree which the notes' tip names is not the beginning of
// the ledger's, or that it names none.
var errUnsound = errors.New("the notes are not as pathgate left them")

// A writing is one write to one notes ref.
type writing struct {
	stamper *Stamper
	repo    *gitfacts.Repository
	target  Target
	key     *stamp.Key
	items   []Item
	anew    bool // the chain may begin anew

	written int
	lost    int // how many were missing when the notes were found unsound
	tooLong error
}

// build makes the change to the notes, again whenever another writer was faster.
func (w *writing) build(ctx context.Context) func(notes.Old) (*notes.Change, error) {
	return func(old notes.Old) (*notes.Change, error) {
		w.written, w.tooLong = 0, nil
		was := make(map[policy.ObjectID][]stamp.Stamp, len(old.Notes))
		for commit, note := range old.Notes {
			was[commit], _ = stamp.ParseNote(note) // one that cannot be read is written anew
		}
		items, err := w.wanted(was)
		if err != nil || len(items) == 0 {
			return nil, err
		}
		read, err := w.stamper.prove(ctx, items, old.Trailers.Tree)
		if err != nil {
			return nil, err
		}
		missing := slices.DeleteFunc(read.stamps, func(st stamp.Stamp) bool {
			item, _ := ItemOf(&st.Entry)
			item.About, item.Service, item.Ref, item.Record = st.About, st.Entry.Service, st.Entry.Ref, st.Entry.Seq
			return item.in(own(was[st.Commit], st.Origin))
		})
		if len(missing) > 0 && old.Tip != "" && !read.goesOn && !w.anew {
			w.lost = len(missing)
			return nil, errUnsound
		}
		signed, tooLong, err := sign(w.key, missing)
		w.tooLong = tooLong
		if err != nil || len(signed) == 0 {
			return nil, err
		}
		return w.change(old, was, signed, read), nil
	}
}

// wanted are the items that are not in the notes, with their entries. Where the
// ledger's ID is not known yet, that is all of them.
func (w *writing) wanted(was map[policy.ObjectID][]stamp.Stamp) ([]Item, error) {
	var items []Item
	for _, item := range w.items {
		if w.stamper.Ledger != "" && item.in(own(was[item.Commit], w.stamper.Ledger)) {
			continue
		}
		if item.Entry == nil {
			if err := w.stamper.Load(&item); err != nil {
				return nil, err
			}
		}
		items = append(items, item)
	}
	return items, nil
}

// own are the stamps of one ledger: an older one's say nothing.
func own(all []stamp.Stamp, origin string) []stamp.Stamp {
	return slices.DeleteFunc(slices.Clone(all), func(s stamp.Stamp) bool { return s.Origin != origin })
}

// change is the commit to be made; nil if the notes would stay what they are.
func (w *writing) change(old notes.Old, was map[policy.ObjectID][]stamp.Stamp, signed []stamp.Stamp, read *proven) *notes.Change {
	c := &notes.Change{Notes: make(map[policy.ObjectID][]byte), Tree: read.tree, Proof: read.proof, Anew: w.anew,
		Message: message(w.target.Environment, signed), Time: w.stamper.Now()}
	for _, st := range signed {
		if c.Notes[st.Commit] != nil {
			continue
		}
		mine := slices.DeleteFunc(slices.Clone(signed), func(s stamp.Stamp) bool { return s.Commit != st.Commit })
		merged := stamp.Merge(was[st.Commit], mine)
		note := stamp.FormatNote(merged)
		if string(note) == string(old.Notes[st.Commit]) {
			continue // it keeps no more
		}
		c.Notes[st.Commit], c.Stamped = note, st.Commit
		w.written += len(mine)
	}
	if len(c.Notes) == 0 {
		return nil
	}
	return c
}

// message says what was stamped, for people.
func message(environment policy.EnvironmentName, stamps []stamp.Stamp) string {
	line := func(s *stamp.Stamp) string {
		what := string(s.About)
		switch s.About {
		case stamp.Status:
			what = s.Entry.State + " of"
		case stamp.Withdrawal:
			what += " of"
		}
		return fmt.Sprintf("%s %s, record %d", what, s.Commit.Short(), s.Entry.Seq)
	}
	if len(stamps) == 1 {
		return fmt.Sprintf("%s: %s", environment, line(&stamps[0]))
	}
	lines := []string{fmt.Sprintf("%s: %d stamps", environment, len(stamps)), ""}
	for i := range stamps {
		lines = append(lines, line(&stamps[i]))
	}
	return strings.Join(lines, "\n")
}

// Tip is the newest commit of a target's notes, empty if there is none.
func (s *Stamper) Tip(ctx context.Context, t Target) (policy.ObjectID, error) {
	repo, err := s.repository(t)
	if err != nil {
		return "", err
	}
	at, err := RefsOf(t.Environment).Tips(ctx, repo)
	return at.Public, err
}

// GoesOn reports whether a target's notes go on from a commit that they once had,
// by a chain of proven trees.
func (s *Stamper) GoesOn(ctx context.Context, t Target, from policy.ObjectID) (bool, error) {
	repo, err := s.repository(t)
	if err != nil {
		return false, err
	}
	at, err := RefsOf(t.Environment).Tips(ctx, repo)
	if err != nil || at.Public == "" {
		return false, err
	}
	return notes.GoesOn(ctx, repo, at.Public, from)
}

// Has reports whether an item is stamped.
func (s *Stamper) Has(ctx context.Context, t Target, item *Item) (bool, error) {
	repo, err := s.repository(t)
	if err != nil {
		return false, err
	}
	_, tip, err := repo.Resolve(ctx, Ref(t.Environment))
	if err != nil || tip == "" {
		return false, err
	}
	note, err := notes.Read(ctx, repo, tip, item.Commit)
	if err != nil {
		return false, err
	}
	stamps, _ := stamp.ParseNote(note)
	return item.in(own(stamps, s.Ledger)), nil
}
