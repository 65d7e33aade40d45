package evidence

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

const branchPolicy = `version = 1
root = "/srv/git"
ledger = "DIR"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
release = { base = "refs/heads/base", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
release = { base = "refs/heads/base", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
after = ["dev"]
match = "contained"
enforce = false
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
match = "contained"
rollback = "none"
`

// branches has release branches and each kind of exception; no policy is on
// record.
func branches(t testing.TB) (*journal, *policy.Policy) {
	j := newJournal(t)
	release := func(branch, who string) ledger.Entry {
		return ledger.Entry{Action: ledger.ActionRelease, Kind: "promote", Branch: branch, Head: id(branch), Tickets: []string{branch[:5]}, Principal: who}
	}
	j.add(on("prd", ledger.Entry{Type: ledger.TypeAdopt, Kind: "adopt", New: id("p0"), Commit: id("p0"), Principal: "root", Reason: "day one"}))
	j.live[spot{"prd", "shop/prd.git", "refs/heads/main"}] = id("p0")
	reported := release("WEB-1", "chi")
	reported.Rules = []string{"environments.stg.after:dev=prior-not-deployed", "environments.stg.match=contained"}
	j.push("stg", "s1", reported)
	for _, branch := range []string{"WEB-1", "WEB-2", "WEB-3"} {
		e := on("prd", ledger.Entry{Type: ledger.TypeApproval, Kind: ledger.KindApprove, Commit: id(branch), Principal: "bo", Old: j.live[spot{"prd", "shop/prd.git", "refs/heads/main"}]})
		j.add(e)
		j.push("prd", "p "+branch, release(branch, "chi"))
	}
	out := ledger.Entry{Action: ledger.ActionRemove, Kind: ledger.KindRemove, Branch: "WEB-2", Principal: "dan"}
	j.push("prd", "p out", out)
	again := release("WEB-3", "")
	again.Action, again.Reason = ledger.ActionReplace, "settled from the ref; which one cannot be told"
	j.push("prd", "p anew", again)
	j.add(on("prd", ledger.Entry{Type: ledger.TypeDrift, Old: id("p anew"), New: id("elsewhere"), Principal: "reconcile"}))
	j.add(on("prd", ledger.Entry{Type: ledger.TypeDrift, Old: id("p anew"), New: id("p anew"), Principal: "reconcile"}))
	j.add(on("prd", ledger.Entry{Type: ledger.TypeFault, Codes: []string{"fault"}, Reason: "the disk is gone", Principal: "chi"}))
	j.add(ledger.Entry{Type: ledger.TypeRepair, Reason: "the clock was wrong", Principal: "root"})
	other := on("prd", ledger.Entry{Type: ledger.TypeFault, Principal: "zed"})
	other.Service = "portal"
	j.add(other)
	j.add(on("prd", ledger.Entry{Type: ledger.TypeIntent, New: id("x"), Commit: id("x"), Kind: "promote", Principal: "chi"}))
	pol, err := policy.Parse("policy.toml", []byte(strings.ReplaceAll(branchPolicy, "DIR", j.dir)))
	must(t, err)
	return j, pol
}

func TestBranches(t *testing.T) {
	j, pol := branches(t)
	var o Options
	out, r := j.writes(pol, func(given *Options) { key(t, given); o = *given })
	if len(r.Findings) > 0 || r.Changes != 5 || r.Exceptions != 8 {
		t.Fatalf("%+v", r)
	}
	wants(t, rows(t, out, "changes.csv"),
		row{"branch": "WEB-1", "branch_head": id("WEB-1"), "tickets": "WEB-1", "action": "release", "backed_out": "no", "policy_serial": "", "approvals_required": "",
			"approvers": "bo", "approved_by_another": "yes", "back_out_plan": "take the branch out: git push REMOTE :refs/release/prd/WEB-1", "previous_commit": id("p0")},
		row{"branch": "WEB-2", "backed_out": "yes", "back_out_by": "dan", "back_out_kind": "remove", "back_out_plan": "done"},
		row{"branch": "WEB-3", "backed_out": "no"},
		row{"action": "remove", "branch": "WEB-2", "backed_out": "no", "back_out_plan": "the policy allows no rollback: deploy another commit"},
		row{"action": "replace", "branch": "WEB-3", "requester": "", "approved_by_another": "no"})
	wants(t, rows(t, out, "exceptions.csv"),
		row{"kind": "report only", "environment": "stg", "rules": "prior-not-deployed", "what": "let in although the rules said prior-not-deployed"},
		row{"kind": "no person named", "who": "", "reason": "settled from the ref; which one cannot be told"},
		row{"kind": "unsettled push", "commit": id("x")},
		row{"kind": "drift", "what": "the ref was at " + id("elsewhere") + ", and on record is " + id("p anew")},
		row{"kind": "drift", "what": "over: the ref is at " + id("p anew") + " again"},
		row{"kind": "adoption", "who": "root", "reason": "day one"},
		row{"kind": "repair", "service": "", "reason": "the clock was wrong"},
		row{"kind": "fault", "who": "chi"})
	wants(t, rows(t, out, "approvals.csv"), row{"commit": id("WEB-1"), "counts": "unknown", "not_the_requester": "yes"}, row{"counts": "unknown"}, row{"commit": id("WEB-3")})
	checkProofs(t, out, &o, r.Proofs)
	checkManifest(t, out, r)
	checkPage(t, read(t, out, "report.html"))

	_, r = j.writes(pol, func(o *Options) { o.Environments = []policy.EnvironmentName{"stg"} })
	if r.Changes != 1 || r.Exceptions != 7 {
		t.Errorf("of stg: %+v", r)
	}
}

