package explain_test

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

var (
	merged = policy.ObjectID(strings.Repeat("8d1e0f20", 5))
	base   = policy.ObjectID(strings.Repeat("77b0e1d0", 5))
)

// A scenario is one text on releases; branch is what a pusher can choose.
type scenario struct {
	name string
	text func(branch string) string
}

func receipt(change func(r *explain.Receipt)) func(string) string {
	return func(branch string) string {
		r := explain.Receipt{
			Environment: "dev", Ref: "refs/heads/release/dev", Kind: policy.Deploy, Commit: merged,
			Principal: "ana", Record: 122, Shared: true, Before: policy.Live{Record: 90, Commit: other},
			Next:    []explain.Stage{{Environment: "stg", Ref: "refs/heads/release/stg", Release: true, Shared: true}},
			Release: &explain.Release{Action: release.ActionRelease, Branch: branch, Head: commit, Base: "refs/heads/main", Branches: 3},
		}
		change(&r)
		var b strings.Builder
		explain.Receipts(&b, []explain.Receipt{r})
		return b.String()
	}
}

func contained(through policy.RefName, others ...string) func(string) string {
	return func(branch string) string {
		var b strings.Builder
		by := append([]string(nil), others...)
		if through == "" && len(by) == 0 {
			by = []string{branch}
		}
		explain.Contained(&b, "dev", "refs/heads/release/dev", branch, commit, merged, through, by, "128 8d1e0f2a")
		return b.String()
	}
}

func refusal(code policy.Code, c explain.ReleaseCase, change func(r *explain.Refusal)) func(string) string {
	return func(branch string) string {
		r := explain.Refusal{
			Code: code, Environment: "dev", Ref: policy.RefName("refs/release/dev/" + branch), Target: "refs/heads/release/dev",
			Commit: commit, Subject: "round to cents", Record: 121, Shared: true, Branch: branch,
			Release: &explain.ReleaseRefusal{
				Case: c, Name: branch, Pattern: "refs/heads/{ticket:[A-Z]+-[0-9]+}*", Example: "JIRA-123",
				Base: "refs/heads/main", Environments: []policy.EnvironmentName{"dev", "stg"},
			},
		}
		change(&r)
		return print(r)
	}
}

func conflict(change func(r *explain.Refusal, c *release.Conflict)) func(string) string {
	return refusal(policy.MergeConflict, "", func(r *explain.Refusal) {
		c := &release.Conflict{
			Onto: "release/dev", Branch: release.Branch{Name: r.Branch, Head: commit},
			With: []release.Branch{{Name: "JIRA-124", Head: other, Principal: "bob", Record: 118}},
			Files: []release.File{
				{Path: "price.go", Kind: "content", Hunks: []release.Hunk{{Lines: []string{
					"<<<<<<< release/dev", "    return 1", "=======", "error: red \x1b[31m", ">>>>>>> JIRA-123"}, Cut: true}}},
				{Path: "error: read\nme\x1b[2J", Kind: "deleted here, changed there"},
			},
			More: 2,
		}
		change(r, c)
		r.Conflict = c
	})
}

// unmatched is a refusal for what the environment before does not bear out.
func unmatched(detail policy.Detail, change func(r *explain.Refusal)) func(string) string {
	return func(branch string) string {
		r := missing()
		r.Shared, r.Branch = true, ""
		r.Stages[0] = explain.Stage{Environment: "dev", Ref: "refs/heads/release/dev", Release: true, Shared: true,
			Live: policy.Live{Record: 95, Commit: merged, Time: when}}
		r.Stages[1].Ref, r.Stages[1].Release, r.Stages[1].Shared = "refs/heads/release/stg", true, true
		r.Verdicts[0].Detail = &detail
		change(&r)
		if r.Branch != "" {
			r.Branch = branch
		}
		return print(r)
	}
}

func same(*explain.Receipt) {}
func asIs(*explain.Refusal) {}
func toReset(r *explain.Refusal) {
	r.Ref, r.Branch = "refs/release/dev/reset", ""
}

var brings = policy.Detail{
	Match: policy.MatchContained, Brought: 12, Missing: []policy.ObjectID{commit, other, base}, MissingCount: 3,
}

