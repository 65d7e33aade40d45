package explain_test

import (
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/policy"
)

func TestStampLater(t *testing.T) {
	var b strings.Builder
	explain.StampLater(&b, "pi5musu7padsa")
	want := "warning: this is on record; its stamp follows later (push pi5musu7padsa)\n"
	if b.String() != want || len(want) > 73 {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// A receipt says how the stamp of what was deployed goes on.
func TestReceiptStamps(t *testing.T) {
	for name, test := range map[string]struct {
		stage  explain.Stage
		deploy string
		want   string
	}{
		"its own remote": {explain.Stage{Environment: "dev", Stamps: true}, "",
			"hint: its stamp goes along with the push to the next environment:\nhint:   git fetch dev\n"},
		"one remote for all": {explain.Stage{Environment: "dev", Stamps: true, Shared: true}, "",
			"hint: its stamp goes along with the push to the next environment:\n" +
				"hint:   git fetch origin '+refs/notes/deployments/dev*:refs/notes/deployments/dev*'\n"},
		"not done yet": {explain.Stage{Environment: "dev", Stamps: true, Pending: true}, "external",
			"hint: once it has succeeded, its stamp goes along with the next push:\nhint:   git fetch dev\n"},
	} {
		var b strings.Builder
		explain.Receipts(&b, []explain.Receipt{{Environment: "dev", Ref: "refs/heads/main", Kind: policy.Deploy, Commit: commit,
			Principal: "ana", Record: 3, Deploy: test.deploy, Next: []explain.Stage{test.stage}}})
		if !strings.HasSuffix(b.String(), test.want) {
			t.Errorf("%s:\n%s\nwant at its end\n%s", name, b.String(), test.want)
		}
	}
	var b strings.Builder
	explain.Outcome(&b, "dev", policy.OutcomeSuccess, "", 3, "", []explain.Stage{{Environment: "dev", Stamps: true}}, commit)
	if want := "success: the deployment to dev succeeded\nhint: its stamp goes along with the push to the next environment:\nhint:   git fetch dev\n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
}

// Who brings notes that this repository does not take reads why, and what helps.
func TestNotesKept(t *testing.T) {
	const id = "5dbb7e2c5dbb7e2c5dbb7e2c5dbb7e2c"
	for want, kept := range map[string]policy.Offer{
		"  they are newer; what git says of a forced update of them means nothing\n": {Reason: "they are newer"},
		"nothing\nhint: fetch the notes anew, and push them again:\n" +
			"hint:   git fetch stg '+refs/notes/deployments/stg:refs/notes/deployments/stg'\n" +
			"hint: else an operator of this server (pathgate help sync):\n" +
			"hint:   pathgate sync stg --from URL --accept " + id + " --reason \"...\"\n": {Kind: policy.OfferUnproven, Reason: "x", Ledger: id},
		"nothing\nhint: an operator of this server must accept that ledger:\n" +
			"hint:   pathgate sync stg --from URL --accept ID --reason \"...\"\n": {Kind: policy.OfferLedger, Reason: "x", Ledger: "$(reboot)"},
	} {
		var b strings.Builder
		explain.NotesKept(&b, "stg", kept)
		if !strings.HasPrefix(b.String(), "note: this repository keeps its own notes of stg\n") || !strings.HasSuffix(b.String(), want) {
			t.Errorf("%s\nwant at its end\n%s", b.String(), want)
		}
	}
}
