package explain_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

var (
	commit = policy.ObjectID(strings.Repeat("3f9c2ab0", 5))
	other  = policy.ObjectID(strings.Repeat("51a1c810", 5))
	when   = time.Date(2026, 11, 21, 9, 14, 59, 0, time.UTC)
)

func place(line int) policy.Place { return policy.Place{File: "policy.toml", Line: line, Column: 1} }

func missing() explain.Refusal {
	return explain.Refusal{
		Code: policy.PriorNotDeployed, Environment: "prd", Ref: "refs/heads/main", Target: "refs/heads/main",
		Commit: commit, Subject: "round to cents", Record: 121,
		Verdicts: []policy.Verdict{{Rule: "environments.prd.after", Place: place(14), Code: policy.PriorNotDeployed, Environment: "stg"}},
		Stages: []explain.Stage{
			{Environment: "dev", Ref: "refs/heads/main", Standing: policy.Standing{Record: 118, Time: when, Principal: "ana"}},
			{Environment: "stg", Ref: "refs/heads/main", Live: policy.Live{Record: 90, Commit: other, Time: when}},
			{Environment: "prd", Ref: "refs/heads/main"},
		},
	}
}

func print(refusals ...explain.Refusal) string {
	var b strings.Builder
	explain.Refusals(&b, refusals, 0, len(refusals))
	return b.String()
}

func TestRefusal(t *testing.T) {
	want := `error: prd refuses 3f9c2ab "round to cents"   [prior-not-deployed]
  stg has not deployed it

  dev  deployed   2026-11-21 09:14 UTC by ana   record 118
  stg  never      live: 51a1c81 since 2026-11-21 09:14 UTC
  prd  -          live: nothing

  rule environments.prd.after, policy.toml:14 - record 121
hint: deploy it to stg first:
hint:   git push stg 3f9c2ab:refs/deploy/main
`
	if got := print(missing()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// The hint begins where the way begins: an environment that would refuse the
// commit itself is no place to send anybody.
func TestHintBeginsAtFirstMissing(t *testing.T) {
	r := missing()
	r.Stages[0].Standing = policy.Standing{}
	if got := print(r); !strings.Contains(got, "hint:   git push dev 3f9c2ab:refs/deploy/main\n") {
		t.Errorf("no hint to deploy to dev first in:\n%s", got)
	}
}

func TestReceipt(t *testing.T) {
	var b strings.Builder
	explain.Receipts(&b, []explain.Receipt{{
		Environment: "stg", Ref: "refs/heads/main", Kind: policy.Promote, Commit: commit, Subject: "round to cents",
		Principal: "ana", Record: 122, Evidence: []uint64{118}, CanRollBack: true,
		Before: policy.Live{Record: 90, Commit: other}, Next: []explain.Stage{{Environment: "prd", Ref: "refs/heads/main"}},
	}})
	want := `success: stg is now 3f9c2ab "round to cents"
  promoted by ana, record 122, was 51a1c81
  on the evidence of record 118
hint: to roll back:
hint:   git push stg 51a1c81:refs/deploy/main
hint: next is prd:
hint:   git push prd 3f9c2ab:refs/deploy/main
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

// Every code says something of its own, in lines that fit, and nothing that a
// pusher chose reaches the terminal raw.
func TestEveryCodeIsSafeAndFits(t *testing.T) {
	evil := "a\x1b[2J\u202e\nremote: success: prd is now ffffff\xff" + strings.Repeat("x", 300)
	codes := []policy.Code{policy.PriorNotDeployed, policy.Withdrawn, policy.RollbackNotAllowed, policy.Deletion,
		policy.ReservedRef, policy.NotACommit, policy.DuplicateUpdate, policy.StaleOldValue, policy.Alias,
		policy.UnlistedRepository, policy.NoIdentity, policy.MalformedInput, policy.TooLarge, policy.NotAlone,
		policy.MergeConflict, policy.NotReleased, policy.NotLocked, policy.NoStamp, policy.StampTooOld, policy.StampForked}
	seen := make(map[string]policy.Code)
	for _, code := range codes {
		r := missing()
		r.Code, r.Verdicts[0].Code = code, code
		out := print(r)
		reason := strings.SplitN(out, "\n", 3)[1]
		if twin, twice := seen[reason]; twice {
			t.Errorf("%s and %s give the same reason: %q", code, twin, reason)
		}
		seen[reason] = code
		r.Ref, r.Target = policy.RefName("refs/heads/"+evil), policy.RefName("refs/heads/"+evil)
		r.Subject, r.Detail = evil, evil
		r.Stages[0].Standing.Principal = evil
		r.Stages[1].Ref = r.Target
		for _, line := range strings.Split(strings.TrimSuffix(print(r), "\n"), "\n") {
			if !text.Printable(line) {
				t.Errorf("%s prints %q", code, line)
			}
			if strings.HasPrefix(line, "remote:") || strings.HasPrefix(line, "success:") {
				t.Errorf("%s prints a forged line %q", code, line)
			}
			if n := utf8.RuneCountInString(line); n > 72 && !strings.HasPrefix(line, "hint:   ") {
				t.Errorf("%s prints %d columns: %q", code, n, line)
			}
		}
	}
}

func TestPushQuotes(t *testing.T) {
	for ref, want := range map[policy.RefName]string{
		"refs/heads/main":      "git push stg 3f9c2ab:refs/deploy/main",
		"refs/tags/v1":         "git push stg +3f9c2ab:refs/tags/v1",
		"refs/heads/$(reboot)": "git push stg '3f9c2ab:refs/deploy/$(reboot)'",
		"refs/heads/it's":      `git push stg '3f9c2ab:refs/deploy/it'\''s'`,
		"refs/heads/a\u202eb":  "git push stg <commit>:<ref>",
	} {
		if got := explain.Push("stg", commit, ref); got != want {
			t.Errorf("Push(%q) = %q, want %q", ref, got, want)
		}
	}
}

func TestManyRefusals(t *testing.T) {
	var b strings.Builder
	explain.Refusals(&b, []explain.Refusal{missing(), missing()}, 98, 100)
	for _, want := range []string{"error: and 98 more like these\n", "nothing has moved: one refused ref refuses all 100 of this push\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}

func TestSpan(t *testing.T) {
	for span, want := range map[time.Duration]string{
		30 * time.Second: "30s", 10 * time.Minute: "10m", 90 * time.Second: "1m30s", 10 * time.Hour: "10h",
		72 * time.Hour: "3d", 82 * time.Hour: "3d10h", 240 * time.Hour: "10d", 72*time.Hour + time.Minute: "3d",
	} {
		if got := explain.Span(span); got != want {
			t.Errorf("Span(%v) = %q, want %q", span, got, want)
		}
	}
}
