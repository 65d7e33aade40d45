package board

import (
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func TestStampWords(t *testing.T) {
	for kind, want := range map[string]string{
		ledger.KindDeployed: "deployed in stg, elsewhere", ledger.KindStatus: "success in stg, elsewhere",
		ledger.KindWithdrawal: "withdrawn in stg, elsewhere", ledger.KindFork: "the ledger of stg, elsewhere, contradicts itself",
		ledger.KindSuccessor: "another ledger tells of stg, elsewhere",
	} {
		tone, what := words(&ledger.Entry{Type: ledger.TypeStamp, Kind: kind, Environment: "stg", State: "success"})
		if what != want || (tone == bad) != (kind == ledger.KindFork) {
			t.Errorf("%s: %s %q", kind, tone, what)
		}
	}
}

// An environment elsewhere is no column: what is on record here has none of its
// refs, and a column without any would say that nothing was deployed.
func TestElsewhereIsNoColumn(t *testing.T) {
	stg := &policy.Environment{Name: "stg", Elsewhere: &policy.Elsewhere{}}
	prd := &policy.Environment{Name: "prd", After: []policy.EnvironmentName{"stg"}}
	g := &gathering{pol: &policy.Policy{Environments: []*policy.Environment{stg, prd}}}
	got := g.pathOf([]*place{{spot: spot{service: "shop", environment: "prd"}}})
	if len(got) != 1 || got[0] != prd {
		t.Errorf("%v", got)
	}
	if missing := g.missing(prd, spot{service: "shop"}, &place{spot: spot{environment: "dev"}}); len(missing) != 0 {
		t.Errorf("%q", missing)
	}
}
