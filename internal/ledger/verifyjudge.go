package ledger

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// A rejudge is what judging again needs to keep.
type rejudge struct {
	dir      string
	signed   func(*Entry) error // whether a stamp's signature holds; nil if that is not checked
	journal  *os.File           // to read records back from
	reader   PolicyReader
	policies map[string]*policy.Policy // those on record, by SHA-256; nil if this version cannot read one
	unsound  map[string]bool           // those that no version can read
}

func newRejudge(dir string, journal *os.File) rejudge {
	return rejudge{dir: dir, journal: journal, policies: map[string]*policy.Policy{}, unsound: map[string]bool{}}
}

// judge checks that what an entry decides follows from what it says and, where
// its policy is on record, from that.
func (v *verifier) judge(e *Entry) error {
	switch e.Type {
	case TypePolicy:
		return v.policy(e)
	case TypeIntent:
		return v.allowed(e)
	case TypeRefused:
		return v.refusal(e)
	case TypeStamp:
		return v.signed(e)
	}
	return nil
}

// policy checks that a policy on record is the file that it says it is, and
// that serials only grow.
func (v *verifier) policy(e *Entry) error {
	file, err := v.judged.reader.Add(e)
	if err != nil {
		return finding(e.Seq, meansForged, "%s", strings.TrimPrefix(err.Error(), "record "))
	}
	if e.Part == 1 {
		was, err := serialAt(v.model)
		if err != nil {
			return err
		}
		if !was.Allows(e.Policy, e.Serial) {
			return finding(e.Seq, meansForged, "its serial is %d, and the policy of record %d had %d", e.Serial, was.Record, was.Highest)
		}
	}
	if file == nil {
		return nil
	}
	pol, err := policy.Parse("policy.toml", file.Content)
	if err != nil && !beyond(err) {
		v.judged.unsound[file.Hash] = true
	} else if err != nil && v.report.Beyond == 0 {
		v.report.Beyond = e.Seq
	}
	if err == nil && pol.Serial != file.Serial {
		return finding(e.Seq, meansForged, "it says serial %d, and its text says %d", file.Serial, pol.Serial)
	}
	v.judged.policies[file.Hash] = pol
	return nil
}

// beyond reports whether a policy file may be that of a later version: nothing
// is wrong with it but keys, values or a version that this one does not know.
func beyond(err error) bool {
	var wrong policy.Errors
	if !errors.As(err, &wrong) {
		return false
	}
	newer := slices.ContainsFunc(wrong, func(e *policy.Error) bool {
		return strings.Contains(e.Msg, "is not known: this pathgate reads")
	})
	return newer || !slices.ContainsFunc(wrong, func(e *policy.Error) bool { return !strings.Contains(e.Msg, "unknown key") })
}

// A verdict is what one rule said, as an entry has it.
type verdict struct {
	rule       string
	says       string // yes, or a refusal code
	overridden bool
}

// verdicts takes the rules of an entry apart. What evidence was taken is no
// verdict.
func verdicts(rules []string) (all []verdict, ok bool) {
	for _, r := range rules {
		i := strings.LastIndexByte(r, '=')
		if i <= 0 {
			return nil, false
		}
		d := verdict{rule: r[:i], says: r[i+1:]}
		if d.says, d.overridden = strings.CutPrefix(d.says, "overridden:"); d.overridden && d.says == "yes" || d.says == "" {
			return nil, false
		}
		if ever([]string{r}) || matched([]string{r}) {
			continue
		}
		all = append(all, d)
	}
	return all, true
}

// no reports whether the verdict refuses.
func (d verdict) no() bool { return d.says != "yes" && !d.overridden }

