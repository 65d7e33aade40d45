package release

import (
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
)

// The modes of what is no ordinary file (git-fast-import(1), "filemodify").
const (
	modeLink   = "120000"
	modeModule = "160000"
)

// kindsByPath gives the types of git's messages about each path.
func kindsByPath(result gitfacts.MergeResult, l labels) map[string][]string {
	types := map[string][]string{}
	for _, m := range result.Messages {
		if !isConflict(m) {
			continue
		}
		for _, p := range m.Paths {
			p = l.plain(p)
			types[p] = append(types[p], strings.TrimSuffix(strings.TrimPrefix(m.Type, "CONFLICT ("), ")"))
		}
	}
	return types
}

// kind tells in words how a path conflicts. git's types come first for what the
// stages cannot tell; here is what is merged into, there what is merged.
func (s *stages) kind(types []string, l labels) string {
	has := func(name string) bool {
		for _, t := range types {
			if strings.HasPrefix(t, name) {
				return true
			}
		}
		return false
	}
	ours, theirs := s.side[2], s.side[3]
	switch {
	case has("rename/rename"), has("rename involved"):
		return "renamed differently"
	case has("rename/delete"):
		if ours.Mode == "" {
			return "deleted here, renamed there"
		}
		return "renamed here, deleted there"
	case has("file/directory"):
		return "a file on one side, a folder on the other"
	case has("distinct modes"):
		return "of different types"
	case has("directory rename"), has("implicit dir rename"):
		return "in a folder that was renamed"
	case ours.Mode == modeModule || theirs.Mode == modeModule:
		return "submodule"
	case has("binary"):
		return "binary"
	}
	return s.plainKind()
}

// plainKind is the kind by the stages alone.
func (s *stages) plainKind() string {
	base, ours, theirs := s.side[1], s.side[2], s.side[3]
	switch {
	case ours.Mode != "" && theirs.Mode != "" && ours.ID == theirs.ID && ours.Mode != theirs.Mode:
		return "mode"
	case ours.Mode != "" && theirs.Mode != "" && base.Mode == "":
		return "both added"
	case ours.Mode != "" && theirs.Mode != "" && theirs.Mode == modeLink:
		return "symbolic link"
	case ours.Mode == "" && theirs.Mode != "":
		return "deleted here, changed there"
	case ours.Mode != "" && theirs.Mode == "":
		return "changed here, deleted there"
	}
	return "content"
}

// isText reports whether the file in the merge's tree may have markers.
func (s *stages) isText() bool {
	return strings.HasPrefix(s.side[2].Mode, "100") && strings.HasPrefix(s.side[3].Mode, "100")
}
