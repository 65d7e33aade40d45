package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/tlog"
)

// A Report is what Verify found out.
type Report struct {
	Ledger   string    // the ledger's ID
	Records  uint64    // how many lines hold; of the last one a finding may say that it may not
	Bytes    int64     // how many bytes they have
	First    time.Time // of the first entry
	Last     time.Time // of the last one that holds
	Hash     string    // SHA-256 of the last line that holds
	Tree     tlog.Tree // of the lines that hold
	Held     int       // how many checkpoints held outside the lines agree with
	Judged   uint64    // intents judged again by the policy that is on record
	Unjudged uint64    // intents whose policy is not on record, so that only what they say themselves was checked
	Unsigned uint64    // stamps whose signatures were not checked
	Forks    uint64    // stamps that say that a ledger elsewhere contradicts itself
	Beyond   uint64    // the first policy on record that this version cannot read, zero if it reads all
	Counts   map[Type]uint64
	Open     int    // intents that are not settled
	Unknown  uint64 // entries of a type that this version does not know
	Torn     int64  // bytes of an unfinished line at the end: being written, or left by a crash
	Index    string // what became of comparing the index, in words
	Findings []Finding
}

// OK reports whether everything holds.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// A Finding is something that does not hold.
type Finding struct {
	Line    uint64 // the line's number, which is also its record's; zero for the index as a whole
	First   uint64 // the first line that may be the wrong one: Line, or the one before, which it does not follow
	Problem string // what does not hold
	Meaning string // what that says about the ledger
}

func (f Finding) String() string {
	lines := fmt.Sprint(f.Line)
	if f.First < f.Line {
		lines = fmt.Sprintf("%d or %d", f.First, f.Line)
	}
	return fmt.Sprintf("line %s: %s; %s", lines, f.Problem, f.Meaning)
}

// found is a finding on its way up.
type found struct{ Finding }

func (f found) Error() string { return f.String() }

func finding(line uint64, meaning, format string, args ...any) error {
	return found{Finding{line, line, fmt.Sprintf(format, args...), meaning}}
}

// unlinked is a finding between two lines, either of which may be the wrong one.
func unlinked(line uint64, format string, args ...any) error {
	return found{Finding{line, max(line, 2) - 1, fmt.Sprintf(format, args...), meansChain}}
}

// Verify goes through the whole journal: that each line is one that pathgate
// writes, that the chain and the times hold, that every deployment rests on an
// intent and on evidence that stood at that moment, that each decision comes
// out the same by what is on record, that the trees of the checkpoints held
// outside are beginnings of the journal's, and that the index says the same as
// the journal. It stops at the first line that does not hold.
//
// It takes no lock, unless the index seems to differ: then it looks again at a
// copy made under a shared lock. progress, if not nil, is told how many bytes
// of how many are done. The error says that the verification could not be
// carried out; what it found is in the report.
//
// The signatures of stamps are checked where VerifyWith is told how.
func Verify(dir string, progress func(done, total int64), held ...Held) (Report, error) {
	return VerifyWith(dir, VerifyOptions{Progress: progress, Held: held})
}

// VerifyOptions are what Verify can be told.
type VerifyOptions struct {
	Progress func(done, total int64) // nil if nobody wants to know
	Held     []Held                  // checkpoints held outside
	// Signed reports whether a stamp entry's signature holds over what the entry
	// says, by the key that it names; the error is fit to print. If it is nil, no
	// signature is checked.
	Signed func(*Entry) error
}

// VerifyWith is Verify with more options.
func VerifyWith(dir string, o VerifyOptions) (Report, error) {
	r, differs, err := verify(dir, false, o)
	if err == nil && differs {
		r, _, err = verify(dir, true, o)
	}
	if err != nil {
		return r, fmt.Errorf("verify the ledger %s: %w", nameOf(dir), err)
	}
	return r, nil
}

func verify(dir string, locked bool, o VerifyOptions) (r Report, differs bool, err error) {
	x, w, note := copyIndex(dir, locked)
	defer x.close()
	journal, size, err := openWhole(dir)
	if err != nil {
		return r, false, err
	}
	defer journal.Close()
	s, err := newScratch()
	if err != nil {
		return r, false, err
	}
	defer s.close()
	v := newVerifier(x, w, s, o.Held, newRejudge(dir, journal))
	v.report.Index, v.judged.signed = note, o.Signed
	err = s.guard(func() error { return v.all(journal, size, o.Progress) })
	var f found
	if errors.As(err, &f) {
		v.report.Findings = append(v.report.Findings, f.Finding)
		err = nil
	}
	v.report.Tree = v.tree.front.Tree()
	return v.report, v.differs, err
}

// all goes through the journal. What does not hold is the error.
func (v *verifier) all(journal *os.File, size int64, progress func(done, total int64)) error {
	end, tooLong, err := lines(journal, 0, size, func(raw []byte, at int64) error {
		if progress != nil && at>>20 != v.head.start>>20 {
			progress(at, size)
		}
		return v.line(raw, at)
	})
	if err == nil && tooLong && hasNewline(journal, end, size) {
		err = finding(v.head.seq+1, meansEdited, "it has more than %d bytes", MaxLine)
	}
	if err == nil && v.head.seq == 0 {
		err = finding(1, meansCut, "there is no first line")
	}
	if err == nil {
		v.report.Torn = size - end
		if err = v.reached(); err == nil {
			err = v.allHeld()
		}
	}
	if progress != nil {
		progress(size, size)
	}
	return err
}

