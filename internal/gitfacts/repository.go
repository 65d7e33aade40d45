// Package gitfacts reads what the receiving repository says: its
// configuration, refs and objects. It reads files natively where git's format
// is simple and fixed, and asks git for the rest, so that every repository
// which git can serve works: SHA-256, reftable, packs, alternates, linked
// worktrees. Nothing it does from a pre-receive hook writes to the repository;
// MoveRef, MergeTree and WriteCommit write.
//
// Replace refs, grafts, shallow files, the pusher's environment and the user's
// configuration have no part in any answer about refs and objects. What cannot
// be read for certain is an error, never "absent".
package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Format is the hash function of a repository's object IDs.
type Format string

// The object formats (git-init(1), --object-format).
const (
	SHA1   Format = "sha1"
	SHA256 Format = "sha256"
)

// digits is the length of an object ID in hex.
func (f Format) digits() int {
	if f == SHA256 {
		return 64
	}
	return 40
}

// RefStorage is how a repository keeps its refs.
type RefStorage string

// The ref storages (git-init(1), --ref-format).
const (
	Files    RefStorage = "files"
	Reftable RefStorage = "reftable"
)

// A Repository is a git repository on disk. Make one with Open. It is safe for
// use by one goroutine at a time.
type Repository struct {
	gitDir    string // real paths
	commonDir string
	objects   string
	values    map[string][]string
	format    Format
	storage   RefStorage

	quarantine string // real path, or empty outside of pre-receive
	alternates string // GIT_ALTERNATE_OBJECT_DIRECTORIES of the quarantine
	beside     []*Repository
	graphLimit int      // of a test, instead of maxGraph
	odb        []string // of a scratch repository: environment instead of the above
}

// Open opens the repository at path: a git directory (a hook's GIT_DIR), a
// worktree with a .git inside, or a .git file as linked worktrees and
// submodules have it (gitrepository-layout(5)). It reads the configuration
// once; a repository with an unknown object format or ref storage is an error.
func Open(path string) (*Repository, error) {
	gitDir, err := findGitDir(path)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	r := &Repository{gitDir: gitDir, commonDir: gitDir}
	switch common, err := pathFile(filepath.Join(gitDir, "commondir"), ""); {
	case err == nil:
		r.commonDir = common
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open repository: %w", err)
	}
	if r.objects, err = filepath.EvalSymlinks(filepath.Join(r.commonDir, "objects")); err != nil {
		return nil, fmt.Errorf("open repository: find its objects: %w", err)
	}
	if err := r.readConfig(context.Background()); err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	return r, r.readExtensions()
}

// findGitDir gives the real path of the git directory that path means.
func findGitDir(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", err
	}
	for range 2 {
		info, err := os.Stat(dir)
		if err != nil {
			return "", err
		}
		if !info.IsDir() {
			if dir, err = pathFile(dir, "gitdir: "); err != nil {
				return "", err
			}
		}
		if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err == nil {
			return filepath.EvalSymlinks(dir)
		}
		dir = filepath.Join(dir, ".git")
	}
	return "", fmt.Errorf("%s is not a git repository", abs)
}

// pathFile reads a file that holds one path behind prefix, relative to the
// file's own folder, and gives the real path.
func pathFile(name, prefix string) (string, error) {
	raw, err := readFile(name, 8<<10)
	if err != nil {
		return "", err
	}
	path, ok := strings.CutPrefix(strings.TrimRight(string(raw), "\r\n"), prefix)
	if !ok || path == "" || strings.ContainsAny(path, "\n\x00") {
		return "", fmt.Errorf("%s does not hold a path", name)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(name), path)
	}
	return filepath.EvalSymlinks(path)
}

// readFile reads a regular file of at most limit bytes.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := openRegular(name, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f, limit)
}

// readBounded reads an open file of at most limit bytes.
func readBounded(f *os.File, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", f.Name(), limit)
	}
	return raw, nil
}

func (r *Repository) readExtensions() error {
	r.format, r.storage = SHA1, Files
	if v := last(r.Config("extensions.objectformat")); v != "" {
		r.format = Format(strings.ToLower(v))
	}
	if v := last(r.Config("extensions.refstorage")); v != "" {
		r.storage = RefStorage(strings.ToLower(v))
	}
	if r.format != SHA1 && r.format != SHA256 {
		return fmt.Errorf("open repository: unknown object format %q", r.format)
	}
	if r.storage != Files && r.storage != Reftable {
		return fmt.Errorf("open repository: unknown ref storage %q", r.storage)
	}
	return nil
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// GitDir is the real absolute path of the git directory.
func (r *Repository) GitDir() string { return r.gitDir }

// CommonDir is the real absolute path of what all worktrees share: refs,
// objects and configuration. Without linked worktrees it is GitDir.
func (r *Repository) CommonDir() string { return r.commonDir }

// Format is the hash function of the repository's object IDs.
func (r *Repository) Format() Format { return r.format }

// RefStorage is how the repository keeps its refs.
func (r *Repository) RefStorage() RefStorage { return r.storage }

// Relative gives the repository's name as a policy knows it: its real path
// relative to root's real path, with slashes. A bare repository is known by
// its git directory ("shop/dev.git"); one whose git directory is named ".git",
// and each of its linked worktrees, by the main worktree ("shop/dev"). It is
// false if the repository is not below root or root cannot be read.
func (r *Repository) Relative(root string) (string, bool) {
	real, err := filepath.EvalSymlinks(root)
	if err != nil || !filepath.IsAbs(real) {
		return "", false
	}
	path := r.commonDir
	if filepath.Base(path) == ".git" {
		path = filepath.Dir(path)
	}
	rel, err := filepath.Rel(real, path)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}
