package evidence

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// changeColumns are the columns of changes.csv.
var changeColumns = []column[*change]{
	{"record", "number of the record of the deployment, in the ledger and in proofs/", func(ch *change) string { return number(ch.entry.Seq) }},
	{"time", "when the ref had moved, UTC, the server's clock", func(ch *change) string { return stamp(ch.entry.Time) }},
	{"service", "what was deployed", func(ch *change) string { return ch.entry.Service }},
	{"environment", "where to", func(ch *change) string { return ch.entry.Environment }},
	{"repository", "the repository, relative to the policy's root", func(ch *change) string { return ch.entry.Repository }},
	{"ref", "the environment's ref", func(ch *change) string { return ch.entry.Ref }},
	{"kind", "deploy, promote, rollback, redeploy, override (also inherited: see exceptions.csv), remove or reset", func(ch *change) string { return ch.entry.Kind }},
	{"action", "of a release branch: release, replace, remove or reset", func(ch *change) string { return ch.entry.Action }},
	{"commit", "the commit that was deployed: its ID stands for its whole content", func(ch *change) string { return ch.entry.Commit }},
	{"subject", "first line of the commit's message, as its author wrote it", func(ch *change) string { return ch.entry.Subject }},
	{"branch", "the branch that was released or taken out", func(ch *change) string { return ch.entry.Branch }},
	{"branch_head", "the branch's commit that was released", func(ch *change) string { return ch.entry.Head }},
	{"tickets", "tickets that the branch or the commits name", func(ch *change) string { return list(ch.entry.Tickets) }},
	{"reason", "what was said for an override, a reset, or in settling", func(ch *change) string { return ch.entry.Reason }},
	{"requester", "who pushed, as the transport vouched; not the commit's author", func(ch *change) string { return ch.entry.Principal }},
	{"requester_via", "what vouched for the requester", func(ch *change) string { return ch.entry.Via }},
	{"requester_address", "the requester's IP address", func(ch *change) string { return ch.entry.Address }},
	{"intent_record", "record of the decision to allow it, with all verdicts", func(ch *change) string { return number(ch.intentSeq()) }},
	{"intent_time", "when it was decided, before the ref moved", func(ch *change) string { return stamp(ch.decided()) }},
	{"approvals_required", "how many approvals the policy in force asked for; empty if that policy is not on record", (*change).requiredText},
	{"approvers", "whose approvals stood and counted; more in approvals.csv", func(ch *change) string { names, _, _ := ch.approvers(); return list(names) }},
	{"approval_records", "their records", func(ch *change) string { _, records, _ := ch.approvers(); return numbers(records) }},
	{"approved_by_another", "yes if one of the approvers is not the requester, under any name that the policy knows", func(ch *change) string { _, _, another := ch.approvers(); return another }},
	{"tests_before", "the evidence: environments before, when the commit was deployed there, how that had ended when this was decided", func(ch *change) string { return list(ch.testWords(stamp)) }},
	{"tests_passed", "yes: each had ended in success; no; unfinished; not asked for: the environment asks for no outcome; none: it rests on no evidence", (*change).passed},
	{"evidence_records", "records of that evidence", func(ch *change) string { return numbers(ch.evidence()) }},
	{"rules", "each rule's verdict when it was decided", func(ch *change) string { return list(ch.rules()) }},
	{"overrode", "rules that an override went past", func(ch *change) string { return list(ch.entry.Overrode) }},
	{"not_enforced", "codes of rules that said no and are not enforced", func(ch *change) string { return list(ch.noes) }},
	{"outcome", "how the deployment ended, as far as is on record now", (*change).result},
	{"outcome_record", "the record that says so", func(ch *change) string { return number(ch.ended().Seq) }},
	{"outcome_time", "when it was said", func(ch *change) string { return stamp(ch.ended().Time) }},
	{"outcome_by", "who said so, if that was not pathgate itself", func(ch *change) string { return ch.ended().Principal }},
	{"outcome_message", "what was said", func(ch *change) string { return ch.ended().Message }},
	{"outcome_url", "where to read more", func(ch *change) string { return ch.ended().URL }},
	{"backed_out", "yes if it was rolled back or taken out later, also after the window", func(ch *change) string { return yesNo(ch.back != nil) }},
	{"back_out_record", "the record of that", func(ch *change) string { return number(ch.backed().Seq) }},
	{"back_out_time", "when", func(ch *change) string { return stamp(ch.backed().Time) }},
	{"back_out_by", "who pushed that", func(ch *change) string { return ch.backed().Principal }},
	{"back_out_kind", "rollback, remove, reset or override", func(ch *change) string { return ch.backed().Kind }},
	{"back_out_plan", "how it could be backed out by the policy of today: a command, or why not; done if it was", (*change).plan},
	{"previous_commit", "what was live before", func(ch *change) string { return ch.previous.commit }},
	{"previous_record", "and its record", func(ch *change) string { return number(ch.previous.record) }},
	{"policy_sha256", "the policy file that it was decided by; see policies/", func(ch *change) string { return ch.entry.Policy }},
	{"policy_serial", "that file's serial, 0 if it has none; empty if it is not on record", (*change).serial},
	{"policy_record", "the record since which that file is on record", (*change).policyRecord},
	{"push", "ID of the push", func(ch *change) string { return ch.entry.Push }},
}

