package ledger

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// errScratch: the temporary file of a verification cannot be used. That says
// nothing about the ledger.
var errScratch = errors.New("keep what was read in a temporary file (TMPDIR names its folder)")

// A scratch is a temporary file whose bytes are used as memory. What is kept of
// a long ledger is as long as the ledger: here the kernel can write it out and
// take its memory back whenever that is short.
//
// A nil scratch gives ordinary memory.
type scratch struct {
	file   *os.File
	size   int64
	pieces [][]byte
}

func newScratch() (*scratch, error) {
	f, err := nameless()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errScratch, err)
	}
	return &scratch{file: f}, nil
}

// nameless makes a temporary file that nobody else can open and that is gone
// once it is closed, whatever becomes of the process.
func nameless() (*os.File, error) {
	f, err := os.CreateTemp("", "pathgate-") // mode 0600
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// more gives so many bytes, a multiple of the page size, which are zero. The
// file has room for them: to find out later would kill the process.
func (s *scratch) more(size int) ([]byte, error) {
	if s == nil {
		return make([]byte, size), nil
	}
	fd := int(s.file.Fd())
	err := retry(func() error { return unix.Fallocate(fd, 0, s.size, int64(size)) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		_, err = s.file.WriteAt(make([]byte, size), s.size)
	}
	var piece []byte
	if err == nil {
		piece, err = unix.Mmap(fd, s.size, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errScratch, err)
	}
	s.size += int64(size)
	s.pieces = append(s.pieces, piece)
	return piece, nil
}

// guard runs f and turns the fault of a page that cannot be read or written
// into an error.
func (s *scratch) guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface {
			error
			Addr() uintptr
		}:
			err = fmt.Errorf("%w: %w", errScratch, r)
		default:
			panic(r)
		}
	}()
	return f()
}

// close gives all back. What more has given is gone then.
func (s *scratch) close() {
	for _, p := range s.pieces {
		_ = unix.Munmap(p)
	}
	s.pieces = nil
	s.file.Close()
}
