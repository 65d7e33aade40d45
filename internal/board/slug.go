package board

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxSlug bounds the names of files; file systems take 255 bytes.
const maxSlug = 120

// Slug turns a name into one for a file: lower-case letters, digits, "-" and
// "." stay, "." not as the first; every other byte becomes "_" and two hex
// digits. Different names get different slugs, also where letter case does not
// count. A slug that would be longer than 120 bytes ends in the SHA-256 of the
// name.
func Slug(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			b.WriteByte('_')
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	s := b.String()
	if len(s) <= maxSlug {
		return s
	}
	sum := sha256.Sum256([]byte(name))
	return s[:maxSlug-65] + "~" + hex.EncodeToString(sum[:])
}
