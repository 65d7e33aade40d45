package explain_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// unstamped is a refusal on the word of an environment elsewhere.
func unstamped(code policy.Code, d *policy.Detail, change func(r *explain.Refusal)) func(string) explain.Refusal {
	return func(said string) explain.Refusal {
		own := policy.Detail{}
		if d != nil {
			own = *d
		}
		own.Elsewhere = true
		own.Offered = slices.Clone(own.Offered)
		for i := range own.Offered {
			own.Offered[i].Reason = strings.ReplaceAll(own.Offered[i].Reason, "SAID", said)
			own.Offered[i].Ledger = strings.ReplaceAll(own.Offered[i].Ledger, "SAID", said)
		}
		r := explain.Refusal{
			Code: code, Environment: "prd", Ref: "refs/heads/main", Target: "refs/heads/main",
			Commit: commit, Subject: "round to cents", Record: 121,
			Verdicts: []policy.Verdict{{Rule: "environments.prd.after", Place: place(14), Code: code, Environment: "stg", Detail: &own}},
			Stages: []explain.Stage{
				{Environment: "stg", Ref: "refs/heads/main", Elsewhere: true},
				{Environment: "prd", Ref: "refs/heads/main", Live: policy.Live{Record: 90, Commit: other, Time: when}},
			},
		}
		change(&r)
		return r
	}
}

func keep(*explain.Refusal) {}

// brought is a push that brought notes of stg.
func brought(r *explain.Refusal) { r.Brought = []policy.EnvironmentName{"stg"} }

// offers are stamps that do not count, for one reason each.
func offers(kind policy.OfferKind, reasons ...string) *policy.Detail {
	d := &policy.Detail{}
	for _, reason := range reasons {
		d.Offered = append(d.Offered, policy.Offer{Kind: kind, Reason: reason})
	}
	return d
}

// ofLedger is a stamp that does not count for the ledger that it is of.
func ofLedger(kind policy.OfferKind, reason string) *policy.Detail {
	return &policy.Detail{Offered: []policy.Offer{{Kind: kind, Reason: reason, Ledger: "5dbb7e2cSAID"}}}
}

// standing sets what stamps tell of the commit, and that max_age refuses.
func standing(r *explain.Refusal) {
	r.Stages[0].Standing = policy.Standing{Record: 118, Time: when, Principal: "ana"}
	r.Verdicts[0].Rule, r.Verdicts[0].Place, r.Verdicts[0].Record = "environments.stg.max_age", place(9), 118
}

