package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strconv"
)

// Of the envelope.
const (
	PayloadType  = "application/vnd.in-toto+json"
	SSHNamespace = "pathgate-attest" // of the SSH signature
	sshArmour    = "-----BEGIN SSH SIGNATURE-----\n"
	sshArmourEnd = "-----END SSH SIGNATURE-----"
	sshMagic     = "SSHSIG\x00\x00\x00\x01"
	maxSSHArmour = 32 << 10 // bytes
	keyIDHash    = "SHA256:"
)

// PAE is what is signed of a payload: DSSE's pre-authentication encoding
// (DSSE 1.0.0, protocol.md).
func PAE(payloadType string, payload []byte) []byte {
	b := append([]byte("DSSEv1 "), strconv.Itoa(len(payloadType))...)
	b = append(append(append(b, ' '), payloadType...), ' ')
	b = append(append(b, strconv.Itoa(len(payload))...), ' ')
	return append(b, payload...)
}

// Envelope is the DSSE envelope, one line of JSON without a newline, of a
// statement and the armoured SSH signature that "ssh-keygen -Y sign" made of
// its PAE. keyid is the fingerprint of the key as ssh-keygen prints it. What is
// not an SSH signature for SSHNamespace is an error; the signature itself is
// not checked.
func Envelope(payload, armoured []byte) ([]byte, error) {
	key, err := signatureKey(armoured)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(key)
	w := &builder{b: []byte{'{'}}
	w.str("payloadType", PayloadType)
	w.str("payload", base64.StdEncoding.EncodeToString(payload))
	w.key("signatures")
	w.b = append(w.b, "[{"...)
	w.comma = false
	w.str("keyid", keyIDHash+base64.RawStdEncoding.EncodeToString(sum[:]))
	w.str("sig", base64.StdEncoding.EncodeToString(armoured))
	return append(w.b, "}]}"...), nil
}

// signatureKey takes the public key, in SSH's wire format, from an armoured
// signature (OpenSSH, PROTOCOL.sshsig).
func signatureKey(armoured []byte) ([]byte, error) {
	bad := errors.New("read the SSH signature: it is none for " + SSHNamespace)
	body, begun := bytes.CutPrefix(bytes.TrimSuffix(armoured, []byte{'\n'}), []byte(sshArmour))
	body, ended := bytes.CutSuffix(body, []byte(sshArmourEnd))
	if !begun || !ended || len(armoured) > maxSSHArmour {
		return nil, bad
	}
	blob, err := base64.StdEncoding.DecodeString(string(body)) // skips newlines
	rest, magic := bytes.CutPrefix(blob, []byte(sshMagic))
	if err != nil || !magic {
		return nil, bad
	}
	key, rest, ok := wireString(rest)
	namespace, _, named := wireString(rest)
	if !ok || !named || len(key) == 0 || string(namespace) != SSHNamespace {
		return nil, bad
	}
	return key, nil
}

// wireString reads a string of SSH's wire format (RFC 4251, section 5).
func wireString(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}
