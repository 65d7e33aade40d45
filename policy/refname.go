package policy

import (
	"strings"
	"unicode/utf8"
)

// ValidRefName reports whether git would take ref as a ref's name: the rules of
// git-check-ref-format(1) for a name of two components or more. It does not
// ask for "refs/" in front.
func ValidRefName(ref RefName) bool {
	name := string(ref)
	if strings.HasSuffix(name, ".") {
		return false
	}
	components := 0
	for rest, more := name, true; more; components++ {
		var component string
		component, rest, more = strings.Cut(rest, "/")
		if !validComponent(component) {
			return false
		}
	}
	return components >= 2
}

// validComponent checks one component of a ref's name.
func validComponent(s string) bool {
	if s == "" || s[0] == '.' || strings.HasSuffix(s, ".lock") {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == 0x7f:
			return false
		case c == '.' && i > 0 && s[i-1] == '.':
			return false
		case c == '{' && i > 0 && s[i-1] == '@':
			return false
		case strings.IndexByte(" ~^:?*[\\", c) >= 0:
			return false
		}
	}
	return true
}

// CommandRefs returns the namespaces of command refs: refs that ask for an
// action and are never made.
func CommandRefs() []string {
	return []string{"refs/deploy", "refs/approve", "refs/reject", "refs/lock", "refs/release"}
}

// Command returns the namespace of CommandRefs that ref is, or lies below.
// Letter case does not count, since on some file systems refs/Deploy is
// refs/deploy; git itself tells the two apart, so a caller that serves a
// command must still ask whether ref is spelled as the namespace is.
func Command(ref RefName) (namespace string, ok bool) {
	for _, namespace := range CommandRefs() {
		if within(string(ref), namespace) {
			return namespace, true
		}
	}
	return "", false
}

// Reserved reports whether ref is, or lies below, a namespace that nobody may
// push to: refs/replace, which changes what git says of ancestry, and
// refs/pathgate. Letter case does not count.
func Reserved(ref RefName) bool {
	return within(string(ref), "refs/replace") || within(string(ref), "refs/pathgate")
}

// NamedHead reports whether the last part of ref is HEAD. Refs are files: beside
// folders called objects and refs such a ref makes a git directory of its own
// folder, which has no hooks. To git on Linux "head" is another name: forges call
// refs so.
func NamedHead(ref RefName) bool {
	return string(ref[strings.LastIndexByte(string(ref), '/')+1:]) == "HEAD"
}

// within reports whether ref is folder or lies below it, but for letter case.
func within(ref, folder string) bool {
	rest, ok := cutFold(ref, folder)
	return ok && (rest == "" || rest[0] == '/')
}

// equalFold reports whether a and b differ in letter case at most, by Unicode's
// simple folding.
func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

// cutFold returns s without the text at its start that differs from prefix in
// letter case at most.
func cutFold(s, prefix string) (rest string, ok bool) {
	for prefix != "" {
		if s == "" {
			return "", false
		}
		_, m := utf8.DecodeRuneInString(prefix)
		_, n := utf8.DecodeRuneInString(s)
		if !strings.EqualFold(s[:n], prefix[:m]) {
			return "", false
		}
		s, prefix = s[n:], prefix[m:]
	}
	return s, true
}
