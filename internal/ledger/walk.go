package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
)

// lines calls fn for every complete line of r between from and to, with the
// offset of its first byte and without its newline. The bytes are valid only
// during the call. It returns where the last complete line ended; tooLong says
// that a line of more than MaxLine bytes follows there, complete or not.
func lines(r io.ReaderAt, from, to int64, fn func(line []byte, at int64) error) (end int64, tooLong bool, err error) {
	buf := make([]byte, 0, int(min(max(to-from, 0), 256<<10)))
	at := from // the file offset of buf[0]
	for {
		n := int(min(int64(cap(buf)-len(buf)), to-at-int64(len(buf))))
		if n > 0 {
			got, err := r.ReadAt(buf[len(buf):len(buf)+n], at+int64(len(buf)))
			if err != nil && err != io.EOF {
				return at, false, fmt.Errorf("read the journal: %w", err)
			}
			if got == 0 {
				n = 0
			}
			buf = buf[:len(buf)+got]
		}
		used := 0
		for {
			i := bytes.IndexByte(buf[used:], '\n')
			if i >= MaxLine || i < 0 && len(buf)-used >= MaxLine {
				return at + int64(used), true, nil
			}
			if i < 0 {
				break
			}
			if err := fn(buf[used:used+i], at+int64(used)); err != nil {
				return at + int64(used), false, err
			}
			used += i + 1
		}
		at += int64(used)
		if n <= 0 {
			return at, false, nil
		}
		buf = append(buf[:0], buf[used:]...)
	}
}

// A place is where a line stands in the journal, and what it is.
type place struct {
	seq    uint64
	offset int64
	length int64 // with its newline
	hash   hash
}

// walk reads the journal on from a head up to the byte to, checks the chain,
// and calls fn for each entry. The entry is fn's to keep; raw is the line and
// valid only during the call. It returns the head of the last line that held.
func walk(r io.ReaderAt, from head, to int64, fn func(e *Entry, at place, raw []byte) error) (head, error) {
	h := from
	end, tooLong, err := lines(r, from.end, to, func(line []byte, at int64) error {
		e := new(Entry)
		if _, err := decode(string(line), e); err != nil {
			return damaged(h.seq+1, "%v", err)
		}
		if err := h.follows(e); err != nil {
			return err
		}
		p := place{e.Seq, at, int64(len(line)) + 1, sha256.Sum256(line)}
		if err := fn(e, p, line); err != nil {
			return err
		}
		h = head{at, at + p.length, e.Seq, p.hash, e.Time}
		return nil
	})
	if err != nil {
		return h, err
	}
	if tooLong && hasNewline(r, end, to) {
		return h, damaged(h.seq+1, "more than %d bytes", MaxLine)
	}
	return h, nil
}

// follows checks that e is the entry that comes after h.
func (h *head) follows(e *Entry) error {
	if e.Seq != h.seq+1 {
		return damaged(h.seq+1, "it is record %d", e.Seq)
	}
	prev := ""
	if h.seq > 0 {
		prev = h.hash.String()
	}
	if e.Prev != prev {
		return damaged(h.seq+1, "its prev is not the SHA-256 of line %d", h.seq)
	}
	if (e.Type == TypeLedger) != (h.seq == 0) {
		return damaged(h.seq+1, "the type %q, and exactly the first line has the type ledger", e.Type)
	}
	return nil
}

// hasNewline tells a complete overlong line from an unfinished one.
func hasNewline(r io.ReaderAt, from, to int64) bool {
	buf := make([]byte, 64<<10)
	for from < to {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if bytes.IndexByte(buf[:n], '\n') >= 0 {
			return true
		}
		if n == 0 || err != nil {
			return false
		}
		from += int64(n)
	}
	return false
}