// copyIndex copies the index to where it can be opened without being in the
// way of the hooks. Without an index it says why in words.
func copyIndex(dir string, locked bool) (x *index, w watermark, note string) {
	if isURL(dir) {
		return copyTables(dir)
	}
	if locked {
		ctx, cancel := withWait(context.Background(), 0)
		defer cancel()
		f, _, err := openJournal(ctx, filepath.Join(dir, JournalName), os.O_RDONLY, unix.LOCK_SH)
		if err != nil {
			return nil, w, "not compared: " + err.Error()
		}
		defer f.Close()
	}
	tmp, err := nameless()
	if err != nil {
		return nil, w, "not compared: " + err.Error()
	}
	from, _, err := openRegular(filepath.Join(dir, IndexName))
	if err == nil {
		_, err = tmp.ReadFrom(from)
		from.Close()
	}
	if err == nil {
		x, err = openIndex(tmp, realHost(), time.Second)
	}
	if err == nil {
		w, err = x.watermark()
	}
	if err != nil {
		x.close()
		tmp.Close()
		if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
			return nil, w, "not compared: copy it to a temporary file: " + err.Error()
		}
		return nil, w, "not compared, the next push rebuilds it: " + err.Error()
	}
	if w.schema != schema {
		note = "not compared: of another version, the next push rebuilds it"
	}
	return x, w, note
}

const (
	meansEdited = "something other than pathgate wrote or changed this line"
	meansChain  = "a line was changed, or lines were taken out or put in here"
	meansCut    = "lines were cut off the journal's end, or an older copy was put back"
	meansForged = "the record was not made by pathgate's rules"
	meansClock  = "the server's clock was wrong, or the line was not written then"
	meansOther  = "a history was written anew, or another ledger was put in this one's place"
	meansIndex  = "index.db was changed or damaged; pathgate ledger rebuild makes it anew"
)

// line checks one line and takes it into the model.
func (v *verifier) line(raw []byte, offset int64) error {
	n := v.head.seq + 1
	e := new(Entry)
	text := string(raw)
	unknown, err := decode(text, e)
	if err != nil {
		return finding(n, meansEdited, "it is no entry: %v", err)
	}
	if err := v.chained(e); err != nil {
		return err
	}
	if !canonical(v.encoder, text, unknown, e) {
		return finding(n, meansEdited, "it is not written as pathgate writes it")
	}
	if back := v.head.time.Sub(e.Time); n > 1 && back > clockSlack && e.Type != TypeRepair {
		return finding(n, meansClock, "its time is %s before the one of line %d", back, n-1)
	}
	if err := v.rules(e); err != nil {
		return err
	}
	if err := v.judge(e); err != nil {
		return err
	}
	at := place{e.Seq, offset, int64(len(raw)) + 1, sha256.Sum256(raw)}
	if err := project(v.model, e, at); err != nil {
		if errors.Is(err, errScratch) {
			return err
		}
		return finding(n, meansForged, "it cannot follow what is before it: %v", err)
	}
	v.head = head{at.offset, at.offset + at.length, e.Seq, at.hash, e.Time}
	v.count(e)
	if err := v.grow(raw); err != nil {
		return err
	}
	if v.index != nil && v.mark.seq == e.Seq {
		return v.compare()
	}
	return nil
}

func (v *verifier) chained(e *Entry) error {
	n := v.head.seq + 1
	if err := v.head.follows(e); err != nil {
		switch {
		case e.Seq != n:
			return unlinked(n, "line %d is record %d", n, e.Seq)
		case (e.Type == TypeLedger) != (n == 1):
			return finding(n, meansEdited, "exactly the first line has the type ledger")
		}
		return unlinked(n, "the prev of line %d is not the SHA-256 of the line before", n)
	}
	if n == 1 && (e.Version < 1 || e.Version > Version || e.Ledger == "" || e.Root == "") {
		return finding(n, meansEdited, "it is not the first line of a ledger of version %d", Version)
	}
	return nil
}

func (v *verifier) count(e *Entry) {
	r := &v.report
	r.Records, r.Bytes, r.Last, r.Hash = e.Seq, v.head.end, e.Time, v.head.hash.String()
	if e.Seq == 1 {
		r.Ledger, r.First = e.Ledger, e.Time
	}
	if !known(e.Type) {
		r.Unknown++
	}
	r.Counts[e.Type]++
}

func known(t Type) bool {
	switch t {
	case TypeLedger, TypeIntent, TypeDeployed, TypeAbandoned, TypeRefused, TypeFault, TypeDrift, TypeAdopt, TypeRepair,
		TypeStatus, TypeApproval, TypeLock, TypeUnlock, TypeVeto, TypePolicy, TypeStamp:
		return true
	}
	return false
}
