package policy

import (
	"regexp/syntax"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// maxSamples bounds how many texts are thought of for a part of an expression.
const maxSamples = 24

// usualTickets returns what most trackers call a ticket.
func usualTickets() []string {
	return []string{"JIRA-123", "ABC-123", "jira-123", "123", "GH-123", "gh-123", "#123", "A-1", "1"}
}

// sample returns the first name of a branch that the pattern matches, made of
// one of the tickets and a tail; empty if there is none. A name that may go on
// does so where it does not look complete; closed tells that it has a ticket.
func (p *BranchPattern) sample(tickets []string, tail string, closed bool) string {
	for _, ticket := range tickets {
		name := p.head + ticket + tail
		for _, rest := range endings(name, p.star, closed) {
			if _, ok := p.Match(RefName(name + rest)); ok {
				return strings.TrimPrefix(name+rest, branchFolder)
			}
		}
	}
	return ""
}

// endings returns what a name may end in.
func endings(name string, star, closed bool) []string {
	last := name[len(name)-1]
	switch {
	case !star:
		return []string{""}
	case alphanumeric(last) || last >= 0x80:
		return []string{"", "x", "-123"}
	case closed:
		return []string{"fix", ""}
	case last == '/':
		return []string{"JIRA-123"}
	}
	return []string{"123"}
}

// samples returns texts that an expression may match, not all that it can and
// some that it does not, as nothing that looks around is looked at.
func samples(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpNoMatch:
		return nil
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpCharClass:
		return classSamples(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return []string{"x", "1"}
	case syntax.OpCapture:
		return samples(re.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		return atMost(append(samples(re.Sub[0]), ""))
	case syntax.OpPlus:
		one := samples(re.Sub[0])
		return atMost(append(one, join(one, one)...))
	case syntax.OpRepeat:
		return repeated(samples(re.Sub[0]), re.Min)
	case syntax.OpConcat:
		all := []string{""}
		for _, sub := range re.Sub {
			all = join(all, samples(sub))
		}
		return all
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			all = append(all, samples(sub)...)
		}
		return atMost(all)
	}
	return []string{""} // what matches between characters
}

func atMost(all []string) []string { return all[:min(len(all), maxSamples)] }

// join returns each of the first texts followed by each of the second, as far
// as they are names of a sensible length.
func join(first, second []string) []string {
	var all []string
	for _, a := range first {
		for _, b := range second {
			if len(all) == maxSamples {
				return all
			}
			if len(a)+len(b) <= maxBranch {
				all = append(all, a+b)
			}
		}
	}
	return all
}

func repeated(one []string, times int) []string {
	var all []string
	for _, s := range one {
		if len(s)*times <= maxBranch {
			all = append(all, strings.Repeat(s, times))
		}
	}
	if times == 0 {
		all = append(one, "")
	}
	return atMost(all)
}

// classSamples returns characters of a class, given as pairs of bounds, that
// can stand in a branch's name: usual ones if it has any.
func classSamples(bounds []rune) []string {
	var found []string
	for _, r := range "A1ax-_" {
		if inClass(bounds, r) {
			found = append(found, string(r))
		}
	}
	for i := 0; i+1 < len(bounds) && len(found) == 0; i += 2 {
		for r := bounds[i]; r <= bounds[i+1] && r < bounds[i]+300; r++ {
			if c := string(r); text.Printable(c) && validComponent("x"+c+"x") && r != '/' {
				found = append(found, c)
				break
			}
		}
	}
	return found
}

func inClass(bounds []rune, r rune) bool {
	for i := 0; i+1 < len(bounds); i += 2 {
		if bounds[i] <= r && r <= bounds[i+1] {
			return true
		}
	}
	return false
}
