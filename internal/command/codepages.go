package command

import (
	_ "embed"
	"strings"
)

// codeText has a page for each refusal code, below a line "== CODE".
//
//go:embed help-code-pages.txt
var codeText string

// A codePage explains one refusal code.
type codePage struct{ code, text string }

// splitCodePages takes the file of pages apart.
func splitCodePages(all string) []codePage {
	var pages []codePage
	for section := range strings.SplitSeq("\n"+all, "\n== ") {
		code, text, _ := strings.Cut(section, "\n")
		if code != "" {
			pages = append(pages, codePage{code, code + "\n\n" + strings.TrimSpace(text) + "\n"})
		}
	}
	return pages
}

// codePageOf is the page of a refusal code, false if there is none.
func codePageOf(code string) (text string, ok bool) {
	for _, page := range splitCodePages(codeText) {
		if page.code == code {
			return page.text, true
		}
	}
	return "", false
}
