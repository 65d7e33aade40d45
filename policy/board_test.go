package policy

import (
	"strings"
	"testing"
	"time"
)

func TestBoard(t *testing.T) {
	if p := mustParse(t, issuePolicy); p.Board != nil {
		t.Errorf("without the table: %+v", p.Board)
	}
	p := mustParse(t, issuePolicy+"[board]\nout = \"/var/www/board\"\n")
	if b := p.Board; b == nil || b.Out != "/var/www/board" || b.Pause != 10*time.Second || b.Place.Line == 0 {
		t.Errorf("a folder alone: %+v", b)
	}
	p = mustParse(t, issuePolicy+"[board]\nout = \"/var/www/board\"\npause = \"2m\"\n")
	if p.Board.Pause != 2*time.Minute {
		t.Errorf("a pause: %+v", p.Board)
	}
	for text, want := range map[string]string{
		``:                                        "out is missing",
		`pause = "10s"`:                           "out is missing",
		`out = "board"`:                           "must be an absolute path",
		`out = "/var/www/../board"`:               "is not a clean path",
		`out = "/"`:                               "must not be the root",
		`out = 7`:                                 "string",
		"out = \"" + p.Ledger + "\"":              "must not be the ledger's folder",
		"out = \"" + p.Ledger + "/board\"":        "must not be the ledger's folder",
		"out = \"" + p.Root + "/board\"":          "must not be the folder of the repositories",
		"out = \"" + parentOf(p.Root) + "\"":      "must not be the folder of the repositories",
		"out = \"/w/board\"\npause = \"0s\"":      "longer than zero",
		"out = \"/w/board\"\npause = \"soon\"":    "is not a length of time",
		"out = \"/w/board\"\npause = 10":          "string",
		"out = \"/w/board\"\npause = \"2m1s\"":    "must be at most 2m0s",
		"out = \"/w/board\"\npages = 4":           "pages",
		"out = \"/w/board\"\n[board.more]\nx = 1": "more",
	} {
		if _, err := Parse("policy.toml", []byte(issuePolicy+"[board]\n"+text+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func parentOf(path string) string { return path[:strings.LastIndexByte(path, '/')] }