var scenarios = []scenario{
	{"release", receipt(same)},
	{"release, main merged first, on to production", receipt(func(r *explain.Receipt) {
		r.Environment, r.Ref, r.Evidence = "stg", "refs/heads/release/stg", []uint64{118, 120}
		r.Release.CaughtUp, r.Release.Gone = base, []string{"JIRA-99", "JIRA-98"}
		r.Next = []explain.Stage{{Environment: "prd", Ref: "refs/heads/main", Shared: true}}
	})},
	{"moved forward, the first", receipt(func(r *explain.Receipt) {
		r.Release.Forward, r.Release.Branches, r.Commit, r.Before = true, 1, commit, policy.Live{}
	})},
	{"replace", receipt(func(r *explain.Receipt) { r.Release.Action, r.Release.Instead = release.ActionReplace, other })},
	{"remove", receipt(func(r *explain.Receipt) {
		r.Release.Action, r.Release.Branches, r.Release.StillIn, r.Sideways = release.ActionRemove, 1, []string{"JIRA-124"}, true
	})},
	{"reset past rules", receipt(func(r *explain.Receipt) {
		r.Release = &explain.Release{Action: release.ActionReset, Head: base, Base: "refs/heads/main", Out: []string{"JIRA-123", "JIRA-124"}}
		r.Commit, r.Kind = base, policy.Overridden
	})},
	{"in base already", contained("refs/heads/main")},
	{"released already", contained("")},
	{"came along", contained("", "JIRA-124", "JIRA-125")},
	{"push to what the server keeps", refusal(policy.ReservedRef, explain.CaseKept, func(r *explain.Refusal) { r.Ref, r.Branch = r.Target, "" })},
	{"deletion of what the server keeps", refusal(policy.Deletion, explain.CaseKept, func(r *explain.Refusal) {
		r.Ref, r.Branch, r.Commit = r.Target, "", ""
	})},
	{"no releases", refusal(policy.ReservedRef, explain.CaseNoReleases, func(r *explain.Refusal) { r.Environment, r.Target = "prd", "refs/heads/main" })},
	{"unknown environment", refusal(policy.ReservedRef, explain.CaseUnknown, func(r *explain.Refusal) { r.Environment, r.Target = "", "" })},
	{"unnamed branch", refusal(policy.ReservedRef, explain.CaseUnnamed, func(r *explain.Refusal) {
		r.Environment, r.Target, r.Ref, r.Branch = "", "", "refs/release/dev", ""
	})},
	{"a branch that does not fit", refusal(policy.NotFromBranch, explain.CaseBranch, asIs)},
	{"not released", refusal(policy.NotReleased, explain.CaseNotReleased, asIs)},
	{"taken out of base", refusal(policy.NotReleased, explain.CaseInBase, asIs)},
	{"reset without a reason", refusal(policy.MalformedInput, explain.CaseNoReason, toReset)},
	{"reset elsewhere", refusal(policy.NotFromBranch, explain.CaseNotInBase, toReset)},
	{"no base", refusal(policy.ReservedRef, explain.CaseNoBase, asIs)},
	{"unrelated", refusal(policy.MergeConflict, explain.CaseUnrelated, asIs)},
	{"refs/deploy", refusal(policy.ReservedRef, explain.CaseDeploy, func(r *explain.Refusal) { r.Ref = "refs/deploy/release/dev" })},
	{"not adopted", refusal(policy.StaleOldValue, explain.CaseNotAdopted, asIs)},
	{"reset taken out", refusal(policy.Deletion, explain.CaseNoReset, func(r *explain.Refusal) { toReset(r); r.Commit = "" })},
	{"not alone", refusal(policy.NotAlone, "", asIs)},
	{"conflict", conflict(func(*explain.Refusal, *release.Conflict) {})},
	{"conflict with main, own remote", conflict(func(r *explain.Refusal, c *release.Conflict) {
		r.Shared, c.With, c.WithBase, c.Files, c.More = false, nil, true, nil, 0
	})},
	{"conflict with several together", conflict(func(_ *explain.Refusal, c *release.Conflict) {
		c.Touch, c.With, c.Files, c.More = append(c.With, release.Branch{Name: "JIRA-125", Head: base, Principal: "eve", Record: 119}), nil, nil, 0
	})},
	{"conflict with nobody found", conflict(func(_ *explain.Refusal, c *release.Conflict) {
		c.With, c.Unsearched, c.Files, c.More = nil, 3, nil, 0
	})},
	{"conflict when taken out", conflict(func(r *explain.Refusal, c *release.Conflict) {
		r.Commit, c.Rebuild, c.Branch.Name, c.Files, c.More = "", true, "JIRA-130", nil, 0
	})},
	{"conflict of base", conflict(func(_ *explain.Refusal, c *release.Conflict) { c.Branch, c.Files, c.More = release.Branch{}, nil, 0 })},
	{"conflict of base with nobody found", conflict(func(_ *explain.Refusal, c *release.Conflict) {
		c.Branch, c.Files, c.More, c.With = release.Branch{}, nil, 0, nil
	})},
	{"main brings what stg lacks", unmatched(brings, asIs)},
	{"a branch that the environment before lacks", unmatched(policy.Detail{Match: policy.MatchContained, Brought: 1,
		Missing: []policy.ObjectID{commit}, MissingCount: 1}, func(r *explain.Refusal) {
		r.Branch, r.Release = "JIRA-123", &explain.ReleaseRefusal{Base: "refs/heads/main"}
	})},
	{"withdrawn", unmatched(policy.Detail{Match: policy.MatchContained, Brought: 2, Withdrawn: []policy.ObjectID{commit}, WithdrawnCount: 1,
		Overridden: []policy.ObjectID{other}, OverriddenCount: 1}, func(r *explain.Refusal) {
		r.Code, r.Verdicts[0].Code, r.Verdicts[0].Record = policy.Withdrawn, policy.Withdrawn, 130
	})},
	{"no such files", unmatched(policy.Detail{Match: policy.MatchTree, Brought: 1, MissingCount: 1}, asIs)},
	{"released, and the branch has moved on", receipt(func(r *explain.Receipt) { r.Release.Elsewhere = true })},
	{"released, moved on, and main comes next", receipt(func(r *explain.Receipt) {
		r.Release.Elsewhere, r.Next = true, []explain.Stage{{Environment: "prd", Ref: "refs/heads/main", Shared: true}}
	})},
	{"on to reviewed production", receipt(func(r *explain.Receipt) {
		r.Next = []explain.Stage{{Environment: "prd", Ref: "refs/heads/main", Shared: true, Approvals: true}}
	})},
	{"on to reviewed production, moved on, own remote", receipt(func(r *explain.Receipt) {
		r.Shared, r.Release.Elsewhere, r.Next = false, true, []explain.Stage{{Environment: "prd", Ref: "refs/heads/main", Approvals: true}}
	})},
	{"the deployment is waited for", receipt(func(r *explain.Receipt) { r.Deploy, r.Waits = "command", true })},
	{"the last is taken out", receipt(func(r *explain.Receipt) {
		r.Release.Action, r.Release.Branches, r.Next = release.ActionRemove, 0, nil
	})},
	{"rolled back", receipt(func(r *explain.Receipt) {
		r.Back, r.Out = []release.Branch{{Name: r.Release.Branch, Head: commit}}, []release.Branch{{Name: "JIRA-124"}, {Name: "JIRA-125"}}
		r.Release, r.Kind, r.Next, r.Withdrawn = nil, policy.Rollback, nil, []policy.ObjectID{other}
	})},
	{"rehearsed, nothing binds", refusal(explain.Rehearsal, "", func(r *explain.Refusal) {
		r.Rehearsal, r.Kind, r.Record = true, policy.Deploy, 0
	})},
	{"no releases, but reviews", refusal(policy.ReservedRef, explain.CaseNoReleases, func(r *explain.Refusal) {
		r.Environment, r.Target, r.Release.Approvals = "prd", "refs/heads/main", true
	})},
	{"needs an approval, published nowhere", approval(asIs)},
	{"needs an approval, published", approval(func(r *explain.Refusal) { r.Published = true })},
	{"needs an approval and evidence", unmatched(brings, func(r *explain.Refusal) {
		r.Verdicts = append(r.Verdicts, policy.Verdict{Rule: "environments.prd.approvals", Place: place(15), Code: policy.NeedsApproval,
			Detail: &policy.Detail{Count: 1}})
	})},
	{"main brings what stg lacks and dev has", unmatched(brings, func(r *explain.Refusal) {
		r.Stages[0].Contains = 95
		for i := range r.Stages {
			r.Stages[i].Branch, r.Stages[i].Head = "JIRA-123", commit
		}
	})},
	{"a branch that has moved on, and the environment before lacks", unmatched(policy.Detail{Match: policy.MatchContained, Brought: 1,
		Missing: []policy.ObjectID{commit}, MissingCount: 1}, func(r *explain.Refusal) {
		r.Branch, r.Elsewhere, r.Release = "JIRA-123", true, &explain.ReleaseRefusal{Base: "refs/heads/main"}
	})},
}

