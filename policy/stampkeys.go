package policy

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// Bounds of an RSA key: shorter ones are weak, of longer ones ssh-keygen(1) and
// x/crypto/ssh make nothing.
const (
	minRSA         = 2048  // bits of the modulus
	maxRSA         = 16384 // bits
	maxRSAExponent = 24    // bits
)

// stampKeys reads public keys and returns with each its wire form.
func (s *source) stampKeys(n *node) (keys []StampKey, wires []string) {
	elems, values := s.list(n)
	for i, v := range values {
		key, wire, err := parseStampKey(v)
		if err != nil {
			s.fail(elems[i].value, "%v", err)
			continue
		}
		if at := indexOf(wires, wire); at >= 0 {
			s.fail(elems[i].value, "the key %s stands in this list twice", key.Fingerprint)
			continue
		}
		keys, wires = append(keys, key), append(wires, wire)
	}
	return keys, wires
}

// revoked reads fingerprints or public keys, and marks the keys that they are
// of. One that is of none is an error: it may be misspelt, and then revokes
// nothing.
func (s *source) revoked(n *node, keys []StampKey, wires []string) {
	elems, values := s.list(n)
	for i, v := range values {
		at := elems[i].value
		found := -1
		if strings.HasPrefix(v, "SHA256:") {
			for j := range keys {
				if keys[j].Fingerprint == v {
					found = j
				}
			}
		} else {
			_, wire, err := parseStampKey(v)
			if err != nil {
				s.fail(at, "%v, and no fingerprint, such as SHA256:...", err)
				continue
			}
			found = indexOf(wires, wire)
		}
		switch {
		case found < 0:
			s.fail(at, "%s is none of keys, and revokes nothing: leave a revoked key in keys, or take it away here too", quote(v))
		case keys[found].Revoked:
			s.fail(at, "the key %s is revoked twice", keys[found].Fingerprint)
		default:
			keys[found].Revoked = true
		}
	}
}

func indexOf(list []string, s string) int {
	for i := range list {
		if list[i] == s {
			return i
		}
	}
	return -1
}

// parseStampKey reads a line such as
//
//	valid-before="20270101" ssh-ed25519 AAAA... comment
//
// that is, one of allowed_signers (ssh-keygen(1), ALLOWED SIGNERS) without the
// principals in front.
func parseStampKey(line string) (key StampKey, wire string, err error) {
	rest := strings.TrimSpace(line)
	if keyType, _, _ := strings.Cut(rest, " "); !isKeyType(keyType) {
		var options string
		if options, rest, err = cutOptions(rest); err != nil {
			return key, "", err
		}
		if next, _, _ := strings.Cut(rest, " "); !isKeyType(next) && !strings.ContainsRune(options, '"') {
			return key, "", noKeyType(keyType)
		}
		if err = key.options(options); err != nil {
			return key, "", err
		}
	}
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return key, "", errors.New("a key is its type and its base64, as in the file that ends in .pub")
	}
	if !isKeyType(fields[0]) {
		return key, "", noKeyType(fields[0])
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(fields[1])
	if err != nil {
		return key, "", errors.New("the key is cut off or misspelt: it is not base64")
	}
	if err := checkWire(fields[0], string(blob)); err != nil {
		return key, "", err
	}
	sum := sha256.Sum256(blob)
	key.Key, key.Comment = fields[0]+" "+fields[1], strings.Join(fields[2:], " ")
	key.Fingerprint = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
	return key, string(blob), nil
}

// keyTypes are the types of keys that can sign stamps. Certificates cannot, and
// DSA is broken.
func keyTypes() []string {
	return []string{
		"ssh-ed25519", "sk-ssh-ed25519@openssh.com",
		"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
	}
}

func isKeyType(s string) bool { return indexOf(keyTypes(), s) >= 0 }

func noKeyType(s string) error {
	return fmt.Errorf("%s is no type of key that can sign stamps: one of %s", quote(s), strings.Join(keyTypes(), ", "))
}

// cutOptions cuts off the options, which end with the first space outside of
// double quotes.
func cutOptions(s string) (options, rest string, err error) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ' ' && !quoted:
			return s[:i], strings.TrimLeft(s[i:], " "), nil
		}
	}
	return "", "", fmt.Errorf("%s is no key: it is a type and base64, as in the file that ends in .pub", quote(s))
}

