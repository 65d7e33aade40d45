package gate

import (
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// Only what brings something goes on to the next environment.
func TestGoesOn(t *testing.T) {
	plain, releases := &policy.Environment{}, &policy.Environment{Release: &policy.Release{}}
	for _, c := range []struct {
		env          *policy.Environment
		kind, action string
		want         bool
	}{
		{plain, string(policy.Deploy), "", true},
		{plain, string(policy.Redeploy), "", true},
		{plain, string(policy.Rollback), "", false},
		{releases, string(policy.Deploy), ledger.ActionRelease, true},
		{releases, string(policy.Promote), ledger.ActionReplace, true},
		{releases, ledger.KindOverride, ledger.ActionRelease, true},
		{releases, string(policy.Remove), ledger.ActionRemove, false},
		{releases, string(policy.Reset), ledger.ActionReset, false},
		{releases, string(policy.Redeploy), "", false},
		{releases, string(policy.Rollback), "", false},
		{releases, ledger.KindOverride, ledger.ActionRemove, false},
	} {
		if got := goesOn(c.env, c.kind, c.action); got != c.want {
			t.Errorf("goesOn(release %t, %s, %q) = %t", c.env.Release != nil, c.kind, c.action, got)
		}
	}
}

// What the environments before lack leads to the branch that brings it: what is
// missing or withdrawn, of the rules that refuse, and else the commit itself.
func TestLacks(t *testing.T) {
	a, b, c := policy.ObjectID(strings.Repeat("a", 40)), policy.ObjectID(strings.Repeat("b", 40)), policy.ObjectID(strings.Repeat("c", 40))
	missing := policy.Verdict{Name: policy.RulePrior, Code: policy.PriorNotDeployed, Detail: &policy.Detail{Missing: []policy.ObjectID{a}}}
	withdrawn := policy.Verdict{Name: policy.RuleWithdrawn, Code: policy.Withdrawn, Detail: &policy.Detail{Withdrawn: []policy.ObjectID{b}}}
	fine := policy.Verdict{Name: policy.RulePrior, OK: true, Detail: &policy.Detail{Missing: []policy.ObjectID{a}}}
	for _, test := range []struct {
		verdicts []policy.Verdict
		want     []policy.ObjectID
	}{
		{[]policy.Verdict{missing, withdrawn}, []policy.ObjectID{a, b}},
		{[]policy.Verdict{fine}, []policy.ObjectID{c}},
		{nil, []policy.ObjectID{c}},
	} {
		if got := lacks(c, test.verdicts); !slices.Equal(got, test.want) {
			t.Errorf("lacks(%v) = %v, want %v", test.verdicts, got, test.want)
		}
	}
}
