package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
)

// removeTree removes a checkout with all that the command has put there. Some
// tools leave folders that nobody may write to.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	root, openErr := os.OpenRoot(dir)
	if openErr != nil {
		return err
	}
	unlock(root)
	root.Close()
	return os.RemoveAll(dir)
}

// unlock makes the folders below root writable, as far as they are ours. It
// follows no link.
func unlock(root *os.Root) {
	_ = root.Chmod(".", 0o700) // what stays locked, RemoveAll tells
	dir, err := root.Open(".")
	if err != nil {
		return
	}
	entries, _ := dir.ReadDir(-1)
	dir.Close()
	for _, e := range entries {
		if e.Type()&fs.ModeType != fs.ModeDir {
			continue
		}
		_ = root.Chmod(e.Name(), 0o700)
		if inner, err := root.OpenRoot(e.Name()); err == nil {
			unlock(inner)
			inner.Close()
		}
	}
}

// removeTrees removes the checkouts of runners that are gone. The caller holds
// the place's lock.
func (p Place) removeTrees() error {
	trees, err := p.trees()
	for _, tree := range trees {
		if failed := removeTree(filepath.Clean(tree)); err == nil {
			err = failed
		}
	}
	return err
}
