package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrMount: no file system can be mounted here. It takes root.
var ErrMount = errors.New("cannot mount a tmpfs: run the tests as root")

// A Disk is a small one on which a database lies.
type Disk struct{ dir string }

// MoveToDisk puts a database, which nobody may be connected to, on a disk of its
// own of so many megabytes: a tmpfs, and a tablespace on it. An empty database
// takes about 8. The disk is gone when the server is stopped.
func (s *Server) MoveToDisk(database string, megabytes int) (*Disk, error) {
	d := &Disk{filepath.Join(s.dir, "disk-"+database)}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMount, err)
	}
	s.disks = append(s.disks, d)
	space := filepath.Join(d.dir, "space")
	if err := errors.Join(os.Mkdir(space, 0o700), s.Primary.who.give(space)); err != nil {
		return nil, err
	}
	for _, sql := range [...]string{
		fmt.Sprintf("CREATE TABLESPACE %s_disk LOCATION '%s'", database, space),
		fmt.Sprintf("ALTER DATABASE %s SET TABLESPACE %[1]s_disk", database),
	} {
		if err := s.Primary.Exec("postgres", sql); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Fill writes until no byte is free.
func (d *Disk) Fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	block := make([]byte, 1<<16)
	for len(block) > 0 && err == nil {
		if _, err = f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block, err = block[:len(block)/2], nil
		}
	}
	return errors.Join(err, f.Close())
}

// Free makes room: it takes away what Fill has written.
func (d *Disk) Free() error { return os.Remove(d.ballast()) }

func (d *Disk) ballast() string { return filepath.Join(d.dir, "ballast") }

func (d *Disk) unmount() {
	_ = syscall.Unmount(d.dir, syscall.MNT_DETACH) // the server that used it is killed
}
