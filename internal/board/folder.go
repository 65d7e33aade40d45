package board

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/policy"
)

// A folder is where a board stands, or shall.
type folder struct {
	parent, name string
	mode         fs.FileMode // of the site's folder; zero for a new one
	uid, gid     int         // who is to own the site; -1 leaves it
}

// Names beside the site: of its locks, and of what is being made.
const (
	newName  = ".pathgate-new-"
	lockName = ".pathgate-lock"
	nextName = ".pathgate-next"
)

// placeOf looks at the folder that a board shall be in.
func placeOf(out string, pol *policy.Policy) (folder, error) {
	path, err := filepath.Abs(out)
	if err != nil {
		return folder{}, err
	}
	if err := apart(path, pol); err != nil {
		return folder{}, err
	}
	dir := folder{parent: filepath.Dir(path), name: filepath.Base(path), uid: -1, gid: -1}
	if dir.name == "/" || dir.name == "." {
		return folder{}, fmt.Errorf("%w: it is the root folder", ErrNotBoard)
	}
	owner, err := os.Stat(dir.parent)
	if err != nil {
		return folder{}, fmt.Errorf("its parent folder must exist: %w", err)
	}
	old, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		dir.mode = 0 // as the umask has it
	case err != nil:
		return folder{}, err
	case old.Mode()&fs.ModeSymlink != 0:
		return folder{}, fmt.Errorf("%w: it is a symbolic link; name the folder that it points to", ErrNotBoard)
	case !old.IsDir():
		return folder{}, fmt.Errorf("%w: it is no folder", ErrNotBoard)
	default:
		owner, dir.mode = old, old.Mode().Perm()
	}
	// What root writes belongs to who has the folder, so that who refreshes the
	// board later is not locked out.
	if st, ok := owner.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		dir.uid, dir.gid = int(st.Uid), int(st.Gid)
	}
	return dir, nil
}

// apart refuses what the policy refuses of its own board, by name and also where
// symbolic links lead to it. The site takes the place of what path itself is.
func apart(path string, pol *policy.Policy) error {
	err := pol.CheckBoard(path, filepath.Clean)
	if err == nil {
		err = pol.CheckBoard(filepath.Join(resolve(filepath.Dir(path)), filepath.Base(path)), resolve)
	}
	if err != nil {
		return fmt.Errorf("%w: --out %w", ErrNotBoard, err)
	}
	return nil
}

// resolve is a path without symbolic links, as far as it exists.
func resolve(path string) string {
	for at, rest := path, ""; ; at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		if at == filepath.Dir(at) {
			return path
		}
	}
}

func (d folder) path() string { return filepath.Join(d.parent, d.name) }

func (d folder) own(path string) error {
	if d.uid < 0 {
		return nil
	}
	return os.Lchown(path, d.uid, d.gid)
}

// checkOld refuses a folder that may not be replaced: one that holds something
// and has no marker, or has something that no board writes.
func (d folder) checkOld() error {
	entries, err := os.ReadDir(d.path())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	marked := false
	for _, e := range entries {
		marked = marked || e.Name() == Marker && e.Type().IsRegular()
	}
	if !marked {
		return fmt.Errorf("%w: the folder is not empty and has no file %s", ErrNotBoard, Marker)
	}
	for _, e := range entries {
		if !ours(e) {
			return fmt.Errorf("%w: it holds %q, which no board writes: put it elsewhere", ErrNotBoard, e.Name())
		}
	}
	return nil
}

// ours reports whether a board writes an entry of this name.
func ours(e fs.DirEntry) bool {
	name := e.Name()
	if e.IsDir() {
		return slices.Contains([]string{"assets", "commits", "services", "tickets"}, name)
	}
	page, ok := strings.CutSuffix(name, ".html")
	if i := strings.LastIndexByte(page, '-'); i > 0 && strings.Trim(page[i+1:], "0123456789") == "" {
		page = page[:i]
	}
	return name == Marker || ok && slices.Contains([]string{"index", "timeline", "commits", "tickets", "refusals", "exceptions", "metrics", "search"}, page)
}

// sweep removes what writers that died have left.
func (d folder) sweep() {
	left, _ := filepath.Glob(filepath.Join(globQuote(d.parent), globQuote("."+d.name+newName)+"*"))
	for _, path := range left {
		_ = os.RemoveAll(path)
	}
}

// globQuote makes a name mean itself in a pattern.
func globQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}

// replace puts the folder made in the place of the site. The old site stays
// behind under the name made, for the caller to remove.
func (d folder) replace(made string) error {
	mode := d.mode
	if mode == 0 {
		info, err := os.Stat(filepath.Join(made, "assets"))
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
	}
	if err := os.Chmod(made, mode); err != nil {
		return err
	}
	if err := d.own(made); err != nil {
		return err
	}
	return exchange(made, d.path(), unix.Renameat2)
}

// exchange lets two folders change places, or renames made to path where there
// is none.
func exchange(made, path string, renameat2 func(int, string, int, string, uint) error) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(made, path)
	}
	err := renameat2(unix.AT_FDCWD, made, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("exchange %s and %s: %w", made, path, err)
	}
	// The file system cannot: for a moment there is no site.
	old := made + ".old"
	if err := os.Rename(path, old); err != nil {
		return err
	}
	if err := os.Rename(made, path); err != nil {
		return errors.Join(err, os.Rename(old, path))
	}
	return os.RemoveAll(old)
}
