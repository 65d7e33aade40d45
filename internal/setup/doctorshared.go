package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
)

// lockPatience is how long doctor waits for the ledger's lock, which a hook
// holds for about a millisecond.
const lockPatience = 2 * time.Second

// appendOnly is the attribute that chattr +a sets (FS_APPEND_FL).
const appendOnly = 0x20

// tailBytes is how much of the journal's end doctor reads.
const tailBytes = 64 << 10

// verifyBytes is up to which size doctor checks all of the journal, which
// takes well under a second.
const verifyBytes = 16 << 20

// trustedPath looks for folders above path in which others than root and the
// path's owner may put another file in its place.
func (d *doctor) trustedPath(what, path string) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return // whoever reads the file tells
	}
	for _, dir := range parents(real) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o022 == 0 || info.Mode()&fs.ModeSticky != 0 {
			continue
		}
		d.fail(fmt.Sprintf("others may replace %s: folder %s has mode %04o", what, dir, info.Mode().Perm()),
			"whoever may do that decides what reaches production", command("chmod", "go-w", dir))
	}
}

// programs looks at git and at pathgate's own hooks.
func (d *doctor) programs(ctx context.Context) {
	if major, minor, err := (git{string(filepath.Separator)}).version(ctx); err != nil {
		d.fail("git cannot be run", err.Error(), "")
	} else if major < 2 || major == 2 && minor < 29 {
		d.fail(fmt.Sprintf("git %d.%d has no proc-receive hook", major, minor), "there is no dead-man switch and no command ref", "install git 2.29 or newer")
	} else {
		d.ok(fmt.Sprintf("git %d.%d has all that pathgate needs", major, minor))
	}
	mark := len(d.findings)
	if err := checkHooks(d.o.HooksDir); err != nil {
		mend := "install them with ./install.sh, or say with --hooks DIR where they are"
		if filepath.IsAbs(d.o.HooksDir) && !errors.Is(err, fs.ErrNotExist) {
			mend = command("chmod", "go-w,a+x", d.o.HooksDir, filepath.Join(d.o.HooksDir, "pre-receive"),
				filepath.Join(d.o.HooksDir, "proc-receive"), filepath.Join(d.o.HooksDir, "post-receive"))
		}
		d.fail("pathgate's hooks are not fit", err.Error(), mend)
	} else {
		d.trustedPath("pathgate's hooks", filepath.Join(d.o.HooksDir, "pre-receive"))
	}
	d.sound(mark, "pathgate's hooks in "+d.o.HooksDir+" are whole")
}

// ledger looks at the ledger's files, lock and end, and opens it.
func (d *doctor) ledger(ctx context.Context) {
	mark := len(d.findings)
	if d.o.Policy.Shared() {
		d.database(ctx)
		return
	}
	dir := d.o.Policy.Ledger
	d.ledgerModes(dir)
	if d.journalEnd(dir) {
		d.openLedger(ctx, dir)
	}
	d.sound(mark, d.whole(dir, mark))
}

func (d *doctor) ledgerModes(dir string) {
	for _, name := range [...]string{"", ledger.JournalName, ledger.IndexName, ledger.SnapshotName} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		mode := info.Mode().Perm()
		if name == "" && mode&0o002 != 0 || name != "" && mode&0o006 != 0 {
			d.fail(fmt.Sprintf("%s is open to everybody (mode %04o)", path, mode),
				"the record could be forged or read by any user of this machine", command("chmod", "o-rwx", path))
		}
	}
	d.trustedPath("the ledger", dir)
}

// journalEnd takes the journal's lock for a moment and looks at the last
// entries. It reports whether it makes sense to go on.
func (d *doctor) journalEnd(dir string) bool {
	path := filepath.Join(dir, ledger.JournalName)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		d.fail("there is no ledger in "+dir, "every push to an environment is refused",
			"bring "+ledger.JournalName+" back from a copy; if there never was one, run pathgate install")
		return false
	}
	if err != nil {
		d.fail("the ledger cannot be read", err.Error(), d.readMend(err, dir))
		return false
	}
	defer f.Close()
	if !waitForLock(f) {
		d.fail("the ledger's lock is held for more than "+lockPatience.String(), "pushes to environments wait and are then refused",
			command("fuser", "-v", path))
		return false
	}
	defer unix.Flock(int(f.Fd()), unix.LOCK_UN)
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	protected := err == nil && flags&appendOnly != 0
	if protected {
		d.ok("the journal is append-only (chattr +a)")
	}
	return d.tail(f, path, protected)
}

// readMend is what helps against a file that cannot be read.
func (d *doctor) readMend(err error, place string) string {
	if !errors.Is(err, fs.ErrPermission) {
		return "look at the disk and the file: " + command("ls", "-la", place)
	}
	who := "as root"
	if name := OwnerOf(place); name != "" && name != "root" {
		who += " or as " + name
	}
	return "you are " + OperatingUser() + ": run pathgate doctor " + who
}

func waitForLock(f *os.File) bool {
	for end := time.Now().Add(lockPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			return true
		}
	}
	return false
}

// tail checks the last entries and the links between them.
func (d *doctor) tail(f *os.File, path string, protected bool) bool {
	raw, err := lastBytes(f)
	if err != nil {
		d.fail("the ledger cannot be read", err.Error(), "")
		return false
	}
	if len(raw) == 0 || raw[len(raw)-1] != '\n' {
		d.torn(path, protected)
		return false
	}
	prev := ""
	for line := range bytes.SplitSeq(raw[:len(raw)-1], []byte("\n")) {
		e, err := ledger.Decode(line)
		if err == nil && prev != "" && e.Prev != prev {
			err = fmt.Errorf("record %d does not follow on the line before it", e.Seq)
		}
		if err != nil {
			d.fail("the ledger is damaged: "+err.Error(), "a line was changed, lost or put in", d.verb("pathgate", "ledger", "verify"))
			return false
		}
		sum := sha256.Sum256(line)
		prev = hex.EncodeToString(sum[:])
	}
	return true
}

