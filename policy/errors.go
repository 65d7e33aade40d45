package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/text"
)

// An Error is one thing that is wrong with a policy file.
type Error struct {
	Place  Place  // the key or value that is wrong
	Msg    string // one line, printable
	Source string // the line of the file that Place points into, raw
}

// Error returns "policy.toml:14:3: " and the message.
func (e *Error) Error() string {
	return e.Place.String() + ":" + strconv.Itoa(e.Place.Column) + ": " + e.Msg
}

// Errors are all that is wrong with a policy file, in the order of the file.
// Parse returns no other type of error.
type Errors []*Error

// Error returns one line for each error.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

func (es Errors) sort() {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Column, b.Place.Column))
	})
}

// Widths of an excerpt, in columns of a terminal.
const (
	tabWidth     = 4
	excerptLeft  = 60 // at most so much in front of the caret
	excerptRight = 40 // and from it on
)

// Excerpt returns the source line and below it a caret under the place, without
// a newline at the end. Tabs become spaces, what a terminal must not see
// becomes "?", and of a long line only what is near the caret is shown.
func (e *Error) Excerpt() string {
	at := min(max(e.Place.Column-1, 0), len(e.Source))
	left, width := visible(e.Source[:at])
	right, rest := visible(e.Source[at:])
	if width > excerptLeft {
		left, width = "..."+tail(left, excerptLeft-3), excerptLeft
	}
	if rest > excerptRight {
		right = head(right, excerptRight-3) + "..."
	}
	line := strings.TrimRight(left+right, " ")
	return line + "\n" + strings.Repeat(" ", width) + "^"
}

// visible returns s as it may be printed and its width in columns. Characters
// that do not take exactly one column become "?", so that columns align.
func visible(s string) (string, int) {
	var b strings.Builder
	width := 0
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteString(strings.Repeat(" ", tabWidth))
			width += tabWidth
			continue
		case !singleColumn(r):
			r = '?'
		}
		b.WriteRune(r)
		width++
	}
	return b.String(), width
}

// singleColumn reports whether a terminal shows r in one column. From U+1100 on
// scripts with wide characters begin.
func singleColumn(r rune) bool {
	return r == ' ' || r < 0x1100 && unicode.IsPrint(r) && !unicode.IsMark(r)
}

// head returns the first n characters of s.
func head(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// tail returns the last n characters of s.
func tail(s string, n int) string {
	skip := utf8.RuneCountInString(s) - n
	for i := range s {
		if skip--; skip < 0 {
			return s[i:]
		}
	}
	return ""
}

// quote makes a text from the file fit for a message.
func quote(s string) string { return `"` + text.Clean(s, 100) + `"` }
