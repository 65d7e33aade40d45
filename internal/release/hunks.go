package release

import (
	"bytes"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// Bounds of the text that a conflict shows.
const (
	maxHunks = 3   // of a file
	maxLines = 30  // of all files
	minLines = 5   // less is not worth a beginning
	maxSide  = 6   // lines of each side of a place
	maxLine  = 120 // bytes of a line
)

// hunks cuts the places out of a file with conflict markers. left is how many
// lines may still be shown. Markers count only if they carry the merged
// commits' IDs, as git's do.
func hunks(raw []byte, l labels, left *int) (list []Hunk) {
	if bytes.IndexByte(raw, 0) >= 0 {
		return nil
	}
	var sides [2][]string
	begin, side, line := 0, 0, 0
	for content := range bytes.Lines(raw) {
		line++
		content = bytes.TrimRight(content, "\r\n")
		switch {
		case begin == 0 && marks(content, '<', l.ours):
			sides, begin, side = [2][]string{}, line, 0
		case begin == 0:
		case marks(content, '>', l.theirs):
			if len(list) == maxHunks || *left < minLines {
				return list
			}
			list = append(list, l.hunk(begin, sides, left))
			begin = 0
		case side == 0 && string(bytes.TrimLeft(content, "=")) == "" && len(content) >= 7:
			side = 1
		case len(sides[side]) <= maxSide:
			sides[side] = append(sides[side], cleanLine(content))
		}
	}
	return list
}

// hunk shows one place in at most left lines.
func (l labels) hunk(begin int, sides [2][]string, left *int) Hunk {
	h := Hunk{Line: begin}
	each := min(maxSide, (*left-3)/2)
	for i, border := range []string{"<<<<<<< " + l.onto, "======="} {
		h.Lines = append(h.Lines, border)
		side := sides[i]
		if len(side) > each {
			side, h.Cut = side[:each], true
		}
		h.Lines = append(h.Lines, side...)
	}
	h.Lines = append(h.Lines, ">>>>>>> "+l.branch)
	*left -= len(h.Lines)
	return h
}

// marks reports whether a line is a conflict marker of a commit.
func marks[ID ~string](line []byte, sign byte, id ID) bool {
	rest := bytes.TrimLeft(line, string(sign))
	return len(line)-len(rest) >= 7 && strings.HasPrefix(string(rest), " "+string(id))
}

// cleanLine is a line of a file as it is shown.
func cleanLine(line []byte) string {
	line = line[:min(len(line), 2*maxLine)]
	return text.Clean(strings.ReplaceAll(string(line), "\t", "    "), maxLine)
}
