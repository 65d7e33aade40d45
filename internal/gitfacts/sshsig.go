package gitfacts

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// The armour and the blob of an SSH signature (OpenSSH, PROTOCOL.sshsig).
const (
	armourBegin = "-----BEGIN SSH SIGNATURE-----\n"
	armourEnd   = "-----END SSH SIGNATURE-----\n"
	sshMagic    = "SSHSIG"

	maxSignature = 32 << 10 // armoured bytes: a key of 16384 bits in a certificate
)

// An sshSignature is an SSH signature taken apart.
type sshSignature struct {
	blob      []byte // all of it
	key       string // public key or certificate, in SSH's wire format
	namespace string // what it was made for: git signs commits as "git"
	reserved  string
	hash      string // "sha256" or "sha512"
	signature string
}

// parseSSHSignature reads an armoured signature with nothing before, between
// or behind. Where base64 lines end does not matter, as signers differ.
func parseSSHSignature(armoured []byte) (sshSignature, Reason) {
	body, ssh := strings.CutPrefix(string(armoured), armourBegin)
	if !ssh {
		return sshSignature{}, OtherSignature
	}
	body, ended := strings.CutSuffix(body, armourEnd)
	if !ended || len(armoured) > maxSignature || !strings.HasSuffix(body, "\n") || strings.Contains(body, "\r") {
		return sshSignature{}, Malformed
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(body) // skips newlines
	if err != nil {
		return sshSignature{}, Malformed
	}
	s := sshSignature{blob: blob}
	rest, magic := bytes.CutPrefix(blob, []byte(sshMagic+"\x00\x00\x00\x01"))
	for _, to := range []*string{&s.key, &s.namespace, &s.reserved, &s.hash, &s.signature} {
		var ok bool
		if *to, rest, ok = wireString(rest); !ok {
			return sshSignature{}, Malformed
		}
	}
	if !magic || len(rest) != 0 || s.key == "" {
		return sshSignature{}, Malformed
	}
	return s, ""
}

// armour gives the signature in the one form that ssh-keygen writes, so that
// it reads what was read here.
func (s sshSignature) armour() []byte {
	left := base64.StdEncoding.EncodeToString(s.blob)
	var b bytes.Buffer
	b.WriteString(armourBegin)
	for len(left) > 0 {
		n := min(len(left), 70)
		b.WriteString(left[:n] + "\n")
		left = left[n:]
	}
	b.WriteString(armourEnd)
	return b.Bytes()
}

// verifiesNatively reports whether the signature is one of a plain Ed25519 key
// and fits the payload. false is no answer: ssh-keygen knows the other kinds.
func (s sshSignature) verifiesNatively(payload []byte) bool {
	key, ok := wireFields(s.key, 2)
	if !ok || key[0] != "ssh-ed25519" || len(key[1]) != ed25519.PublicKeySize {
		return false
	}
	sig, ok := wireFields(s.signature, 2)
	if !ok || sig[0] != "ssh-ed25519" || len(sig[1]) != ed25519.SignatureSize {
		return false
	}
	var sum []byte
	switch s.hash {
	case "sha512":
		h := sha512.Sum512(payload)
		sum = h[:]
	case "sha256":
		h := sha256.Sum256(payload)
		sum = h[:]
	default:
		return false
	}
	signed := []byte(sshMagic)
	for _, part := range []string{s.namespace, s.reserved, s.hash, string(sum)} {
		signed = binary.BigEndian.AppendUint32(signed, uint32(len(part)))
		signed = append(signed, part...)
	}
	return ed25519.Verify(ed25519.PublicKey(key[1]), signed, []byte(sig[1]))
}

// plainKeys gives the Ed25519 keys, in wire format, that a list of allowed
// signers names without any condition: on a line of one plain name, the kind
// and the key. Nothing else in the list can take that back, so such a key may
// sign. All other lines are ssh-keygen's to understand.
func plainKeys(list []byte) map[string]bool {
	keys := make(map[string]bool)
	for line := range strings.Lines(string(list)) {
		line = strings.TrimSuffix(line, "\n")
		f := strings.Split(line, " ")
		if len(f) < 3 || !plainName(f[0]) || f[1] != "ssh-ed25519" || !text.Printable(line) {
			continue
		}
		if key, err := base64.StdEncoding.Strict().DecodeString(f[2]); err == nil {
			keys[string(key)] = true
		}
	}
	return keys
}

// plainName reports whether s is a principal's name and no pattern of names.
func plainName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && strings.IndexByte("@._+-", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// wireString reads a string of SSH's wire format (RFC 4251, section 5).
func wireString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 4 {
		return "", nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return "", nil, false
	}
	return string(b[4 : 4+n]), b[4+n:], true
}

// wireFields reads count strings and nothing else.
func wireFields(raw string, count int) (fields []string, ok bool) {
	rest := []byte(raw)
	for range count {
		var s string
		if s, rest, ok = wireString(rest); !ok {
			return nil, false
		}
		fields = append(fields, s)
	}
	return fields, len(rest) == 0
}
