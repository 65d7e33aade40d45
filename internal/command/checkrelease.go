package command

import (
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/policy"
)

// releaseRules say how branches are released into an environment, and what
// counts as deployed before it.
func releaseRules(env *policy.Environment) (rules []rule) {
	if r := env.Release; r != nil {
		merges := "each by a merge"
		if r.FastForward {
			merges = "by a merge, or by moving forward where that is possible"
		}
		rules = append(rules,
			rule{"release", fmt.Sprintf("the server merges branches into %s, made from %s, %s", explain.Branch(policy.RefName(env.Refs[0].String())), explain.Branch(r.Base), merges)},
			rule{"branches", branchesOf(r.Branches)},
			rule{"such as", releaseCommand(env)})
	}
	if len(env.After) == 0 {
		return rules
	}
	switch env.Match {
	case policy.MatchContained:
		rules = append(rules, rule{"match", "each commit that a push brings is contained in one that stands in the environments before"})
	case policy.MatchTree:
		rules = append(rules, rule{"match", "the commit, or one with exactly its files, stands in the environments before"})
	}
	return rules
}

// branchesOf says which branches fit a pattern.
func branchesOf(p policy.BranchPattern) string {
	pattern := strings.TrimPrefix(p.String(), "refs/heads/")
	ticket, _ := p.Match(branchRef(p.Example()))
	words := fmt.Sprintf("only %s", pattern)
	if rest, star := strings.CutSuffix(pattern, "*"); star {
		words = fmt.Sprintf("names that begin with %s", rest)
		if rest == "" {
			words = "any name"
		}
	}
	if ticket == "" {
		return fmt.Sprintf("%s, such as %s; a name has no ticket", words, p.Example())
	}
	return fmt.Sprintf("%s, such as %s, whose ticket is %s", words, p.Example(), ticket)
}

func branchRef(name string) policy.RefName { return policy.RefName("refs/heads/" + name) }

// releaseCommand releases a branch that fits.
func releaseCommand(env *policy.Environment) string {
	example := env.Release.Branches.Example()
	return fmt.Sprintf("git push origin %s:refs/release/%s/%s", example, env.Name, example)
}

func releaseJSON(env *policy.Environment) map[string]any {
	r := env.Release
	return map[string]any{"base": r.Base, "branches": r.Branches.String(), "fast_forward": r.FastForward,
		"example": r.Branches.Example(), "command": releaseCommand(env)}
}
