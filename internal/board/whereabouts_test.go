package board

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// textOf is the text of a page.
func textOf(t testing.TB, out, file string) (text string) {
	t.Helper()
	for _, n := range parse(t, file, readFile(t, out, file)) {
		if n.name == "main" {
			text = strings.Join(strings.Fields(n.text), " ")
		}
	}
	return text
}

// tells checks what pages tell, and what those after "not " do not.
func tells(t *testing.T, out string, pages map[string][]string) {
	t.Helper()
	for file, wants := range pages {
		text := textOf(t, out, file)
		for _, want := range wants {
			what, not := strings.CutPrefix(want, "not ")
			if strings.Contains(text, what) == not {
				t.Errorf("%s: %q\n%s", file, want, text)
			}
		}
	}
}

func (j *journal) branch(environment, commit, branch, head string, e ledger.Entry) {
	e.Action, e.Branch, e.Head = ledger.ActionRelease, branch, id(head)
	if e.Tickets == nil {
		e.Tickets = []string{branch}
	}
	j.push("site", environment, commit, "release "+branch, e)
}

// TestThroughMain follows branches that come to environments by their base and
// leave them by it: each page says where they are.
func TestThroughMain(t *testing.T) {
	j := newJournal(t)
	out := filepath.Join(t.TempDir(), "board")
	j.branch("int", "int 1", "WEB-7", "head 7", ledger.Entry{})
	j.branch("acc", "acc 1", "WEB-7", "head 7", ledger.Entry{})
	j.push("site", "live", "merge 6", "merge six", ledger.Entry{Tickets: []string{"WEB-6"}})
	j.push("site", "live", "head 7", "seven", ledger.Entry{})
	j.push("site", "int", "head 7", "seven", ledger.Entry{Kind: ledger.KindReset, Action: ledger.ActionReset, Principal: "ben"})
	writeBoard(t, j, out, nil)
	tells(t, out, map[string][]string{
		"tickets/" + Slug("WEB-6") + ".html": {"site int ✓ has it through main", "site acc • in main", "site live ✓ deployed"},
		"tickets/" + Slug("WEB-7") + ".html": {"site int ✓ deployed", "site acc ✓ holds WEB-7", "site live ✓ deployed", "withdrawn from int: int started over"},
		"commits/" + id("head 7") + ".html":  {"site int ✓ live", "site acc ✓ holds WEB-7", "site live ✓ live"},
		"commits/" + id("int 1") + ".html":   {"site int ↩ withdrawn", "withdrawn from int: int started over " + id("head 7")[:7], "by ben · record"},
		"services/site.html": {"No released branch all that it has comes from main",
			"Released branches besides what comes from main WEB-7 " + id("head 7")[:7] + " (WEB-7) by ana, 2026-10-26 16:30 UTC; in main"},
	})
	j.branch("int", "int 2", "WEB-8", "head 8", ledger.Entry{Gone: []string{"WEB-7"}})
	j.push("site", "live", "merge 8", "merge eight", ledger.Entry{Tickets: []string{"WEB-8"}})
	j.branch("int", "int 3", "WEB-9", "head 9", ledger.Entry{Gone: []string{"WEB-8"}})
	writeBoard(t, j, out, nil)
	tells(t, out, map[string][]string{
		"tickets/" + Slug("WEB-6") + ".html": {"site int ✓ has it through main", "site acc • in main"},
		"tickets/" + Slug("WEB-7") + ".html": {"site int ✓ deployed"},
		"tickets/" + Slug("WEB-8") + ".html": {"site int ✓ has it through main", "site acc • in main", "site live ✓ deployed"},
		"tickets/" + Slug("WEB-9") + ".html": {"site int ✓ holds WEB-9", "site acc – not here", "site live – not here"},
		"commits/" + id("head 7") + ".html":  {"site int • stands, not live"},
	})
	j.push("site", "live", "head 7", "seven", ledger.Entry{Kind: "rollback", Principal: "dan"})
	j.push("site", "int", "int 2", "release", ledger.Entry{Kind: "rollback", Principal: "dan"})
	writeBoard(t, j, out, nil)
	tells(t, out, map[string][]string{
		"tickets/" + Slug("WEB-6") + ".html": {"site int ✓ has it through main", "site acc • in main"},
		"tickets/" + Slug("WEB-7") + ".html": {"site int ✓ deployed"},
		"tickets/" + Slug("WEB-8") + ".html": {"site int ✓ holds WEB-8", "site acc – not here", "site live ↩ withdrawn", "withdrawn from live by a rollback"},
		"tickets/" + Slug("WEB-9") + ".html": {"site int – not here", "withdrawn from int by a rollback"},
		"commits/" + id("head 9") + ".html":  {"withdrawn from int by a rollback"},
	})
	if r := writeBoard(t, j, out, nil); r.Whole {
		t.Error("the state was not used")
	}
}

