package command

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCodePages holds the pages complete: each code of policy/code.go has one,
// with its four parts, and what "help CODE" prints is that page.
func TestCodePages(t *testing.T) {
	source, err := os.ReadFile("../../policy/code.go")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"rehearsal"} // what -o explain ends with
	for _, m := range regexp.MustCompile(`(?m)^\s+\w+\s+Code\s+= "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		if !slices.Contains(want, m[1]) {
			want = append(want, m[1])
		}
	}
	if len(want) < 27 {
		t.Fatalf("found only %d codes", len(want))
	}
	var have []string
	for _, page := range splitCodePages(codeText) {
		have = append(have, page.code)
		var out, errs bytes.Buffer
		if status := Run([]string{"help", page.code}, &out, &errs, func(string) string { return "" }); status != 0 || out.String() != page.text {
			t.Errorf("help %s: status %d\n%s%s", page.code, status, out.String(), errs.String())
		}
		at := 0
		for _, part := range []string{"\n\nWhat happened\n    ", "\nWhy\n    ", "\nWhat to do\n    ", "\nExample\n    "} {
			i := strings.Index(page.text[at:], part)
			if i < 0 {
				t.Errorf("%s: %q is missing or misplaced", page.code, strings.TrimSpace(part))
				break
			}
			at += i + len(part) - 5
		}
		for line := range strings.Lines(page.text) {
			if utf8.RuneCountInString(line) > 79 {
				t.Errorf("%s: wider than 78 columns: %s", page.code, line)
			}
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("pages of %v,\nwant %v", have, want)
	}
	if !strings.Contains(helpCodes, "frozen") || strings.Contains(rootList(t), "needs-approval") {
		t.Error("the codes are not in their own list, or are in the list of verbs")
	}
}

func rootList(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if status := Run([]string{"help"}, &out, &out, func(string) string { return "" }); status != 0 {
		t.Fatalf("help: status %d", status)
	}
	return out.String()
}
