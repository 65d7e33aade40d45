package policy

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/text"
)

// subtable returns a key of t that may be there and be a table with the keys of
// keysOf(name), nil if it is absent or no table.
func (s *source) subtable(t *node, key, name string) *node {
	n := t.kid(key)
	if n == nil || !s.table(n) {
		return nil
	}
	s.known(n, keysOf(name)...)
	return n
}

// boolean returns a key of t that may be there.
func (s *source) boolean(t *node, key string, otherwise bool) bool {
	n := t.kid(key)
	if n == nil {
		return otherwise
	}
	v, ok := n.val.(bool)
	if !ok {
		s.fail(n.value, "%s must be true or false, not %s", n.path(), kindOf(n.val))
		return otherwise
	}
	return v
}

// duration returns a key of t that may be there and be a length of time.
func (s *source) duration(t *node, key string, otherwise time.Duration) time.Duration {
	n := t.kid(key)
	if n == nil {
		return otherwise
	}
	v, ok := s.str(n)
	if !ok {
		return otherwise
	}
	d, err := parseDuration(v)
	switch {
	case err != nil:
		s.fail(n.value, `%s is not a length of time, such as "90s", "15m", "48h" or "90d"`, quote(v))
	case d <= 0:
		s.fail(n.value, "%s must be longer than zero", n.path())
	default:
		return d
	}
	return otherwise
}

// maxDays is what fits into a time.Duration.
const maxDays = 100_000

// parseDuration is time.ParseDuration, which has no unit of a day, and whole
// days of 24 hours: "90d".
func parseDuration(v string) (time.Duration, error) {
	number, ok := strings.CutSuffix(v, "d")
	if !ok {
		return time.ParseDuration(v)
	}
	days, err := strconv.ParseUint(number, 10, 64)
	if err != nil || days > maxDays {
		return 0, errors.New("not a number of days")
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// absolute checks the value of n for an absolute, clean path of a file or
// folder.
func (s *source) absolute(n *node, v string) {
	what := n.path()
	switch {
	case !path.IsAbs(v):
		s.fail(n.value, "%s must be an absolute path", what)
	case !text.Printable(v):
		s.fail(n.value, "%s holds a character that does not print", what)
	case path.Clean(v) != v:
		s.fail(n.value, "%s is not a clean path: write %s", what, quote(path.Clean(v)))
	case v == "/":
		s.fail(n.value, "%s must not be the root of the file system", what)
	}
}

// names returns the elements of a list, each one of those that exist and none
// twice; what is wrong is noted and left out.
func (s *source) names(n *node, exists func(string) bool, unknown string) []string {
	elems, values := s.list(n)
	var names []string
	for i, v := range values {
		switch {
		case !exists(v):
			s.fail(elems[i].value, unknown, quote(v))
		case slices.Contains(names, v):
			s.fail(elems[i].value, "%s stands in this list twice", quote(v))
		default:
			names = append(names, v)
		}
	}
	return names
}

// rules returns a list of names of rules out of those allowed. "locks" is
// another spelling of "lock".
func (s *source) rules(n *node, allowed []string) []string {
	elems, values := s.strings(n)
	rules := []string{}
	for i, v := range values {
		name := v
		if v == "locks" {
			name = RuleLock
		}
		switch {
		case !slices.Contains(allowed, name):
			s.fail(elems[i].value, "%s cannot stand here: one of %s", quote(v), strings.Join(allowed, ", "))
		case slices.Contains(rules, name):
			s.fail(elems[i].value, "%s stands in this list twice", quote(v))
		default:
			rules = append(rules, name)
		}
	}
	return rules
}
