package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pathgate/pathgate/internal/text"
)

// Widths of a line of output, in bytes.
const (
	maxShown = 200     // as a pusher sees it
	maxKept  = 4 << 10 // as ShowLog shows it
)

// lines cuts output into lines that are safe to print.
type lines struct {
	width int    // of the longest line that is given, in bytes
	part  []byte // a line without its end; at most maxKept bytes of it
	some  bool   // there is one, though it may be empty
}

// add takes a piece of output and gives the lines that it completes.
func (l *lines) add(piece []byte) (out []string) {
	for len(piece) > 0 {
		line, rest, ended := bytes.Cut(piece, []byte("\n"))
		l.part = append(l.part, line[:min(len(line), maxKept-len(l.part))]...)
		l.some = true
		if ended {
			out = append(out, l.rest())
		}
		piece = rest
	}
	return out
}

// waiting reports whether there is a line without its end.
func (l *lines) waiting() bool { return l.some }

// rest gives what there is of the unfinished line.
func (l *lines) rest() string {
	line := text.Clean(string(overwritten(l.part)), l.width)
	l.part, l.some = l.part[:0], false
	return line
}

// overwritten is what a terminal would be left with: a progress bar starts its
// line anew with carriage returns.
func overwritten(line []byte) []byte {
	line = bytes.TrimRight(line, "\r")
	return line[bytes.LastIndexByte(line, '\r')+1:]
}

// ErrNoOutput says that a record's deployment has printed nothing yet, or that
// nothing was run for it.
var ErrNoOutput = errors.New("there is no output")

// ShowLog writes a log to w, each line safe to print. The file itself has the
// bytes as they came.
func ShowLog(w io.Writer, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoOutput
	}
	if err != nil {
		return fmt.Errorf("read the output: %w", err)
	}
	defer f.Close()
	cut := &lines{width: maxKept}
	buffer := make([]byte, 32<<10)
	for {
		n, err := f.Read(buffer)
		for _, line := range cut.add(buffer[:n]) {
			if _, err := io.WriteString(w, line+"\n"); err != nil {
				return err
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the output: %w", err)
		}
		if err != nil {
			break
		}
	}
	if cut.waiting() {
		_, err = io.WriteString(w, cut.rest()+"\n")
	}
	return err
}
