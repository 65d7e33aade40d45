package ledger

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A host is what the ledger asks of the kernel where tests make it fail.
type host struct {
	write     func(fd int, b []byte) (int, error)
	fdatasync func(fd int) error
	truncate  func(fd int, size int64) error
	fstype    func(dir string) (int64, error)
	bootID    func() string
	commit    func() error // just before the index commits
}

func realHost() *host {
	return &host{
		write:     write,
		fdatasync: func(fd int) error { return retry(func() error { return unix.Fdatasync(fd) }) },
		truncate:  func(fd int, size int64) error { return retry(func() error { return unix.Ftruncate(fd, size) }) },
		fstype: func(dir string) (int64, error) {
			var st unix.Statfs_t
			err := retry(func() error { return unix.Statfs(dir, &st) })
			return int64(st.Type), err
		},
		bootID: bootID,
		commit: func() error { return nil },
	}
}

// write is one write(2), which os.File.Write would repeat after a short one.
func write(fd int, b []byte) (n int, err error) {
	err = retry(func() error {
		n, err = unix.Write(fd, b)
		return err
	})
	return n, err
}

func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// bootID names the time since the kernel started: /proc's boot_id, which
// containers share with their host. Empty if it cannot be read; then no index
// outlives its process, which is slow but right.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// checkFileSystem refuses file systems on which flock, O_APPEND or fdatasync
// do not mean what the ledger needs them to mean. FUSE is among them: most
// FUSE file systems are remote, and flock may be local to one mount.
func (h *host) checkFileSystem(dir string) error {
	magic, err := h.fstype(dir)
	if err != nil {
		return fmt.Errorf("look at the file system of %s: %w", dir, err)
	}
	var name string
	switch uint32(magic) {
	case unix.NFS_SUPER_MAGIC:
		name = "NFS"
	case unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		name = "SMB"
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		name = "AFS"
	case unix.CODA_SUPER_MAGIC:
		name = "Coda"
	case unix.V9FS_MAGIC:
		name = "9p"
	case unix.CEPH_SUPER_MAGIC:
		name = "Ceph"
	case unix.FUSE_SUPER_MAGIC:
		name = "FUSE"
	case unix.OCFS2_SUPER_MAGIC:
		name = "OCFS2"
	case 0x01161970:
		name = "GFS2"
	case 0x0bd00bd0, 0x0bd00bd1:
		name = "Lustre"
	case 0x564c:
		name = "NCP"
	case 0x19830326:
		name = "BeeGFS"
	default:
		return nil
	}
	return fmt.Errorf("%w (%s): %s; put it on a local disk", ErrNetwork, name, dir)
}