// torn tells of an unfinished last line.
func (d *doctor) torn(path string, protected bool) {
	const what = "the ledger ends in a torn line"
	if !protected {
		d.warn(what, "a write was cut short; the next push to an environment takes it off", d.verb("pathgate", "reconcile"))
		return
	}
	d.fail(what+", and is append-only", "a write was cut short; pushes to environments are refused until it is off",
		command("chattr", "-a", path)+" && "+d.verb("pathgate", "reconcile")+" && "+command("chattr", "+a", path))
}

func (d *doctor) repair() string {
	return d.verb("pathgate", "ledger", "repair", "--reason", "why it is right to go on")
}

// whole checks a small ledger from its first line, since the end does not show
// what was changed before it. It returns what can be said of a sound one.
func (d *doctor) whole(dir string, mark int) string {
	info, err := os.Stat(filepath.Join(dir, ledger.JournalName))
	if err != nil || info.Size() > verifyBytes || Worst(d.findings[mark:]) == Fail {
		return "the end of the ledger " + dir + " holds; 'pathgate ledger verify' checks all of it"
	}
	report, err := ledger.Verify(dir, nil)
	switch {
	case err != nil:
		d.warn("the ledger could not be checked as a whole", err.Error(), d.verb("pathgate", "ledger", "verify"))
	case !report.OK():
		d.fail("the ledger does not hold: "+report.Findings[0].String(), "what is on record is not what happened", d.verb("pathgate", "ledger", "verify"))
	}
	return "ledger " + dir + " is sound, from its first line to its last"
}

// lastBytes reads the journal's end, from the beginning of a line.
func lastBytes(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(info.Size()-tailBytes, 0)
	raw, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil || from == 0 {
		return raw, err
	}
	_, rest, _ := bytes.Cut(raw, []byte("\n"))
	return rest, nil
}

func (d *doctor) openLedger(ctx context.Context, dir string) {
	l, err := ledger.Open(ctx, dir, ledger.Options{Root: d.o.Policy.Root, Copy: d.o.Policy.Copy, Now: d.o.Now, Wait: lockPatience})
	if err == nil {
		_, at, _ := l.Last()
		if behind := at.Sub(d.o.now()); behind > 5*time.Minute {
			d.fail(fmt.Sprintf("the clock is %s behind the ledger's last entry", behind.Round(time.Second)),
				"pushes to environments are refused", "set the clock, or run "+d.repair())
		}
		err = errors.Join(d.serial(l), l.Close())
	}
	switch {
	case errors.Is(err, ledger.ErrContradicted):
		d.fail("the shared ledger contradicts this host's copy of it", "pushes to environments are refused here: "+err.Error(), d.ledgerMend(err))
	case errors.Is(err, ledger.ErrDenied) && d.onlyReads(ctx):
	case err != nil:
		d.fail("the ledger cannot be used", err.Error(), d.ledgerMend(err))
	}
}

// serial looks whether the policy file may judge after those on record.
func (d *doctor) serial(l *ledger.Ledger) error {
	s, err := l.Serial()
	if err != nil {
		return err
	}
	if wrong := s.Refusal(d.o.Policy.Hash, d.o.Policy.Serial); wrong != "" {
		_, mend, _ := strings.Cut(wrong, ": ")
		d.fail("the policy file may not judge: "+wrong, "every push to an environment is refused", mend)
	}
	return nil
}

// ledgerMend is what helps against an error of ledger.Open.
func (d *doctor) ledgerMend(err error) string {
	switch {
	case errors.Is(err, ledger.ErrContradicted):
		return "adopt and repair nothing yet; if the database was put back from a backup, bring back what it has lost, from the longest of all hosts' copies: " +
			command("pathgate", "ledger", "copy", d.o.Policy.Copy, d.o.Policy.Ledger) + " ; else find out who changed what: " + d.verb("pathgate", "ledger", "verify")
	case errors.Is(err, ledger.ErrCopy):
		return "let copy in " + d.o.PolicyPath + " name another folder, an empty one"
	case errors.Is(err, ledger.ErrPassfile):
		return "let the user that git runs as read the passfile that the URL names, and others not: chown, chmod 0600"
	case errors.Is(err, ledger.ErrDenied):
		return "look at the role, its password (a line of the passfile must match) and its rights: pathgate ledger migrate OWNERS-URL --writer ROLE"
	case errors.Is(err, ledger.ErrNotLinked):
		return "./install.sh --postgres"
	case errors.Is(err, ledger.ErrCut):
		return "first look for what is lost: in a backup, a copy of the ledger, an audit sink; a checkpoint kept elsewhere tells whether it is: " +
			d.verb("pathgate", "ledger", "verify", "--checkpoint", "FILE") + " ; only if nothing brings it back: " + d.repair()
	case errors.Is(err, ledger.ErrUnreachable):
		return "see that PostgreSQL runs, takes writes and can be reached from here; ledger in " + d.o.PolicyPath + " is its address (pathgate help postgres)"
	case errors.Is(err, fs.ErrPermission):
		return d.readMend(err, d.o.Policy.Ledger)
	case errors.Is(err, ledger.ErrRoot), errors.Is(err, ledger.ErrClock):
		return d.repair()
	case errors.Is(err, ledger.ErrDamaged):
		return d.verb("pathgate", "ledger", "verify")
	case errors.Is(err, ledger.ErrNetwork):
		return "move the ledger to a local disk"
	case errors.Is(err, ledger.ErrVersion):
		return "install the newer pathgate"
	}
	return ""
}
