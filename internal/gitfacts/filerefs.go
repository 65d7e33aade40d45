package gitfacts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pathgate/pathgate/policy"
)

// maxLooseBytes bounds a loose ref's file: "ref: " and a name.
const maxLooseBytes = 8 << 10

// errNotRegular says that a file is a pipe, a socket or a device.
var errNotRegular = errors.New("not a regular file")

// fileRefs reads refs of the files storage. git packs a loose ref by writing
// packed-refs first and removing the loose file then. So packed-refs is opened
// after the loose files were looked for, and what is in neither is looked for
// once more, as it may have been made in between.
func (r *Repository) fileRefs(names []policy.RefName) (map[policy.RefName]Ref, error) {
	refs := make(map[policy.RefName]Ref, len(names))
	rest, err := r.looseRefs(names, refs)
	if err != nil || len(rest) == 0 {
		return refs, err
	}
	if err := r.packedRefs(rest, refs); err != nil {
		return nil, err
	}
	var absent []policy.RefName
	for _, name := range rest {
		if _, ok := refs[name]; !ok {
			absent = append(absent, name)
		}
	}
	if _, err := r.looseRefs(absent, refs); err != nil {
		return nil, err
	}
	return refs, nil
}

// looseRefs adds to refs the names that have a loose file; rest have none.
func (r *Repository) looseRefs(names []policy.RefName, refs map[policy.RefName]Ref) (rest []policy.RefName, err error) {
	for _, name := range names {
		ref, found, err := r.looseRef(name)
		if err != nil {
			return nil, fmt.Errorf("read ref %q: %w", name, err)
		}
		if found {
			refs[name] = ref
			continue
		}
		rest = append(rest, name)
	}
	return rest, nil
}

func (r *Repository) looseRef(name policy.RefName) (ref Ref, found bool, err error) {
	path := r.refPath(name)
	f, err := openRegular(path, syscall.O_NOFOLLOW)
	if errors.Is(err, syscall.ELOOP) {
		// git made symbolic refs of symbolic links once, and reads them still.
		if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, "refs/") {
			return r.symbolic(target)
		}
		f, err = openRegular(path, 0)
	}
	if absentRef(err) {
		return Ref{}, false, nil
	}
	if err != nil {
		return Ref{}, false, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxLooseBytes+1))
	if errors.Is(err, syscall.EISDIR) {
		return Ref{}, false, nil
	}
	if err != nil {
		return Ref{}, false, err
	}
	if len(raw) > maxLooseBytes {
		return Ref{}, false, errors.New("its file is too large")
	}
	return r.parseLoose(string(raw))
}

// absentRef tells errors that say there is no such file: no entry, a file or a
// folder in its place (git leaves empty folders behind), or a name that no
// file can have.
func absentRef(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) ||
		errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// refPath is where a ref's loose file would be. HEAD and a few others belong
// to each worktree (gitrepository-layout(5), "refs").
func (r *Repository) refPath(name policy.RefName) string {
	s := string(name)
	for _, own := range []string{"refs/bisect/", "refs/worktree/", "refs/rewritten/"} {
		if strings.HasPrefix(s, own) {
			return filepath.Join(r.gitDir, s)
		}
	}
	if s == "HEAD" {
		return filepath.Join(r.gitDir, s)
	}
	return filepath.Join(r.commonDir, s)
}

// parseLoose reads "<hex>" or "ref: <name>", each with white space behind.
func (r *Repository) parseLoose(raw string) (Ref, bool, error) {
	s := strings.TrimRight(raw, " \t\r\n")
	if target, ok := strings.CutPrefix(s, "ref:"); ok {
		return r.symbolic(strings.TrimLeft(target, " \t"))
	}
	id, ok := r.objectID(s)
	if !ok || id.IsZero() {
		return Ref{}, false, errors.New("its file holds neither an object ID nor a ref")
	}
	return Ref{ID: id}, true, nil
}

func (r *Repository) symbolic(target string) (Ref, bool, error) {
	name := policy.RefName(target)
	if !strings.HasPrefix(target, "refs/") || !policy.ValidRefName(name) {
		return Ref{}, false, errors.New("it is a symbolic ref to a name that is not valid")
	}
	return Ref{Target: name}, true, nil
}

// openRegular opens a regular file for reading, and never waits for a pipe's
// writer. A folder is syscall.EISDIR.
func openRegular(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|flags, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err == nil && info.Mode().IsRegular():
		return f, nil
	case err == nil && info.IsDir():
		err = &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	case err == nil:
		err = &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	f.Close()
	return nil, err
}
