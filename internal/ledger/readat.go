package ledger

import (
	"bytes"
	"fmt"
	"io"
)

// readAhead is how many bytes ReadAt reads at once: any line, at least.
const readAhead = MaxLine

// ReadAt calls fn for the line that begins at each of the offsets, which should
// ascend. It is Read for who knows where to look; its errors are Read's, also
// where no line begins.
func ReadAt(dir string, offsets []int64, fn func(*Line) error) error {
	f, size, err := openToRead(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	w := window{r: f, size: size}
	for i, at := range offsets {
		raw, err := w.line(at)
		l := &Line{Raw: raw, Offset: at, Number: int64(i) + 1}
		if err == nil {
			_, err = decode(string(raw), &l.Entry)
		}
		if err != nil {
			return fmt.Errorf("read the ledger %s: %w: the line at byte %d: %w", nameOf(dir), ErrDamaged, at, err)
		}
		if err := fn(l); err != nil {
			return err
		}
	}
	return nil
}

// A window is a part of the journal in memory.
type window struct {
	r    io.ReaderAt
	size int64
	at   int64 // offset of the first byte in buf
	buf  []byte
}

// line is the line that begins at an offset, without its newline; it is valid
// until the next call.
func (w *window) line(at int64) ([]byte, error) {
	if at < 0 || at >= w.size {
		return nil, fmt.Errorf("the ledger has %d bytes", w.size)
	}
	for fresh := false; ; fresh = true {
		if at >= w.at && at < w.at+int64(len(w.buf)) {
			from := w.buf[at-w.at:]
			if i := bytes.IndexByte(from, '\n'); i >= 0 {
				return from[:i], nil
			}
		}
		if fresh {
			return nil, fmt.Errorf("it has no end within %d bytes", len(w.buf))
		}
		w.at, w.buf = at, make([]byte, min(readAhead, w.size-at))
		if got, err := w.r.ReadAt(w.buf, at); got < len(w.buf) {
			return nil, fmt.Errorf("%d of %d bytes: %w", got, len(w.buf), err)
		}
	}
}
