// Package text makes strings from outside safe to print and to record.
//
// What a pusher chooses (ref names, subjects, names of persons, options) may
// hold escape sequences, bidirectional overrides, invalid UTF-8 or newlines
// that forge a line. Clean turns each of these into a visible escape, so that
// what remains is one line of printable text.
package text

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean returns s as one line of printable text of at most limit bytes.
// A character that a terminal or a reader could be misled by is written as its
// Go escape (\n, \x1b, \u202e); a longer text is cut and ends in "...". A
// backslash stays as it is: git allows none in ref names, so that different
// ref names stay different.
func Clean(s string, limit int) string { return cleaned(s, limit, shows) }

// CleanRecord is Clean for a line of the ledger. It leaves what unicode.IsPrint
// takes, invisible characters among it, as pathgate did at first: lines that are
// written must stay as they are.
func CleanRecord(s string, limit int) string { return cleaned(s, limit, unicode.IsPrint) }

func cleaned(s string, limit int, ok func(rune) bool) string {
	if plain(s, ok) && len(s) <= limit {
		return s
	}
	const dots = "..."
	var b strings.Builder
	fit := -1 // the longest text so far that leaves room for the dots
	for len(s) > 0 {
		if b.Len()+len(dots) <= limit {
			fit = b.Len()
		}
		r, n := utf8.DecodeRuneInString(s)
		piece := s[:n]
		if !printable(r, n, ok) {
			piece = escape(piece, r)
		}
		if b.Len()+len(piece) > limit {
			if fit < 0 {
				return ""
			}
			return b.String()[:fit] + dots
		}
		b.WriteString(piece)
		s = s[n:]
	}
	return b.String()
}

// Printable reports whether Clean would leave s as it is, but for its length.
func Printable(s string) bool { return printables(s, shows) }

// PrintableRecord reports whether CleanRecord would leave s as it is, but for
// its length.
func PrintableRecord(s string) bool { return printables(s, unicode.IsPrint) }

func printables(s string, ok func(rune) bool) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if !printable(r, n, ok) {
			return false
		}
		s = s[n:]
	}
	return true
}

// plain is printables for the common case, without decoding.
func plain(s string, ok func(rune) bool) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return printables(s, ok)
		}
	}
	return true
}

// printable tells characters that show as themselves. Everything that Unicode
// calls a control, format, surrogate or private-use character is out, and so
// are spaces other than U+0020, which look alike but are not.
func printable(r rune, size int, ok func(rune) bool) bool {
	if r == utf8.RuneError && size <= 1 {
		return false
	}
	return r == ' ' || ok(r)
}

// brailleBlank is a letter that shows as a space.
const brailleBlank = '\u2800'

// shows is unicode.IsPrint without what a terminal shows nothing for: Unicode's
// Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which is these two
// properties and format characters, such as variation selectors and the Hangul
// fillers.
func shows(r rune) bool {
	return unicode.IsPrint(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

func escape(raw string, r rune) string {
	if r == utf8.RuneError && len(raw) == 1 {
		const digits = "0123456789abcdef"
		return `\x` + string(digits[raw[0]>>4]) + string(digits[raw[0]&15])
	}
	quoted := strconv.QuoteRuneToASCII(r)
	return quoted[1 : len(quoted)-1]
}