// exceptionColumns are the columns of exceptions.csv.
var exceptionColumns = []column[*exception]{
	{"kind", "what is exceptional", func(x *exception) string { return x.kind.String() }},
	{"record", "number of the record", func(x *exception) string { return number(x.entry.Seq) }},
	{"time", "when, UTC", func(x *exception) string { return stamp(x.entry.Time) }},
	{"service", "empty where it is of the whole ledger", func(x *exception) string { return x.entry.Service }},
	{"environment", "any environment of the service, not only production", func(x *exception) string { return x.entry.Environment }},
	{"repository", "the repository", func(x *exception) string { return x.entry.Repository }},
	{"ref", "the ref", func(x *exception) string { return x.entry.Ref }},
	{"commit", "the commit", func(x *exception) string { return x.entry.Commit }},
	{"who", "who did it, as the transport or the server vouched", func(x *exception) string { return x.entry.Principal }},
	{"via", "what vouched", func(x *exception) string { return x.entry.Via }},
	{"address", "the IP address", func(x *exception) string { return x.entry.Address }},
	{"what", "what happened, in words", (*exception).what},
	{"rules", "rules that were overridden, codes that were not enforced", func(x *exception) string { return list(x.rules()) }},
	{"reason", "what was said for it", func(x *exception) string { return x.entry.Reason }},
	{"policy_sha256", "the policy file judged by; of a policy change, the new one", func(x *exception) string { return x.entry.Policy }},
	{"push", "ID of the push", func(x *exception) string { return x.entry.Push }},
}

// An approvalRow is a statement and the change that it is about.
type approvalRow struct {
	*change
	*statement
}

func (a approvalRow) says() *ledger.Entry { return a.statement.entry }

// approvalColumns are the columns of approvals.csv.
var approvalColumns = []column[approvalRow]{
	{"change_record", "the change in changes.csv that it is about", func(a approvalRow) string { return number(a.change.entry.Seq) }},
	{"record", "number of its own record", func(a approvalRow) string { return number(a.says().Seq) }},
	{"time", "when, UTC", func(a approvalRow) string { return stamp(a.says().Time) }},
	{"environment", "for which environment", func(a approvalRow) string { return a.says().Environment }},
	{"ref", "and ref", func(a approvalRow) string { return a.says().Ref }},
	{"commit", "of exactly this commit", func(a approvalRow) string { return a.says().Commit }},
	{"who", "who said it, as the transport vouched", func(a approvalRow) string { return a.says().Principal }},
	{"via", "what vouched", func(a approvalRow) string { return a.says().Via }},
	{"address", "the IP address", func(a approvalRow) string { return a.says().Address }},
	{"statement", "approve or reject", func(a approvalRow) string { return a.says().Kind }},
	{"not_the_requester", "yes, no, or unknown: under any name that the policy knows", func(a approvalRow) string { return a.other }},
	{"counts", "yes; no; objection; not asked for: the policy asks for no approvals; unknown: the policy is not on record", func(a approvalRow) string { return a.counts }},
	{"why_not", "of no: why", func(a approvalRow) string { return a.why }},
	{"reason", "what was said for it", func(a approvalRow) string { return a.says().Reason }},
	{"live_then", "what was live when it was given", func(a approvalRow) string { return a.says().Old }},
}

