package setup

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// How far doctor looks for repositories below the policy's root.
const (
	walkDepth   = 6
	walkFolders = 20000
)

// unlisted looks for repositories below the root that no environment matches
// and that have no hooks of pathgate's: unlisted = "refuse" does not reach
// them, since it takes a hook to refuse.
func (d *doctor) unlisted() {
	if d.o.Policy.Unlisted != policy.UnlistedRefuse {
		return
	}
	var names []string
	seen, cut := 0, false
	_ = filepath.WalkDir(d.o.Policy.Root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || !e.IsDir():
			return nil
		case seen == walkFolders:
			cut = true
			return fs.SkipAll
		}
		seen++
		name, err := filepath.Rel(d.o.Policy.Root, path)
		if err != nil || strings.Count(name, "/") >= walkDepth {
			return fs.SkipDir
		}
		dir, is := gitDirectory(path)
		if !is {
			return nil
		}
		if _, listed := d.o.Policy.Site(filepath.ToSlash(name)); !listed && !d.guarded(dir) {
			names = append(names, text.Clean(name, 60))
		}
		return fs.SkipDir
	})
	if cut {
		d.warn(fmt.Sprintf("not all folders below %s were looked at for unlisted repositories", d.o.Policy.Root),
			fmt.Sprintf("there are more than %d", walkFolders), "")
	}
	d.unguarded(names)
}

func (d *doctor) unguarded(names []string) {
	if len(names) == 0 {
		return
	}
	list := strings.Join(names[:min(len(names), 4)], ", ")
	if more := len(names) - 4; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	d.warn("no environment matches these repositories, and pathgate's hooks are not there to refuse: "+list,
		`unlisted = "refuse" closes a repository only where the hooks are`,
		`write an environment for them and install it, or say unlisted = "allow"`)
}

// gitDirectory tells whether path is a git directory, or has one for its
// worktree, and which.
func gitDirectory(path string) (dir string, is bool) {
	for _, dir := range []string{path, filepath.Join(path, ".git")} {
		head, err := os.Lstat(filepath.Join(dir, "HEAD"))
		if err != nil || head.IsDir() {
			continue
		}
		if objects, err := os.Stat(filepath.Join(dir, "objects")); err == nil && objects.IsDir() {
			return dir, true
		}
	}
	return "", false
}

// guarded reports whether a repository has a pre-receive hook of pathgate's.
func (d *doctor) guarded(dir string) bool {
	h, err := lookAtHook(filepath.Join(dir, "hooks"), "pre-receive", []string{d.o.HooksDir})
	return err == nil && h.exists && h.ours && !h.idle
}
