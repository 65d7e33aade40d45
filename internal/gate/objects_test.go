package gate

import (
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// What git was asked while an update was a rollback answers less than what the
// same update needs as a promotion: then it must be asked again.
func TestCovers(t *testing.T) {
	main, err := policy.ParseRefPattern("refs/heads/main")
	if err != nil {
		t.Fatal(err)
	}
	all := policy.GitNeeds{Branches: []policy.RefPattern{main}, Ticket: "X-1", Signed: "/signers", FastForward: true}
	for _, test := range []struct {
		name          string
		asked, needed policy.GitNeeds
		want          bool
	}{
		{"the same", all, all, true},
		{"more than is needed", all, policy.GitNeeds{Ticket: "X-1"}, true},
		{"nothing is needed", policy.GitNeeds{}, policy.GitNeeds{}, true},
		{"no branches", policy.GitNeeds{Ticket: "X-1", Signed: "/signers", FastForward: true}, all, false},
		{"no ticket", policy.GitNeeds{Branches: all.Branches, Signed: "/signers", FastForward: true}, all, false},
		{"another ticket", policy.GitNeeds{Ticket: "Y"}, policy.GitNeeds{Ticket: "X-1"}, false},
		{"no signatures", policy.GitNeeds{Branches: all.Branches, Ticket: "X-1", FastForward: true}, all, false},
		{"no fast-forward", policy.GitNeeds{Branches: all.Branches, Ticket: "X-1", Signed: "/signers"}, all, false},
	} {
		if got := covers(test.asked, test.needed); got != test.want {
			t.Errorf("%s: covers = %v", test.name, got)
		}
	}
}