// hostile are values that would do harm if a page or a spreadsheet took them for
// more than text.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</title></style><svg onload=alert(1)>`, `{{.CSP}} <!-- -->]]>`,
	`javascript:alert(1)`, `=cmd|' /C calc'!A0`, `+1`, `-1+1`, `@SUM(1,2)`, `\t=1`, "\uff1d1", `a,"b` + `"";c`, ` =1`, `../../x`, `'; git push #`,
}

// Nothing that comes from outside is taken for more than text.
func TestHostile(t *testing.T) {
	j, pol := branches(t)
	for _, evil := range hostile {
		e := ledger.Entry{Action: ledger.ActionRelease, Kind: ledger.KindOverride, Branch: evil, Head: evil, Tickets: []string{evil, evil}, Principal: evil,
			Via: evil, Address: evil, Subject: evil, Reason: evil, Overrode: []string{evil}, Rules: []string{evil + "=" + evil}}
		record := j.push("prd", evil, e)
		j.add(on("prd", ledger.Entry{Type: ledger.TypeStatus, Commit: id(evil), Record: record, State: ledger.StateFailure, Message: evil, URL: evil, Principal: evil}))
		j.add(on("prd", ledger.Entry{Type: ledger.TypeApproval, Kind: ledger.KindApprove, Commit: id(evil + "2"), Old: id(evil), Principal: evil, Reason: evil, Via: evil}))
		j.push("prd", evil+"2", ledger.Entry{Principal: "ana"})
		for _, kind := range []ledger.Type{ledger.TypeDrift, ledger.TypeFault, ledger.TypeRepair, ledger.TypeAdopt, ledger.TypeRefused} {
			j.add(ledger.Entry{Type: kind, Service: "shop", Environment: "prd", Repository: evil, Ref: evil, Old: evil, New: evil, Commit: evil,
				Principal: evil, Via: evil, Reason: evil, Codes: []string{evil}, Policy: evil})
		}
	}
	out, r := j.writes(pol, func(o *Options) { key(t, o) })
	if len(r.Findings) == 0 || r.Signed || r.Proofs != 0 || r.Changes != 5+2*len(hostile) {
		t.Fatalf("%+v", r)
	}
	seen := 0
	for _, name := range []string{"changes.csv", "exceptions.csv", "approvals.csv"} {
		for _, r := range rows(t, out, name) {
			for column, cell := range r {
				if strings.HasPrefix(cell, "'") {
					seen++
				}
				if first := strings.TrimLeft(cell, " "); first != "" && strings.ContainsRune(formula, []rune(first)[0]) {
					t.Errorf("%s, %s: %q", name, column, cell)
				}
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d cells have an apostrophe", seen)
	}
	page := read(t, out, "report.html")
	checkPage(t, page)
	for _, evil := range hostile[:4] {
		if strings.Contains(page, evil) {
			t.Errorf("the page has %s", evil)
		}
	}
	for _, want := range []string{"The ledger does not hold.", "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if v := read(t, out, "verification.txt"); !strings.HasPrefix(v, "DOES NOT HOLD: line ") {
		t.Errorf("verification.txt:\n%s", v)
	}
	if c := read(t, out, "checkpoint.txt"); strings.Count(c, "\n") != 3 || !strings.HasPrefix(c, "pathgate/ledger/"+ledgerID) {
		t.Errorf("checkpoint.txt:\n%s", c)
	}
}

// checkPage reads the page as XML: what is not well formed is an error, and an
// element that got in by a value is an element. The style must be the one that
// the policy allows.
func checkPage(t *testing.T, content string) {
	t.Helper()
	allowed := []string{"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "div", "p", "ul", "li", "bdi", "dl", "dt", "dd", "nav", "a",
		"main", "section", "footer", "table", "caption", "thead", "tbody", "tr", "th", "td"}
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(content, "<!DOCTYPE html>\n")))
	counts, ids, style, csp, in := map[string]int{}, map[string]bool{}, "", "", ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			in = token.Name.Local
			counts[in]++
			if !slices.Contains(allowed, in) {
				t.Errorf("an element %s", in)
			}
			for _, a := range token.Attr {
				name := a.Name.Local
				switch {
				case strings.HasPrefix(name, "on") || name == "style" || name == "src" || name == "href" && !strings.HasPrefix(a.Value, "#"):
					t.Errorf("%s: %s=%q", in, name, a.Value)
				case name == "id":
					ids[a.Value] = true
				case name == "content" && strings.HasPrefix(a.Value, "default-src"):
					csp = a.Value
				}
			}
		case xml.CharData:
			if in == "style" {
				style += string(token)
			}
		case xml.EndElement:
			in = ""
		case xml.Comment, xml.ProcInst:
			t.Errorf("%T", token)
		}
	}
	sum := sha256.Sum256([]byte(style))
	if want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"; csp != want {
		t.Errorf("the policy is %q, want %q", csp, want)
	}
	if counts["h1"] != 1 || counts["main"] != 1 || counts["title"] != 1 || counts["table"] != counts["caption"] || counts["thead"] != counts["table"] || counts["script"] > 0 {
		t.Errorf("%v", counts)
	}
	for _, id := range []string{"exceptions", "changes", "approvals", "controls", "limits", "verification", "summary"} {
		if !ids[id] {
			t.Errorf("nothing is called %s", id)
		}
	}
	if strings.Index(content, `id="exceptions"`) > strings.Index(content, `id="changes"`) {
		t.Error("exceptions are not first")
	}
}
