package release

import (
	"context"
	"fmt"
	"strings"
)

// touches reports whether a released branch changes one of paths since it left
// base.
func (s *search) touches(ctx context.Context, r Branch, paths map[string]bool) (bool, error) {
	out, exit, err := s.repo.Git(ctx, nil, "diff", "--name-only", "-z", "--no-renames", "--no-relative",
		"--ignore-submodules=none", "--no-ext-diff", string(s.base)+"..."+string(r.Head), "--")
	if err != nil {
		return false, fmt.Errorf("list what %s changes: %w", r.Head, err)
	}
	if exit != 0 {
		return false, fmt.Errorf("list what %s changes: git diff: status %d", r.Head, exit)
	}
	for path := range strings.SplitSeq(string(out), "\x00") {
		if path != "" && paths[path] {
			return true, nil
		}
	}
	return false, nil
}
