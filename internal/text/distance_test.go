package text_test

import (
	"testing"

	"github.com/pathgate/pathgate/internal/text"
)

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"explain", "explain", 0}, {"explian", "explain", 1}, {"expalin", "explain", 1},
		{"explin", "explain", 1}, {"explains", "explain", 1}, {"overide", "override", 1}, {"ovrride", "override", 1},
		{"region", "reason", 2}, {"topic", "reason", 6}, {"größe", "grösse", 2}, {"\xff", "a", 1},
	} {
		if got := text.Distance(test.a, test.b); got != test.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := text.Distance(test.b, test.a); got != test.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
