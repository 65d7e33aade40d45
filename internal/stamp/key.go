package stamp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

const (
	maxKeyFile = 64 << 10
	minRSA     = 2048 // bits
)

// A Key is an SSH private key that signs stamps.
type Key struct {
	signer ssh.Signer
}

// LoadKey reads a private key as ssh-keygen(1) writes it, of type ed25519, ecdsa
// or rsa (2,048 bits or more), without a passphrase. The file must be a regular
// one that others than its owner and group cannot read, and its group not write:
// where hooks run as several users, a group of theirs reads it.
func LoadKey(path string) (*Key, error) {
	b, err := readKeyFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the stamp key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(b)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, fmt.Errorf("read the stamp key: %s has a passphrase, and a hook cannot ask for it", path)
	case err != nil:
		return nil, fmt.Errorf("read the stamp key: %s is no private key: %w", path, err)
	}
	if err := signs(signer.PublicKey()); err != nil {
		return nil, fmt.Errorf("read the stamp key: %s: %w", path, err)
	}
	return &Key{signer}, nil
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 {
		return nil, fmt.Errorf("%s may be read or written by others than its owner (mode %04o): chmod 600", path, mode)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(b) > maxKeyFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxKeyFile)
	}
	return b, err
}

// signs says why a key cannot sign stamps.
func signs(k ssh.PublicKey) error {
	plain := []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA}
	if !slices.Contains(plain, k.Type()) {
		return fmt.Errorf("a key of type %s cannot sign stamps: use ed25519, ecdsa or rsa", k.Type())
	}
	if k.Type() != ssh.KeyAlgoRSA {
		return nil
	}
	var rsa struct {
		Name string
		E, N []byte
	}
	if err := ssh.Unmarshal(k.Marshal(), &rsa); err != nil {
		return err
	}
	if bits := 8 * len(bytes.TrimLeft(rsa.N, "\x00")); bits < minRSA {
		return fmt.Errorf("an RSA key needs %d bits, and this one has %d", minRSA, bits)
	}
	return nil
}

// Authorized is the public half as a line of authorized_keys (sshd(8)): type and
// base64, without newline and comment.
func (k *Key) Authorized() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.signer.PublicKey())))
}

// Fingerprint is what "ssh-keygen -l" prints of the public half: "SHA256:...".
func (k *Key) Fingerprint() string { return ssh.FingerprintSHA256(k.signer.PublicKey()) }

// Sign signs the stamp: all but Signature must be set. Whatever Verify would
// refuse for its form is an error.
func (s *Stamp) Sign(k *Key) error {
	if err := s.wellFormed(); err != nil {
		return fmt.Errorf("sign a stamp: %w", err)
	}
	if err := s.fits(); err != nil {
		return fmt.Errorf("sign a stamp: %w", err)
	}
	sig, err := sshsig.Sign(bytes.NewReader(s.Message()), k.signer, sshsig.HashSHA512, namespace)
	if err != nil {
		return fmt.Errorf("sign a stamp: %w", err)
	}
	s.Signature = sig.Marshal()
	if err := s.keepable(); err != nil {
		return fmt.Errorf("sign a stamp: %w", err)
	}
	return nil
}

// keepable checks that the stamp can be kept on record: its line in another
// ledger's line.
func (s *Stamp) keepable() error {
	b, err := ledger.Encode(s.EntryFor(policy.StampKey{Fingerprint: "SHA256:0123456789012345678901234567890123456789012"}))
	if err != nil || len(b)+reserve > ledger.MaxLine {
		return refuse("record %d is too long to be kept on record", s.Entry.Seq)
	}
	return nil
}