// ruleOf is the name of the rule that refuses with a code; empty for others.
func ruleOf(code string) string {
	switch policy.Code(code) {
	case policy.PriorNotDeployed, policy.NoStamp:
		return policy.RulePrior
	case policy.StampTooOld:
		return policy.RuleStamp
	case policy.Withdrawn:
		return policy.RuleWithdrawn
	case policy.NotSuccessful:
		return policy.RuleSuccess
	case policy.Soaking:
		return policy.RuleSoak
	case policy.NeedsApproval:
		return policy.RuleApprovals
	case policy.Frozen:
		return policy.RuleFreeze
	case policy.Locked:
		return policy.RuleLock
	case policy.Vetoed:
		return policy.RuleVeto
	case policy.NotAPusher:
		return policy.RulePushers
	case policy.NotFromBranch:
		return policy.RuleBranches
	case policy.NoTicket:
		return policy.RuleTicket
	case policy.Unsigned:
		return policy.RuleSigned
	case policy.NotFastForward:
		return policy.RuleFastForward
	case policy.RollbackNotAllowed:
		return policy.RuleRollback
	}
	return ""
}

// allowed checks an intent: all its rules said yes or were overridden, and what
// was overridden is what it says. A no may stand only where the policy does not
// enforce its rules.
func (v *verifier) allowed(e *Entry) error {
	all, ok := verdicts(e.Rules)
	if !ok {
		return finding(e.Seq, meansForged, "its rules are not verdicts")
	}
	var passed []string
	refused := verdict{}
	for _, d := range all {
		switch name := ruleOf(d.says); {
		case d.overridden && name == "":
			return finding(e.Seq, meansForged, "rule %s was overridden with %s, which no override goes past", d.rule, d.says)
		case d.overridden && !slices.Contains(passed, name):
			passed = append(passed, name)
		case d.no() && refused.rule == "":
			refused = d
		}
	}
	inherited := slices.Equal(e.Overrode, []string{Inherited})
	if inherited && len(passed) > 0 || !inherited && !slices.Equal(passed, e.Overrode) {
		return finding(e.Seq, meansForged, "it overrode %q by its rules and says %q", passed, e.Overrode)
	}
	return v.byPolicy(e, refused)
}

// byPolicy checks an intent by the policy that is on record.
func (v *verifier) byPolicy(e *Entry, refused verdict) error {
	pol, known := v.judged.policies[e.Policy]
	if !known {
		if len(v.judged.policies) > 0 {
			return finding(e.Seq, meansForged, "the policy that it was judged by is not on record")
		}
		v.report.Unjudged++
		return nil
	}
	last, err := serialAt(v.model)
	if err != nil {
		return err
	}
	if v.judged.unsound[e.Policy] {
		return finding(e.Seq, meansForged, "the policy that it was judged by is one that no pathgate judges by")
	}
	if pol == nil {
		v.report.Unjudged++
		return nil
	}
	if !last.Allows(e.Policy, pol.Serial) {
		return finding(e.Seq, meansForged, "it was judged by a policy of serial %d after that of record %d had %d", pol.Serial, last.Record, last.Highest)
	}
	return v.again(e, pol, refused)
}

// rehearsal is the code of a push that asks only what would become of it.
const rehearsal = "rehearsal"

// refusal checks that a refusal names a code, and no other than its rules do.
// The last one of a push that was refused too often for a record each tells
// only how many there were.
func (v *verifier) refusal(e *Entry) error {
	all, ok := verdicts(e.Rules)
	if !ok {
		return finding(e.Seq, meansForged, "its rules are not verdicts")
	}
	var codes []string
	for _, d := range all {
		if d.no() && !slices.Contains(codes, d.says) {
			codes = append(codes, d.says)
		}
	}
	switch {
	case len(e.Codes) == 0 && (len(e.Rules) > 0 || e.Environment != ""):
		return finding(e.Seq, meansForged, "it is a refusal and names no code")
	case slices.Equal(e.Codes, []string{rehearsal}): // it is refused whatever the rules say
	case len(codes) > 0 && !slices.Equal(codes, e.Codes):
		return finding(e.Seq, meansForged, "its rules refuse with %q, and it says %q", codes, e.Codes)
	}
	return nil
}
