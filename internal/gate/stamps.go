package gate

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of what stamps cost one push.
const (
	mostLooks   = 64               // commits whose notes are read
	mostStamps  = 512              // stamps whose signatures are checked
	mostOffered = 4                // reasons that are told for one commit
	takeTime    = 15 * time.Second // for all reading and checking
)

// A question is a commit that must have been deployed to an environment
// elsewhere.
type question struct {
	env    policy.EnvironmentName
	commit policy.ObjectID
}

// A proven stamp is one whose signature, words and place in its origin's ledger
// hold. Whether that ledger is the one that was known before is still to be seen.
type proven struct {
	stamp.Stamp
	asked question
	key   policy.StampKey
	tip   policy.ObjectID // of the notes that it was found in
	entry *ledger.Entry   // as it would go on record
	out   bool            // it cannot be admitted
}

// An intake takes stamps from notes into the ledger. What is slow (reading notes,
// checking signatures, following a tree's history) is done without the ledger's
// lock.
type intake struct {
	scene  *scene
	now    func() time.Time
	push   string
	pushed map[policy.EnvironmentName]policy.ObjectID // tips of notes in the push

	most, mostStamps int // how many notes are read, and signatures checked

	tips   map[policy.EnvironmentName][]policy.ObjectID // of the notes to be read, and of histories
	read   map[question]bool
	seen   map[[32]byte]bool // stamps that were checked: the same one is not checked twice
	found  []*proven
	doubts []*doubt
	flaw   policy.Offer                // the first note of which not all could be looked at
	checks int                         // signatures that were checked
	why    map[question][]policy.Offer // stamps that do not count
	lines  map[policy.ObjectID]*lineage
	asks   map[policy.ObjectID]int64 // histories to be followed down to a tree of this size

	admitted []*ledger.Entry // what went on record
	barred   []barred
}

// A doubt is a stamp that does not verify now. It may have, when it went on record.
type doubt struct {
	entry *ledger.Entry
	why   policy.Offer
}

// A barred stamp is genuine and does not fit what is on record.
type barred struct {
	tip policy.ObjectID
	why policy.Offer
}

func newIntake(s *scene, now func() time.Time, push string, pushed map[policy.EnvironmentName]policy.ObjectID) *intake {
	in := &intake{scene: s, now: now, push: push, pushed: pushed, most: mostLooks, mostStamps: mostStamps,
		tips: make(map[policy.EnvironmentName][]policy.ObjectID), read: make(map[question]bool), seen: make(map[[32]byte]bool),
		why: make(map[question][]policy.Offer), lines: make(map[policy.ObjectID]*lineage), asks: make(map[policy.ObjectID]int64)}
	for env, tip := range pushed {
		in.tips[env] = []policy.ObjectID{tip}
	}
	return in
}

// brought lists the environments whose notes the push brings.
func (in *intake) brought() []policy.EnvironmentName {
	if in == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(in.pushed))
}

// questions are what a move needs to know of environments elsewhere.
func (s *scene) questions(m *move) []question {
	var out []question
	for _, name := range m.env.After {
		if _, ok := s.elsewhereNamed(name); ok && m.commit != "" && !m.commit.IsZero() {
			out = append(out, question{name, m.commit})
		}
	}
	return out
}

// unread are those of the questions about which there are notes that were not
// read yet.
func (in *intake) unread(asked []question) (out []question) {
	for _, q := range asked {
		if !in.read[q] && len(in.tips[q.env]) > 0 {
			out = append(out, q)
		}
	}
	return out
}

// look reads the notes that questions are about and checks the stamps in them.
// What is wrong with a note or a stamp is told to whoever asks, and is no error:
// the stamp does not count. An error is about the time that is given.
func (in *intake) look(ctx context.Context, asked []question) error {
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	commits := make(map[policy.EnvironmentName][]policy.ObjectID)
	for _, q := range in.unread(asked) {
		switch {
		case in.read[q]:
		case len(in.read) >= in.most:
			in.refuse(q, "the push moves more refs that need stamps than one push may: push fewer at a time")
		default:
			commits[q.env] = append(commits[q.env], q.commit)
		}
		in.read[q] = true
	}
	for env, ids := range commits {
		for _, tip := range in.tips[env] {
			in.readNotes(ctx, env, tip, ids)
		}
	}
	if err := ctx.Err(); err != nil {
		return because("the notes of deployments cannot be read", err)
	}
	return nil
}

