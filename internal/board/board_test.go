package board

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

func (j *journal) entry() ledger.Entry { return ledger.Entry{} }

func quoteJS(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

// writeBoard writes a board at the tests' clock.
func writeBoard(t testing.TB, j *journal, out string, change func(*Options)) Result {
	t.Helper()
	plots := []Plot{
		{Title: "Deployments a week", Environment: "prd", Definition: "Deployments to prd, of all services.",
			Points: []Point{{clock.Add(-14 * 24 * time.Hour), 3}, {clock.Add(-7 * 24 * time.Hour), 5}, {clock, 2}}},
		{Title: "Lead time", Environment: "prd", Service: "shop", Unit: "h"},
	}
	o := Options{Out: out, Policy: policyFor(t, j.dir), Now: func() time.Time { return clock },
		Metrics: func(context.Context, uint64) ([]Plot, error) { return plots, nil }}
	if change != nil {
		change(&o)
	}
	r, err := Write(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pagesOf lists the pages of a site.
func pagesOf(t testing.TB, out string) (pages []string) {
	t.Helper()
	err := filepath.WalkDir(out, func(file string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, ".html") {
			rel, _ := filepath.Rel(out, file)
			pages = append(pages, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func readFile(t testing.TB, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A node is an element of a page as a strict parser sees it.
type node struct {
	name string
	attr map[string]string
	text string // in it, at any depth
}

// parse reads a page as XML, which ours are too: what is not well formed is an
// error, and an element that got in by a value is an element.
func parse(t testing.TB, file, content string) (nodes []*node) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(content))
	var open []*node
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nodes
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{name: token.Name.Local, attr: make(map[string]string)}
			for _, a := range token.Attr {
				n.attr[a.Name.Local] = a.Value
			}
			nodes, open = append(nodes, n), append(open, n)
		case xml.EndElement:
			if name := token.Name.Local; name == "td" || name == "th" {
				for _, n := range open {
					n.text += " "
				}
			}
			open = open[:len(open)-1]
		case xml.CharData:
			for _, n := range open {
				n.text += string(token)
			}
		case xml.Comment, xml.ProcInst:
			t.Errorf("%s: %T", file, token)
		}
	}
}

// TestPages checks each page of two boards: well formed; language, title, one
// h1, the policy; no inline script, style or handler; every internal link leads
// to a file and to a place in it; outside links are http.
func TestPages(t *testing.T) {
	for name, j := range map[string]*journal{"weeks": weeks(t), "spite": spite(t)} {
		out := filepath.Join(t.TempDir(), "board")
		r := writeBoard(t, j, out, nil)
		pages := pagesOf(t, out)
		if r.Pages != len(pages) || r.Records != j.seq || r.Commits == 0 || r.Tickets == 0 || len(pages) < 15 {
			t.Fatalf("%s: %+v, %d pages", name, r, len(pages))
		}
		for _, file := range pages {
			checkPage(t, out, file)
		}
	}
}

func checkPage(t *testing.T, out, file string) {
	t.Helper()
	content := readFile(t, out, file)
	if !strings.HasPrefix(content, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"+
		`<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;self&#39;; script-src &#39;self&#39;; `+
		`img-src &#39;self&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"/>`) {
		t.Errorf("%s begins with %.300s", file, content)
	}
	counts := map[string]int{}
	for _, n := range parse(t, file, content) {
		counts[n.name]++
		for a, value := range n.attr {
			if strings.HasPrefix(a, "on") || a == "style" || a == "srcdoc" {
				t.Errorf("%s: inline %s=%q", file, a, value)
			}
		}
		switch n.name {
		case "style", "img", "iframe", "object", "embed", "base", "foreignObject", "use", "image":
			t.Errorf("%s: an element %s", file, n.name)
		case "script":
			if n.text != "" || file != "search.html" || !strings.HasPrefix(n.attr["src"], "assets/") {
				t.Errorf("%s: a script %q %v", file, n.text, n.attr)
			}
		case "title":
			if strings.TrimSpace(n.text) == "" {
				t.Errorf("%s: an empty title", file)
			}
		}
		for _, a := range []string{"href", "src"} {
			if value, ok := n.attr[a]; ok {
				checkLink(t, out, file, value)
			}
		}
	}
	if counts["h1"] != 1 || counts["main"] != 1 || counts["title"] < 1 || counts["script"] != 0 && file != "search.html" {
		t.Errorf("%s: %v", file, counts)
	}
}

func checkLink(t *testing.T, out, file, value string) {
	t.Helper()
	u, err := url.Parse(value)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	if u.Scheme != "" || u.Host != "" {
		if u.Scheme != "https" || u.Host != "ci.example.com" {
			t.Errorf("%s leads to %q", file, value)
		}
		return
	}
	target := file
	if u.Path != "" {
		target = filepath.Join(filepath.Dir(file), u.Path)
	}
	b, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(target)))
	if err != nil {
		t.Errorf("%s: %v", file, err)
	}
	if u.Fragment != "" && !bytes.Contains(b, []byte(`id="`+u.Fragment+`"`)) {
		t.Errorf("%s: nothing is called %q in %s", file, u.Fragment, target)
	}
}

// TestHostile compares pieces of pages whose values would do harm.
func TestHostile(t *testing.T) {
	out := filepath.Join(t.TempDir(), "board")
	writeBoard(t, spite(t), out, nil)
	commit := readFile(t, out, "commits", id("evil 0")+".html")
	for _, want := range []string{
		"<p class=\"lead\"><bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi></p>",
		"<p class=\"more\"><bdi>overrode &lt;script&gt;alert(1)&lt;/script&gt;</bdi></p>",
		"<p class=\"more\"><bdi>javascript:alert(1)//&lt;script&gt;alert(1)&lt;/script&gt;</bdi></p>",
		"by <bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi> · record ",
		"<strong><bdi>vetoed</bdi></strong>",
	} {
		if !strings.Contains(commit, want) {
			t.Errorf("the commit's page has no %s", want)
		}
	}
	ticket := readFile(t, out, "tickets", Slug(hostile[3])+".html")
	for _, want := range []string{
		"<title>Ticket &lt;/title&gt;&lt;svg onload=alert(1)&gt; – pathgate</title>",
		"<h1>Ticket <bdi>&lt;/title&gt;&lt;svg onload=alert(1)&gt;</bdi></h1>",
	} {
		if !strings.Contains(ticket, want) {
			t.Errorf("the ticket's page has no %s:\n%.1200s", want, ticket)
		}
	}
	index := readFile(t, out, "assets", "search-index.js")
	if strings.ContainsAny(strings.ReplaceAll(index, "self.pathgateIndex", ""), "<>") || strings.Contains(index, "&lt") && !strings.Contains(index, `\u0026lt`) {
		t.Error("the index of the search has markup")
	}
	var rows [][4]string
	list := strings.TrimSuffix(strings.TrimPrefix(index, "'use strict';\nself.pathgateIndex = "), ";\n")
	if err := json.Unmarshal([]byte(list), &rows); err != nil || len(rows) < 20 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		checkLink(t, out, "search.html", row[3])
	}
	for _, secret := range []string{"192.0.2.7", "/srv/git"} {
		for _, file := range pagesOf(t, out) {
			if strings.Contains(readFile(t, out, file), secret) {
				t.Errorf("%s tells %s", file, secret)
			}
		}
	}
}

func TestSlug(t *testing.T) {
	long := strings.Repeat("x", 200)
	seen := make(map[string]string)
	for _, name := range append([]string{"", "shop", "Shop", "SHOP", "..", ".", "a/b", "a_2fb", "ä", "con.html", long, long + "y", strings.Repeat("/", 80)}, hostile...) {
		slug := Slug(name)
		if other, twice := seen[strings.ToLower(slug)]; twice || len(slug) > maxSlug || strings.HasPrefix(slug, ".") ||
			strings.Trim(slug, "abcdefghijklmnopqrstuvwxyz0123456789.-_~") != "" {
			t.Errorf("%q: %q, also of %q", name, slug, other)
		}
		seen[strings.ToLower(slug)] = name
	}
}

// TestSame checks that the same input makes the same bytes, twice, and that a
// smaller bound takes the pages away that are not needed any more.
func TestSame(t *testing.T) {
	j := weeks(t)
	out := filepath.Join(t.TempDir(), "board")
	read := func() map[string]string {
		all := make(map[string]string)
		for _, file := range append(pagesOf(t, out), "assets/search-index.js") {
			all[file] = readFile(t, out, file)
		}
		return all
	}
	writeBoard(t, j, out, nil)
	first := read()
	for range 3 {
		writeBoard(t, j, out, nil)
		again := read()
		for file, content := range again {
			if first[file] != content {
				t.Errorf("%s differs", file)
			}
		}
		if len(again) != len(first) {
			t.Errorf("%d files, and %d", len(first), len(again))
		}
	}
	r := writeBoard(t, j, out, func(o *Options) { o.MaxCommits, o.PageSize, o.Metrics = 2, 1, nil })
	if r.Commits != 2 || r.Tickets != 2 {
		t.Errorf("%+v", r)
	}
	for _, file := range pagesOf(t, out) {
		checkPage(t, out, file)
	}
	names, _ := os.ReadDir(filepath.Join(out, "commits"))
	if pages := pagesOf(t, out); len(names) != 2 || !slices.Contains(pages, "index-3.html") || slices.Contains(pages, "metrics.html") {
		t.Errorf("%d commits, %q", len(names), pages)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".*"))
	for i, path := range left {
		left[i] = filepath.Base(path)
	}
	if !slices.Equal(left, []string{".board" + lockName, ".board" + stateName}) {
		t.Errorf("left behind: %q", left)
	}
}

