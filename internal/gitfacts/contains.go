package gitfacts

import (
	"context"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// Contains lists the refs that match one of patterns and that are, or can
// reach, the commit, sorted by name. The refs are read where they are now: in
// a pre-receive hook that is before the push, so that nothing the push does to
// a ref counts. A ref that holds a tag counts by its commit, one that holds
// something else never. No patterns, no refs.
//
// A commit that is missing is an error, and so are a matching ref that is
// broken and a shallow repository.
func (r *Repository) Contains(ctx context.Context, commit policy.ObjectID, patterns []policy.RefPattern) ([]policy.RefName, error) {
	if err := r.answers(commit); err != nil {
		return nil, fmt.Errorf("look for branches that contain a commit: %w", err)
	}
	args := []string{"for-each-ref", "--format=%(refname)", "--contains=" + string(commit)}
	named := len(args)
	for _, p := range patterns {
		// git takes a name for the ref and for the folder of that name.
		if name := strings.TrimSuffix(p.Prefix(), "/"); name != "" {
			args = append(args, name)
		}
	}
	if len(args) == named { // git would list all refs
		return nil, nil
	}
	res, err := r.history(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("look for branches that contain %s: %w", commit, err)
	}
	var refs []policy.RefName
	for line := range strings.Lines(string(res.out)) {
		name := policy.RefName(strings.TrimSuffix(line, "\n"))
		if matchesAny(patterns, name) {
			refs = append(refs, name)
		}
	}
	return refs, nil
}

func matchesAny(patterns []policy.RefPattern, name policy.RefName) bool {
	for _, p := range patterns {
		if p.Match(name) {
			return true
		}
	}
	return false
}
