package gitfacts

import (
	"slices"
	"strings"
)

// treeChecks are the checks of git (git-fsck(1)) by which one tree says one
// thing: without them a folder may hold a name twice, and what is merged or
// checked out depends on who reads it.
var treeChecks = [...]string{"badTree", "duplicateEntries", "treeNotSorted", "emptyName", "fullPathname",
	"hasDot", "hasDotdot", "hasDotgit", "nullSha1"}

// Unchecked says, for people, why git does not look at the trees that a push
// brings before it lets them in, by a configuration of which values gives what
// a key has; empty if git does.
func Unchecked(values func(key string) []string) string {
	on := values("receive.fsckObjects")
	if len(on) == 0 {
		on = values("transfer.fsckObjects")
	}
	if !slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(last(on))) {
		return "receive.fsckObjects is off"
	}
	for _, check := range treeChecks {
		key := "receive.fsck." + check
		if have := values(key); len(have) > 0 && !strings.EqualFold(last(have), "error") {
			return key + " = " + last(have)
		}
	}
	return ""
}
