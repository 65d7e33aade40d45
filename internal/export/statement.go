package export

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
)

// What a statement is made of. The predicate is described in the package
// comment.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://github.com/pathgate/pathgate/attestation/deployment/v1"
)

// The errors of Deployment that are an answer rather than a fault.
var (
	// ErrNoRecord: the ledger has no such record.
	ErrNoRecord = errors.New("there is no such record")
	// ErrNoDeployment: the record is not a deployment of a commit.
	ErrNoDeployment = errors.New("the record is not a deployment")
)

// A seen is a record that a statement names.
type seen struct {
	seq    uint64
	entry  ledger.Entry
	sha256 string
}

// Deployment is the in-toto Statement v1, one line of JSON without a newline,
// of the deployment that a record of the ledger in dir tells of. It reads the
// whole ledger and holds each line against the one before, so that nothing is
// stated of a ledger whose chain does not hold.
func Deployment(dir string, number uint64) ([]byte, error) {
	t, err := NewTail(dir)
	if err != nil {
		return nil, err
	}
	var of, ended, last seen
	var line []byte
	first := make(map[uint64]seen) // the records that the deployment rests on, by seq
	err = t.Read(func(l *ledger.Line) error {
		e := &l.Entry
		last = seen{seq: e.Seq}
		switch {
		case e.Seq == number:
			of, line = seen{e.Seq, *e, sumOf(l.Raw)}, append([]byte(nil), l.Raw...)
		case e.Type == ledger.TypeStatus && e.Record == number && e.State != ledger.StatePending && of.open(&ended):
			ended = seen{e.Seq, *e, sumOf(l.Raw)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if of.seq == 0 {
		return nil, fmt.Errorf("%w %d", ErrNoRecord, number)
	}
	if err := statable(&of.entry); err != nil {
		return nil, fmt.Errorf("record %d: %w", number, err)
	}
	if err := rest(dir, &of.entry, first); err != nil {
		return nil, err
	}
	last.sha256 = t.Position().SHA256
	return statement(t.Position().Ledger, line, &of, &ended, &last, first), nil
}

// open reports whether an outcome may still take the place of ended: of what
// pathgate runs the first one counts, of what others run the newest.
func (s *seen) open(ended *seen) bool {
	return ended.seq == 0 || s.entry.Deploy == ledger.DeployExternal
}

// rest reads the evidence of a deployment.
func rest(dir string, e *ledger.Entry, into map[uint64]seen) error {
	if len(e.Evidence) == 0 {
		return nil
	}
	for _, n := range e.Evidence {
		into[n] = seen{}
	}
	err := ledger.Read(dir, 0, func(l *ledger.Line) error {
		if l.Entry.Seq >= e.Seq {
			return errStop
		}
		if _, wanted := into[l.Entry.Seq]; wanted {
			into[l.Entry.Seq] = seen{l.Entry.Seq, l.Entry, sumOf(l.Raw)}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return err
	}
	for n, s := range into {
		if s.seq == 0 {
			return fmt.Errorf("record %d rests on record %d: %w: it is not before it", e.Seq, n, ledger.ErrDamaged)
		}
	}
	return nil
}

// statable looks whether an entry is a deployment whose commit can be named by
// its digest. What was adopted was deployed by somebody else.
func statable(e *ledger.Entry) error {
	if e.Type != ledger.TypeDeployed {
		return fmt.Errorf("%w: its type is %s", ErrNoDeployment, e.Type)
	}
	id := commitOf(e)
	if len(id) != 40 && len(id) != 64 || strings.Trim(id, hexDigits) != "" {
		return fmt.Errorf("%w: it names no commit", ErrNoDeployment)
	}
	return nil
}

// statement writes the statement. It is the same for the same ledger.
func statement(id string, line []byte, of, ended, last *seen, evidence map[uint64]seen) []byte {
	e := &of.entry
	w := &builder{b: []byte{'{'}}
	w.str("_type", StatementType)
	w.key("subject")
	w.b = append(w.b, "[{"...)
	w.comma = false
	w.str("name", e.Service)
	w.open("digest")
	w.str("gitCommit", commitOf(e))
	w.end()
	w.b = append(w.b, "}]"...)
	w.str("predicateType", PredicateType)
	w.open("predicate")
	moved(w, e)
	rested(w, e, evidence)
	cameOf(w, e, ended)
	w.open("record")
	w.str("ledger", id)
	w.uint("seq", of.seq)
	w.str("sha256", of.sha256)
	w.str("line", string(line))
	w.end()
	w.open("asOf")
	w.uint("seq", last.seq)
	w.str("sha256", last.sha256)
	w.end()
	w.end()
	return append(w.b, '}')
}

// moved writes what the entry says of the move.
func moved(w *builder, e *ledger.Entry) {
	for _, m := range [...][2]string{{"service", e.Service}, {"environment", e.Environment}, {"repository", e.Repository},
		{"ref", e.Ref}, {"kind", e.Kind}, {"action", e.Action}} {
		w.str(m[0], m[1])
	}
	if !isZero(e.Old) {
		w.str("previousCommit", e.Old)
	}
	w.when("deployedOn", e)
	w.str("principal", e.Principal)
	w.str("via", e.Via)
	w.str("reason", e.Reason)
	w.list("overrode", e.Overrode...)
	if e.Policy != "" {
		w.open("policy")
		w.open("digest")
		w.str("sha256", e.Policy)
		w.end()
		w.end()
	}
}

// rested writes the records that the deployment rests on.
func rested(w *builder, e *ledger.Entry, evidence map[uint64]seen) {
	if len(e.Evidence) == 0 {
		return
	}
	w.key("evidence")
	w.b = append(w.b, '[')
	w.comma = false
	for _, n := range e.Evidence {
		s := evidence[n]
		w.separate()
		w.b = append(w.b, '{')
		w.comma = false
		w.uint("seq", n)
		w.str("sha256", s.sha256)
		w.str("environment", s.entry.Environment)
		w.str("commit", commitOf(&s.entry))
		w.end()
	}
	w.b = append(w.b, ']')
	w.comma = true
}

// cameOf writes what became of the deployment, as far as the ledger tells.
func cameOf(w *builder, e *ledger.Entry, ended *seen) {
	w.open("outcome")
	defer w.end()
	switch {
	case e.Deploy == "":
		w.str("state", "none") // the move of the ref is all there is
	case ended.seq == 0:
		w.str("state", ledger.StatePending)
	default:
		w.str("state", ended.entry.State)
		w.uint("record", ended.seq)
		w.when("endedOn", &ended.entry)
	}
}
