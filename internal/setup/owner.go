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

// OwnerOf is the name of whom a file belongs to; empty if that cannot be seen.
func OwnerOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return ownerOf(info).who().name
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
	groups  []int
	name    string
	account bool // name is an account's, with a home
	home    string
}

// A barrier is what keeps a person from a file: its mode, or that of a folder
// above it.
type barrier struct {
	who    person
	path   string
	owner  owner
	mode   fs.FileMode
	want   fs.FileMode
	folder bool // above the file in question
}

func (b *barrier) Error() string {
	deed := deeds(b.want)
	if b.folder {
		deed = "enter"
	}
	return fmt.Sprintf("%s may not %s %s (mode %04o)", b.who.name, deed, show(b.path), b.mode)
}

// who looks the owner up. One without an account has the one group.
func (o owner) who() person {
	p := person{owner: o, groups: []int{o.gid}, name: "uid " + strconv.Itoa(o.uid)}
	u, err := user.LookupId(strconv.Itoa(o.uid))
	if err != nil {
		return p
	}
	p.name, p.account, p.home = u.Username, true, u.HomeDir
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

// reach returns why p cannot do want with the file at path, nil if p can: a
// *barrier, or the error that kept the current user from looking. It goes by owners and modes; access control lists and mounts it does not see.
func (p person) reach(path string, want fs.FileMode) error {
	for _, dir := range parents(path) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !p.may(info, 1) {
			return &barrier{p, dir, ownerOf(info), info.Mode().Perm(), 1, true}
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !p.may(info, want) {
		return &barrier{p, path, ownerOf(info), info.Mode().Perm(), want, false}
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
