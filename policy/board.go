package policy

import (
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
		if ledger := p.folder(); ledger != "" && (strings.HasPrefix(v+"/", ledger+"/") || strings.HasPrefix(ledger+"/", v+"/")) {
			s.fail(k.value, "%s must not be the ledger's folder, lie in it or hold it", k.path())
		}
		if p.Root != "" && (strings.HasPrefix(v+"/", p.Root+"/") || strings.HasPrefix(p.Root+"/", v+"/")) {
			s.fail(k.value, "%s must not be the folder of the repositories, lie in it or hold it", k.path())
		}
	}
	p.Board = b
}
