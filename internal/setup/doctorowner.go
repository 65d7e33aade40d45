package setup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pathgate/pathgate/internal/ledger"
)

// owner looks whether the repository's owner, as whom hooks most likely run,
// can read the policy and write the ledger.
func (d *doctor) owner() {
	mark := len(d.findings)
	p := d.repo.owner.who()
	if p.uid == 0 {
		d.rootOwns()
		return
	}
	const why = "every push to an environment is refused"
	d.access(p, "the repository's owner cannot read the policy", d.o.PolicyPath, 4, why)
	if d.o.Policy.Shared() {
		d.ownerShares(p, mark)
		return
	}
	dir := d.o.Policy.Ledger
	for _, name := range []string{ledger.JournalName, ledger.IndexName} {
		if !d.access(p, "the repository's owner cannot write the ledger", filepath.Join(dir, name), 6, why) {
			return
		}
	}
	d.access(p, "the repository's owner cannot make files in the ledger's folder", dir, 3,
		"pushes pass until the index must be made anew, as after a reboot; then those to environments are refused")
	d.sound(mark, p.name+" can read the policy and write the ledger")
}

// ownerShares is the rest of owner where hosts share the ledger.
func (d *doctor) ownerShares(p person, mark int) {
	for key, path := range urlFiles(d.o.Policy.Ledger) {
		d.access(p, "the repository's owner cannot read the file that the ledger's "+key+" names", path, 4, "every push to an environment is refused")
	}
	if copied := d.o.Policy.Copy; copied != "" {
		d.access(p, "the repository's owner cannot write this host's copy of the ledger", copied, 3,
			"deployments do not start here, and no audit sink gets anything")
	}
	d.sound(mark, p.name+" can read the policy and what the ledger's address names")
}

func (d *doctor) rootOwns() {
	const what = "the repository belongs to root"
	if d.o.Policy.Shared() {
		d.ok(what)
		return
	}
	info, err := os.Stat(d.o.Policy.Ledger)
	if errors.Is(err, fs.ErrNotExist) { // which the ledger's findings say
		d.ok(what)
		return
	}
	if err == nil && ownerOf(info).uid == 0 {
		d.ok(what + ", as the ledger does")
		return
	}
	d.warn(what+", but the ledger does not", "whoever git serves it as must be able to write the ledger",
		command("chown", "-R", "--reference="+d.o.Policy.Ledger, d.repo.dir))
}

// access looks whether p can do want with path and reports whether p can, or
// the file is not there at all.
func (d *doctor) access(p person, what, path string, want fs.FileMode, why string) bool {
	err := p.reach(path, want)
	barred := (*barrier)(nil)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return true
	case errors.As(err, &barred):
		d.fail(what+": "+err.Error(), why, d.lift(barred))
	default:
		d.warn("no look could be had at "+path+": "+err.Error(), "whether "+p.name+" may use it is not known",
			"run pathgate doctor as root or as "+p.name)
	}
	return false
}

// lift is the command that takes a barrier away.
func (d *doctor) lift(b *barrier) string {
	who := b.who.name
	if !b.who.account {
		who = strconv.Itoa(b.who.uid)
	}
	mine := b.owner.uid == b.who.uid
	switch {
	case b.path == d.o.Policy.Ledger && mine:
		return command("chmod", "u+wx", b.path)
	case b.folder && b.path != d.o.Policy.Ledger:
		return command("chmod", "a+x", b.path)
	case b.path == d.o.PolicyPath:
		return command("chmod", "a+r", b.path)
	case mine:
		return command("chmod", "u+rw", b.path)
	}
	if d.o.Policy.Shared() {
		return command("chown", who, b.path)
	}
	return command("chown", "-R", who, d.o.Policy.Ledger)
}