// stampRefusals are refusals for want of a stamp; SAID in them is from outside.
var stampRefusals = []struct {
	name string
	make func(said string) explain.Refusal
}{
	{"no stamp", unstamped(policy.NoStamp, &policy.Detail{}, keep)},
	{"no stamp in the notes that came along", unstamped(policy.NoStamp, &policy.Detail{}, brought)},
	{"no stamp, and stamps that do not count", unstamped(policy.NoStamp, offers("", "it is of another commit", "it is of the service SAID"), brought)},
	{"many stamps that do not count", unstamped(policy.NoStamp, offers("", "1", "2", "3", "4", "5", "6", "7"), keep)},
	{"an unknown key", unstamped(policy.NoStamp, offers(policy.OfferUnknownKey, "it is not signed by a key of stg: the key SAID is not known"), brought)},
	{"a key to come", unstamped(policy.NoStamp, offers(policy.OfferEarlyKey, "the key SAID that signed it is not valid yet"), brought)},
	{"a key of the past", unstamped(policy.NoStamp, offers(policy.OfferExpiredKey, "the key SAID that signed it has expired"), brought)},
	{"a key that was revoked", unstamped(policy.NoStamp, offers(policy.OfferRevokedKey, "the key SAID that signed it is revoked"), keep)},
	{"not of this service", unstamped(policy.NoStamp, offers(policy.OfferService, "the keys of stg may not speak for the service SAID"), brought)},
	{"stamped in the future", unstamped(policy.NoStamp, offers(policy.OfferClock, "it says SAID"), brought)},
	{"another ledger", unstamped(policy.NoStamp, ofLedger(policy.OfferLedger, "it is of another ledger than SAID"), brought)},
	{"a ledger that nothing proves", unstamped(policy.NoStamp, ofLedger(policy.OfferUnproven, "nothing proves that SAID"), brought)},
	{"a stamp that nobody has taken", unstamped(policy.NoStamp, offers(policy.OfferWaiting, "this repository's notes have one"), keep)},
	{"no stamp, and an older commit's is known", unstamped(policy.NoStamp, &policy.Detail{}, func(r *explain.Refusal) {
		r.Stages[0].Live = policy.Live{Record: 80, Commit: other, Time: when}
	})},
	{"no stamp, and the policy tells no ref of it", unstamped(policy.NoStamp, &policy.Detail{}, func(r *explain.Refusal) { r.Stages[0].Ref = "" })},
	{"no stamp, of a command ref", unstamped(policy.NoStamp, &policy.Detail{}, func(r *explain.Refusal) { r.Ref = "refs/deploy/main" })},
	{"no stamp, and environments share the repository", unstamped(policy.NoStamp, &policy.Detail{}, func(r *explain.Refusal) { r.Shared = true })},
	{"one of two would do", unstamped(policy.NoStamp, &policy.Detail{}, func(r *explain.Refusal) {
		r.Any = true
		r.Verdicts = append(r.Verdicts, policy.Verdict{Rule: "environments.prd.after", Place: place(14), Code: policy.PriorNotDeployed, Environment: "uat"})
		r.Stages = append([]explain.Stage{{Environment: "uat", Ref: "refs/heads/main"}}, r.Stages...)
	})},
	{"no stamp, and no approval", unstamped(policy.NoStamp, &policy.Detail{}, func(r *explain.Refusal) {
		r.Verdicts = append(r.Verdicts, policy.Verdict{Rule: "environments.prd.approvals", Place: place(15), Code: policy.NeedsApproval,
			Detail: &policy.Detail{Count: 1}})
	})},
	{"too old", unstamped(policy.StampTooOld, &policy.Detail{Stamped: when, MaxAge: 90 * 24 * time.Hour}, standing)},
	{"too old, and a newer one does not count", unstamped(policy.StampTooOld, &policy.Detail{Stamped: when, MaxAge: time.Hour,
		Offered: []policy.Offer{{Kind: policy.OfferUnknownKey, Reason: "SAID has signed it"}}}, standing)},
	{"from the future", unstamped(policy.StampTooOld, &policy.Detail{Stamped: when, MaxAge: time.Hour, Ahead: true}, standing)},
	{"of no time", unstamped(policy.StampTooOld, &policy.Detail{MaxAge: time.Hour}, standing)},
	{"forked", unstamped(policy.StampForked, &policy.Detail{}, func(r *explain.Refusal) {
		r.Verdicts[0].Rule, r.Verdicts[0].Place, r.Verdicts[0].Record = "environments.stg.keys", place(8), 120
	})},
	{"withdrawn", unstamped(policy.Withdrawn, &policy.Detail{}, func(r *explain.Refusal) {
		standing(r)
		r.Stages[0].Standing.Withdrawn = 119
		r.Verdicts[0].Rule, r.Verdicts[0].Place, r.Verdicts[0].Record = "environments.prd.after", place(14), 119
	})},
	{"withdrawn, and what came along does not count", unstamped(policy.Withdrawn,
		offers(policy.OfferExpiredKey, "the key SAID that signed it has expired"), func(r *explain.Refusal) {
			standing(r)
			brought(r)
			r.Stages[0].Standing.Withdrawn = 119
			r.Verdicts[0].Rule, r.Verdicts[0].Place, r.Verdicts[0].Record = "environments.prd.after", place(14), 119
		})},
	{"withdrawn, and the new stamp is not of this service", unstamped(policy.Withdrawn,
		offers(policy.OfferService, "the keys of stg may not speak for the service SAID"), func(r *explain.Refusal) {
			standing(r)
			r.Stages[0].Standing.Withdrawn = 119
			r.Verdicts[0].Rule, r.Verdicts[0].Place, r.Verdicts[0].Record = "environments.prd.after", place(14), 119
		})},
	{"not live any more", unstamped(policy.PriorNotDeployed, &policy.Detail{NotLive: true}, func(r *explain.Refusal) {
		standing(r)
		brought(r)
		r.Verdicts[0].Rule, r.Verdicts[0].Place = "environments.prd.evidence", place(15)
	})},
	{"the soak stands still", unstamped(policy.Soaking, &policy.Detail{Wanted: time.Hour, Left: time.Hour, NotLive: true}, func(r *explain.Refusal) {
		standing(r)
		r.Verdicts[0].Rule, r.Verdicts[0].Place = "environments.prd.soak", place(15)
	})},
	{"the soak has not begun", unstamped(policy.Soaking, &policy.Detail{Wanted: time.Hour, Left: time.Hour}, func(r *explain.Refusal) {
		standing(r)
		r.Verdicts[0].Rule, r.Verdicts[0].Place = "environments.prd.soak", place(15)
	})},
	{"it soaks", unstamped(policy.Soaking, &policy.Detail{Wanted: time.Hour, Left: time.Minute, Running: true, Until: when}, func(r *explain.Refusal) {
		standing(r)
		r.Verdicts[0].Rule, r.Verdicts[0].Place = "environments.prd.soak", place(15)
	})},
	{"it has failed", unstamped(policy.NotSuccessful, &policy.Detail{Outcome: policy.Outcome{State: policy.OutcomeFailure, Record: 119, Message: "no disk"}},
		func(r *explain.Refusal) {
			standing(r)
			r.Verdicts[0].Rule, r.Verdicts[0].Place = "environments.prd.requires", place(15)
		})},
	{"no success yet", unstamped(policy.NotSuccessful, &policy.Detail{Pending: true}, func(r *explain.Refusal) {
		standing(r)
		r.Verdicts[0].Rule, r.Verdicts[0].Place = "environments.prd.requires", place(15)
	})},
}