// approval is a refusal for want of an approval.
func approval(change func(r *explain.Refusal)) func(string) string {
	return func(string) string {
		r := missing()
		r.Code, r.Shared, r.Stages = policy.NeedsApproval, true, nil
		r.Verdicts = []policy.Verdict{{Rule: "environments.prd.approvals", Place: place(15), Code: policy.NeedsApproval,
			Detail: &policy.Detail{Count: 1}}}
		change(&r)
		return print(r)
	}
}

// The texts stand in testdata/release.txt, each below its name.
func TestReleaseTexts(t *testing.T) {
	data, err := os.ReadFile("testdata/release.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, s := range scenarios {
		got.WriteString("== " + s.name + " ==\n" + s.text("JIRA-123") + "\n")
	}
	if got.String() == string(data) {
		return
	}
	have, want := strings.Split(got.String(), "\n"), strings.Split(string(data), "\n")
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			t.Fatalf("line %d of testdata/release.txt: got %q, want %q; all that is written now:\n%s", i+1, have[i], want[i], got.String())
		}
	}
	t.Fatalf("testdata/release.txt has %d lines, and %d are written", len(want), len(have))
}

// Whatever a branch is called: no line is forged, none is too wide, and what is
// to be pasted is one command.
func TestReleaseTextsAreSafe(t *testing.T) {
	starts := []string{"error: dev refuses ", "error: prd refuses ", "error: pathgate refuses ", "success: dev ", "success: stg ", "hint: ", "  "}
	for _, branch := range []string{
		"a\x1b[2J\u202e\nerror: red\nsuccess: done\xff" + strings.Repeat("x", 300), "-f", "+main", "HEAD", "x;$(reboot)`id`&'\"", "error", strings.Repeat("long/", 60) + "x",
	} {
		for _, s := range scenarios {
			for _, line := range strings.Split(strings.TrimSuffix(s.text(branch), "\n"), "\n") {
				known := line == "" || strings.HasPrefix(line, "success: "+branch+" is out") || strings.Contains(line, " is out of dev; ")
				for _, start := range starts {
					known = known || strings.HasPrefix(line, start)
				}
				command := strings.HasPrefix(line, "hint:   ")
				hunk := strings.HasPrefix(line, "    | ")
				coloured := strings.HasPrefix(line, " ") && strings.HasPrefix(strings.TrimLeft(line, " "), "error")
				switch {
				case !known || coloured || !text.Printable(line):
					t.Errorf("%s, branch %.20q prints %q", s.name, branch, line)
				case !command && !hunk && utf8.RuneCountInString(line) > 72:
					t.Errorf("%s, branch %.20q prints %d columns: %q", s.name, branch, utf8.RuneCountInString(line), line)
				case command && strings.Contains(strings.ReplaceAll(line, `'"'"'`, ""), " -f"):
					t.Errorf("%s gives git an option: %q", s.name, line)
				case command && strings.Contains(line, "reboot") && !strings.Contains(line, `'`):
					t.Errorf("%s gives the shell a command: %q", s.name, line)
				}
			}
		}
	}
}

func TestOutcomeOfRelease(t *testing.T) {
	var b strings.Builder
	explain.Outcome(&b, "dev", policy.OutcomeSuccess, "", 122, "", []explain.Stage{
		{Environment: "stg", Ref: "refs/heads/release/stg", Release: true, Shared: true, Branch: "JIRA-123"},
		{Environment: "tst", Ref: "refs/heads/release/tst", Release: true, Shared: true}}, merged)
	want := `success: the deployment to dev succeeded
hint: next is stg:
hint:   git push origin JIRA-123:refs/release/stg/JIRA-123
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
	if got, want := explain.PushOrigin(merged, "refs/heads/release/dev"), "git push origin 8d1e0f2:refs/deploy/release/dev"; got != want {
		t.Errorf("PushOrigin = %q, want %q", got, want)
	}
}
