package tlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// The signature types of keys, by https://c2sp.org/signed-note and
// https://c2sp.org/tlog-cosignature.
const (
	algEd25519     = 1 // a log's
	algCosignature = 4 // a witness's
)

const secretPrefix = "PRIVATE+KEY+"

// GenerateKey makes a log's Ed25519 key: the secret for NewSigner and the
// public verifier key. The name must be the log's origin.
func GenerateKey(rand io.Reader, name string) (secret, verifier string, err error) {
	return generate(rand, name, algEd25519)
}

// GenerateWitnessKey makes a witness's Ed25519 key, for signatures that say
// when they were made. The name is for people: a host name or the like.
func GenerateWitnessKey(rand io.Reader, name string) (secret, verifier string, err error) {
	return generate(rand, name, algCosignature)
}

func generate(rand io.Reader, name string, alg byte) (secret, verifier string, err error) {
	if !validName(name) {
		return "", "", fmt.Errorf("make a key: %.60q cannot be the name of a key: white space or + in it", name)
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	id := keyID(name, alg, public)
	secret = fmt.Sprintf("%s%s+%08x+%s", secretPrefix, name, id, encoded(alg, seed))
	return secret, verifierKey(name, alg, public), nil
}

func encoded(alg byte, key []byte) string {
	return base64.StdEncoding.EncodeToString(append([]byte{alg}, key...))
}

func verifierKey(name string, alg byte, public ed25519.PublicKey) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyID(name, alg, public), encoded(alg, public))
}

// keyID is the number that signature lines name a key by.
func keyID(name string, alg byte, public ed25519.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{alg})
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func validName(name string) bool {
	return name != "" && len(name) <= 255 && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return r == '+' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
}

// A keyText is a key as it is written: name, ID, signature type and bytes.
type keyText struct {
	name string
	id   uint32
	alg  byte
	key  []byte
}

var errKey = errors.New("it is not a key like NAME+HASH+BASE64")

func parseKey(s string) (k keyText, err error) {
	name, rest, _ := strings.Cut(s, "+")
	hash, b64, _ := strings.Cut(rest, "+")
	id, err := strconv.ParseUint(hash, 16, 32)
	b, bad := base64.StdEncoding.Strict().DecodeString(b64)
	if err != nil || bad != nil || len(hash) != 8 || len(b) != 1+32 || !validName(name) {
		return k, errKey // never what it says: it may be a secret
	}
	if b[0] != algEd25519 && b[0] != algCosignature {
		return k, fmt.Errorf("signatures of type %d are not known", b[0])
	}
	return keyText{name, uint32(id), b[0], b[1:]}, nil
}

// NewVerifier reads a verifier key, of a log or of a witness.
func NewVerifier(key string) (note.Verifier, error) {
	k, err := parseKey(key)
	if err != nil {
		return nil, fmt.Errorf("verifier key: %w", err)
	}
	if keyID(k.name, k.alg, k.key) != k.id {
		return nil, fmt.Errorf("verifier key of %s: its hash is not that of the key", k.name)
	}
	return &verifier{name: k.name, id: k.id, alg: k.alg, public: k.key}, nil
}

// VerifierKey is the verifier key that belongs to a secret key.
func VerifierKey(secret string) (string, error) {
	k, private, err := parseSecret(secret)
	if err != nil {
		return "", err
	}
	return verifierKey(k.name, k.alg, private.Public().(ed25519.PublicKey)), nil
}

func parseSecret(secret string) (k keyText, private ed25519.PrivateKey, err error) {
	s, ok := strings.CutPrefix(secret, secretPrefix)
	if ok {
		k, err = parseKey(s)
	}
	if !ok || err != nil {
		return k, nil, fmt.Errorf("secret key: %w", errKey)
	}
	private = ed25519.NewKeyFromSeed(k.key)
	if keyID(k.name, k.alg, private.Public().(ed25519.PublicKey)) != k.id {
		return k, nil, fmt.Errorf("secret key of %s: its hash is not that of the key", k.name)
	}
	return k, private, nil
}

// A verifier checks signatures of either type. It implements note.Verifier.
type verifier struct {
	name   string
	id     uint32
	alg    byte
	public ed25519.PublicKey
}

// Name implements note.Verifier.
func (v *verifier) Name() string { return v.name }

// KeyHash implements note.Verifier.
func (v *verifier) KeyHash() uint32 { return v.id }

// Verify implements note.Verifier.
func (v *verifier) Verify(msg, sig []byte) bool {
	if v.alg == algCosignature {
		at, ed, ok := cutTime(sig)
		return ok && ed25519.Verify(v.public, cosigned(msg, at), ed)
	}
	return len(sig) == ed25519.SignatureSize && ed25519.Verify(v.public, msg, sig)
}
