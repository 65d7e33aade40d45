package gitfacts

import (
	"bytes"
	"strings"
)

// maxSubject bounds a commit's subject in bytes.
const maxSubject = 1 << 10

// parseCommit reads a commit object: "tree <hex>" on the first line, and the
// subject as git's "%s" has it. content may be cut; a subject that lies beyond
// the cut is empty. ok is false if the first line is not a commit's.
func parseCommit(content []byte, digits int) (tree, subject string, ok bool) {
	tree, rest, ok := field(content, "tree ", digits)
	if !ok {
		return "", "", false
	}
	_, message, _ := bytes.Cut(rest, []byte("\n\n"))
	return tree, subjectOf(message), true
}

// subjectOf joins the lines of the first paragraph.
func subjectOf(message []byte) string {
	var b strings.Builder
	for len(message) > 0 && b.Len() <= maxSubject {
		line, rest, _ := bytes.Cut(message, []byte("\n"))
		message = rest
		line = bytes.TrimRight(line, " \t\r")
		if len(line) == 0 {
			if b.Len() > 0 {
				break
			}
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.Write(line[:min(len(line), maxSubject)])
	}
	return b.String()[:min(b.Len(), maxSubject)]
}

// parseTag reads what an annotated tag names: "object <hex>", "type <kind>".
func parseTag(content []byte, digits int) (target, kind string, ok bool) {
	target, rest, ok := field(content, "object ", digits)
	if !ok {
		return "", "", false
	}
	line, _, ended := bytes.Cut(rest, []byte("\n"))
	kind, typed := strings.CutPrefix(string(line), "type ")
	return target, kind, ended && typed && knownKind(kind)
}

// field reads a first line of a key and an object ID.
func field(content []byte, key string, digits int) (id string, rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(content, []byte(key))
	if !ok || len(rest) <= digits || rest[digits] != '\n' {
		return "", nil, false
	}
	id = string(rest[:digits])
	return id, rest[digits+1:], strings.Trim(id, "0123456789abcdef") == ""
}

func knownKind(kind string) bool {
	return kind == "commit" || kind == "tag" || kind == "tree" || kind == "blob"
}
