package evidence

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// A table is one of the page.
type table struct {
	ID, Title, Text, File string
	Total                 int
	Head                  []string
	Rows                  [][][]string // cells of lines
}

// A page is what the template shows.
type page struct {
	CSP, Title   string
	Written      string
	Style        template.CSS
	Facts        [][2]string
	Findings     []string
	Summary      []string
	Tables       []table
	Standards    []standard
	Limits       []string
	Verification []string
}

// csp lets the page have the one style that is in it and nothing else, from
// nowhere (CSP Level 3).
func csp() string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

// page writes report.html.
func (p *pack) page(w io.Writer) error {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("read the template of the page: %w", err)
	}
	day := "2006-01-02"
	title := fmt.Sprintf("Change evidence: %s, %s to %s", p.o.Service, p.o.From.Format(day), p.o.To.Add(-1).Format(day))
	content := page{CSP: csp(), Style: template.CSS(pageCSS), Title: text.Clean(title, maxCell),
		Written: text.Clean("Written "+moment(p.o.Now)+" by pathgate "+p.o.Version+" from ledger "+p.ledger+".", maxCell), Facts: p.facts(), Summary: p.summary(),
		Tables: []table{p.exceptionTable(), p.changeTable(), p.approvalTable()}, Standards: standards, Limits: limits, Verification: p.verification()}
	for _, f := range p.report.Findings {
		content.Findings = append(content.Findings, text.Clean(f.String(), maxCell))
	}
	return t.Execute(w, content)
}

// cell is lines of a cell, those that say nothing left out.
func cell(lines ...string) (out []string) {
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, text.Clean(line, maxCell))
		}
	}
	return out
}

func labelled(label, value string) string {
	if value == "" {
		return ""
	}
	return label + " " + value
}

func (p *pack) exceptionTable() table {
	t := table{ID: "exceptions", Title: "Exceptions", File: "exceptions.csv", Total: len(p.exceptions),
		Text: "What went past a rule or round the gate, what could not be checked, and changes of the rules; of all environments of the service, and of the ledger.",
		Head: []string{"Kind", "Record", "Where", "Who", "What", "Reason"}}
	for _, x := range p.exceptions[:min(len(p.exceptions), maxPageRows)] {
		e := x.entry
		t.Rows = append(t.Rows, [][]string{
			cell(x.kind.String()), cell(number(e.Seq), moment(e.Time)),
			cell(e.Environment, e.Repository+" "+e.Ref, labelled("commit", e.Commit)),
			cell(e.Principal, labelled("via", e.Via), labelled("from", e.Address)), cell(x.what()), cell(e.Reason)})
	}
	return t
}

func (p *pack) changeTable() table {
	t := table{ID: "changes", Title: "Changes to production", File: "changes.csv", Total: len(p.changes),
		Text: "Deployments whose record is of the window, in the order of the record.",
		Head: []string{"Record", "Change", "Requested by", "Approved by", "Tests before", "Rules", "Outcome", "Back-out", "Policy"}}
	for _, ch := range p.changes[:min(len(p.changes), maxPageRows)] {
		t.Rows = append(t.Rows, ch.row())
	}
	return t
}

// row is a change on the page.
func (ch *change) row() [][]string {
	e := ch.entry
	approvers, _, another := ch.approvers()
	approved := list(approvers)
	if approved == "" {
		approved = "nobody"
	}
	backed := "not backed out"
	if ch.back != nil {
		backed = fmt.Sprintf("backed out %s by %s: %s, record %d", moment(ch.back.Time), ch.back.Principal, ch.back.Kind, ch.back.Seq)
	}
	what := e.Kind
	if e.Action != "" && e.Action != e.Kind {
		what += ", " + e.Action
	}
	requester := e.Principal
	if requester == "" {
		requester = "nobody is named"
	}
	ended := ch.ended()
	plan := ch.plan()
	if ch.back != nil {
		plan = ""
	}
	return [][]string{
		cell(number(e.Seq), moment(e.Time)),
		cell(e.Environment+": "+what, e.Subject, "commit "+e.Commit, labelled("branch", e.Branch),
			labelled("of commit", e.Head), labelled("tickets", list(e.Tickets)), labelled("reason", e.Reason)),
		cell(requester, labelled("via", e.Via), labelled("from", e.Address)),
		cell(approved, labelled("asked for", ch.requiredText()), "another than the requester: "+another),
		cell(append(ch.testWords(moment), "passed: "+ch.passed())...),
		cell(append(ch.shortRules(), labelled("decided", moment(ch.decided())), labelled("overrode", list(e.Overrode)),
			labelled("not enforced", list(ch.noes)))...),
		cell(ch.result(), moment(ended.Time), labelled("by", ended.Principal), ended.Message),
		cell(backed, plan),
		cell(labelled("sha256", e12(e.Policy)), labelled("serial", ch.serial()), labelled("record", ch.policyRecord())),
	}
}

// shortRules are the verdicts without the name of the environment.
func (ch *change) shortRules() (all []string) {
	for _, rule := range ch.rules() {
		all = append(all, strings.TrimPrefix(rule, "environments."+ch.entry.Environment+"."))
	}
	return all
}

func (p *pack) approvalTable() table {
	t := table{ID: "approvals", Title: "Approvals and objections", File: "approvals.csv", Total: len(p.approvals),
		Text: "What had been said about a change, and stood, when it was decided.",
		Head: []string{"Change", "Record", "Who", "Says", "Another than the requester", "Counts", "Reason"}}
	for _, a := range p.approvals[:min(len(p.approvals), maxPageRows)] {
		e := a.says()
		t.Rows = append(t.Rows, [][]string{cell(number(a.change.entry.Seq)), cell(number(e.Seq), moment(e.Time)),
			cell(e.Principal, labelled("via", e.Via), labelled("from", e.Address)), cell(e.Kind, labelled("commit", e.Commit)),
			cell(a.other), cell(a.counts, a.why), cell(e.Reason)})
	}
	return t
}
