package policy

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

const (
	branchFolder = "refs/heads/"
	ticketOpen   = "{ticket:"
	// maxBranch is the longest name of a branch that can be released, in bytes.
	maxBranch = 255
)

// A BranchPattern says which branches may be released, and where in a branch's
// name its ticket stands. Make one with ParseBranchPattern; the zero value
// matches nothing.
type BranchPattern struct {
	text    string         // as written
	head    string         // before {ticket:...}, or all but a "*"
	star    bool           // any rest may follow
	whole   *regexp.Regexp // of the full name, its first group the ticket; nil without {ticket:...}
	example string
}

// ParseBranchPattern reads a pattern such as
// "refs/heads/{ticket:[A-Z]+-[0-9]+}*". The package comment states the grammar.
// A pattern that fits no branch is an error.
func ParseBranchPattern(pattern string) (BranchPattern, error) {
	var none BranchPattern
	switch {
	case pattern == "":
		return none, errors.New("branch pattern is empty")
	case !text.Printable(pattern):
		return none, fmt.Errorf("%s holds a character that does not print", quote(pattern))
	case !strings.HasPrefix(pattern, branchFolder):
		return none, fmt.Errorf("%s does not begin with %s: only branches can be released", quote(pattern), branchFolder)
	}
	parts, err := splitBranch(pattern)
	if err != nil {
		return none, err
	}
	p := BranchPattern{text: pattern, head: parts.head, star: parts.star}
	if parts.ticket == nil {
		p.example = p.sample([]string{""}, "", !parts.star)
	} else if err := p.compile(parts); err != nil {
		return none, err
	}
	if p.example == "" {
		return none, fmt.Errorf("no branch name was found that fits %s", quote(pattern))
	}
	return p, nil
}

// compile makes the expression for a pattern with a ticket, and the example.
func (p *BranchPattern) compile(parts branchParts) error {
	rest := ""
	if parts.star {
		rest = `(?s:.*)`
	}
	// The ticket's expression is written anew from what was understood of it:
	// its text could end the group that holds it.
	whole, err := regexp.Compile(`\A` + regexp.QuoteMeta(parts.head) + `(` + parts.ticket.String() + `)` +
		regexp.QuoteMeta(parts.tail) + rest + `\z`)
	if err != nil {
		return fmt.Errorf("the ticket of %s is too much for a regular expression: %w", quote(p.text), err)
	}
	p.whole = whole
	if p.example = p.sample(usualTickets(), parts.tail, true); p.example == "" {
		p.example = p.sample(samples(parts.ticket), parts.tail, true)
	}
	return nil
}

// String returns the pattern as written.
func (p BranchPattern) String() string { return p.text }

// Example returns a short name of a branch that fits, such as "JIRA-123",
// without refs/heads/. Only the zero pattern has none.
func (p BranchPattern) Example() string { return p.example }

// Match reports whether ref, a full name, is a branch that may be released, and
// returns its ticket, which is empty where the pattern has none. The name must
// fit as a whole. Never released are names that git takes for no branch, that
// do not print or are longer than 255 bytes, and the branch "reset", which is
// the word of a command.
func (p BranchPattern) Match(ref RefName) (ticket string, ok bool) {
	name := string(ref)
	if p.text == "" || !strings.HasPrefix(name, p.head) || !releasable(ref) {
		return "", false
	}
	if p.whole == nil {
		return "", p.star || name == p.head
	}
	groups := p.whole.FindStringSubmatch(name)
	if groups == nil {
		return "", false
	}
	return groups[1], true
}

// releasable reports whether ref is a branch that a pattern may match: one that
// git could have, and that no hint or command line takes for anything else.
func releasable(ref RefName) bool {
	branch, ok := strings.CutPrefix(string(ref), branchFolder)
	switch {
	case !ok || branch == "" || len(branch) > maxBranch:
		return false
	case branch[0] == '-' || branch == "HEAD" || branch == "reset":
		return false
	}
	return ValidRefName(ref) && text.Printable(string(ref))
}

// branchParts are the parts of a branch pattern.
type branchParts struct {
	head   string         // literal text, with refs/heads/
	ticket *syntax.Regexp // nil if there is none
	tail   string         // literal text after the ticket
	star   bool
}

// splitBranch takes a branch pattern apart.
func splitBranch(pattern string) (parts branchParts, err error) {
	head, rest, found := strings.Cut(pattern, ticketOpen)
	if found {
		expression, tail, ok := cutBrace(rest)
		if !ok {
			return parts, fmt.Errorf("%s is not closed in %s: braces in it must be balanced or written as \\{ and \\}",
				ticketOpen, quote(pattern))
		}
		if parts.ticket, err = ticketOf(pattern, expression); err != nil {
			return parts, err
		}
		parts.tail, parts.star = strings.CutSuffix(tail, "*")
	} else {
		head, parts.star = strings.CutSuffix(head, "*")
	}
	parts.head = head
	literal, sample := head+parts.tail, head+parts.tail
	if found {
		sample = head + "x" + parts.tail
	}
	if parts.star {
		sample += "x"
	}
	switch {
	case strings.Contains(literal, ticketOpen):
		return parts, fmt.Errorf("%s stands more than once in %s", ticketOpen+"...}", quote(pattern))
	case strings.ContainsAny(literal, "{}"):
		return parts, fmt.Errorf("%s has a brace that is not part of %s", quote(pattern), ticketOpen+"...}")
	case strings.Contains(literal, "*"):
		return parts, fmt.Errorf("%s has a \"*\" that does not stand at its end", quote(pattern))
	case !ValidRefName(RefName(sample)):
		return parts, fmt.Errorf("%s can match no branch: git refuses such a name", quote(pattern))
	}
	return parts, nil
}

// cutBrace cuts s at the brace that closes one opened before it. Braces between
// are balanced or follow a backslash.
func cutBrace(s string) (before, after string, ok bool) {
	depth := 1
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[:i], s[i+1:], true
			}
		}
	}
	return "", "", false
}

// ticketOf reads the expression of a ticket.
func ticketOf(pattern, expression string) (*syntax.Regexp, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the ticket of %s is not a regular expression that RE2 takes: %w", quote(pattern), err)
	case blank(parsed):
		return nil, fmt.Errorf("the ticket of %s asks for nothing: it matches an empty text", quote(pattern))
	}
	return parsed, nil
}
