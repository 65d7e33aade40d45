package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A fileSink appends each line as it is in the ledger to a file.
type fileSink struct {
	f    *os.File
	size int64 // up to where the file is ours and sound
	buf  []byte
}

// openFile opens the file to append to, and makes it if it is missing, with the
// ledger's owner and mode. Its folder is never made.
func openFile(path, dir string) (*fileSink, error) {
	const flags = os.O_RDWR | os.O_APPEND | syscall.O_NONBLOCK | syscall.O_NOFOLLOW
	f, err := os.OpenFile(path, flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = create(path, flags, dir)
	}
	if err != nil {
		return nil, err
	}
	s := &fileSink{f: f}
	if err := s.examine(dir); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// examine refuses what is no plain file, and the ledger itself by another name.
// A last line that somebody has left unfinished is ended first.
func (s *fileSink) examine(dir string) error {
	info, err := s.f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return errors.New("it has another name (hard link): that file may be something else")
	}
	for _, name := range [...]string{ledger.JournalName, ledger.IndexName, ledger.SnapshotName} {
		if own, err := os.Stat(filepath.Join(dir, name)); err == nil && os.SameFile(info, own) {
			return errors.New("it is a file of the ledger")
		}
	}
	if s.size = info.Size(); s.size == 0 {
		return nil
	}
	last := make([]byte, 1)
	if _, err := s.f.ReadAt(last, s.size-1); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if last[0] != '\n' {
		s.buf = append(s.buf, '\n')
	}
	return nil
}

func (s *fileSink) write(_ context.Context, m *message) error {
	s.buf = append(append(s.buf, m.raw...), '\n')
	return nil
}

// flush appends with one write and one sync. If that fails it takes off what
// may have been written, so that the file has whole lines only.
func (s *fileSink) flush(context.Context) error {
	if len(s.buf) == 0 {
		return nil
	}
	n, err := s.f.Write(s.buf)
	if err == nil {
		err = retry(func() error { return unix.Fdatasync(int(s.f.Fd())) })
	}
	if err != nil {
		err = fmt.Errorf("append to %s: %w", s.f.Name(), err)
		if n > 0 {
			if undo := s.f.Truncate(s.size); undo != nil {
				err = fmt.Errorf("%w; and it could not be undone: %w", err, undo)
			}
		}
		return err
	}
	s.size += int64(n)
	s.buf = s.buf[:0]
	return nil
}

func (s *fileSink) close() error { return s.f.Close() }