// TestTells holds the pages against what the story was.
func TestTells(t *testing.T) {
	out := filepath.Join(t.TempDir(), "board")
	writeBoard(t, weeks(t), out, nil)
	for file, wants := range map[string][]string{
		"index.html": {
			"prd main", "until 2026-11-21 21:30 UTC by dan: the data base moves tonight",
			"billing stg ✕ drift the ref was seen at " + id("somebody's")[:7] + ", on record is " + id("bill 2")[:7],
			"what is live is barred by chi: charges twice", "acc ! report only", "prd ! frozen weekend",
			"Waits, from dev " + id("shop 10")[:7] + " a label for each field",
			"was here, and was rolled back for: approvals: 0 of 2 the veto by chi: charges twice the lock by dan",
			"WEB-60-colours " + id("WEB-60-colours")[:7] + " (WEB-60) by chi, 2026-11-08 09:45 UTC; waits for acc",
			"… moving a push is under way", "1 override on record",
		},
		"services/billing.html":               {"deployed to prd by override ✕ failure", "overrode soak, approvals INC-204: customers get no bills at all", "prd rolled back to it ✓ success", "8 deployments"},
		"commits/" + id("bill 2") + ".html":   {"billing dev • stands, not live", "billing stg ✓ live", "billing prd … waits", "vetoed", "refused in prd", "deployment to prd: failure"},
		"tickets/" + Slug("WEB-41") + ".html": {"portal int ✓ holds WEB-41-login", "portal live ✓ deployed"},
		"tickets/" + Slug("WEB-52") + ".html": {"portal int – not here", "portal acc ✓ holds WEB-52-menu", "WEB-52-menu taken out of int"},
		"refusals.html":                       {"needs-approval 3 3 prd 3", "vetoed 1 1 prd 1", "4 in all"},
		"exceptions.html":                     {"Overrides 1", "Drift 1", "Let in against a rule 2", "Adoptions 1", "Faults 1", "Repairs 0", "billing " + id("bill 2")[:7] + " ✕ vetoed", "acc ! report only"},
		"metrics.html":                        {"Deployments a week prd", "2026-11-14 16:30 UTC 5"},
		"services/shop.html":                  {"Lead time", "No value yet.", "prd"},
		"timeline.html":                       {"rolled back or taken out"},
		"commits/" + id("shop 9") + ".html":   {"shop far • live, as far as stamps tell", "failure in far, elsewhere"},
	} {
		text := ""
		for _, n := range parse(t, file, readFile(t, out, file)) {
			if n.name == "body" {
				text = strings.Join(strings.Fields(n.text), " ")
			}
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not tell %q:\n%s", file, want, text)
			}
		}
	}
}

