package evidence

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// An exceptionKind says what is exceptional. They are listed in this order.
type exceptionKind int

const (
	overridden exceptionKind = iota
	inherited
	reportOnly
	unnamed
	unsettled
	drifted
	adopted
	repaired
	faulted
	repoliced
)

var exceptionNames = [...]string{"override", "override inherited", "report only", "no person named", "unsettled push", "drift", "adoption", "repair", "fault", "policy change"}

// String implements fmt.Stringer.
func (k exceptionKind) String() string { return exceptionNames[k] }

// exceptionTexts say what each kind means.
var exceptionTexts = [...]string{
	"A permitted person went past rules, with a reason. pathgate status counts these.",
	"What had come by an override before was deployed again or gone back to: no rule was gone past anew. In changes.csv its kind is override too.",
	"The environment does not enforce its rules: they said no, and the push was let in.",
	"The move was settled from where the ref was, and which of several people made it cannot be told.",
	"A push was allowed, and what became of it is not on record yet.",
	"The ref of an environment was not where the record has it: something moved it round the gate, or put it back.",
	"An operator put on record what was there before; no rule judged it.",
	"An operator accepted that the ledger was cut, moved, or its clock went back.",
	"A push was refused because the rules could not be checked.",
	"A policy file was judged by for the first time. The person named made that push; who edited the file is not on record.",
}

// An exception is one row of exceptions.csv.
type exception struct {
	kind   exceptionKind
	entry  *ledger.Entry
	codes  []string    // of report only
	before *policyFile // of a policy change, nil if it is the first on record
}

// what says what happened, in words.
func (x *exception) what() string {
	e := x.entry
	switch x.kind {
	case overridden:
		return "went past " + strings.Join(e.Overrode, ", ")
	case inherited:
		return "the commit had come here by an override, and was deployed again or gone back to"
	case reportOnly:
		return "let in although the rules said " + strings.Join(x.codes, ", ")
	case unnamed:
		return "the record names no person"
	case unsettled:
		return "allowed, and not settled"
	case drifted:
		if e.Old == e.New {
			return "over: the ref is at " + object(e.New) + " again"
		}
		return "the ref was at " + object(e.New) + ", and on record is " + object(e.Old)
	case adopted:
		return object(e.Commit) + " was there before"
	case repaired:
		return "the ledger was mended"
	case faulted:
		return "it could not be checked whether the rules allow it"
	case repoliced:
		return x.policyWords()
	}
	return ""
}

// policyWords tells which policy came after which.
func (x *exception) policyWords() string {
	words := "policy " + e12(x.entry.Policy) + ", " + serial(x.entry.Serial)
	if x.before == nil {
		return words + ": the first on record"
	}
	return fmt.Sprintf("%s, after %s, %s", words, e12(x.before.Hash), serial(x.before.Serial))
}

func e12(s string) string { return fmt.Sprintf("%.12s", s) }

func serial(n uint64) string {
	if n == 0 {
		return "no serial"
	}
	return fmt.Sprintf("serial %d", n)
}

// object is an object ID for people.
func object(id string) string {
	if id == "" || policy.ObjectID(id).IsZero() {
		return "nothing"
	}
	return id
}

// rules lists the rules or codes that an exception is about.
func (x *exception) rules() []string {
	switch x.kind {
	case overridden, inherited:
		return x.entry.Overrode
	case reportOnly:
		return x.codes
	case faulted:
		return x.entry.Codes
	}
	return nil
}
