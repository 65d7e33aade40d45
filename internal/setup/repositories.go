package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// Repositories finds the repositories below the policy's root that an
// environment matches, as sorted absolute paths. For each pattern it reads the
// one folder that holds {service}; it walks into nothing.
func Repositories(pol *policy.Policy) ([]string, error) {
	found := make(map[string]bool)
	done := make(map[string]bool)
	for _, env := range pol.Environments {
		if env.Elsewhere != nil || done[env.Repository.String()] {
			continue
		}
		done[env.Repository.String()] = true
		if err := match(pol, env.Repository, found); err != nil {
			return nil, fmt.Errorf("look for repositories of %s: %w", env.Repository, err)
		}
	}
	list := make([]string, 0, len(found))
	for name := range found {
		list = append(list, filepath.Join(pol.Root, filepath.FromSlash(name)))
	}
	slices.Sort(list)
	return list, nil
}

// match puts the repositories of one pattern into found.
func match(pol *policy.Policy, pattern policy.RepositoryPattern, found map[string]bool) error {
	head, tail, _ := strings.Cut(pattern.String(), "{service}")
	folder, before := path.Split(head)
	after, _, _ := strings.Cut(tail, "/")
	entries, err := os.ReadDir(filepath.Join(pol.Root, filepath.FromSlash(folder)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		service, ok := strings.CutPrefix(e.Name(), before)
		service, cut := strings.CutSuffix(service, after)
		if !ok || !cut || service == "" {
			continue
		}
		name := pattern.Path(policy.Service(service))
		where := filepath.Join(pol.Root, filepath.FromSlash(name))
		if _, listed := pol.Site(name); !listed || !looksLikeRepository(where) {
			continue
		}
		facts, err := gitfacts.Open(where)
		if err != nil {
			found[name] = true // broken: let whoever asked find that out
			continue
		}
		if real, under := facts.Relative(pol.Root); under {
			if _, listed := pol.Site(real); listed {
				found[real] = true
			}
		}
	}
	return nil
}

// looksLikeRepository reports whether path is a git directory or has one.
func looksLikeRepository(path string) bool {
	for _, name := range [...]string{"HEAD", ".git"} {
		if _, err := os.Lstat(filepath.Join(path, name)); err == nil {
			return true
		}
	}
	return false
}
