package policy

import (
	"strings"
	"time"
)

// known reports the keys of table t that are not among names.
func (s *source) known(t *node, names ...string) {
	for _, k := range t.kids {
		if hint, ok := knownKey(k, names); !ok {
			s.fail(k.at, "unknown key %s%s", k.path(), hint)
		}
	}
}

// knownKey reports whether k is one of names, and if not what may have been
// meant.
func knownKey(k *node, names []string) (hint string, ok bool) {
	for _, name := range names {
		if k.name == name {
			return "", true
		}
		if equalFold(k.name, name) {
			hint = ": letter case counts, write " + name
		}
	}
	if hint != "" || k.parent.parent == nil {
		return hint, false
	}
	switch k.name {
	case "version", "serial", "root", "unlisted", "ledger", "copy", "host":
		hint = ": it belongs to the top of the file, above the first [table]"
	}
	return hint, false
}

// table reports whether n is a table, and notes if not.
func (s *source) table(n *node) bool {
	_, ok := n.val.(map[string]any)
	if !ok {
		s.fail(n.value, "%s must be a table, not %s", n.path(), kindOf(n.val))
	}
	return ok
}

// str returns the value of n, which must be a string.
func (s *source) str(n *node) (string, bool) {
	v, ok := n.val.(string)
	if !ok {
		what := n.path().String()
		if n.elem {
			what = "an element of " + what
		}
		s.fail(n.value, "%s must be a string, not %s", what, kindOf(n.val))
	}
	return v, ok
}

// required returns a key of t that must be there and be a string. The node is
// nil if that is not so.
func (s *source) required(t *node, key string) (*node, string) {
	n := t.kid(key)
	if n == nil {
		s.missing(t, key)
		return nil, ""
	}
	v, ok := s.str(n)
	if !ok {
		return nil, ""
	}
	return n, v
}

// missing notes that table t lacks a key.
func (s *source) missing(t *node, key string) {
	s.fail(t.at, "key %s is missing", append(t.path(), key))
}

// choice returns a key of t that may be there and be one of values; the first
// is the default.
func (s *source) choice(t *node, key string, values ...string) string {
	n := t.kid(key)
	if n == nil {
		return values[0]
	}
	v, ok := s.str(n)
	if !ok {
		return values[0]
	}
	for _, value := range values {
		if v == value {
			return v
		}
	}
	s.fail(n.value, `%s must be "%s", not %s`, n.path(), strings.Join(values, `" or "`), quote(v))
	return values[0]
}

// list returns the elements of n, which must be an array of at least one
// string; elements that are none are noted and left out.
func (s *source) list(n *node) (elems []*node, values []string) {
	elems, values = s.strings(n)
	if _, ok := n.val.([]any); ok && len(n.elems) == 0 {
		s.fail(n.value, "%s is empty", n.path())
	}
	return elems, values
}

// strings is list for an array that may be empty.
func (s *source) strings(n *node) (elems []*node, values []string) {
	if _, ok := n.val.([]any); !ok && (len(n.elems) == 0 || n.form == tables) {
		s.fail(n.value, "%s must be an array of strings, not %s", n.path(), kindOf(n.val))
		return nil, nil
	}
	for _, e := range n.elems {
		if v, ok := s.str(e); ok {
			elems, values = append(elems, e), append(values, v)
		}
	}
	return elems, values
}

// kindOf names the type of a TOML value.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case time.Time:
		return "a date or time"
	case []any:
		return "an array"
	case []map[string]any:
		return "an array of tables"
	case map[string]any:
		return "a table"
	}
	return "a value of another type"
}