// readNotes checks the stamps in the notes of some commits.
func (in *intake) readNotes(ctx context.Context, env policy.EnvironmentName, tip policy.ObjectID, commits []policy.ObjectID) {
	told := 0
	err := notes.ReadAll(ctx, in.scene.repo, tip, commits, func(id policy.ObjectID, text []byte, err error) error {
		told++
		q := question{env, id}
		var stamps []stamp.Stamp
		if err == nil && text != nil {
			stamps, err = stamp.ParseNote(text)
			if err == nil && len(stamps) == 0 {
				err = errors.New("there is none in it")
			}
		}
		if err != nil {
			in.fault(q, "its note is no note of stamps: "+cause(err))
		}
		in.checkAll(q, stamps, tip)
		return nil
	})
	if err == nil {
		return
	}
	for _, id := range commits[told:] {
		in.fault(question{env, id}, "the notes cannot be read: "+cause(err))
	}
}

// checkAll checks the stamps of one note, which must differ.
func (in *intake) checkAll(q question, stamps []stamp.Stamp, tip policy.ObjectID) {
	own := make(map[[32]byte]bool)
	for i := range stamps {
		s := &stamps[i]
		sum := sumOf(q, s)
		if own[sum] {
			in.fault(q, "its note has a stamp twice")
		}
		own[sum] = true
		if in.seen[sum] {
			continue
		}
		if in.checks >= in.mostStamps {
			in.fault(q, "there are more stamps than are looked at")
			return
		}
		in.seen[sum] = true
		in.check(q, s, tip)
	}
}

// sumOf tells stamps apart, by all that is in them.
func sumOf(q question, s *stamp.Stamp) [32]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %v %x", q.env, q.commit, s.Message(), s.Proof, s.Signature)
	return [32]byte(h.Sum(nil))
}

// fault notes that a note was not read in full.
func (in *intake) fault(q question, why string) {
	in.refuse(q, why)
	if in.flaw.Reason == "" {
		in.flaw = policy.Offer{Reason: clean(why, 200)}
	}
}

// cause is an error without what was being done.
func cause(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return err.Error()
}

// check takes a stamp in if it is the origin's.
func (in *intake) check(q question, s *stamp.Stamp, tip policy.ObjectID) {
	in.checks++
	env, _ := in.scene.elsewhereNamed(q.env)
	want := in.scene.wants(env, q.commit)
	key, err := s.Verify(env.Elsewhere, want, in.now())
	if err == nil {
		in.found = append(in.found, &proven{Stamp: *s, asked: q, key: key, tip: tip})
		return
	}
	o := policy.Offer{Reason: clean(err.Error(), 200)}
	if wrong := (*stamp.Refusal)(nil); errors.As(err, &wrong) {
		o.Kind = wrong.Kind
	}
	in.object(q, o)
	want.Repository, want.Refs = "", nil
	if key, err = s.Verify(env.Elsewhere, want, in.now()); err == nil {
		return // it is of a ref that nobody asks about
	}
	if s.InTree() != nil {
		in.fault(q, o.Reason)
		return
	}
	in.doubts = append(in.doubts, &doubt{s.EntryFor(key), o})
}

// wants is what a stamp must be about to count for a commit.
func (s *scene) wants(env *policy.Environment, commit policy.ObjectID) stamp.Want {
	return stamp.Want{Environment: env.Name, Service: s.site.Service, Repository: repositoryOf(env, s.site.Service),
		Refs: env.Refs, Commit: commit}
}

// repositoryOf is an environment's repository; empty of one elsewhere whose
// repository the policy does not tell.
func repositoryOf(env *policy.Environment, service policy.Service) string {
	if env.Repository.String() == "" {
		return ""
	}
	return env.Repository.Path(service)
}

// refuse notes why a stamp does not count, where another one may.
func (in *intake) refuse(q question, why string) { in.object(q, policy.Offer{Reason: why}) }

// object notes that a stamp does not count.
func (in *intake) object(q question, o policy.Offer) {
	o.Reason = clean(o.Reason, 200)
	if len(in.why[q]) < mostOffered && !slices.Contains(in.why[q], o) {
		in.why[q] = append(in.why[q], o)
	}
}
