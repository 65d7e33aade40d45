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
		live, observed string // "A~D": on record A, drift recorded at D
		want           string // +N deployed, -N abandoned, "wait"
	}{
		{"nothing open", "", "A", "A", ""},
		{"under way, not moved", "1:A>B", "A", "A", ""},
		{"under way, moved, about to be recorded", "1:A>B", "A", "B", "wait"},
		{"waited for long enough", "1:A>B", "A", "B", "late +1"},
		{"rivals that both run, waited for long enough", "1:A>B 2:A>B", "A", "B", "late +1"},
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
		{"a move out of drift", "1:D>B!", "A~D", "B", "+1"},
		{"not from where the ref was", "1:D>B!", "A", "B", "-1"},
		{"back to nothing", "1:A>B!", "B", "A", "-1"},
		{"recorded by another hook already", "1:A>B!", "B", "B", "-1"},
		{"a push that runs is left alone", "1:A>B 2:A>C!", "A", "A", "-2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			intents, dead := readIntents(t, test.intents)
			live, drifted, _ := strings.Cut(test.live, "~")
			at := refState{live: id(live), observed: id(test.observed), dead: dead, late: strings.HasPrefix(test.want, "late")}
			if drifted != "" {
				at.drifted = id(drifted)
			}
			entries, wait := settleRef(intents, at)
			var got []string
			if at.late {
				got = append(got, "late")
			}
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

// Whose move it was cannot be told from the ref: no person is named as fact.
func TestRivalsAreNotNamed(t *testing.T) {
	intents, dead := readIntents(t, "4:A>B! 5:A>B!")
	intents[0].Principal, intents[1].Principal = "bob", "mallory"
	entries, _ := settleRef(intents, refState{live: id("A"), observed: id("B"), dead: dead})
	if e := entries[0]; e.Principal != "" || !strings.Contains(e.Reason, "4 by bob, or 5 by mallory") {
		t.Errorf("principal %q, reason %q; want none named and both told", e.Principal, e.Reason)
	}
	intents[1].Principal = "bob"
	if entries, _ = settleRef(intents, refState{live: id("A"), observed: id("B"), dead: dead}); entries[0].Principal != "bob" {
		t.Errorf("principal %q though both are bob's", entries[0].Principal)
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
	(&book{}).gone(intents, now, dead)
	if dead[1] || !dead[2] {
		t.Errorf("gone = %v; want a push that cannot be seen to be left alone for %v and not for ever", dead, patience)
	}
}
