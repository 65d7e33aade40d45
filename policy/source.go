package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/pathgate/pathgate/internal/text"
)

// Bounds of a policy file.
const (
	maxSize         = 1 << 20 // bytes
	maxLine         = 1 << 14 // bytes
	maxEnvironments = 1000
)

// A source is a policy file under examination, and what was found wrong.
type source struct {
	file  string
	text  string
	lines []int // offset of each line
	errs  Errors

	persons people
}

func newSource(file, src string) *source {
	s := &source{file: file, text: src, lines: []int{0}}
	for i := range len(src) {
		if src[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// place turns an offset into a place.
func (s *source) place(at int) Place {
	i, found := slices.BinarySearch(s.lines, at)
	if !found {
		i--
	}
	return Place{File: s.file, Line: i + 1, Column: at - s.lines[i] + 1}
}

// line returns the number of the line that the offset is in.
func (s *source) line(at int) int { return s.place(at).Line }

// fail notes that something is wrong at an offset.
func (s *source) fail(at int, format string, args ...any) {
	at = min(max(at, 0), len(s.text))
	place := s.place(at)
	line, _, _ := strings.Cut(s.text[s.lines[place.Line-1]:], "\n")
	s.errs = append(s.errs, &Error{
		Place:  place,
		Msg:    text.Clean(fmt.Sprintf(format, args...), 500),
		Source: strings.TrimSuffix(line, "\r"),
	})
}

// tree reads the file as TOML. It returns nil if that is not possible.
func (s *source) tree() *node {
	if !s.sound() {
		return nil
	}
	scanned := scan(s.text)
	if scanned.deep {
		s.fail(scanned.pos, "nested more than %d deep", maxDepth)
		return nil
	}
	for _, d := range scanned.dups {
		s.fail(d.again.at, "key %s is set twice, first in line %d", d.again.path(), s.line(d.first.at))
	}
	values, err := decode(s.text)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax) && len(s.errs) > 0 && strings.HasPrefix(syntax.Message, "Key '"):
		// the duplicates that have been told already
	case errors.As(err, &syntax):
		s.fail(syntax.Position.Start, "%s", syntaxMessage(syntax.Message))
	case err != nil:
		s.fail(0, "cannot be read as TOML: %v", err)
	case scanned.bad:
		s.fail(scanned.pos, "cannot be read as TOML")
	case len(scanned.keys) == 0:
		s.fail(0, "the file is empty: it sets no key")
	case len(s.errs) == 0:
		if n := scanned.root.bind(values); n != nil {
			s.fail(n.at, "key %s cannot be told apart from another", n.path())
		}
	}
	if len(s.errs) > 0 {
		return nil
	}
	return scanned.root
}

// sound checks what can be said of the bytes alone.
func (s *source) sound() bool {
	if len(s.text) > maxSize {
		s.fail(0, "the file is larger than %d bytes", maxSize)
		return false
	}
	if strings.HasPrefix(s.text, "\uFEFF") {
		s.fail(0, "the file begins with a byte order mark: save it as UTF-8 without one")
		return false
	}
	for i, start := range s.lines {
		end := len(s.text)
		if i+1 < len(s.lines) {
			end = s.lines[i+1]
		}
		if end-start > maxLine {
			s.fail(start, "the line is longer than %d bytes", maxLine)
			return false
		}
	}
	for i, r := range s.text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s.text[i:], "\uFFFD"):
			s.fail(i, "byte 0x%02x is not valid UTF-8", s.text[i])
			return false
		case r == '\r' && strings.HasPrefix(s.text[i:], "\r\n"):
		case r < ' ' && r != '\t' && r != '\n', r == 0x7f:
			s.fail(i, "control character 0x%02x", r)
			return false
		}
	}
	return true
}

// decode reads TOML. BurntSushi/toml panics where it finds a bug in itself.
func decode(src string) (values map[string]any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	_, err = toml.Decode(src, &values)
	if values == nil {
		values = map[string]any{}
	}
	return values, err
}

// syntaxMessage puts a message of BurntSushi/toml into our form.
func syntaxMessage(msg string) string {
	if strings.HasPrefix(msg, "expected value but found") {
		return "expected a value: a string stands in double quotes"
	}
	if rest, ok := strings.CutPrefix(msg, "Key '"); ok {
		if key, _, ok := strings.Cut(rest, "'"); ok {
			return "key " + key + " is set twice"
		}
	}
	if msg != "" && !strings.HasPrefix(msg, "TOML") {
		msg = strings.ToLower(msg[:1]) + msg[1:]
	}
	return strings.TrimSuffix(msg, ".")
}
