package ledger

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A parser reads one line. The line is valid UTF-8.
type parser struct {
	s       string
	i       int
	entry   *Entry
	seen    uint64
	unknown []span
	names   []string
}

// maxUnknown bounds the fields of later versions in one line.
const maxUnknown = 64

func (p *parser) fail(what string) error { return fmt.Errorf("byte %d: %s", p.i+1, what) }

// next takes the byte c if it is the next one.
func (p *parser) next(c byte) bool {
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

// object reads the line's object.
func (p *parser) object() error {
	if !p.next('{') {
		return p.fail("no object")
	}
	for first := true; ; first = false {
		from := p.i
		if !first {
			if p.next('}') {
				return nil
			}
			if !p.next(',') {
				return p.fail("no comma between fields")
			}
		}
		if err := p.pair(from); err != nil {
			return err
		}
	}
}

// pair reads a key and its value; from is where its comma stands.
func (p *parser) pair(from int) error {
	key, err := p.key()
	if err != nil {
		return err
	}
	field, err := p.member(key)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if field != 0 {
		if p.seen&field != 0 {
			return p.fail("the key " + key + " comes twice")
		}
		p.seen |= field
		return nil
	}
	if len(p.names) == maxUnknown {
		return p.fail("too many unknown fields")
	}
	if err := p.remember(key); err != nil {
		return err
	}
	if err := p.skip(true); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	p.unknown = append(p.unknown, span{from, p.i})
	return nil
}

// key reads a field's name and its colon. Names are plain, so that no two
// spellings mean the same name.
func (p *parser) key() (string, error) {
	if !p.next('"') {
		return "", p.fail("no key")
	}
	from := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			break
		}
		p.i++
	}
	key := p.s[from:p.i]
	if key == "" || !p.next('"') || !p.next(':') {
		return "", p.fail("not a key of lower-case letters, digits and _")
	}
	return key, nil
}

// str reads a string.
func (p *parser) str() (string, error) {
	if !p.next('"') {
		return "", p.fail("not a string")
	}
	from := p.i
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return p.s[from : p.i-1], nil
		case c == '\\':
			return p.escaped(from)
		case c < ' ':
			return "", p.fail("a control character")
		}
		p.i++
	}
	return "", p.fail("the string does not end")
}

// escaped reads the rest of a string that has a backslash here.
func (p *parser) escaped(from int) (string, error) {
	var b strings.Builder
	b.WriteString(p.s[from:p.i])
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			return b.String(), nil
		case c < ' ':
			return "", p.fail("a control character")
		case c != '\\':
			b.WriteByte(c)
			p.i++
			continue
		}
		r, err := p.escape()
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
	}
	return "", p.fail("the string does not end")
}

// escape reads a backslash and what belongs to it.
func (p *parser) escape() (rune, error) {
	if p.i+1 >= len(p.s) {
		return 0, p.fail("the escape does not end")
	}
	c := p.s[p.i+1]
	p.i += 2
	if at := strings.IndexByte(`"\/bfnrt`, c); at >= 0 {
		return rune("\"\\/\b\f\n\r\t"[at]), nil
	}
	if c != 'u' {
		return 0, p.fail("no such escape")
	}
	r, err := p.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if !p.next('\\') || !p.next('u') {
		return 0, p.fail("half a surrogate pair")
	}
	low, err := p.hex()
	if err != nil {
		return 0, err
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, p.fail("half a surrogate pair")
	}
	return r, nil
}

func (p *parser) hex() (r rune, err error) {
	if p.i+4 > len(p.s) {
		return 0, p.fail("the escape does not end")
	}
	for range 4 {
		at := strings.IndexByte("0123456789abcdef", p.s[p.i]|0x20)
		if at < 0 || p.s[p.i] < '0' {
			return 0, p.fail("not a hex digit")
		}
		r = r<<4 | rune(at)
		p.i++
	}
	return r, nil
}

// uint reads a whole number as it is written: no sign, no leading zero.
func (p *parser) uint() (n uint64, err error) {
	from := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		d := uint64(p.s[p.i] - '0')
		if n > (math.MaxUint64-d)/10 {
			return 0, p.fail("the number is too large")
		}
		n = n*10 + d
		p.i++
	}
	if from == p.i || p.s[from] == '0' && p.i-from > 1 {
		return 0, p.fail("not a whole number")
	}
	return n, nil
}

// list reads an array of what one reads.
func list[T any](p *parser, one func() (T, error)) (all []T, err error) {
	if !p.next('[') {
		return nil, p.fail("not a list")
	}
	if p.next(']') {
		return nil, nil
	}
	for {
		v, err := one()
		if err != nil {
			return nil, err
		}
		all = append(all, v)
		if p.next(']') {
			return all, nil
		}
		if !p.next(',') {
			return nil, p.fail("no comma between values")
		}
	}
}

// skip passes over the value of an unknown field: a string, a number, true,
// false, null, or a list of these.
func (p *parser) skip(lists bool) error {
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(p.s[p.i:], word) {
			p.i += len(word)
			return nil
		}
	}
	switch {
	case p.i < len(p.s) && p.s[p.i] == '"':
		_, err := p.str()
		return err
	case lists && p.i < len(p.s) && p.s[p.i] == '[':
		_, err := list(p, func() (struct{}, error) { return struct{}{}, p.skip(false) })
		return err
	}
	return p.number()
}

// number passes over a JSON number.
func (p *parser) number() error {
	p.next('-')
	if !p.next('0') && p.digits() == 0 {
		return p.fail("no value that a field can have")
	}
	if p.next('.') && p.digits() == 0 {
		return p.fail("no digit after the point")
	}
	if p.next('e') || p.next('E') {
		if !p.next('+') {
			p.next('-')
		}
		if p.digits() == 0 {
			return p.fail("no digit in the exponent")
		}
	}
	return nil
}

func (p *parser) digits() (n int) {
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
		n++
	}
	return n
}
