package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrContradicted: a copy of the lines has what the ledger that it was made of
// has not. One of them was cut, changed or put back from a backup.
var ErrContradicted = errors.New("the copy contradicts the ledger")

// CopyOptions bound what UpdateCopy does. The zero value copies all there is.
type CopyOptions struct {
	// Lines is after how many lines to stop, zero: never.
	Lines int
	// Wait is how long to wait for another process that updates the copy; zero:
	// it is left to that process.
	Wait time.Duration
	// Progress, if not nil, is told how many bytes of how many are copied.
	Progress func(done, total int64)
}

// A Copied is what UpdateCopy did.
type Copied struct {
	Ledger string // the ledger's ID
	Lines  int    // that were added
	Record uint64 // the last that the copy has now
	Bytes  int64  // that the copy has now
	Hash   string // SHA-256 of its last line
	Left   bool   // another process was at it; nothing was done
}

// UpdateCopy brings the journal in the folder dir up to the ledger from, which
// is a folder too or the URL of a shared ledger, by adding the lines that it
// lacks. The lines are the ledger's own bytes, so that the copy is a journal.
// The folder is made (mode 0750) if it is missing. It takes no lock of the
// source and may run while that is written to.
//
// Each line must follow the one before; what the copy has must be a beginning of
// the source, which its last line proves. If it is not, nothing is written, and
// the error wraps ErrContradicted. What a crash has left of a line is taken off.
func UpdateCopy(ctx context.Context, from, dir string, o CopyOptions) (Copied, error) {
	c, err := updateCopy(ctx, from, dir, o)
	if err != nil {
		return c, fmt.Errorf("copy the ledger to %s: %w", dir, err)
	}
	return c, nil
}

func updateCopy(ctx context.Context, from, dir string, o CopyOptions) (out Copied, err error) {
	f, err := lockCopy(ctx, dir, o.Wait)
	if err != nil {
		return out, err
	}
	if f == nil {
		return Copied{Left: true}, nil
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := &copyWriter{f: f, o: o}
	if err := w.settle(); err != nil {
		return out, err
	}
	if o.Progress != nil {
		if w.total, err = Size(from); err != nil {
			return out, err
		}
	}
	seen := w.head.seq == 0
	err = readFrom(ctx, from, w.head.start, func(line *Line) error {
		if !seen {
			seen = true
			return w.same(line)
		}
		return w.take(ctx, line)
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	if !seen && (err == nil || errors.Is(err, ErrDamaged)) {
		err = fmt.Errorf("%w: the ledger has no record %d where the copy has it: it was cut, or put back from a backup%s",
			ErrContradicted, w.head.seq, setAside)
	}
	err = errors.Join(err, w.flush())
	out = Copied{Ledger: w.id, Lines: w.lines, Record: w.durable.seq, Bytes: w.durable.end}
	if w.durable.seq > 0 {
		out.Hash = w.durable.hash.String()
	}
	if err == nil && w.durable.seq == 0 {
		err = fmt.Errorf("%w: it has no line", ErrMissing)
	}
	return out, err
}

// setAside is what an operator does about a copy that contradicts its ledger.
const setAside = "; keep both for whoever looks into it, find out why, and set the copy aside to begin another"

// errFull ends reading when the bound is reached.
var errFull = errors.New("the bound is reached")

// lockCopy opens the journal of a copy, makes it if need be, and locks it. It
// returns nil if another process has it for as long as we may wait.
func lockCopy(ctx context.Context, dir string, wait time.Duration) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, JournalName)
	made, err := makeFile(name, defaultMode)
	if err == nil {
		err = made.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if wait == 0 {
		return tryCopy(name)
	}
	f, _, err := openJournal(ctx, name, os.O_RDWR, unix.LOCK_EX)
	if errors.Is(err, ErrBusy) {
		return nil, nil
	}
	return f, err
}

func tryCopy(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err == nil {
		err = retry(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	}
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, err
}

// A copyWriter adds lines to a journal that is locked.
type copyWriter struct {
	f       *os.File
	o       CopyOptions
	id      string
	head    head // of the last line taken
	durable head // of the last line written and synced
	buf     []byte
	lines   int
	total   int64
}

// settle finds the last line and takes off what a crash has left behind it.
func (w *copyWriter) settle() error {
	info, err := w.f.Stat()
	if err != nil {
		return err
	}
	h, err := lastLine(w.f, info.Size())
	if err != nil {
		return err
	}
	if h.seq > 0 {
		first, err := readFirst(w.f)
		if err != nil {
			return err
		}
		w.id = first.Ledger
	}
	if info.Size() > h.end {
		if err := w.f.Truncate(h.end); err != nil {
			return err
		}
	}
	w.head, w.durable = h, h
	return nil
}

// same checks that the source has the copy's last line where the copy has it.
func (w *copyWriter) same(line *Line) error {
	if sha256.Sum256(line.Raw) != w.head.hash || line.Entry.Seq != w.head.seq {
		return fmt.Errorf("%w: record %d is another one there: the ledger was changed, or is not the one copied%s",
			ErrContradicted, w.head.seq, setAside)
	}
	return nil
}

// take adds one line.
func (w *copyWriter) take(ctx context.Context, line *Line) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.head.follows(&line.Entry); err != nil {
		return err
	}
	if line.Offset != w.head.end {
		return damaged(line.Entry.Seq, "it is at byte %d, and the line before ends at %d", line.Offset, w.head.end)
	}
	if w.head.seq == 0 {
		w.id = line.Entry.Ledger
	}
	w.buf = append(append(w.buf, line.Raw...), '\n')
	w.head = head{line.Offset, line.End(), line.Entry.Seq, sha256.Sum256(line.Raw), line.Entry.Time}
	w.lines++
	if len(w.buf) >= copyBlock {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if w.o.Lines > 0 && w.lines >= w.o.Lines {
		return errFull
	}
	return nil
}

// copyBlock is how many bytes are written and synced at once.
const copyBlock = 4 << 20

// flush makes durable what was taken. If that fails nothing of it stays.
func (w *copyWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.f.WriteAt(w.buf, w.durable.end)
	if err == nil {
		err = retry(func() error { return unix.Fdatasync(int(w.f.Fd())) })
	}
	if err != nil {
		w.head, w.buf = w.durable, nil
		return errors.Join(err, w.f.Truncate(w.durable.end))
	}
	w.durable, w.buf = w.head, w.buf[:0]
	if w.o.Progress != nil {
		w.o.Progress(w.durable.end, max(w.total, w.durable.end))
	}
	return nil
}

// lastLine finds the last line that ends in a newline, and reads it; the zero
// head if there is none.
func lastLine(r io.ReaderAt, size int64) (head, error) {
	from := max(0, size-2*MaxLine)
	b := make([]byte, size-from)
	if _, err := r.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
		return head{}, fmt.Errorf("read the copy: %w", err)
	}
	end := bytes.LastIndexByte(b, '\n') + 1
	if end == 0 && from == 0 {
		return head{}, nil
	}
	if end == 0 {
		return head{}, fmt.Errorf("%w: the copy ends in more than a line", ErrDamaged)
	}
	start := bytes.LastIndexByte(b[:end-1], '\n') + 1
	e := Entry{}
	if _, err := decode(string(b[start:end-1]), &e); err != nil {
		return head{}, fmt.Errorf("%w: the copy's last line: %w%s", ErrDamaged, err, setAside)
	}
	return head{from + int64(start), from + int64(end), e.Seq, sha256.Sum256(b[start : end-1]), e.Time}, nil
}
