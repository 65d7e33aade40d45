package board

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strings"
)

// CSP is the policy that each page carries: style, script and images of the
// site's own, nothing else, from nowhere else (CSP Level 3).
const CSP = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/board.css assets/search.js assets/icon.svg
var assetFiles embed.FS

// A page is one file of the site.
type page struct {
	File    string // relative to the site
	Kind    string // its template
	Current string // what of the navigation is current
	Title   string
	Root    string // from the page to the site: "" or "../"
	Body    any
}

// A frame is what every page shows beside its body.
type frame struct {
	page
	CSP     string
	Tickets bool
	Metrics bool
	Written moment
	Newest  moment
	Records uint64
	Ledger  string
}

// A renderer makes pages from the templates.
type renderer struct {
	pages map[string]*template.Template
	frame frame
	buf   bytes.Buffer
}

// kinds are the templates of pages, beside layout.html and parts.html.
var kinds = [...]string{"index", "service", "story", "list", "timeline", "refusals", "exceptions", "metrics", "search"}

func newRenderer(s *site) (*renderer, error) {
	base, err := template.New("layout.html").ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	r := &renderer{pages: make(map[string]*template.Template), frame: frame{CSP: CSP,
		Tickets: len(s.t.tickets) > 0, Metrics: len(s.plots) > 0, Written: at(s.g.now), Newest: at(s.g.head.Time),
		Records: s.g.head.Seq, Ledger: s.g.id}}
	for _, kind := range kinds {
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(templateFiles, "templates/"+kind+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("read the template %s: %w", kind, err)
		}
		r.pages[kind] = t
	}
	return r, nil
}

// render makes one page. Its bytes are valid until the next call.
func (r *renderer) render(p page) ([]byte, error) {
	f := r.frame
	f.page = p
	if strings.Contains(p.File, "/") {
		f.Root = "../"
	}
	r.buf.Reset()
	if err := r.pages[p.Kind].Execute(&r.buf, f); err != nil {
		return nil, fmt.Errorf("make the page %s: %w", p.File, err)
	}
	return r.buf.Bytes(), nil
}
