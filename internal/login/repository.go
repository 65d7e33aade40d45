package login

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pathgate/pathgate/internal/deploy"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// ErrRepository says that a path leads to no repository that is open to a
// client. It says not why, so that nothing is told of other files of the host.
var ErrRepository = errors.New("no such repository")

// Find gives the git directory that a client's path means: a relative one counts
// from the policy's root, and ".git" may be left out at its end. It is that of a
// repository below the root that an environment matches, or of any there with
// unlisted = "allow". Nothing that lies within another repository, its worktree
// or the ledger's folder counts as one.
func Find(pol *policy.Policy, path string) (string, error) {
	root, err := filepath.EvalSymlinks(pol.Root)
	if err != nil {
		return "", fmt.Errorf("find the policy's root: %w", err)
	}
	if path == "" || strings.HasPrefix(path, "~") || strings.ContainsRune(path, 0) {
		return "", ErrRepository
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	for _, path := range []string{path, filepath.Clean(path) + ".git"} {
		repo, err := gitfacts.Open(path)
		if err != nil {
			continue
		}
		if name, under := repo.Relative(root); under && open(pol, name) && whole(repo, root) && !kept(pol, repo.GitDir()) {
			return repo.GitDir(), nil
		}
	}
	return "", ErrRepository
}

// open reports whether the policy opens a repository to clients at all. What
// they may do there is for the hooks to say.
func open(pol *policy.Policy, name string) bool {
	_, listed := pol.Site(name)
	return listed || pol.Unlisted == policy.UnlistedAllow
}

// whole reports whether a repository is one by itself, and is the one that git
// finds at its path: no part of another one, no worktree's, and with refs of its
// own.
func whole(repo *gitfacts.Repository, root string) bool {
	dir := repo.GitDir()
	refs, err := os.Lstat(filepath.Join(dir, "refs"))
	if err != nil || !refs.IsDir() || dir != repo.CommonDir() || has(dir, ".git") {
		return false
	}
	for folder := filepath.Dir(dir); folder != root; folder = filepath.Dir(folder) {
		if has(folder, ".git") && dir != filepath.Join(folder, ".git") || gitfacts.CouldBeGitDir(namesIn(folder)...) {
			return false
		}
		if folder == filepath.Dir(folder) {
			return false // not below the root
		}
	}
	return true
}

// namesIn are the entries of a folder that tell a git directory.
func namesIn(folder string) (names []string) {
	for _, name := range []string{"HEAD", "objects", "refs", "commondir"} {
		if has(folder, name) {
			names = append(names, name)
		}
	}
	return names
}

// has reports whether a folder has an entry, or may have it.
func has(folder, name string) bool {
	_, err := os.Lstat(filepath.Join(folder, name))
	return !errors.Is(err, os.ErrNotExist)
}

// kept reports whether a path is in a folder of pathgate's own, which holds
// checkouts, or may be.
func kept(pol *policy.Policy, path string) bool {
	own, err := deploy.Folder(pol)
	if err != nil {
		return false // there is none
	}
	if own, err = filepath.EvalSymlinks(own); err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	rel, err := filepath.Rel(own, path)
	return err != nil || filepath.IsLocal(rel)
}
