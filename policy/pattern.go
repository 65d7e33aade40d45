package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// placeholder is the part of a repository pattern that stands for the service.
const placeholder = "{service}"

// A RepositoryPattern is the path of an environment's repositories, relative to
// the policy's root, with {service} in one of its components. Make one with
// ParseRepositoryPattern; the zero value matches nothing. Patterns can be
// compared with ==.
type RepositoryPattern struct {
	text string // as written
	head string // before {service}
	tail string // after it
}

// ParseRepositoryPattern reads a pattern such as "{service}/prd.git" or
// "prd/{service}.git". The package comment states the grammar.
func ParseRepositoryPattern(pattern string) (RepositoryPattern, error) {
	var none RepositoryPattern
	switch {
	case pattern == "":
		return none, errors.New("repository pattern is empty")
	case pattern[0] == '/' || pattern[len(pattern)-1] == '/':
		return none, errors.New("repository pattern must not begin or end with a slash")
	case !text.Printable(pattern):
		return none, errors.New("repository pattern holds a character that does not print")
	}
	for component := range strings.SplitSeq(pattern, "/") {
		if component == "" || component == "." || component == ".." {
			return none, fmt.Errorf("repository pattern has the component %s, which no real path has", quote(component))
		}
	}
	head, tail, ok := strings.Cut(pattern, placeholder)
	switch {
	case !ok:
		return none, errors.New("repository pattern has no " + placeholder)
	case strings.Contains(tail, placeholder):
		return none, errors.New("repository pattern has " + placeholder + " more than once")
	case strings.ContainsAny(head+tail, "{}"):
		return none, errors.New("repository pattern has a brace that is not part of " + placeholder)
	}
	return RepositoryPattern{text: pattern, head: head, tail: tail}, nil
}

// Match returns the service that repository, a path relative to the policy's
// root, belongs to.
func (p RepositoryPattern) Match(repository string) (Service, bool) {
	if p.text == "" {
		return "", false
	}
	rest, ok := strings.CutPrefix(repository, p.head)
	if !ok {
		return "", false
	}
	name, ok := strings.CutSuffix(rest, p.tail)
	if !ok || !validService(name) {
		return "", false
	}
	return Service(name), true
}

// Path returns the repository of a service, relative to the policy's root.
func (p RepositoryPattern) Path(s Service) string { return p.head + string(s) + p.tail }

// String returns the pattern as written.
func (p RepositoryPattern) String() string { return p.text }

// validService checks a service's name: [A-Za-z0-9][A-Za-z0-9._-]*.
func validService(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !alphanumeric(c) && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return s != ""
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// A RefPattern is an exact ref name, or one with "*" as its last whole component
// that matches everything below. Make one with ParseRefPattern; the zero value
// matches nothing. Patterns can be compared with ==.
type RefPattern struct {
	text string
}

// ParseRefPattern reads a pattern such as "refs/heads/main" or
// "refs/heads/release/*". The package comment states the grammar.
func ParseRefPattern(pattern string) (RefPattern, error) {
	var none RefPattern
	sample := RefName(pattern) // a ref that the pattern matches
	if prefix, ok := strings.CutSuffix(pattern, "/*"); ok {
		sample = RefName(prefix + "/x")
	}
	switch {
	case pattern == "":
		return none, errors.New("ref is empty")
	case !strings.HasPrefix(pattern, "refs/"):
		return none, fmt.Errorf("%s is not a full ref name, such as refs/heads/main", quote(pattern))
	case strings.Contains(string(sample), "*"):
		return none, fmt.Errorf("%s can match no ref: \"*\" stands for the whole last component only", quote(pattern))
	case !ValidRefName(sample):
		return none, fmt.Errorf("%s can match no ref: git refuses such a name", quote(pattern))
	case !text.Printable(pattern):
		return none, fmt.Errorf("%s holds a character that does not print", quote(pattern))
	case Reserved(sample):
		return none, fmt.Errorf("%s is reserved: nobody may push there", quote(pattern))
	}
	if namespace, ok := Command(sample); ok {
		return none, fmt.Errorf("%s is below %s, whose refs ask for an action and are never made", quote(pattern), namespace)
	}
	if strings.Count(pattern, "/") < 2 {
		return none, fmt.Errorf("%s is too short: at least three components, as in refs/heads/main", quote(pattern))
	}
	return RefPattern{text: pattern}, nil
}

// Exact reports whether the pattern is one ref's name.
func (p RefPattern) Exact() bool { return !strings.HasSuffix(p.text, "*") }

// Prefix returns what every matching ref begins with: for an exact pattern the
// name itself, else all before the "*", with the slash.
func (p RefPattern) Prefix() string { return strings.TrimSuffix(p.text, "*") }

// String returns the pattern as written.
func (p RefPattern) String() string { return p.text }

// Match reports whether ref is the pattern's ref, or lies below its prefix.
func (p RefPattern) Match(ref RefName) bool {
	if p.Exact() {
		return p.text != "" && string(ref) == p.text
	}
	return len(ref) > len(p.Prefix()) && strings.HasPrefix(string(ref), p.Prefix())
}

// MatchFold is Match, but for letter case: it also reports refs whose name, or
// whose beginning where the pattern has a "*", differs only by case. Case is
// compared by Unicode's simple folding.
func (p RefPattern) MatchFold(ref RefName) bool {
	if p.Exact() {
		return p.text != "" && equalFold(string(ref), p.text)
	}
	rest, ok := cutFold(string(ref), p.Prefix())
	return ok && rest != ""
}

// overlaps reports whether some ref matches both patterns, or would on a file
// system that does not tell letter case apart.
func (p RefPattern) overlaps(q RefPattern) bool {
	switch {
	case p.Exact():
		return q.MatchFold(RefName(p.text))
	case q.Exact():
		return p.MatchFold(RefName(q.text))
	}
	_, below := cutFold(p.Prefix(), q.Prefix())
	_, above := cutFold(q.Prefix(), p.Prefix())
	return below || above
}

// overlaps reports whether some repository matches both patterns.
func (p RepositoryPattern) overlaps(q RepositoryPattern) bool {
	ps, qs := strings.Split(p.text, "/"), strings.Split(q.text, "/")
	if len(ps) != len(qs) {
		return false
	}
	for i := range ps {
		if !componentsOverlap(ps[i], qs[i]) {
			return false
		}
	}
	return true
}

// componentsOverlap does so for one component of each. A text that matches both
// begins with the longer head and ends with the longer tail; either something
// lies between, and then any letter does, or head and tail touch or overlap.
func componentsOverlap(a, b string) bool {
	p, errA := ParseRepositoryPattern(a)
	q, errB := ParseRepositoryPattern(b)
	switch {
	case errA != nil && errB != nil:
		return a == b
	case errA != nil:
		_, ok := q.Match(a)
		return ok
	case errB != nil:
		_, ok := p.Match(b)
		return ok
	}
	head, tail := p.head, p.tail
	if len(q.head) > len(head) {
		head = q.head
	}
	if len(q.tail) > len(tail) {
		tail = q.tail
	}
	both := func(s string) bool {
		_, first := p.Match(s)
		_, second := q.Match(s)
		return first && second
	}
	if both(head + "a" + tail) {
		return true
	}
	for n := range min(len(head), len(tail)) + 1 {
		if head[len(head)-n:] == tail[:n] && both(head+tail[n:]) {
			return true
		}
	}
	return false
}
