package text_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/text"
)

func TestClean(t *testing.T) {
	for _, test := range []struct {
		name, in, want string
		limit          int
	}{
		{"plain", "round to cents", "round to cents", 80},
		{"letters of other scripts stay", "Größe 価格", "Größe 価格", 80},
		{"newline forges no line", "a\nok refs/heads/main", `a\nok refs/heads/main`, 80},
		{"carriage return", "a\rb", `a\rb`, 80},
		{"escape sequence", "\x1b[31mred\x1b]0;title\a", `\x1b[31mred\x1b]0;title\a`, 80},
		{"C1 control", "a\u009bb", `a\u009bb`, 80},
		{"bidirectional override", "abc\u202egpj", `abc\u202egpj`, 80},
		{"isolate", "a\u2066b", `a\u2066b`, 80},
		{"line separator", "a\u2028b", `a\u2028b`, 80},
		{"zero width joiner", "a\u200db", `a\u200db`, 80},
		{"no-break space", "a\u00a0b", `a\u00a0b`, 80},
		{"variation selector", "JIRA-1\ufe0f", `JIRA-1\ufe0f`, 80},
		{"grapheme joiner", "main\u034f", `main\u034f`, 80},
		{"variation selector of plane 14", "a\U000e0101", `a\U000e0101`, 80},
		{"Hangul fillers", "a\u3164\u115f\u1160\uffa0b", `a\u3164\u115f\u1160\uffa0b`, 80},
		{"Mongolian and Khmer", "a\u180b\u180f\u17b4\u17b5", `a\u180b\u180f\u17b4\u17b5`, 80},
		{"braille blank", "a\u2800b", `a\u2800b`, 80},
		{"accents stay", "e\u0301 \u0e01\u0e33", "e\u0301 \u0e01\u0e33", 80},
		{"invalid UTF-8", "a\xffb\xc3", `a\xffb\xc3`, 80},
		{"replacement character itself", "a\ufffdb", "a\ufffdb", 80},
		{"NUL and DEL", "a\x00b\x7f", `a\x00b\x7f`, 80},
		{"cut", "abcdefghij", "abcdef...", 9},
		{"cut at a whole character", "äöüäöü", "äöü...", 10},
		{"cut never splits an escape", "abcd\x1bxyz", "abcd...", 8},
		{"just fits", "abcdefghi", "abcdefghi", 9},
		{"no room", "abcdef", "", 2},
	} {
		if got := text.Clean(test.in, test.limit); got != test.want {
			t.Errorf("%s: Clean(%q, %d) = %q, want %q", test.name, test.in, test.limit, got, test.want)
		}
	}
}

func TestCleanRecord(t *testing.T) {
	for in, want := range map[string]string{
		"a\ufe0f\u034f\u3164\u2800": "a\ufe0f\u034f\u3164\u2800", // as lines have it that were written before
		"a\u202eb\nc\x1b":           `a\u202eb\nc\x1b`,
	} {
		if got := text.CleanRecord(in, 80); got != want || text.PrintableRecord(in) != (in == want) {
			t.Errorf("CleanRecord(%q) = %q, want %q", in, got, want)
		}
		if text.Printable(in) {
			t.Errorf("Printable(%q)", in)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[0m\u202e\xff", 10)
	f.Add(strings.Repeat("é", 40), 17)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		got := text.Clean(s, limit)
		if len(got) > max(limit, 0) {
			t.Fatalf("Clean(%q, %d) has %d bytes", s, limit, len(got))
		}
		if !utf8.ValidString(got) || !text.Printable(got) {
			t.Fatalf("Clean(%q, %d) = %q is not safe to print", s, limit, got)
		}
		if again := text.Clean(got, limit); again != got {
			t.Fatalf("Clean is not idempotent: %q then %q", got, again)
		}
	})
}