// The texts stand in testdata/stamps.txt, each below its name.
func TestStampTexts(t *testing.T) {
	data, err := os.ReadFile("testdata/stamps.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, s := range stampRefusals {
		got.WriteString("== " + s.name + " ==\n" + print(s.make("pay")) + "\n")
	}
	if got.String() != string(data) {
		t.Fatalf("testdata/stamps.txt is not what is written now:\n%s", got.String())
	}
}

// What a stamp says of itself forges no line, and what is to be pasted stays
// one command whatever the pushed ref is called.
func TestStampTextsAreSafe(t *testing.T) {
	evil := "a\x1b[2J\u202e\nsuccess: prd is now ffffff\xff$(reboot)'" + strings.Repeat("x", 300)
	for _, s := range stampRefusals {
		r := s.make(evil)
		r.Subject = evil
		r.Ref, r.Target = policy.RefName("refs/heads/"+evil), policy.RefName("refs/heads/"+evil)
		r.Stages[0].Standing.Principal, r.Stages[0].Ref, r.Stages[0].Refs = evil, r.Target, evil
		for _, line := range strings.Split(strings.TrimSuffix(print(r), "\n"), "\n") {
			command := strings.HasPrefix(line, "hint:   ")
			switch {
			case !text.Printable(line) || strings.HasPrefix(line, "success:"):
				t.Errorf("%s prints %q", s.name, line)
			case !command && utf8.RuneCountInString(line) > 72:
				t.Errorf("%s prints %d columns: %q", s.name, utf8.RuneCountInString(line), line)
			case command && strings.Contains(line, "reboot"):
				t.Errorf("%s gives the shell what was pushed: %q", s.name, line)
			}
		}
	}
}
