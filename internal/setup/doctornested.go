package setup

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pathgate/pathgate/internal/gitfacts"
)

// nested looks for refs called HEAD, which hooks refuse today: with objects and
// refs beside it, git takes such a ref's folder for a repository. It serves that
// without hooks, and what is pushed there breaks this repository, or moves refs
// of an environment.
func (d *doctor) nested() {
	mark, n := len(d.findings), 0
	_ = filepath.WalkDir(d.inRepo("refs"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() != "HEAD" {
			return nil // what cannot be read, modes and owner tell
		}
		if n++; n <= most {
			d.namedHead(path)
		}
		return nil
	})
	if n > most {
		d.fail(fmt.Sprintf("and %d more refs called HEAD", n-most), "", "")
	}
	d.sound(mark, "git takes no folder of refs for a repository")
}

func (d *doctor) namedHead(path string) {
	folder := filepath.Dir(path)
	entries, _ := os.ReadDir(folder) // what was read counts
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	name, err := filepath.Rel(d.repo.dir, path)
	if err != nil {
		name = path
	}
	mend := command("git", "--git-dir="+d.repo.dir, "update-ref", "-d", "--no-deref", filepath.ToSlash(name))
	if gitfacts.CouldBeGitDir(names...) {
		d.fail("git takes "+folder+" for a repository of its own", "pushes there run no hook of pathgate's",
			mend+"; then look into these, and take them away: "+command("rm", "-r", filepath.Join(folder, "objects"), filepath.Join(folder, "refs")))
		return
	}
	d.fail(name+" is a ref called HEAD", "with objects and refs beside it git takes its folder for a repository without hooks", mend)
}
