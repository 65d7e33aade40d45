package setup

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// An owner is whom a file belongs to.
type owner struct{ uid, gid int }

func ownerOf(info fs.FileInfo) owner {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return owner{int(st.Uid), int(st.Gid)}
	}
	return owner{os.Geteuid(), os.Getegid()}
}

// ownAs gives path, or the link at path, to o. Only root can and does.
func ownAs(path string, o owner) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, o.uid, o.gid)
}

// A person is a user with the groups that count for file modes.
type person struct {
	owner
	groups []int
	name   string
}

// who looks the owner up. One without an account has the one group.
func (o owner) who() person {
	p := person{owner: o, groups: []int{o.gid}, name: "uid " + strconv.Itoa(o.uid)}
	u, err := user.LookupId(strconv.Itoa(o.uid))
	if err != nil {
		return p
	}
	p.name = u.Username
	ids, err := u.GroupIds()
	if err != nil {
		return p
	}
	p.groups = nil
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil {
			p.groups = append(p.groups, n)
		}
	}
	return p
}

// may reports whether the mode bits (4 read, 2 write, 1 search or execute) let
// p do all of want.
func (p person) may(info fs.FileInfo, want fs.FileMode) bool {
	o := ownerOf(info)
	mode := info.Mode().Perm()
	switch {
	case p.uid == 0:
		return true
	case o.uid == p.uid:
		mode >>= 6
	case slices.Contains(p.groups, o.gid):
		mode >>= 3
	}
	return mode&want == want
}

// reach returns why p cannot do want with the file at path, nil if p can. It
// goes by owners and modes; access control lists and mounts it does not see.
func (p person) reach(path string, want fs.FileMode) error {
	for _, dir := range parents(path) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !p.may(info, 1) {
			return fmt.Errorf("%s may not enter %s (mode %04o)", p.name, show(dir), info.Mode().Perm())
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !p.may(info, want) {
		return fmt.Errorf("%s may not %s %s (mode %04o)", p.name, deeds(want), show(path), info.Mode().Perm())
	}
	return nil
}

func deeds(want fs.FileMode) string {
	switch {
	case want&2 != 0:
		return "write"
	case want&4 != 0:
		return "read"
	}
	return "run"
}

// parents are the folders above path, from the root down.
func parents(path string) []string {
	var out []string
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		out = append(out, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	slices.Reverse(out)
	return out
}
