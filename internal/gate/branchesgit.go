package gate

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// mostListed is how many commits git may list to tell what a commit contains.
const mostListed = 200_000

// A beholder looks into repositories, each opened once.
type beholder struct {
	ctx    context.Context
	root   string
	opened map[string]*gitfacts.Repository
}

func (b *beholder) open(name string) (*gitfacts.Repository, error) {
	if repo := b.opened[name]; repo != nil {
		return repo, nil
	}
	repo, err := gitfacts.Open(filepath.Join(b.root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	if b.opened == nil {
		b.opened = make(map[string]*gitfacts.Repository)
	}
	b.opened[name] = repo
	return repo, nil
}

// look completes what an environment holds with what its repository has.
func (b *beholder) look(h *Holdings) {
	repo, err := b.open(h.Spot.Repository)
	if err != nil {
		h.Unreadable = err
		return
	}
	names := []policy.RefName{h.Base}
	for _, held := range h.Branches {
		names = append(names, branchRef(held.Branch))
	}
	at, err := repo.ResolveAll(b.ctx, names)
	if err != nil {
		h.Unreadable = err
		return
	}
	h.BaseAt = at[h.Base].ID
	ask := h.Branches
	for _, held := range h.Branches {
		if seen := at[branchRef(held.Branch)].ID; seen != "" && seen != held.Head {
			ask = append(ask[:len(ask):len(ask)], Held{Head: seen})
		}
	}
	inBase, err := containedIn(b.ctx, repo, h.BaseAt, ask)
	if err != nil {
		h.Unreadable = err
		return
	}
	for i := range h.Branches {
		held := &h.Branches[i]
		held.Seen, held.InBase = at[branchRef(held.Branch)].ID, inBase[held.Head]
		held.SeenInBase = held.Seen != "" && inBase[held.Seen]
	}
}

func branchRef(name string) policy.RefName { return policy.RefName("refs/heads/" + name) }

// containedIn tells which of the branches' released commits a commit contains.
// An absent commit contains nothing.
func containedIn(ctx context.Context, repo *gitfacts.Repository, commit policy.ObjectID, branches []Held) (map[policy.ObjectID]bool, error) {
	in := make(map[policy.ObjectID]bool)
	if len(branches) == 0 || commit == "" || commit.IsZero() {
		return in, nil
	}
	ask := "^" + string(commit) + "^{commit}\n"
	for _, held := range branches {
		ask += string(held.Head) + "^{commit}\n"
		in[held.Head] = true
	}
	out, exit, err := repo.Git(ctx, strings.NewReader(ask), "rev-list", "--stdin", fmt.Sprintf("--max-count=%d", mostListed))
	if err != nil {
		return nil, fmt.Errorf("find out which branches %s contains: %w", commit.Short(), err)
	}
	if exit != 0 || strings.Count(string(out), "\n") >= mostListed {
		return containedEach(ctx, repo, commit, branches)
	}
	for line := range strings.Lines(string(out)) {
		delete(in, policy.ObjectID(strings.TrimSuffix(line, "\n")))
	}
	return in, nil
}

// containedEach is containedIn where git cannot answer for all at once: a
// commit that the repository does not have is contained in none.
func containedEach(ctx context.Context, repo *gitfacts.Repository, commit policy.ObjectID, branches []Held) (map[policy.ObjectID]bool, error) {
	in := make(map[policy.ObjectID]bool)
	if _, err := repo.IsAncestor(ctx, commit, commit); err != nil {
		return nil, err
	}
	for _, held := range branches {
		if yes, err := repo.IsAncestor(ctx, held.Head, commit); err == nil && yes {
			in[held.Head] = true
		}
	}
	return in, nil
}

// findReady lists the branches that the environments before hold and h does
// not, where containment is what counts.
func (b *beholder) findReady(pol *policy.Policy, h *Holdings, all []Holdings) {
	env, ok := pol.Environment(h.Spot.Environment)
	if !ok || env.Match != policy.MatchContained || h.Unreadable != nil || h.Host != "" {
		return
	}
	candidates := held(pol, env, all)
	if len(candidates) == 0 {
		return
	}
	at := h.live.Commit
	if at == "" {
		at = h.BaseAt
	}
	repo, err := b.open(h.Spot.Repository)
	if err != nil {
		h.Unreadable = err
		return
	}
	branches := make([]Held, len(candidates))
	for i, r := range candidates {
		branches[i] = r.Held
	}
	here, err := containedIn(b.ctx, repo, at, branches)
	if err != nil {
		h.Unreadable = err
		return
	}
	for _, r := range candidates {
		for _, own := range h.Branches {
			if own.Branch == r.Branch {
				r.Here = own.Head
			}
		}
		if r.Here != r.Head && !here[r.Head] && !r.InBase {
			h.Ready = append(h.Ready, r)
		}
	}
}

// held lists the branches that the environments before env hold: in any of
// them, or where the policy wants all, in all of them that have release.
func held(pol *policy.Policy, env *policy.Environment, all []Holdings) (list []Ready) {
	priors := priorsOf(pol, env)
	count := make(map[string]int)
	for _, prior := range priors {
		for _, h := range all {
			if h.Spot.Environment != prior.Name || h.Host != "" {
				continue // a push would be told that git cannot compare the two
			}
			for _, branch := range h.Branches {
				key := branch.Branch + " " + string(branch.Head)
				if count[key]++; count[key] == 1 {
					list = append(list, Ready{Held: branch, From: prior.Name})
				}
			}
		}
	}
	var out []Ready
	for _, r := range list {
		if env.AfterMatch == policy.AfterAny || count[r.Branch+" "+string(r.Head)] == len(priors) {
			out = append(out, r)
		}
	}
	return out
}
