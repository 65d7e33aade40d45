package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// maxCommits is how many commits that are not in base the branches of an
// environment may have together.
const maxCommits = 200_000

// A graph is the history of some commits down to base: each commit that they
// reach and base does not, with its parents. Where dates in commits lie, git
// may list commits that base does reach; it never leaves out one that base does
// not reach.
type graph map[policy.ObjectID][]policy.ObjectID

// readGraph reads the history of heads down to base.
func readGraph(ctx context.Context, repo *gitfacts.Repository, base policy.ObjectID, heads []policy.ObjectID) (graph, error) {
	var ask strings.Builder
	for _, id := range heads {
		ask.WriteString(string(id) + "^{commit}\n")
	}
	ask.WriteString("^" + string(base) + "^{commit}\n")
	out, exit, err := repo.Git(ctx, strings.NewReader(ask.String()), "rev-list", "--parents",
		fmt.Sprintf("--max-count=%d", maxCommits+1), "--stdin")
	if errors.Is(err, gitfacts.ErrOutput) {
		return nil, fmt.Errorf("%w: %w", ErrCrowded, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the history of the released branches: %w", err)
	}
	if exit != 0 {
		return nil, fmt.Errorf("read the history of the released branches: git rev-list: status %d", exit)
	}
	g := graph{}
	for line := range strings.Lines(string(out)) {
		var ids []policy.ObjectID
		for id := range strings.SplitSeq(strings.TrimSuffix(line, "\n"), " ") {
			if len(id) != len(base) {
				return nil, fmt.Errorf("read the history of the released branches: git rev-list printed another form")
			}
			ids = append(ids, policy.ObjectID(id))
		}
		g[ids[0]] = ids[1:]
	}
	if len(g) > maxCommits {
		return nil, fmt.Errorf("%w: more than %d", ErrCrowded, maxCommits)
	}
	return g, nil
}

// holds reports whether commit is id or reaches it, where id is base or a commit
// that the graph was read for and base does not contain.
func (g graph) holds(commit, id policy.ObjectID) bool {
	if commit == id {
		return true
	}
	for at := range g.reach(commit) {
		if slices.Contains(g[at], id) {
			return true
		}
	}
	return false
}

// inBase reports whether base contains a commit that the graph was read for.
func (g graph) inBase(head policy.ObjectID) bool {
	_, ok := g[head]
	return !ok
}

// reach gives the commits of the graph that head is or reaches.
func (g graph) reach(head policy.ObjectID) map[policy.ObjectID]bool {
	seen := map[policy.ObjectID]bool{}
	g.mark(seen, head)
	return seen
}

// mark adds to seen the commits of the graph that head is or reaches; what is
// in seen already was followed to its end.
func (g graph) mark(seen map[policy.ObjectID]bool, head policy.ObjectID) {
	for todo := []policy.ObjectID{head}; len(todo) > 0; {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		parents, ok := g[id]
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		todo = append(todo, parents...)
	}
}

// above gives the commits of the graph that are or reach one of commits.
func (g graph) above(commits map[policy.ObjectID]bool) map[policy.ObjectID]bool {
	children := map[policy.ObjectID][]policy.ObjectID{}
	for id, parents := range g {
		for _, p := range parents {
			children[p] = append(children[p], id)
		}
	}
	seen := map[policy.ObjectID]bool{}
	todo := slices.Collect(maps.Keys(commits))
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !seen[id] {
			seen[id] = true
			todo = append(todo, children[id]...)
		}
	}
	return seen
}
