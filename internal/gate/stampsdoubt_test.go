package gate

import (
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// TestKeyDoubts tells of keys that run out, and of those only that matter.
func TestKeyDoubts(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	lasting := policy.StampKey{Fingerprint: "SHA256:a"}
	soon := policy.StampKey{Fingerprint: "SHA256:b", Comment: "stg-host", Until: now.Add(9 * day)}
	late := policy.StampKey{Fingerprint: "SHA256:c", Until: now.Add(31 * day)}
	over := policy.StampKey{Fingerprint: "SHA256:d", Until: now}
	early := policy.StampKey{Fingerprint: "SHA256:e", From: now.Add(time.Second)}
	revoked := policy.StampKey{Fingerprint: "SHA256:f", Revoked: true}
	for _, tt := range []struct {
		name string
		keys []policy.StampKey
		what string // empty: nothing
		mend string
		bars bool
	}{
		{"one that lasts", []policy.StampKey{lasting}, "", "", false},
		{"one that lasts beside old ones", []policy.StampKey{over, revoked, lasting}, "", "", false},
		{"far from its end", []policy.StampKey{late}, "", "", false},
		{"near its end", []policy.StampKey{soon}, "the key SHA256:b (stg-host) of stg expires in 9d, 2026-11-30 09:00 UTC", "ask for the public key", false},
		{"near its end, and the next is there", []policy.StampKey{soon, late}, "the key SHA256:b (stg-host) of stg expires", "another key of stg lasts longer", false},
		{"near its end, and the next counts from tomorrow", []policy.StampKey{soon, early}, "the key SHA256:b (stg-host) of stg expires", "another key of stg lasts longer", false},
		{"none counts", []policy.StampKey{over, early, revoked}, "no key of stg counts", "ask for the public key", true},
	} {
		env := &policy.Environment{Name: "stg", Elsewhere: &policy.Elsewhere{Keys: tt.keys}}
		found := keyDoubts(env, now)
		if tt.what == "" {
			if len(found) != 0 {
				t.Errorf("%s: %+v", tt.name, found)
			}
			continue
		}
		if len(found) != 1 || !strings.HasPrefix(found[0].What, tt.what) || !strings.HasPrefix(found[0].Mend, tt.mend) || found[0].Bars != tt.bars {
			t.Errorf("%s: %+v", tt.name, found)
		}
	}
}

// TestRefusedStamps groups refusals by reason, within bounds.
func TestRefusedStamps(t *testing.T) {
	y := &syncing{former: []string{"old"}}
	for i := range 9 {
		y.refuse(policy.ObjectID(strings.Repeat(string(rune('1'+i)), 40)), policy.Offer{Kind: policy.OfferLedger, Ledger: "old", Reason: "it is of ledger old"})
	}
	if y.out.Wrong() || len(y.out.Refused) != 1 || y.out.Refused[0].Count != 9 || len(y.out.Refused[0].Commits) != mostNamed {
		t.Fatalf("%+v", y.out.Refused)
	}
	y.refuse("", policy.Offer{Reason: "these are not the notes of stg"})
	if !y.out.Wrong() || y.out.Refused[1].Count != 0 {
		t.Errorf("%+v", y.out.Refused)
	}
	for i := range 2 * mostReasons {
		y.refuse("c", policy.Offer{Reason: strings.Repeat("x", i)})
	}
	if len(y.out.Refused) != mostReasons || y.out.More != 2*mostReasons-mostReasons+2 {
		t.Errorf("%d reasons, %d more", len(y.out.Refused), y.out.More)
	}
}
