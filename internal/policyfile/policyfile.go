// Package policyfile finds and reads the policy file.
//
// Whoever can write the policy decides what reaches production, so a file that
// others than its owner and root may write is not believed, and nothing that
// comes with a push can name another one.
package policyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pathgate/pathgate/policy"
)

// Default is the policy of a repository whose configuration names none.
const Default = "/etc/pathgate/policy.toml"

// Key is the git configuration key that names a repository's policy. Only the
// repository's own configuration file counts.
const Key = "pathgate.policy"

// limit is the size of the largest policy file that is read, in bytes.
const limit = 1 << 20

// An AccessError says that the policy file could not be trusted or read. Its
// text is fit for a pusher: it names no path.
type AccessError struct {
	Reason string
	Err    error
}

func (e *AccessError) Error() string { return "policy file " + e.Reason }

// Unwrap returns the cause, which may name paths.
func (e *AccessError) Unwrap() error { return e.Err }

// Path chooses the policy file from the values that a repository's own
// configuration has for Key: the last one, as git does, or Default.
func Path(configured []string) (string, error) {
	if len(configured) == 0 {
		return Default, nil
	}
	path := configured[len(configured)-1]
	if !filepath.IsAbs(path) {
		return "", &AccessError{Reason: "is not named by an absolute path in " + Key}
	}
	return path, nil
}

// Load reads the policy at path. The error is an *AccessError if the file
// cannot be trusted or read, and policy.Errors if what it says is wrong.
func Load(path string) (*policy.Policy, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return policy.Parse(filepath.Base(path), data)
}

// Read returns the bytes of the policy file at path after checking that nobody
// but its owner and root may have written them.
func Read(path string) ([]byte, error) {
	// Without O_NONBLOCK a pipe in the file's place would hang every push.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, &AccessError{Reason: reason(err), Err: err}
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, &AccessError{Reason: "cannot be examined", Err: err}
	}
	if err := trusted(info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, &AccessError{Reason: "cannot be read", Err: err}
	}
	if len(data) > limit {
		return nil, &AccessError{Reason: fmt.Sprintf("is larger than %d bytes", limit)}
	}
	return data, nil
}

func trusted(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return &AccessError{Reason: "is not a regular file"}
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return &AccessError{Reason: fmt.Sprintf("may be written by others than its owner (mode %04o)", mode)}
	}
	return nil
}

func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by the user that git runs as"
	}
	return "cannot be opened"
}
