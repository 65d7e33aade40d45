package ledger

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A span is a part of a line, from the byte before up to the one after.
type span struct{ from, to int }

// Decode reads one line, without its newline, strictly: one flat JSON object
// without white space, no key twice, every known field of its own type. Fields
// that this version does not know are skipped.
func Decode(line []byte) (Entry, error) {
	var e Entry
	_, err := decode(string(line), &e)
	return e, err
}

// decode is Decode into e, and tells where the unknown fields stand, each with
// the comma before it.
func decode(line string, e *Entry) (unknown []span, err error) {
	if len(line) >= MaxLine {
		return nil, fmt.Errorf("%d bytes, at most %d", len(line)+1, MaxLine)
	}
	if !utf8.ValidString(line) {
		return nil, errors.New("not UTF-8")
	}
	p := &parser{s: line, entry: e}
	if err := p.object(); err != nil {
		return nil, err
	}
	if p.i != len(p.s) {
		return nil, p.fail("text after the object")
	}
	const must = fieldSeq | fieldTime | fieldType
	if p.seen&must != must || e.Seq == 0 || e.Type == "" {
		return nil, errors.New("seq, time or type is missing")
	}
	return p.unknown, nil
}

// canonical reports whether the line, apart from unknown fields, is the one
// that this package writes for e.
func canonical(c *encoder, line string, unknown []span, e *Entry) bool {
	for _, u := range slices.Backward(unknown) {
		line = line[:u.from] + line[u.to:]
	}
	c.buf.Reset()
	copied := *e
	if err := c.add(&copied); err != nil {
		return false
	}
	b := c.buf.Bytes()
	return string(b[:len(b)-1]) == line
}

// The bits of the known fields, in the order of the line.
const (
	fieldSeq uint64 = 1 << iota
	fieldTime
	fieldType
	fieldPush
	fieldService
	fieldEnvironment
	fieldRepository
	fieldHost
	fieldRef
	fieldOld
	fieldNew
	fieldCommit
	fieldTree
	fieldSubject
	fieldKind
	fieldAction
	fieldBranch
	fieldHead
	fieldTickets
	fieldGone
	fieldState
	fieldPrincipal
	fieldVia
	fieldAddress
	fieldIntent
	fieldRecord
	fieldOrigin
	fieldCheckpoint
	fieldKey
	fieldStamped
	fieldEvidence
	fieldRules
	fieldCodes
	fieldOverrode
	fieldPolicy
	fieldSerial
	fieldPart
	fieldParts
	fieldLines
	fieldReason
	fieldUntil
	fieldDeploy
	fieldURL
	fieldMessage
	fieldToken
	fieldLedger
	fieldVersion
	fieldRoot
	fieldPrev
)

// text tells where a string field goes, nil if key is not one.
func (e *Entry) text(key string) (field uint64, to *string) {
	switch key {
	case "push":
		return fieldPush, &e.Push
	case "service":
		return fieldService, &e.Service
	case "environment":
		return fieldEnvironment, &e.Environment
	case "repository":
		return fieldRepository, &e.Repository
	case "host":
		return fieldHost, &e.Host
	case "ref":
		return fieldRef, &e.Ref
	case "old":
		return fieldOld, &e.Old
	case "new":
		return fieldNew, &e.New
	case "commit":
		return fieldCommit, &e.Commit
	case "tree":
		return fieldTree, &e.Tree
	case "subject":
		return fieldSubject, &e.Subject
	case "kind":
		return fieldKind, &e.Kind
	case "action":
		return fieldAction, &e.Action
	case "branch":
		return fieldBranch, &e.Branch
	case "head":
		return fieldHead, &e.Head
	case "state":
		return fieldState, &e.State
	case "principal":
		return fieldPrincipal, &e.Principal
	case "via":
		return fieldVia, &e.Via
	case "address":
		return fieldAddress, &e.Address
	case "origin":
		return fieldOrigin, &e.Origin
	case "checkpoint":
		return fieldCheckpoint, &e.Checkpoint
	case "key":
		return fieldKey, &e.Key
	case "policy":
		return fieldPolicy, &e.Policy
	case "reason":
		return fieldReason, &e.Reason
	case "deploy":
		return fieldDeploy, &e.Deploy
	case "url":
		return fieldURL, &e.URL
	case "message":
		return fieldMessage, &e.Message
	case "token":
		return fieldToken, &e.Token
	case "ledger":
		return fieldLedger, &e.Ledger
	case "root":
		return fieldRoot, &e.Root
	case "prev":
		return fieldPrev, &e.Prev
	}
	return 0, nil
}

