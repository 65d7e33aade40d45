package gitfacts

import "strings"

// CouldBeGitDir reports whether git could take a folder with entries of these
// names for a git directory, into which it then pushes and whose hooks and
// configuration it believes: HEAD, and objects and refs with it, or commondir,
// which says where those are. What the entries are does not count, and nor does
// their letter case: links lead anywhere, and some file systems fold names.
func CouldBeGitDir(names ...string) bool {
	var head, objects, refs, common bool
	for _, name := range names {
		head = head || strings.EqualFold(name, "HEAD")
		objects = objects || strings.EqualFold(name, "objects")
		refs = refs || strings.EqualFold(name, "refs")
		common = common || strings.EqualFold(name, "commondir")
	}
	return head && (objects && refs || common)
}
