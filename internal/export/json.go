package export

import (
	"strconv"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/text"
)

// A builder appends one JSON object to a buffer, member by member. Empty
// values are left out, so that no consumer sees an empty string as a name.
type builder struct {
	b     []byte
	comma bool // the next member or value needs one before it
}

func (w *builder) separate() {
	if w.comma {
		w.b = append(w.b, ',')
	}
	w.comma = true
}

// key writes a member's name, which is one of ours and needs no escape.
func (w *builder) key(name string) {
	w.separate()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *builder) open(name string) {
	w.key(name)
	w.b = append(w.b, '{')
	w.comma = false
}

func (w *builder) end() {
	w.b = append(w.b, '}')
	w.comma = true
}

func (w *builder) str(name, value string) {
	if value != "" {
		w.key(name)
		w.b = quote(w.b, value)
	}
}

func (w *builder) uint(name string, value uint64) {
	w.key(name)
	w.b = strconv.AppendUint(w.b, value, 10)
}

// list writes the values that are not empty, each once, and nothing if there
// are none.
func (w *builder) list(name string, values ...string) {
	any := false
	for i, value := range values {
		if value == "" || contains(values[:i], value) {
			continue
		}
		if !any {
			w.key(name)
			w.b = append(w.b, '[')
			w.comma, any = false, true
		}
		w.separate()
		w.b = quote(w.b, value)
	}
	if any {
		w.b = append(w.b, ']')
		w.comma = true
	}
}

func contains(values []string, value string) bool {
	for _, v := range values {
		if v == value {
			return true
		}
	}
	return false
}

// embed writes a line of the ledger as the value of a member.
func (w *builder) embed(name string, line []byte) {
	w.key(name)
	w.b = visible(w.b, line)
}

const hexDigits = "0123456789abcdef"

// quote appends a JSON string of printable characters only: whatever else is
// in value is escaped, so that it stays on its line and misleads nobody.
func quote(b []byte, value string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(value); {
		c := value[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		if c == '"' || c == '\\' {
			b = append(append(b, value[from:i]...), '\\', c)
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(value[i:])
		if !text.Printable(value[i : i+n]) {
			b = escaped(append(b, value[from:i]...), r)
			from = i + n
		}
		i += n
	}
	return append(append(b, value[from:]...), '"')
}

// visible appends a line of the ledger, which is JSON, byte for byte. Only a
// line that pathgate did not write can have characters that are not printable;
// they can only be in strings, and are escaped there.
func visible(b, line []byte) []byte {
	from := 0
	for i := 0; i < len(line); {
		if c := line[i]; c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(line[i:])
		if !text.PrintableRecord(string(line[i : i+n])) {
			b = escaped(append(b, line[from:i]...), r)
			from = i + n
		}
		i += n
	}
	return append(b, line[from:]...)
}

// escaped appends a character as JSON's \u escapes (RFC 8259, section 7).
func escaped(b []byte, r rune) []byte {
	if r >= 0x10000 {
		r -= 0x10000
		return escaped(escaped(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