func (ch *change) intentSeq() uint64 {
	if ch.intent == nil {
		return 0
	}
	return ch.intent.Seq
}

// rules are the verdicts of the decision.
func (ch *change) rules() []string {
	if ch.intent == nil {
		return nil
	}
	return ch.intent.Rules
}

func (ch *change) requiredText() string {
	if n := ch.required(); n >= 0 {
		return strconv.Itoa(n)
	}
	return ""
}

func (ch *change) evidence() (records []uint64) {
	for _, t := range ch.tests {
		records = append(records, t.record)
	}
	return records
}

// testWords tells each test.
func (ch *change) testWords(stamp func(time.Time) string) (all []string) {
	for _, t := range ch.tests {
		words := fmt.Sprintf("%s: deployed %s, record %d", t.environment, stamp(t.at), t.record)
		if t.adopted {
			words = fmt.Sprintf("%s: adopted %s, record %d", t.environment, stamp(t.at), t.record)
		}
		switch {
		case !t.asked:
			words += ", no outcome asked for"
		case t.state == "":
			words += ", no outcome yet"
		case t.outcome == 0:
			words += ", " + t.state
		default:
			words += fmt.Sprintf(", %s, last outcome %s, record %d", t.state, stamp(t.ended), t.outcome)
		}
		all = append(all, words)
	}
	return all
}

// result is the outcome in a word.
func (ch *change) result() string {
	switch {
	case ch.outcome != nil:
		return ch.outcome.State
	case ch.entry.Deploy == "":
		return "not asked for"
	}
	return "none yet"
}

func (ch *change) ended() *ledger.Entry  { return orEmpty(ch.outcome) }
func (ch *change) backed() *ledger.Entry { return orEmpty(ch.back) }

func orEmpty(e *ledger.Entry) *ledger.Entry {
	if e == nil {
		return &ledger.Entry{}
	}
	return e
}

// plan says how the change could be backed out by the policy of today.
func (ch *change) plan() string {
	e := ch.entry
	if ch.back != nil {
		return "done"
	}
	if ch.releases() {
		return fmt.Sprintf("take the branch out: git push REMOTE %s", quoted(":refs/release/"+e.Environment+"/"+e.Branch))
	}
	switch {
	case ch.previous.commit == "":
		return "none: nothing was deployed here before"
	case ch.previous.commit == e.Commit:
		return "none: the same commit was live before"
	case ch.kept == policy.RollbackNone:
		return "the policy allows no rollback: deploy another commit"
	case !ch.stands:
		return "what was live before was itself taken back: deploy another commit"
	}
	if branch, ok := strings.CutPrefix(e.Ref, "refs/heads/"); ok {
		return fmt.Sprintf("roll back: git push REMOTE %s", quoted(ch.previous.commit+":refs/deploy/"+branch))
	}
	return fmt.Sprintf("roll back: git push REMOTE %s", quoted("+"+ch.previous.commit+":"+e.Ref))
}

// quoted is a word for a POSIX shell.
func quoted(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+:/._-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (ch *change) serial() string {
	if ch.policy == nil {
		return ""
	}
	return strconv.FormatUint(ch.policy.Serial, 10)
}

func (ch *change) policyRecord() string {
	if ch.policy == nil {
		return ""
	}
	return number(ch.policy.First)
}
