package evidence

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/internal/tlog"
)

// A pack is all that is written.
type pack struct {
	*gathering
	report    ledger.Report
	signed    []byte // the checkpoint; empty if it is not signed
	approvals []approvalRow
}

// moment is a time for people.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// verification says in words what the ledger's own check found.
func (p *pack) verification() (lines []string) {
	r := &p.report
	for _, f := range r.Findings {
		lines = append(lines, "DOES NOT HOLD: "+f.String())
	}
	if r.OK() {
		lines = append(lines, fmt.Sprintf("The ledger holds: %s, from %s to %s.", count(int(r.Records), "record"), moment(r.First), moment(r.Last)))
		lines = append(lines, "Every line is chained to the line before it; every deployment settles a decision on record; all evidence had been deployed and stood.")
	}
	if r.Held > 0 {
		lines = append(lines, "The tree of checkpoint.txt is the beginning of the journal's, computed twice.")
	}
	lines = append(lines, fmt.Sprintf("Judged again by the policy on record, with the same result: %s. Not judged again, as their policy is not on record: %d.",
		count(int(r.Judged), "decision"), r.Unjudged))
	if strings.HasPrefix(r.Index, "agrees") { // else it has paths of the server
		lines = append(lines, "The index, from which hooks look things up, "+r.Index+".")
	} else {
		lines = append(lines, "The index, from which hooks look things up, was not compared: it is made from the journal, and nothing here rests on it.")
	}
	if r.Open > 0 {
		lines = append(lines, fmt.Sprintf("Not settled yet: %s.", count(r.Open, "push intent")))
	}
	if r.Unknown > 0 {
		lines = append(lines, fmt.Sprintf("Of a type that this version does not know, and so not in the tables: %s.", count(int(r.Unknown), "record")))
	}
	if r.Torn > 0 {
		lines = append(lines, fmt.Sprintf("An unfinished line at the end: %s.", count(int(r.Torn), "byte")))
	}
	lines = append(lines, "This check by itself cannot tell that the whole ledger was written anew: compare checkpoint.txt with one that was kept elsewhere.")
	for i := range lines {
		lines[i] = text.Clean(lines[i], maxCell)
	}
	return lines
}

// facts are what every reader wants to know first.
func (p *pack) facts() [][2]string {
	o := p.o
	names := make([]string, len(o.Environments))
	for i, name := range o.Environments {
		names[i] = string(name)
	}
	window := fmt.Sprintf("from %s to before %s", moment(o.From), moment(o.To))
	if p.last.Before(o.To) {
		window += "; the newest record is of " + moment(p.last)
	}
	if p.begin.After(o.From) {
		window += "; the ledger begins " + moment(p.begin)
	}
	verified := "the ledger holds (verification.txt)"
	if !p.report.OK() {
		verified = "THE LEDGER DOES NOT HOLD (verification.txt)"
	}
	facts := [][2]string{
		{"Service", string(o.Service)}, {"Production", list(names)}, {"Window", window},
		{"Records read", fmt.Sprintf("1 to %d, root %s", p.tree.N, p.tree.Hash)}, {"Ledger", tlog.Origin(p.ledger)},
		{"Verification", verified}, {"Checkpoint", p.checkpointWords()},
		{"Policy of today", "sha256 " + o.Policy.Hash + ", " + serial(o.Policy.Serial)},
		{"Written", moment(o.Now) + ", pathgate " + o.Version},
	}
	for i := range facts {
		facts[i][1] = text.Clean(facts[i][1], maxCell)
	}
	return facts
}

func (p *pack) checkpointWords() string {
	switch {
	case len(p.signed) > 0:
		return "signed by " + p.o.VerifierKey
	case p.o.Signer != nil:
		return "NOT SIGNED, as the ledger does not hold; there are no proofs"
	}
	return "not signed, as there was no key; so there are no proofs"
}

// summary counts what a reader looks for.
func (p *pack) summary() (lines []string) {
	another, tested, failed, back := 0, 0, 0, 0
	for _, ch := range p.changes {
		if _, _, by := ch.approvers(); by == "yes" {
			another++
		}
		if ch.passed() == "yes" {
			tested++
		}
		if s := ch.result(); s == ledger.StateFailure || s == ledger.StateError {
			failed++
		}
		if ch.back != nil {
			back++
		}
	}
	kinds := make(map[exceptionKind]int)
	for _, x := range p.exceptions {
		kinds[x.kind]++
	}
	var words []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		words = append(words, fmt.Sprintf("%s %d", k, kinds[k]))
	}
	lines = append(lines, strings.TrimSuffix(count(len(p.exceptions), "exception")+": "+strings.Join(words, ", "), ": ")+".")
	n := len(p.changes)
	lines = append(lines, count(n, "change")+" to production.",
		fmt.Sprintf("%d of %d have no approval on record by another person than the requester.", n-another, n),
		fmt.Sprintf("%d of %d rest on no deployment in the environment directly before that is on record as a success.", n-tested, n),
		fmt.Sprintf("%d of %d failed; %d of %d were backed out.", failed, n, back, n))
	return append(lines, p.refusals())
}

// refusals counts for what pushes to production were refused.
func (p *pack) refusals() string {
	var words []string
	for _, code := range slices.Sorted(maps.Keys(p.refused)) {
		words = append(words, fmt.Sprintf("%s %d", code, p.refused[code]))
	}
	if len(words) == 0 {
		return "No push to production was refused."
	}
	return text.Clean("Reasons for which pushes to production were refused: "+strings.Join(words, ", ")+".", maxCell)
}

// readme writes README.txt.
func (p *pack) readme(w io.Writer) error {
	var b strings.Builder
	b.WriteString("Change evidence\n===============\n\n")
	for _, f := range p.facts() {
		fmt.Fprintf(&b, "%-16s %s\n", f[0], f[1])
	}
	b.WriteString("\n")
	for _, line := range p.summary() {
		b.WriteString(text.Clean(line, maxCell) + "\n")
	}
	b.WriteString(readmeFiles)
	if len(p.signed) > 0 {
		fmt.Fprintf(&b, readmeProofs, p.example(), p.o.VerifierKey)
	} else {
		b.WriteString(readmeUnsigned)
	}
	b.WriteString(readmeRest)
	writeColumns(&b, "changes.csv", changeColumns)
	writeColumns(&b, "exceptions.csv", exceptionColumns)
	writeColumns(&b, "approvals.csv", approvalColumns)
	b.WriteString("\nKinds of exceptions, in their order\n-----------------------------------\n\n")
	for i, about := range exceptionTexts {
		fmt.Fprintf(&b, "%s: %s\n", exceptionNames[i], about)
	}
	b.WriteString("\nWhat this does not show\n-----------------------\n\n")
	for _, limit := range limits {
		b.WriteString("- " + limit + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// example is a record that has a proof.
func (p *pack) example() uint64 {
	if len(p.changes) > 0 {
		return p.changes[0].entry.Seq
	}
	return 1
}

func writeColumns[T any](b *strings.Builder, name string, columns []column[T]) {
	fmt.Fprintf(b, "\nColumns of %s\n-----------%s\n\n", name, strings.Repeat("-", len(name)))
	for _, c := range columns {
		fmt.Fprintf(b, "%-21s %s\n", c.name, c.about)
	}
}
