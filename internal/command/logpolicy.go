package command

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/text"
)

// onlyPolicies reports whether nothing but policies is asked for.
func (f *filter) onlyPolicies() bool {
	return slices.Equal(f.types, []string{string(ledger.TypePolicy)})
}

// A policyWriter shows how the policy changed: each file that came on record,
// as a unified diff from the one before.
type policyWriter struct {
	w      io.Writer
	reader ledger.PolicyReader
	last   *ledger.PolicyFile // the newest, whether it was shown or not
}

func (p *policyWriter) write(line *ledger.Line) error {
	before := p.last
	file, err := p.add(line)
	if file == nil || err != nil {
		return err
	}
	serial := "no serial"
	if file.Serial > 0 {
		serial = fmt.Sprintf("serial %d", file.Serial)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "record %d  %s  %s  sha256 %s\n", file.First, explain.Time(file.Time), serial, file.Hash)
	was, name := []byte(nil), "nothing"
	if before != nil {
		was, name = before.Content, fmt.Sprintf("record %d", before.First)
	}
	for changed := range bytes.Lines(diff.Diff(name, was, fmt.Sprintf("record %d", file.First), file.Content)) {
		if !bytes.HasPrefix(changed, []byte("diff ")) {
			out.WriteString(cleanTabbed(strings.TrimSuffix(string(changed), "\n")) + "\n")
		}
	}
	out.WriteString("\n")
	_, err = io.WriteString(p.w, out.String())
	return err
}

// add takes a line, shown or not. A policy that does not hold together is for
// verify to name.
func (p *policyWriter) add(line *ledger.Line) (*ledger.PolicyFile, error) {
	file, err := p.reader.Add(&line.Entry)
	if err != nil {
		return nil, fmt.Errorf("%w; look with pathgate ledger verify", err)
	}
	if file != nil {
		p.last = file
	}
	return file, nil
}

func (p *policyWriter) flush() error { return nil }

// cleanTabbed makes a line safe for a terminal and leaves its tabs.
func cleanTabbed(line string) string {
	pieces := strings.Split(line, "\t")
	for i, piece := range pieces {
		pieces[i] = text.Clean(piece, 12*len(piece))
	}
	return strings.Join(pieces, "\t")
}

// policyWords sums up a policy that is on record.
func policyWords(e *ledger.Entry) string {
	words := fmt.Sprintf("sha256 %.12s", e.Policy)
	if e.Serial > 0 {
		words += fmt.Sprintf(", serial %d", e.Serial)
	}
	if e.Parts > 1 {
		words += fmt.Sprintf(", part %d of %d", e.Part, e.Parts)
	}
	by := "used first by "
	if e.Push != "" {
		by = "first seen at a push by "
	}
	return words + ", " + by + e.Principal
}
