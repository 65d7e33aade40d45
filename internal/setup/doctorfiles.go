package setup

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// How old a lock or a quarantine must be to be taken for a leftover.
const (
	staleLock       = 10 * time.Minute
	staleQuarantine = time.Hour
)

// modes looks for files that any user of the machine may write.
func (d *doctor) modes() {
	mark := len(d.findings)
	for _, name := range []string{"", "config", "HEAD", "packed-refs", "objects", "reftable"} {
		d.writable(d.inRepo(name))
	}
	_ = filepath.WalkDir(d.inRepo("refs"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type()&fs.ModeSymlink == 0 {
			d.writable(path)
		}
		return nil
	})
	d.sound(mark, "modes are sound")
}

func (d *doctor) writable(path string) {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o002 == 0 || info.IsDir() && info.Mode()&fs.ModeSticky != 0 {
		return
	}
	d.fail(fmt.Sprintf("everybody may write %s (mode %04o)", path, info.Mode().Perm()),
		"refs can be moved past the gate", command("chmod", "o-w", path))
}

// leftovers looks for locks and quarantines of processes that died.
func (d *doctor) leftovers() {
	mark := len(d.findings)
	for _, name := range []string{"packed-refs.lock", "config.lock", "HEAD.lock"} {
		d.stale(d.inRepo(name), staleLock)
	}
	_ = filepath.WalkDir(d.inRepo("refs"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".lock") {
			d.stale(path, staleLock)
		}
		return nil
	})
	for _, pattern := range []string{"tmp_objdir-incoming-*", "incoming-*"} {
		found, _ := filepath.Glob(filepath.Join(escapeGlob(d.inRepo("objects")), pattern))
		for _, path := range found {
			d.stale(path, staleQuarantine)
		}
	}
	if info, err := os.Stat(d.inRepo("info", "grafts")); err == nil && info.Size() > 0 {
		d.warn("there is a grafts file", "git sees another history than was committed; pathgate does not, but checkouts may",
			command("rm", d.inRepo("info", "grafts")))
	}
	d.sound(mark, "no stale locks or quarantines")
}

// escapeGlob makes a path match nothing but itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (d *doctor) stale(path string, patience time.Duration) {
	info, err := os.Lstat(path)
	if err != nil || d.o.now().Sub(info.ModTime()) < patience {
		return
	}
	if info.IsDir() {
		d.warn("stale quarantine "+path+", "+d.ago(info.ModTime()), "a push died; its objects take up space", command("rm", "-r", path))
		return
	}
	d.fail("stale lock "+path+", "+d.ago(info.ModTime()), "git cannot write what it locks", command("rm", path))
}
