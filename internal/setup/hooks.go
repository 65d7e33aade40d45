package setup

import (
	"crypto/rand"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/gate"
)

// module is how pathgate's programs are told from others.
const module = "github.com/pathgate/pathgate"

// A hook is what stands at a hook's place in a repository.
type hook struct {
	path   string
	exists bool
	ours   bool   // pathgate's, of whatever version or place
	target string // of a link: where it points to, absolute
	// idle says that git would not run it: a link that leads nowhere, a file
	// that is not executable, a folder.
	idle   bool
	folder bool
	info   fs.FileInfo // of the file or link itself
}

// lookAtHook examines the hook called name in a folder. Links into one of the
// known folders are pathgate's.
func lookAtHook(folder, name string, known []string) (hook, error) {
	h := hook{path: filepath.Join(folder, name)}
	info, err := os.Lstat(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	h.exists, h.info, h.folder = true, info, info.IsDir()
	if info.Mode()&fs.ModeSymlink != 0 {
		if h.target, err = os.Readlink(h.path); err != nil {
			return h, err
		}
		if !filepath.IsAbs(h.target) {
			h.target = filepath.Join(folder, h.target)
		}
		h.ours = filepath.Base(h.target) == name && slices.Contains(known, filepath.Dir(h.target))
	}
	end, err := os.Stat(h.path)
	h.idle = err != nil || end.IsDir() || end.Mode()&0o111 == 0
	if !h.ours && err == nil && end.Mode().IsRegular() {
		if build, err := buildinfo.ReadFile(h.path); err == nil {
			h.ours = build.Main.Path == module
		}
	}
	return h, nil
}

// earlier is where a hook is kept that was there before pathgate.
func (h hook) earlier() string { return h.path + gate.EarlierSuffix }

// keep gives a foreign hook its second name, beside the first one.
func (h hook) keep() error {
	if info, err := os.Lstat(h.earlier()); err == nil && os.SameFile(info, h.info) {
		return nil // from an install that stopped here
	}
	err := os.Link(h.path, h.earlier())
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// A file system without hard links, or a file that may not be linked to.
	return unix.Renameat2(unix.AT_FDCWD, h.path, unix.AT_FDCWD, h.earlier(), unix.RENAME_NOREPLACE)
}

// wire puts a link to target in the hook's place in one step.
func (h hook) wire(target string, o owner) error {
	var salt [6]byte
	rand.Read(salt[:])
	temporary := h.path + ".new-" + hex.EncodeToString(salt[:])
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	err := ownAs(temporary, o)
	if err == nil {
		err = os.Rename(temporary, h.path)
	}
	if err != nil {
		os.Remove(temporary)
	}
	return err
}

// checkHooks checks the folder of pathgate's own hooks: whoever can write
// there decides what every push runs.
func checkHooks(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("the folder of pathgate's hooks, %q, is not an absolute path", show(dir))
	}
	if err := writtenByOthers(dir); err != nil {
		return fmt.Errorf("pathgate's hooks cannot be trusted: %w", err)
	}
	for _, name := range hookNames {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return fmt.Errorf("pathgate's hooks are not whole: %w", err)
		case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
			return fmt.Errorf("pathgate's hook %s is not an executable file", path)
		}
		if err := writtenByOthers(path); err != nil {
			return fmt.Errorf("pathgate's hooks cannot be trusted: %w", err)
		}
	}
	return nil
}

// writtenByOthers is an error if others than its owner and root may write the
// file or folder.
func writtenByOthers(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s may be written by others than its owner (mode %04o)", path, mode)
	}
	return nil
}