// TestFlood checks that refusals do not push what matters off the board.
func TestFlood(t *testing.T) {
	j := weeks(t)
	for i := range 300 {
		j.say("shop", "prd", "flood "+itoa(i), ledger.Entry{Type: ledger.TypeRefused, Codes: []string{"flood-" + itoa(i)}, Principal: "mallory"})
	}
	out := filepath.Join(t.TempDir(), "board")
	r := writeBoard(t, j, out, func(o *Options) { o.MaxCommits = 20 })
	if r.Commits != 20 {
		t.Errorf("%+v", r)
	}
	for _, commit := range []string{"bill 3", "bill 2", "bill 1", "shop 10", "shop 9", "live 1", "int 9", "acc 1"} {
		if _, err := os.Stat(filepath.Join(out, "commits", id(commit)+".html")); err != nil {
			t.Errorf("%s has no page", commit)
		}
	}
	flood := 0
	for i := range 300 {
		if _, err := os.Stat(filepath.Join(out, "commits", id("flood "+itoa(i))+".html")); err == nil {
			flood++
		}
	}
	refusals := readFile(t, out, "refusals.html")
	if flood != 5 || strings.Count(refusals, "<tr>") != maxCodes+2 || !strings.Contains(refusals, "<bdi>others</bdi>") ||
		strings.Count(refusals, "<p class=\"head\">") != maxListed {
		t.Errorf("%d pages of the flood, %d codes, %d refusals", flood, strings.Count(refusals, "<tr>"), strings.Count(refusals, "<p class=\"head\">"))
	}
	for _, file := range pagesOf(t, out) {
		checkPage(t, out, file)
	}
}
