package policy

import (
	"strconv"
	"strings"
)

// text reads a string of any kind that begins with q.
func (s *scanner) text(q byte) {
	if !strings.HasPrefix(s.src[s.pos:], strings.Repeat(string(q), 3)) {
		s.quoted(q)
		return
	}
	s.pos += 3
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '\\' && q == '"':
			s.pos += 2
		case c != q:
			s.pos++
		default: // three quotes or more end the string; the last three do
			start := s.pos
			for s.take(q) {
			}
			if s.pos-start >= 3 {
				return
			}
		}
	}
	s.bad = true
}

// quoted reads a string of one line that begins with q.
func (s *scanner) quoted(q byte) {
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == q:
			s.pos++
			return
		case c == '\n':
			s.bad = true
			return
		case c == '\\' && q == '"':
			s.pos++
		}
	}
	s.bad = true
}

// unescape resolves the escapes of a basic string; those that are none stay.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		digits := 0
		switch s[i] {
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			if j := strings.IndexByte("btnfre", s[i]); j >= 0 {
				b.WriteByte("\b\t\n\f\r\x1b"[j])
			} else {
				b.WriteByte(s[i])
			}
			continue
		}
		digits = min(digits, len(s)-i-1)
		if r, err := strconv.ParseUint(s[i+1:i+1+digits], 16, 32); err == nil {
			b.WriteRune(rune(r))
		}
		i += digits
	}
	return b.String()
}
