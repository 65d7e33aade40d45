package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of a checkout.
const (
	maxFiles = 2_000_000 // files, links and folders
	maxDepth = 200       // folders in folders; each holds a descriptor
	maxLink  = 4095      // bytes of a symbolic link (PATH_MAX)

	maxBytes = 8 << 30   // of all files together
	keepFree = 512 << 20 // bytes that are left free for the ledger, on whose disk it lies
	keepFew  = 10_000    // files, where the disk counts them
	perLook  = 1_000     // entries after which the disk is looked at again
)

// checkout writes the files of a commit into dir, which must not exist yet.
//
// It is no "git checkout" and no "git archive": every file has the very bytes
// of its blob. Attributes, filters, line endings, hooks, replace refs, grafts
// and whatever the repository's configuration may run have no part in it, and
// neither index nor worktrees of the repository are touched. A submodule is an
// empty folder. A symbolic link is made as it is, and never followed here.
//
// git serves a git directory wherever it lies, and runs the hooks in it. So a
// commit that holds one, or a file that points to one, is not checked out.
func checkout(ctx context.Context, repo *gitfacts.Repository, commit policy.ObjectID, dir string) (err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make the checkout's folder: %w", withoutPath(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the checkout's folder: %w", withoutPath(err))
	}
	defer root.Close()
	source, err := openObjects(ctx, repo)
	if err != nil {
		return err
	}
	defer source.close()
	tree, err := source.tree(commit)
	if err == nil {
		w := &writer{ctx: ctx, objects: source}
		err = w.folder(root, tree, ".", 0)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// A writer writes trees to disk.
type writer struct {
	ctx     context.Context
	objects *objects
	files   int
	bytes   int64 // written so far
	checked int64 // how many were when the disk was last looked at
}

// folder writes the entries of a tree into an empty folder that we made.
// Everything in it is made anew (O_EXCL, mkdir), so that no name of a forged
// tree can lead through a link that stands there.
func (w *writer) folder(root *os.Root, tree policy.ObjectID, path string, depth int) error {
	if depth > maxDepth {
		return errors.New("the commit's folders are nested too deeply")
	}
	entries, err := w.objects.entries(tree, path)
	if err != nil {
		return err
	}
	for i := 0; i < len(entries) && err == nil; i++ {
		if w.files++; w.files > maxFiles {
			return errors.New("the commit has too many files")
		}
		if w.files%perLook == 1 { // folders and empty files take room too
			err = roomIn(root)
		}
		if err == nil {
			err = w.entry(root, entries[i], path, depth)
		}
		if err == nil {
			err = w.ctx.Err()
		}
	}
	return err
}

func (w *writer) entry(root *os.Root, e entry, path string, depth int) error {
	var err error
	switch e.mode {
	case "100644", "100664":
		err = w.file(root, e, 0o644)
	case "100755":
		err = w.file(root, e, 0o755)
	case "120000":
		err = w.link(root, e)
	case "160000":
		err = root.Mkdir(e.name, 0o755)
	case "40000":
		if err = root.Mkdir(e.name, 0o755); err == nil {
			return w.below(root, e, path, depth)
		}
	default:
		err = fmt.Errorf("unknown mode %q", e.mode)
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", e.name, withoutPath(err))
	}
	return nil
}

func (w *writer) below(root *os.Root, e entry, path string, depth int) error {
	inner, err := root.OpenRoot(e.name)
	if err != nil {
		return fmt.Errorf("open %q: %w", e.name, withoutPath(err))
	}
	defer inner.Close()
	return w.folder(inner, e.id, path+"/"+e.name, depth+1)
}

func (w *writer) file(root *os.Root, e entry, mode os.FileMode) error {
	f, err := root.OpenFile(e.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	return errors.Join(w.objects.copy(&meter{writer: w, file: f}, e.id, "blob", maxBytes-w.bytes), f.Close())
}

// A meter writes a file and stops before the checkout grows over its bounds: a
// small push can hold files of any size.
type meter struct {
	writer *writer
	file   *os.File
	begin  []byte // of the file, as much as gitFile has
}

// gitFile is how a file begins that git follows to a git directory.
const gitFile = "gitdir:"

func (m *meter) Write(b []byte) (int, error) {
	w := m.writer
	m.begin = append(m.begin, b[:min(len(b), len(gitFile)-len(m.begin))]...)
	if string(m.begin) == gitFile {
		return 0, fmt.Errorf("git could take it for the way to a repository: it begins with %q", gitFile)
	}
	w.bytes += int64(len(b))
	if w.bytes > maxBytes {
		return 0, fmt.Errorf("the checkout has more than %d bytes", int64(maxBytes))
	}
	if w.checked == 0 || w.bytes-w.checked >= 16<<20 {
		w.checked = w.bytes
		if err := room(m.file); err != nil {
			return 0, err
		}
	}
	return m.file.Write(b)
}

// room checks that the disk of a file has enough left for the ledger.
func room(f *os.File) error {
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &disk); err != nil {
		return nil // what it does not tell is no reason to stop
	}
	if int64(disk.Bavail)*disk.Bsize < keepFree || disk.Files > 0 && disk.Ffree < keepFew {
		return errors.New("the checkout would leave too little room on the ledger's disk")
	}
	return nil
}

func roomIn(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("open a folder of the checkout: %w", withoutPath(err))
	}
	defer dir.Close()
	return room(dir)
}

func (w *writer) link(root *os.Root, e entry) error {
	var target strings.Builder
	if err := w.objects.copy(&target, e.id, "blob", maxLink); err != nil {
		return err
	}
	return root.Symlink(target.String(), e.name)
}
