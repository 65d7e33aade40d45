package policy

import (
	"errors"
	"path"
	"strings"
	"time"
)

// A Board is the table [board]: the web site that pushes bring up to date.
type Board struct {
	// Out is the absolute path of the site's folder.
	Out string
	// Pause is how old a site gets at least before it is written anew.
	Pause time.Duration
	// Place is where the table stands in the file.
	Place Place
}

const (
	defaultBoardPause = 10 * time.Second
	// maxBoardPause leaves time to write within what a push lets the writer run.
	maxBoardPause = 2 * time.Minute
)

// board reads the table [board].
func (s *source) board(root *node, p *Policy) {
	n := s.subtable(root, "board", "board")
	if n == nil {
		return
	}
	b := &Board{Pause: s.duration(n, "pause", defaultBoardPause), Place: s.place(n.at)}
	if k := n.kid("pause"); k != nil && b.Pause > maxBoardPause {
		s.fail(k.value, "%s must be at most %s", k.path(), maxBoardPause)
	}
	if k, v := s.required(n, "out"); k != nil {
		s.absolute(k, v)
		b.Out = v
		if err := p.CheckBoard(v, path.Clean); err != nil {
			s.fail(k.value, "%s %v", k.path(), err)
		}
	}
	p.Board = b
}

// CheckBoard says what is against a board in the folder out: it must not be the
// ledger's folder or the repositories', lie in one or hold one. real makes the
// paths comparable, such as by following symbolic links; all are absolute.
func (p *Policy) CheckBoard(out string, real func(string) string) error {
	meets := func(folder string) bool {
		if folder == "" {
			return false
		}
		a, b := real(folder)+"/", real(out)+"/"
		return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
	}
	if meets(p.folder()) {
		return errors.New("must not be the ledger's folder, lie in it or hold it")
	}
	if meets(p.Root) {
		return errors.New("must not be the folder of the repositories, lie in it or hold it")
	}
	return nil
}
