package deploy

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A Place is where the deployments of one environment of a service keep their
// files: LEDGER/deploy/SERVICE/ENVIRONMENT, in which
//
//	lock                 the runner's lock
//	RECORD.log           what the command printed
//	RECORD-RANDOM.tree   the checkout, while it runs
//
// A checkout's name cannot be guessed: what a commit holds is not to be had by
// its path.
type Place struct {
	Ledger      string // the ledger's folder, or that of this host's copy (Folder)
	Service     policy.Service
	Environment policy.EnvironmentName
}

const (
	lockName = "lock"
	logEnd   = ".log"
	treeEnd  = ".tree"
)

// check refuses names that could lead out of the folder.
func (p Place) check() error {
	if !filepath.IsAbs(p.Ledger) {
		return errors.New("the ledger's folder is not an absolute path")
	}
	if !component(string(p.Service)) || !component(string(p.Environment)) {
		return fmt.Errorf("%q of %q cannot be the name of a folder", p.Environment, p.Service)
	}
	return nil
}

// component reports whether s is [A-Za-z0-9][A-Za-z0-9._-]*, as the names of
// services and environments are.
func component(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= 200
}

func (p Place) folder() string {
	return filepath.Join(p.Ledger, "deploy", string(p.Service), string(p.Environment))
}

func (p Place) path(record uint64, end string) string {
	return filepath.Join(p.folder(), strconv.FormatUint(record, 10)+end)
}

// newTree is where the checkout of a record shall be, another path at each call.
func (p Place) newTree(record uint64) string {
	return p.path(record, "-"+rand.Text()+treeEnd)
}

// LogPath is the file that holds what a record's deployment printed. It may
// not be there: nothing was run, or not yet.
func (p Place) LogPath(record uint64) (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	return p.path(record, logEnd), nil
}

// make makes the folder, with the permissions of the ledger's.
func (p Place) make() error {
	if err := p.check(); err != nil {
		return err
	}
	info, err := os.Stat(p.Ledger)
	if err != nil {
		return fmt.Errorf("find the ledger's folder: %w", err)
	}
	mode := info.Mode()&(fs.ModePerm|fs.ModeSetgid) | 0o700
	path := p.Ledger
	for _, name := range []string{"deploy", string(p.Service), string(p.Environment)} {
		path = filepath.Join(path, name)
		err := os.Mkdir(path, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = os.Chmod(path, mode) // past the umask
		}
		if err != nil {
			return fmt.Errorf("make the folder of deployments: %w", err)
		}
	}
	return nil
}

// open opens a file of the folder; one that it makes gets the journal's
// permissions.
func (p Place) open(name string, flag int) (*os.File, error) {
	flag |= syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	path := filepath.Join(p.folder(), name)
	f, err := os.OpenFile(path, flag, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	mode, err := p.mode()
	if err != nil {
		return nil, err
	}
	if f, err = os.OpenFile(path, flag|os.O_CREATE, mode); err != nil {
		return nil, err
	}
	// Past the umask, unless another user was quicker to make it.
	if err := f.Chmod(mode); err != nil && !errors.Is(err, fs.ErrPermission) {
		f.Close()
		return nil, err
	}
	return f, nil
}

// mode is the permissions of files: the journal's, or those of the folder of a
// copy that has no line yet.
func (p Place) mode() (fs.FileMode, error) {
	info, err := os.Stat(filepath.Join(p.Ledger, ledger.JournalName))
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(p.Ledger)
	}
	if err != nil {
		return 0, err
	}
	return info.Mode().Perm()&0o666 | 0o600, nil
}

// trees lists the checkouts that lie in the folder.
func (p Place) trees() ([]string, error) {
	entries, err := os.ReadDir(p.folder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var trees []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), treeEnd) {
			trees = append(trees, filepath.Join(p.folder(), e.Name()))
		}
	}
	return trees, err
}

// places lists the folders that are there, whatever the ledger says.
func places(ledger string) []Place {
	found, _ := filepath.Glob(filepath.Join(globQuote(ledger), "deploy", "*", "*")) // the pattern is sound
	var out []Place
	for _, path := range found {
		p := Place{ledger, policy.Service(filepath.Base(filepath.Dir(path))), policy.EnvironmentName(filepath.Base(path))}
		if p.check() == nil {
			out = append(out, p)
		}
	}
	return out
}

func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
