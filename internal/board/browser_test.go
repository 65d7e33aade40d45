package board

import (
	_ "embed"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/access.js
var accessScript string

// TestBrowser opens every page of two boards in a real browser, light and dark,
// wide and narrow: nothing on the console, no violation of the policy, no
// request but for the site's own files, and nothing that keeps people out.
func TestBrowser(t *testing.T) {
	c := startChrome(t)
	for name, j := range map[string]*journal{"weeks": weeks(t), "spite": spite(t)} {
		out := filepath.Join(t.TempDir(), name)
		writeBoard(t, j, out, nil)
		base := "file://" + out + "/"
		pages := pagesOf(t, out)
		if len(pages) < 15 {
			t.Fatalf("only %d pages", len(pages))
		}
		for i, file := range pages {
			c.view([]int{1280, 390}[i%2], "light")
			for _, wrong := range c.show(base+file, base) {
				t.Errorf("%s %s: %s", name, file, wrong)
			}
			for _, scheme := range []string{"light", "dark"} {
				for _, width := range []int{1280, 390} {
					c.view(width, scheme)
					var found []string
					c.eval(accessScript, &found)
					for _, what := range found {
						t.Errorf("%s %s, %d %s: %s", name, file, width, scheme, what)
					}
					if name == "weeks" && (strings.Count(file, "/") == 0 || strings.HasPrefix(file, "services/") || i%9 == 0) {
						c.picture(strings.NewReplacer("/", "-", ".html", "").Replace(file) + map[int]string{1280: "-wide-", 390: "-phone-"}[width] + scheme)
					}
				}
			}
		}
	}
}

// TestBrowserSearch types into the search, also words that would be markup, and
// goes through a page by keyboard.
func TestBrowserSearch(t *testing.T) {
	c := startChrome(t)
	out := filepath.Join(t.TempDir(), "board")
	writeBoard(t, spite(t), out, nil)
	server := httptest.NewServer(http.FileServer(http.Dir(out)))
	defer server.Close()
	for _, base := range []string{"file://" + out + "/", server.URL + "/"} {
		c.view(1280, "light")
		wrong := c.show(base+"search.html", base)
		search := func(words string) (found []string) {
			// A slow machine may still be loading the page's own script.
			c.eval(`new Promise(function (done) { const i = document.getElementById('words'), began = Date.now();
				(function look() { i.value = `+quoteJS(words)+`; i.dispatchEvent(new Event('input'));
				const said = document.getElementById('found').textContent;
				if (said === '' && Date.now() - began < 10000) { setTimeout(look, 50); return; }
				done([said].concat(Array.from(document.querySelectorAll('#results li')).map(function (li) {
				return li.children.length + ' ' + li.querySelector('a').getAttribute('href') + ' ' + li.textContent; }))); }()); })`, &found)
			return found
		}
		if got := search("portal"); len(got) < 3 || !strings.Contains(strings.Join(got, "\n"), "services/portal.html service portal") {
			t.Errorf("portal: %q", got)
		}
		if got := search(hostile[0]); len(got) < 3 || !strings.Contains(got[1], hostile[0]) || !strings.HasPrefix(got[1], "3 ") {
			t.Errorf("hostile: %q", got)
		}
		if got := search("nothing-like-this"); len(got) != 1 || got[0] != "Nothing found." {
			t.Errorf("nothing: %q", got)
		}
		var scripts int
		c.eval("document.scripts.length", &scripts)
		if wrong = append(wrong, c.wrong(base)...); len(wrong) > 0 || scripts != 2 {
			t.Errorf("%s: %d scripts, %q", base, scripts, wrong)
		}
		var value string
		c.eval(`new Promise(function (done) { const began = Date.now(), i = document.getElementById('words');
			location.hash = 'shop'; (function look() {
			if (i.value !== 'shop' && Date.now() - began < 10000) { setTimeout(look, 50); return; } done(i.value); }()); })`, &value)
		if value != "shop" {
			t.Errorf("the address asked for shop, not %q", value)
		}
	}
	c.keyboard(t, "file://"+out+"/")
}

// keyboard looks whether each stop of the Tab key can be seen, and whether the
// first one leads to the content.
func (c *chrome) keyboard(t *testing.T, base string) {
	c.show(base+"index.html", base)
	c.eval("0", nil)
	for i := range 12 {
		c.key("Tab", 9)
		var at struct {
			Class, Outline, Box string
		}
		c.eval(`(function () { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
			return { Class: e.className, Outline: s.outlineStyle + ' ' + s.outlineWidth,
			Box: r.left >= 0 && r.top >= 0 && r.width > 0 ? 'seen' : 'hidden' }; }())`, &at)
		if at.Outline != "solid 3px" || at.Box != "seen" || i == 0 && at.Class != "skip" {
			t.Errorf("stop %d: %+v", i, at)
		}
		if i == 0 {
			continue
		}
	}
}

// TestBrowserMoves swaps the site under an open browser.
func TestBrowserMoves(t *testing.T) {
	c := startChrome(t)
	out := filepath.Join(t.TempDir(), "board")
	j := weeks(t)
	writeBoard(t, j, out, nil)
	base := "file://" + out + "/"
	c.show(base+"index.html", base)
	j.now = clock.Add(time.Second)
	j.push("shop", "dev", "shop 99", "the newest of all", j.entry())
	writeBoard(t, j, out, nil)
	c.show(base+"index.html", base)
	var text string
	c.eval("document.body.innerText", &text)
	if !strings.Contains(text, "the newest of all") {
		t.Error("the new site is not shown")
	}
}

// TestBrowserSees checks that the checks see what they look for, on a page that
// does everything wrong.
func TestBrowserSees(t *testing.T) {
	c := startChrome(t)
	dir := t.TempDir()
	page := `<!DOCTYPE html><html><head><meta http-equiv="Content-Security-Policy" content="` + CSP + `">
<link rel="stylesheet" href="grey.css"></head>
<body><script>document.title = 'ran'</script><img src="https://example.com/x.png"><a href="#"></a>
<h1>One</h1><h3 style="color: red">Three</h3><p id="a">pale</p><p id="a">pale</p><input><section></section>
<svg><text>x</text></svg><svg width="60" height="60" viewBox="0 0 600 600"><text x="5" y="50">small</text></svg>
<svg overflow="visible" width="10"><text x="-2000" y="9">far</text></svg><table><tr><th>x</th></tr></table><div class="wide">wide</div></body></html>`
	for name, content := range map[string]string{"bad.html": page, "grey.css": "p { color: #999 } .wide { width: 3000px }"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	base := "file://" + dir + "/"
	wrong := strings.Join(c.show(base+"bad.html", base), "\n")
	for _, want := range []string{"script-src-elem", "img-src", "style-src", "https://example.com/x.png"} {
		if !strings.Contains(wrong, want) {
			t.Errorf("the browser did not complain of %s:\n%s", want, wrong)
		}
	}
	var found []string
	c.eval(accessScript, &found)
	all := strings.Join(found, "\n")
	for _, want := range []string{"no language", "no title", "0 of main", "no way to skip", "a heading skips a level", "an identifier stands twice",
		"no name", "no label", "a region without a name", "an image without text", "a drawing without title", "a text too small in a drawing", "a part of a drawing out of sight", "a table without caption",
		"a head without scope", "rows without head", "inline style", "wider than the window", "a contrast of 2.8", "only "} {
		if !strings.Contains(all, want) {
			t.Errorf("%q was not found in\n%s", want, all)
		}
	}
}
