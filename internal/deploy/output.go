package deploy

import (
	"fmt"
	"io"
)

// maxLog is the size of one log, in bytes.
const maxLog = 64 << 20

// A limited writer passes on so many bytes, says that there were more, and
// swallows the rest. It never fails: a full disk stops no deployment.
type limited struct {
	to    io.Writer
	left  int
	limit int
	over  bool
}

func newLimited(to io.Writer, limit int) *limited {
	return &limited{to: to, left: limit, limit: limit}
}

func (l *limited) Write(p []byte) (int, error) {
	if l.over {
		return len(p), nil
	}
	n := min(len(p), l.left)
	_, _ = l.to.Write(p[:n]) // see above
	l.left -= n
	if n < len(p) {
		l.over = true
		fmt.Fprintf(l.to, "\npathgate: the output is longer than %d bytes, the rest is left out\n", l.limit)
	}
	return len(p), nil
}