// TestTaken checks what a list of branches says of the base: that it has a
// branch's commit, that it took all tickets of it since, and nothing of one of
// which it took a part.
func TestTaken(t *testing.T) {
	j := newJournal(t)
	out := filepath.Join(t.TempDir(), "board")
	j.branch("acc", "acc 1", "WEB-7", "head 7", ledger.Entry{})
	j.branch("acc", "acc 2", "WEB-8", "head 8", ledger.Entry{Tickets: []string{"WEB-8", "WEB-7"}})
	j.branch("acc", "acc 3", "WEB-9", "head 9", ledger.Entry{Tickets: []string{"WEB-9", "WEB-7"}})
	j.push("site", "live", "head 7", "seven", ledger.Entry{Tickets: []string{"WEB-7"}})
	j.push("site", "live", "merge 9", "merge nine", ledger.Entry{Tickets: []string{"WEB-9"}})
	j.branch("acc", "acc 4", "WEB-9", "head 9 more", ledger.Entry{Tickets: []string{"WEB-9"}})
	writeBoard(t, j, out, nil)
	tells(t, out, map[string][]string{"services/site.html": {
		"(WEB-7) by ana, 2026-10-26 16:30 UTC; in main WEB-8", "(WEB-8, WEB-7) by ana, 2026-10-26 16:30 UTC; waits for live WEB-9",
		"(WEB-9) by ana, 2026-10-26 16:30 UTC; waits for live"}})
	j.push("site", "live", "merge 9 more", "merge nine", ledger.Entry{Tickets: []string{"WEB-9"}})
	writeBoard(t, j, out, nil)
	tells(t, out, map[string][]string{"services/site.html": {"(WEB-9) by ana, 2026-10-26 16:30 UTC; main took WEB-9 since"}})
}

// TestWholeWay checks that the page of a commit tells each time that it was
// withdrawn, when and by whom, and that lists do.
func TestWholeWay(t *testing.T) {
	j := newJournal(t)
	out := filepath.Join(t.TempDir(), "board")
	push := func(commit, who, kind string) {
		j.wait(time.Hour)
		j.push("shop", "prd", commit, "the subject of "+commit, ledger.Entry{Principal: who, Kind: kind})
	}
	push("one", "ana", "")
	push("two", "ana", "")
	push("one", "bo", "rollback")
	push("two", "dan", ledger.KindOverride)
	push("one", "eve", ledger.KindOverride)
	push("three", "ana", "")
	push("one", "fay", "rollback") // two is withdrawn already
	writeBoard(t, j, out, nil)
	tells(t, out, map[string][]string{
		"commits/" + id("two") + ".html": {
			"shop prd ↩ withdrawn",
			"withdrawn from prd by a rollback " + id("one")[:7] + " the subject of one 2026-10-26 19:30 UTC · by bo · record 7",
			"withdrawn from prd by an override " + id("one")[:7] + " the subject of one 2026-10-26 21:30 UTC · by eve · record 11",
			"not by fay",
		},
		"commits/" + id("three") + ".html": {"withdrawn from prd by a rollback", "by fay"},
		"commits/" + id("one") + ".html":   {"not withdrawn", "prd rolled back to it"},
		"commits.html":                     {"withdrawn from prd by an override", "withdrawn from prd by a rollback"},
	})
	if n := strings.Count(textOf(t, out, "commits/"+id("two")+".html"), "withdrawn from prd"); n != 2 {
		t.Errorf("withdrawn %d times", n)
	}
}
