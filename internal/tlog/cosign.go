package tlog

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// NewSigner reads a secret key, of a log or of a witness. A witness's
// signatures say when they were made, by now; a log's do not, and need no
// clock.
func NewSigner(secret string, now func() time.Time) (note.Signer, error) {
	k, private, err := parseSecret(secret)
	if err != nil {
		return nil, err
	}
	if k.alg == algCosignature && now == nil {
		return nil, fmt.Errorf("secret key of %s: a witness needs a clock", k.name)
	}
	return &signer{name: k.name, id: k.id, alg: k.alg, private: private, now: now}, nil
}

// A signer makes signatures of either type. It implements note.Signer.
type signer struct {
	name    string
	id      uint32
	alg     byte
	private ed25519.PrivateKey
	now     func() time.Time
}

// Name implements note.Signer.
func (s *signer) Name() string { return s.name }

// KeyHash implements note.Signer.
func (s *signer) KeyHash() uint32 { return s.id }

// Sign implements note.Signer.
func (s *signer) Sign(msg []byte) ([]byte, error) {
	if s.alg != algCosignature {
		return ed25519.Sign(s.private, msg), nil
	}
	at := s.now().Unix()
	if at < 0 {
		return nil, fmt.Errorf("the clock of %s is before 1970", s.name)
	}
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), ed25519.Sign(s.private, cosigned(msg, uint64(at)))...), nil
}

// cosigned is what a witness signs: the checkpoint's body after two lines, by
// https://c2sp.org/tlog-cosignature.
func cosigned(msg []byte, at uint64) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, msg)
}

// cutTime takes the time off a witness's signature.
func cutTime(sig []byte) (at uint64, ed []byte, ok bool) {
	if len(sig) != 8+ed25519.SignatureSize {
		return 0, nil, false
	}
	at = binary.BigEndian.Uint64(sig)
	return at, sig[8:], at <= math.MaxInt64
}

// signedAt is when a signature that was found good was made; zero if it does
// not say.
func signedAt(b64 string) time.Time {
	b, err := base64.StdEncoding.DecodeString(b64)
	if err != nil || len(b) < 4 {
		return time.Time{}
	}
	at, _, ok := cutTime(b[4:])
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(at), 0).UTC()
}
