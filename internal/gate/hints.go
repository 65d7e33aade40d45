package gate

import (
	"context"
	"slices"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/policy"
)

// elsewhere reports whether the repository has no branch of a name at a commit,
// so that a hint had better name the commit.
func (s *scene) elsewhere(ctx context.Context, branch string, commit policy.ObjectID) bool {
	_, at, err := s.repo.Resolve(ctx, branchRef(branch))
	return err != nil || at != commit
}

// published reports whether the repository has a branch at a commit, so that
// others can have it. Where that cannot be found out, it is none.
func (s *scene) published(ctx context.Context, commit policy.ObjectID) bool {
	if s.repo == nil || commit == "" || commit.IsZero() {
		return false
	}
	out, exit, err := s.repo.Git(ctx, nil, "for-each-ref", "--count=1", "--points-at="+string(commit), "refs/heads/")
	return err == nil && exit == 0 && len(out) > 0
}

// locates completes a refusal with what hints need to know of the repository.
func (s *scene) locates(ctx context.Context, m *move, r *explain.Refusal) {
	if m != nil && m.release != nil && m.release.action == policy.ActionRelease {
		r.Elsewhere = s.elsewhere(ctx, m.release.branch.Name, r.Commit)
	}
	if r.Shared && (r.Code == policy.NeedsApproval || slices.ContainsFunc(r.Verdicts, needsApproval)) {
		r.Published = s.published(ctx, r.Commit)
	}
}

func needsApproval(v policy.Verdict) bool { return !v.OK && v.Code == policy.NeedsApproval }

// onPath completes the stages of a refusal, where branches are released, with
// what the ledger knows of the branches that the push brings: which environments
// contain the commit, and which branch the way goes on with, if it is one.
func (s *scene) onPath(b *book, m *move, stages []explain.Stage, verdicts []policy.Verdict) error {
	lacking := lacks(m.commit, verdicts)
	brings := make(map[release.Branch]bool)
	for i := range stages {
		stage := &stages[i]
		if at := slices.IndexFunc(verdicts, func(v policy.Verdict) bool { return bearsOut(&v, stage.Environment) }); at >= 0 {
			stage.Contains = verdicts[at].Record
		}
		env, ok := s.policy.Environment(stage.Environment)
		if !ok || env.Release == nil {
			continue
		}
		entries, err := b.contents(s.spot(env, stage.Ref), stage.Live.Commit)
		if err != nil {
			return err
		}
		for _, e := range entries {
			head := policy.ObjectID(e.Head)
			if head == m.commit {
				stage.Contains = e.Seq
			}
			if slices.Contains(lacking, head) {
				brings[release.Branch{Name: e.Branch, Head: head}] = true
			}
		}
	}
	if len(brings) != 1 {
		return nil
	}
	for branch := range brings {
		for i := range stages {
			stages[i].Branch, stages[i].Head = branch.Name, branch.Head
		}
	}
	return nil
}

// lacks lists what the environments before do not bear out.
func lacks(commit policy.ObjectID, verdicts []policy.Verdict) []policy.ObjectID {
	ids := []policy.ObjectID{}
	for _, v := range verdicts {
		if d := v.Detail; d != nil && !v.OK && (v.Name == policy.RulePrior || v.Name == policy.RuleWithdrawn) {
			ids = append(append(ids, d.Missing...), d.Withdrawn...)
		}
	}
	if len(ids) == 0 {
		ids = append(ids, commit)
	}
	return ids
}

// bearsOut reports whether a verdict says that what stands in an environment
// contains all that the push brings.
func bearsOut(v *policy.Verdict, environment policy.EnvironmentName) bool {
	return v.OK && v.Name == policy.RulePrior && v.Environment == environment && v.Detail != nil && v.Detail.Match == policy.MatchContained
}

// goesOn reports whether a deployment brings something that can go on to the
// next environment: going back does not, and where branches are released,
// nothing but a release does.
func goesOn(env *policy.Environment, kind, action string) bool {
	return kind != string(policy.Rollback) && (env.Release == nil || action == ledger.ActionRelease || action == ledger.ActionReplace)
}

// changes tells which branches a rollback takes out and brings back.
func (b *book) changes(s Spot, from, to policy.ObjectID) (out, back []release.Branch, err error) {
	before, err := b.contents(s, from)
	if err != nil {
		return nil, nil, err
	}
	after, err := b.contents(s, to)
	was, is := branchesOf(before), branchesOf(after)
	for _, r := range was {
		if !slices.ContainsFunc(is, func(o release.Branch) bool { return o.Name == r.Name }) {
			out = append(out, r)
		}
	}
	for _, r := range is {
		if !slices.ContainsFunc(was, func(o release.Branch) bool { return o.Name == r.Name && o.Head == r.Head }) {
			back = append(back, r)
		}
	}
	return out, back, err
}
