package tlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/mod/sumdb/note"
)

// maxKeyFile is the most bytes of a file with keys.
const maxKeyFile = 16 << 10

// WriteKey writes a secret key to a new file that only its owner can read
// (mode 0600), with the verifier key in a comment. It never writes over a
// file: the error then wraps fs.ErrExist. Made by root, the file gets the
// folder's owner.
func WriteKey(name, secret string) error {
	public, err := VerifierKey(secret)
	if err != nil {
		return fmt.Errorf("write the key %s: %w", name, err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	_, err = fmt.Fprintf(f, "# keep this file secret; the verifier key is\n# %s\n%s\n", public, secret)
	if err == nil {
		err = ownedLikeFolder(f)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(name)
		return fmt.Errorf("write the key: %w", err)
	}
	return nil
}

func ownedLikeFolder(f *os.File) error {
	if err := f.Chmod(0o600); err != nil || os.Geteuid() != 0 {
		return err
	}
	info, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}

// ReadKey reads a secret key. The file must be a regular one that neither
// group nor others may read or write.
func ReadKey(name string) (secret string, err error) {
	b, mode, err := readSmall(name)
	if err != nil {
		return "", fmt.Errorf("read the key: %w", err)
	}
	if mode.Perm()&0o077 != 0 {
		return "", fmt.Errorf("read the key: %s may be read or written by others than its owner (mode %04o): chmod 600", name, mode.Perm())
	}
	lines := keyLines(b)
	if len(lines) != 1 {
		return "", fmt.Errorf("read the key: %s holds %d keys, not one", name, len(lines))
	}
	if _, _, err := parseSecret(lines[0]); err != nil {
		return "", fmt.Errorf("read the key: %s: %w", name, err)
	}
	return lines[0], nil
}

// Verifiers reads what --key gives: a verifier key itself, or the name of a
// file with one on each line; "#" begins a comment.
func Verifiers(keyOrFile string) ([]note.Verifier, error) {
	if v, err := NewVerifier(keyOrFile); err == nil {
		return []note.Verifier{v}, nil
	}
	b, _, err := readSmall(keyOrFile)
	if errors.Is(err, fs.ErrNotExist) && strings.Count(keyOrFile, "+") >= 2 {
		_, err = NewVerifier(keyOrFile)
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("read the verifier key: %w", err)
	}
	var all []note.Verifier
	for _, line := range keyLines(b) {
		if strings.HasPrefix(line, secretPrefix) {
			return nil, fmt.Errorf("read the verifier key: %s holds a secret key; its verifier key stands in its comment", keyOrFile)
		}
		v, err := NewVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("read the verifier key: %s: %w", keyOrFile, err)
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("read the verifier key: %s holds none", keyOrFile)
	}
	return all, nil
}

// Choose finds among keys the one of the log that a checkpoint is of, by the
// name in its origin; the others are those of witnesses. It checks no
// signature. Its error wraps ErrMalformed, or ErrUnsigned if none is the log's.
func Choose(signed []byte, keys []note.Verifier) (log note.Verifier, witnesses []note.Verifier, err error) {
	c, err := Peek(signed)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range keys {
		if v, ok := k.(*verifier); ok && v.alg == algEd25519 && k.Name() == c.Origin && log == nil {
			log = k
			continue
		}
		witnesses = append(witnesses, k)
	}
	if log == nil {
		return nil, nil, fmt.Errorf("checkpoint: %w: none of the keys is of %q", ErrUnsigned, c.Origin)
	}
	return log, witnesses, nil
}

func readSmall(name string) ([]byte, fs.FileMode, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(b) > maxKeyFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxKeyFile)
	}
	return b, info.Mode(), err
}

// keyLines are the lines of a file but for comments and empty ones.
func keyLines(b []byte) (lines []string) {
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}
