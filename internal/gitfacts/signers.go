package gitfacts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	maxSignersBytes = 1 << 20 // of a file of allowed signers
	maxPrincipals   = 16      // of one key that are tried
	namespace       = "git"   // what git signs commits and tags for
)

// signers asks ssh-keygen who signed what. The file of allowed signers is read
// once, so that one push is judged by one list.
type signers struct {
	ctx     context.Context
	program string
	allowed []byte // the list
	// folder is private and holds the list and the signature at hand; it is
	// made when ssh-keygen is first needed.
	folder string
	// principals has the names that the list gives to each key.
	principals map[string][]string
	// proven are the keys that may sign for namespace, now and by this list: it
	// names them without a condition, or ssh-keygen accepted a signature of
	// theirs. Only the signature itself is left to check of the next one.
	proven map[string]bool
}

// openSigners reads the file of allowed signers. Whoever can write it decides
// whose commits count, so it must be a regular file at an absolute path that
// only its owner may write.
func openSigners(ctx context.Context, path string) (*signers, error) {
	list, err := readTrusted(path)
	if err != nil {
		return nil, fmt.Errorf("read the allowed signers: %w", err)
	}
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		return nil, fmt.Errorf("find ssh-keygen: %w", err)
	}
	if !filepath.IsAbs(program) {
		return nil, errors.New("find ssh-keygen: PATH is not absolute")
	}
	return &signers{ctx: ctx, program: program, allowed: list,
		principals: make(map[string][]string), proven: plainKeys(list)}, nil
}

// prepare makes the files that ssh-keygen reads.
func (s *signers) prepare(sig sshSignature) error {
	if s.folder == "" {
		folder, err := os.MkdirTemp("", "pathgate-")
		if err != nil {
			return fmt.Errorf("make a folder for signatures: %w", err)
		}
		s.folder = folder
		if !filepath.IsAbs(folder) {
			return errors.New("make a folder for signatures: TMPDIR is not absolute")
		}
		if err := os.WriteFile(s.list(), s.allowed, 0o600); err != nil {
			return fmt.Errorf("copy the allowed signers: %w", err)
		}
	}
	if err := os.WriteFile(s.signature(), sig.armour(), 0o600); err != nil {
		return fmt.Errorf("write a signature: %w", err)
	}
	return nil
}

func (s *signers) close() {
	if s.folder != "" {
		os.RemoveAll(s.folder)
	}
}

func (s *signers) list() string      { return filepath.Join(s.folder, "allowed_signers") }
func (s *signers) signature() string { return filepath.Join(s.folder, "signature") }

func readTrusted(path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		return nil, errors.New("the path is not absolute")
	}
	f, err := openRegular(path, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return nil, fmt.Errorf("others than its owner may write the file (mode %04o)", mode)
	}
	return readBounded(f, maxSignersBytes)
}

// verify says why a payload does not count as signed; no reason is a yes.
// ssh-keygen looks at its own clock for the time in which a key is valid.
func (s *signers) verify(payload []byte, sig sshSignature) (Reason, error) {
	if sig.namespace != namespace {
		return WrongNamespace, nil
	}
	if s.proven[sig.key] && sig.verifiesNatively(payload) {
		return "", nil
	}
	if err := s.prepare(sig); err != nil {
		return "", err
	}
	names, err := s.find(sig.key)
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return UnknownKey, nil
	}
	for _, name := range names {
		_, ok, err := s.run(payload, "Could not verify signature.",
			"verify", "-n", namespace, "-I", name, "-f", s.list(), "-s", s.signature())
		if err != nil {
			return "", err
		}
		if ok {
			s.proven[sig.key] = true
			return "", nil
		}
	}
	return BadSignature, nil
}

// find gives the names that the list has for the key of the signature at hand.
func (s *signers) find(key string) ([]string, error) {
	if names, ok := s.principals[key]; ok {
		return names, nil
	}
	out, ok, err := s.run(nil, "No principal matched.", "find-principals", "-f", s.list(), "-s", s.signature())
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range strings.Lines(out) {
		if name = strings.TrimSuffix(name, "\n"); ok && name != "" && len(names) < maxPrincipals {
			names = append(names, name)
		}
	}
	s.principals[key] = names
	return names, nil
}

// run runs "ssh-keygen -Y". Status 255 with the words of a no is a no; all but
// that and a yes is an error, as of an ssh-keygen that is too old.
func (s *signers) run(stdin []byte, no string, args ...string) (out string, ok bool, err error) {
	cmd := exec.CommandContext(s.ctx, s.program, append([]string{"-Y"}, args...)...)
	stdout, stderr := &bounded{limit: maxGitMessages, drop: true}, &bounded{limit: maxGitMessages, drop: true}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), stdout, stderr
	cmd.Dir = s.folder
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	var status *exec.ExitError
	switch {
	case s.ctx.Err() != nil:
		return "", false, fmt.Errorf("ssh-keygen: %w", s.ctx.Err())
	case err == nil:
		return stdout.kept.String(), true, nil
	case errors.As(err, &status) && status.ExitCode() == 255 &&
		strings.Contains(stdout.kept.String()+"\n"+stderr.kept.String(), no) &&
		!strings.Contains(stderr.kept.String(), "Unable to open"): // the list
		return "", false, nil
	}
	return "", false, fmt.Errorf("ssh-keygen -Y %s: %w: %s", args[0], err, lastLine(stderr.kept.String()))
}

// commit says why a commit object does not count as signed; no reason is a yes.
func (s *signers) commit(raw []byte, header string) (Reason, error) {
	payload, armoured, reason := splitCommit(raw, header)
	if reason != "" {
		return reason, nil
	}
	sig, reason := parseSSHSignature(armoured)
	if reason != "" {
		return reason, nil
	}
	return s.verify(payload, sig)
}