// options reads valid-after="TIME" and valid-before="TIME", separated by commas.
// Their names may be in any letter case, as ssh-keygen has it.
func (k *StampKey) options(list string) error {
	for option := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(option, "=")
		bound := &k.From
		switch strings.ToLower(name) {
		case "valid-after":
		case "valid-before":
			bound = &k.Until
		default:
			return fmt.Errorf("%s is no option that a key may have here: valid-after or valid-before", quote(name))
		}
		if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
			return fmt.Errorf("the time of %s stands in double quotes", name)
		}
		inner := value[1 : len(value)-1]
		t, ok := keyTime(inner)
		switch {
		case !ok:
			return fmt.Errorf("%s is no time of %s: YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, in UTC", quote(inner), name)
		case !bound.IsZero():
			return fmt.Errorf("%s is set twice", name)
		}
		*bound = t
	}
	if !k.From.IsZero() && !k.Until.IsZero() && !k.From.Before(k.Until) {
		return errors.New("the key is never valid: valid-before is not after valid-after")
	}
	return nil
}

// keyTime reads YYYYMMDD[HHMM[SS]][Z]. ssh-keygen takes a time without Z by its
// machine's zone; here it is in UTC all the same, as a policy must not mean
// something else on another machine.
func keyTime(s string) (time.Time, bool) {
	const layout = "20060102150405"
	s = strings.TrimSuffix(s, "Z")
	if len(s) != 8 && len(s) != 12 && len(s) != len(layout) {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, s+"000000"[:len(layout)-len(s)])
	return t, err == nil
}

// checkWire checks that a key is of its type and whole (RFC 4253, 6.6; RFC 5656,
// 3.1; RFC 8709, 4; OpenSSH's PROTOCOL.u2f).
func checkWire(keyType, blob string) error {
	wire := wireReader{rest: blob}
	named := wire.text()
	sound := false
	switch keyType {
	case "ssh-ed25519":
		sound = len(wire.text()) == 32
	case "sk-ssh-ed25519@openssh.com":
		sound = len(wire.text()) == 32 && wire.text() != ""
	case "ssh-rsa":
		exponent, modulus := wire.number(), wire.number()
		if n := bitsOf(modulus); !wire.bad && n < minRSA {
			return fmt.Errorf("an RSA key needs %d bits, and this one has %d", minRSA, n)
		}
		sound = odd(exponent) && odd(modulus) && exponent != "\x01" && bitsOf(exponent) <= maxRSAExponent && bitsOf(modulus) <= maxRSA
	default:
		curve, point := wire.text(), wire.text()
		size := map[string]int{"nistp256": 65, "nistp384": 97, "nistp521": 133}[curve]
		sound = keyType == "ecdsa-sha2-"+curve && len(point) == size && point[0] == 4
	}
	switch {
	case named != keyType && !wire.bad:
		return fmt.Errorf("the key says of itself that it is of type %s", quote(named))
	case wire.bad || wire.rest != "" || !sound:
		return fmt.Errorf("the key is cut off or misspelt: it is no %s", keyType)
	}
	return nil
}

// A wireReader reads the values of RFC 4251, 5. Once something is missing it is
// bad, and all further values are empty.
type wireReader struct {
	rest string
	bad  bool
}

// text reads a string.
func (r *wireReader) text() string {
	if r.bad || len(r.rest) < 4 {
		r.bad = true
		return ""
	}
	n := binary.BigEndian.Uint32([]byte(r.rest[:4]))
	if uint64(n) > uint64(len(r.rest)-4) {
		r.bad = true
		return ""
	}
	s := r.rest[4 : 4+n]
	r.rest = r.rest[4+n:]
	return s
}

// number reads a positive mpint and returns its bytes without the leading zero.
func (r *wireReader) number() string {
	s := r.text()
	negative := s != "" && s[0] >= 0x80
	padded := len(s) > 1 && s[0] == 0
	if s == "" || negative || s == "\x00" || padded && s[1] < 0x80 {
		r.bad = true
		return ""
	}
	return strings.TrimPrefix(s, "\x00")
}

func odd(number string) bool { return number != "" && number[len(number)-1]&1 == 1 }

// bitsOf returns the length of a number in bits.
func bitsOf(number string) int {
	if number == "" {
		return 0
	}
	return 8*(len(number)-1) + bits.Len8(number[0])
}
