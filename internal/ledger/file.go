package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// The files in a ledger's folder.
const (
	JournalName  = "ledger.jsonl"
	IndexName    = "index.db"
	SnapshotName = "index.snapshot"
)

const defaultMode = 0o640

// rootHash is how a policy root stands in the ledger.
func rootHash(root string) string {
	sum := sha256.Sum256([]byte(root))
	return hex.EncodeToString(sum[:])
}

// makeFile creates a file for reading and writing in a ledger's folder, with
// the folder's owner and the given mode whatever the umask is. Only root can
// give files away; anybody else keeps what the system gives him.
func makeFile(name string, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := giveToFolder(f, mode); err != nil {
		f.Close()
		os.Remove(name)
		return nil, err
	}
	return f, nil
}

// Share lets those who may use the journal of a ledger use a file that was just
// made beside it, whatever the umask is; if root made it, it is the folder's
// owner's. Where there is no journal it does nothing.
func Share(f *os.File) error {
	journal, err := os.Stat(filepath.Join(filepath.Dir(f.Name()), JournalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = giveToFolder(f, modeLike(journal))
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", f.Name(), err)
	}
	return nil
}

func giveToFolder(f *os.File, mode fs.FileMode) error {
	info, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s has no owner", filepath.Dir(f.Name()))
	}
	if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil && os.Geteuid() == 0 {
		return err
	}
	return f.Chmod(mode)
}

// openRegular opens a file for reading if it is a regular one. A pipe in its
// place must not make us wait.
func openRegular(name string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// modeLike is the mode for an index beside this journal: who may use the one
// must be able to use the other.
func modeLike(journal fs.FileInfo) fs.FileMode { return journal.Mode().Perm() &^ 0o111 }

// clearTheWay removes what stands at the name of a file that is about to be
// renamed there, if it is a folder, which rename cannot replace.
func clearTheWay(name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	if os.Remove(name) == nil {
		return nil
	}
	aside, err := os.MkdirTemp(filepath.Dir(name), filepath.Base(name)+".aside-")
	if err != nil {
		return err
	}
	return os.Rename(name, filepath.Join(aside, filepath.Base(name)))
}

// syncFolder makes the names in dir durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
