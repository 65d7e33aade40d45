package gate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// id makes an object ID out of one letter; "-" is an absent ref.
func id(letter string) policy.ObjectID {
	switch letter {
	case "-":
		return ""
	case "0":
		return policy.ObjectID(strings.Repeat("0", 40))
	}
	return policy.ObjectID(strings.Repeat(fmt.Sprintf("%02x", letter[0]), 20))
}

// intents reads "1:A>B 2:A>C!" as two open intents, the second one's push over.
func readIntents(t *testing.T, text string) ([]ledger.Entry, map[uint64]bool) {
	t.Helper()
	var intents []ledger.Entry
	dead := make(map[uint64]bool)
	for _, word := range strings.Fields(text) {
		var seq uint64
		var move string
		if _, err := fmt.Sscanf(word, "%d:%s", &seq, &move); err != nil {
			t.Fatalf("intent %q: %v", word, err)
		}
		move, over := strings.CutSuffix(move, "!")
		from, to, _ := strings.Cut(move, ">")
		dead[seq] = over
		intents = append(intents, ledger.Entry{Seq: seq, Type: ledger.TypeIntent, Old: string(id(from)), New: string(id(to))})
	}
	return intents, dead
}

func TestSettleRef(t *testing.T) {
	for _, test := range []struct {
		name           string
		intents        string // ! marks a push that is over
		live, observed string
		want           string // +N deployed, -N abandoned, "wait"
	}{
		{"nothing open", "", "A", "A", ""},
		{"under way, not moved", "1:A>B", "A", "A", ""},
		{"under way, moved, about to be recorded", "1:A>B", "A", "B", "wait"},
		{"killed after the move", "1:A>B!", "A", "B", "+1"},
		{"killed before the move", "1:A>B!", "A", "A", "-1"},
		{"killed creating the ref", "1:0>B!", "-", "B", "+1"},
		{"the ref was not created", "1:0>B!", "-", "-", "-1"},
		{"two of the same, one move, one record", "1:A>B! 2:A>B!", "A", "B", "+1 -2"},
		{"two of the same, one still runs", "1:A>B! 2:A>B", "A", "B", "wait"},
		{"the other one's move", "1:A>B! 2:A>C!", "A", "C", "-1 +2"},
		{"a loser is settled while the winner is waited for", "1:A>B! 2:A>C", "A", "C", "-1 wait"},
		{"moved on by somebody else", "1:A>B!", "A", "X", "-1"},
		{"deleted by somebody", "1:A>B!", "A", "-", "-1"},
		{"a redeploy cannot be seen in a ref", "1:A>A!", "A", "A", "-1"},
		{"a redeploy does not explain drift", "1:B>B!", "A", "B", "-1"},
		{"a move out of drift", "1:D>B!", "A", "B", "+1"},
		{"recorded by another hook already", "1:A>B!", "B", "B", "-1"},
		{"a push that runs is left alone", "1:A>B 2:A>C!", "A", "A", "-2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			intents, dead := readIntents(t, test.intents)
			entries, wait := settleRef(intents, id(test.live), id(test.observed), dead)
			var got []string
			for _, e := range entries {
				sign := map[ledger.Type]string{ledger.TypeDeployed: "+", ledger.TypeAbandoned: "-"}[e.Type]
				got = append(got, fmt.Sprintf("%s%d", sign, e.Intent))
			}
			if wait {
				got = append(got, "wait")
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("settleRef = %q, want %q", strings.Join(got, " "), test.want)
			}
		})
	}
}

// A settled intent keeps who, what and by which policy, also when the policy
// says otherwise by then.
func TestSettledAsRecorded(t *testing.T) {
	intent := ledger.Entry{Seq: 7, Push: "p", Service: "shop", Environment: "prd", Repository: "shop/prd.git",
		Ref: "refs/heads/main", Old: string(id("A")), New: string(id("B")), Commit: string(id("B")), Tree: string(id("T")),
		Subject: "s", Kind: "promote", Principal: "ana", Via: "ssh", Address: "::1", Policy: "hash", Evidence: []uint64{3}}
	e := deployed(&intent, "")
	if e.Type != ledger.TypeDeployed || e.Intent != 7 || e.Principal != "ana" || e.Policy != "hash" ||
		e.Kind != "promote" || len(e.Evidence) != 1 || e.Evidence[0] != 3 || e.Push != "p" || e.Address != "::1" {
		t.Errorf("deployed(intent) = %+v", e)
	}
}

func TestGone(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	unknown := "no token of this format"
	intents := []ledger.Entry{
		{Seq: 1, Token: unknown, Time: now.Add(-time.Minute)},
		{Seq: 2, Token: unknown, Time: now.Add(-2 * patience)},
	}
	dead := make(map[uint64]bool)
	gone(intents, now, dead)
	if dead[1] || !dead[2] {
		t.Errorf("gone = %v; want a push that cannot be seen to be left alone for %v and not for ever", dead, patience)
	}
}