// member reads the value of key. It returns zero for a key it does not know.
func (p *parser) member(key string) (field uint64, err error) {
	e := p.entry
	if field, to := e.text(key); to != nil {
		*to, err = p.str()
		return field, err
	}
	switch key {
	case "seq":
		e.Seq, err = p.uint()
		return fieldSeq, err
	case "time":
		e.Time, err = p.time()
		return fieldTime, err
	case "type":
		s, err := p.str()
		e.Type = Type(s)
		return fieldType, err
	case "intent":
		e.Intent, err = p.uint()
		return fieldIntent, err
	case "record":
		e.Record, err = p.uint()
		return fieldRecord, err
	case "evidence":
		e.Evidence, err = list(p, p.uint)
		return fieldEvidence, err
	case "rules":
		e.Rules, err = list(p, p.str)
		return fieldRules, err
	case "codes":
		e.Codes, err = list(p, p.str)
		return fieldCodes, err
	case "overrode":
		e.Overrode, err = list(p, p.str)
		return fieldOverrode, err
	case "tickets":
		e.Tickets, err = list(p, p.str)
		return fieldTickets, err
	case "gone":
		e.Gone, err = list(p, p.str)
		return fieldGone, err
	case "serial":
		e.Serial, err = p.uint()
		return fieldSerial, err
	case "part":
		e.Part, err = p.uint()
		return fieldPart, err
	case "parts":
		e.Parts, err = p.uint()
		return fieldParts, err
	case "lines":
		e.Lines, err = list(p, p.str)
		return fieldLines, err
	case "stamped":
		e.Stamped, err = p.time()
		return fieldStamped, err
	case "until":
		e.Until, err = p.time()
		return fieldUntil, err
	case "version":
		n, err := p.uint()
		if n > math.MaxInt32 {
			return 0, p.fail("version is too large")
		}
		e.Version = int(n)
		return fieldVersion, err
	}
	return 0, nil
}

// time reads a time in the one form that is written: UTC, microseconds.
func (p *parser) time() (time.Time, error) {
	s, err := p.str()
	if err != nil {
		return time.Time{}, err
	}
	t, ok := parseTime(s)
	if !ok {
		return t, p.fail("time is not like " + timeLayout)
	}
	return t, nil
}

func parseTime(s string) (t time.Time, ok bool) {
	const form = "0000-00-00T00:00:00.000000Z"
	if len(s) != len(form) {
		return t, false
	}
	for i := range len(form) {
		if form[i] == '0' && (s[i] < '0' || s[i] > '9') || form[i] != '0' && s[i] != form[i] {
			return t, false
		}
	}
	n := func(from, to int) (v int) {
		for _, c := range []byte(s[from:to]) {
			v = v*10 + int(c-'0')
		}
		return v
	}
	t = time.Date(n(0, 4), time.Month(n(5, 7)), n(8, 10), n(11, 13), n(14, 16), n(17, 19), n(20, 26)*1000, time.UTC)
	y, m, d := t.Date()
	ok = y == n(0, 4) && y > 0 && int(m) == n(5, 7) && d == n(8, 10) &&
		t.Hour() == n(11, 13) && t.Minute() == n(14, 16) && t.Second() == n(17, 19)
	return t, ok
}

// remember holds the names of unknown fields apart, so that none comes twice.
func (p *parser) remember(key string) error {
	for _, k := range p.names {
		if k == key {
			return p.fail("the key " + key + " comes twice")
		}
	}
	p.names = append(p.names, strings.Clone(key))
	return nil
}
