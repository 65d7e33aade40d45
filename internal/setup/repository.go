package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// A repository is one that a verb works on.
type repository struct {
	git
	facts *gitfacts.Repository
	name  string // what people read: relative to the policy's root, else the path
	site  policy.Site
	owner owner
}

// openRepository opens the repository at path: bare, with a worktree, or a
// linked worktree of one. What worktrees share is what it works on.
func openRepository(path string) (*repository, error) {
	facts, err := gitfacts.Open(path)
	if err != nil {
		info, statErr := os.Stat(path)
		switch {
		case errors.Is(statErr, fs.ErrNotExist):
			return nil, no("there is no such folder")
		case statErr == nil && !info.IsDir():
			return nil, no("it is not a folder")
		case statErr == nil && !looksLikeRepository(path):
			return nil, no("it is not a git repository")
		}
		return nil, err
	}
	r := &repository{git: git{facts.CommonDir()}, facts: facts, name: facts.CommonDir()}
	info, err := os.Stat(r.dir)
	if err != nil {
		return nil, err
	}
	r.owner = ownerOf(info)
	return r, nil
}

// titled names a repository for people: by the policy if it is below its root,
// else by its path.
func titled(pol *policy.Policy, path string) string {
	if facts, err := gitfacts.Open(path); err == nil && pol != nil {
		if name, under := facts.Relative(pol.Root); under {
			return show(name)
		}
	}
	return show(path)
}

// openListed is openRepository for one that the policy must list.
func openListed(pol *policy.Policy, path string) (*repository, error) {
	if pol == nil {
		return nil, errors.New("there is no policy to go by")
	}
	r, err := openRepository(path)
	if err != nil {
		return nil, err
	}
	name, under := r.facts.Relative(pol.Root)
	if !under {
		return nil, no("it is not below the policy's root %s", show(pol.Root))
	}
	site, listed := pol.Site(name)
	if !listed {
		return nil, no("the policy does not list it: its patterns are %s", patterns(pol))
	}
	r.name, r.site = name, site
	return r, nil
}

// patterns are the policy's repository patterns, each once.
func patterns(pol *policy.Policy) string {
	var list []string
	seen := make(map[string]bool)
	for _, env := range pol.Environments {
		if p := env.Repository.String(); env.Elsewhere == nil && !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	return strings.Join(list, ", ")
}

// ownHooks is the repository's own folder of hooks, whatever is configured.
func (r *repository) ownHooks() string { return filepath.Join(r.dir, "hooks") }

// hooksFolder is the folder where git looks for hooks of a push, for the
// current user.
func (r *repository) hooksFolder(ctx context.Context) (string, error) {
	out, err := r.run(ctx, "rev-parse", "--git-path", "hooks")
	if err != nil {
		return "", fmt.Errorf("find the hooks of %s: %w", r.name, err)
	}
	dir := strings.TrimSuffix(out, "\n")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(r.dir, dir)
	}
	return filepath.Clean(dir), nil
}

// within reports whether path, its links resolved as far as it exists, lies
// inside of this repository's git directory.
func (r *repository) within(path string) bool {
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			rel, err := filepath.Rel(r.dir, filepath.Join(real, rest))
			return err == nil && rel != "." && filepath.IsLocal(rel)
		}
		if _, err := os.Lstat(path); err == nil || path == filepath.Dir(path) {
			return false // a link that leads nowhere
		}
		path, rest = filepath.Dir(path), filepath.Join(filepath.Base(path), rest)
	}
}

// notesRefs is where stamps lie: proc-receive takes those of environments
// elsewhere, and refuses all others.
const notesRefs = "refs/notes/deployments"

// handed lists what receive.procReceiveRefs must hold: the command refs, the
// notes of deployments, and the refs of the site's environments.
func (r *repository) handed() []string {
	list := append(policy.CommandRefs(), notesRefs)
	for _, env := range r.site.Environments {
		for _, p := range env.Refs {
			list = append(list, strings.TrimSuffix(p.Prefix(), "/"))
		}
	}
	return list
}

// A ref of a repository. Symbolic is where a symbolic ref points to.
type ref struct {
	name     policy.RefName
	id       policy.ObjectID
	symbolic policy.RefName
}

// refs lists the refs whose names begin with one of the given paths, all of
// them if there are none. Symbolic refs that lead nowhere are not among them.
func (r *repository) refs(ctx context.Context, below ...string) ([]ref, error) {
	const format = "--format=%(refname)%00%(objectname)%00%(symref)%00"
	out, err := r.run(ctx, append([]string{"for-each-ref", format}, below...)...)
	if err != nil {
		return nil, fmt.Errorf("list the refs of %s: %w", r.name, err)
	}
	var list []ref
	for line := range strings.Lines(out) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(parts) != 4 {
			return nil, fmt.Errorf("list the refs of %s: a line of %d parts", r.name, len(parts))
		}
		list = append(list, ref{policy.RefName(parts[0]), policy.ObjectID(parts[1]), policy.RefName(parts[2])})
	}
	return list, nil
}
