package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
)

// slowTrip is from which round trip on people will notice: a push to an
// environment takes about ten with connecting, in each of two or three hooks.
const slowTrip = 10 * time.Millisecond

// database looks at a ledger that hosts share: this host's name in it, the way
// to the database, and what it lets us do.
func (d *doctor) database(ctx context.Context) {
	d.hostName()
	d.credentials()
	mark := len(d.findings)
	begun := time.Now()
	d.openLedger(ctx, d.o.Policy.Ledger)
	opened := time.Since(begun)
	if Worst(d.findings[mark:]) != OK {
		return
	}
	x, err := ledger.Examine(ctx, d.o.Policy.Ledger)
	if err != nil {
		d.fail("the database cannot be examined", err.Error(), "")
		return
	}
	d.transport(x)
	d.rights(x)
	figure := fmt.Sprintf("the shared ledger: a round trip takes %s, to connect and lock it %s", milliseconds(x.Trip), milliseconds(opened))
	if x.Trip > slowTrip {
		d.warn(figure, "each hook of a push to an environment connects and makes two round trips more", "bring host and database closer together")
		return
	}
	d.ok(figure)
}

func milliseconds(t time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(t.Microseconds())/1000)
}

// onlyReads reports whether the ledger's URL names a role that may read the
// ledger and not write to it, as auditors have, and says so.
func (d *doctor) onlyReads(ctx context.Context) bool {
	x, err := ledger.Examine(ctx, d.o.Policy.Ledger)
	if err != nil || len(x.Missing) == 0 {
		return false
	}
	d.fail("the role "+x.Role+" in the ledger's URL may only read; it lacks "+strings.Join(x.Missing, ", "),
		"with it log, status and ledger verify work, and on a git host every push to an environment is refused",
		"on a git host, let ledger in "+d.o.PolicyPath+" name the role of the hooks; for an auditor's policy there is nothing to mend, and doctor is for git hosts")
	return true
}

// rights looks what the role may do that hooks and command work as.
func (d *doctor) rights(x ledger.Examination) {
	mark := len(d.findings)
	if len(x.Missing) > 0 {
		d.fail("the role "+x.Role+" lacks "+strings.Join(x.Missing, ", "), "pushes to environments are refused",
			"with OWNERS-URL as the owner of the tables connects: pathgate ledger migrate OWNERS-URL --writer "+x.Role)
	}
	if len(x.Excess) > 0 {
		d.warn("the role "+x.Role+" has more rights than hooks need: "+strings.Join(x.Excess, ", "),
			"with them lines of the ledger can be taken away", "write with a role of its own, and migrate as the owner")
	}
	d.sound(mark, "the role "+x.Role+" may add lines, and not change any")
	if x.Standbys == "" {
		d.ok("the database waits for no standby: what is lost with it is lost (synchronous_standby_names is empty)")
	}
}

// hostName looks what this host is called in a ledger that hosts share.
func (d *doctor) hostName() {
	host, err := receive.HostOf(d.o.Policy)
	if err != nil {
		d.fail("this host has no name in the shared ledger: "+err.Error(), "every push to an environment is refused",
			"set host in "+d.o.PolicyPath)
		return
	}
	from := "its node name"
	if d.o.Policy.Host != "" {
		from = "by the policy"
	}
	d.ok(fmt.Sprintf("this host is %s in the shared ledger, %s; no host can see that no other one has that name: look for yourself", host, from))
}

// lost looks for repositories that the ledger has on a host of this name, and
// that are not here: another host has this one's name, or they are gone.
func (d *doctor) lost(ctx context.Context) {
	host, err := receive.HostOf(d.o.Policy)
	if err != nil || host == "" {
		return // told already, or nobody shares
	}
	l, err := ledger.Open(ctx, d.o.Policy.Ledger, ledger.Options{Root: d.o.Policy.Root, Copy: d.o.Policy.Copy, Now: d.o.Now, Wait: lockPatience, ReadOnly: true})
	if err != nil {
		return // told already
	}
	rows, err := l.Lives("", "", "")
	if err = errors.Join(err, l.Close()); err != nil {
		d.fail("the ledger cannot be read", err.Error(), "")
		return
	}
	var names []string
	for _, row := range rows {
		env, ok := d.o.Policy.Environment(row.Environment)
		if row.Host != host || !ok || env.Repository.Path(row.Service) != row.Repository || slices.Contains(names, row.Repository) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(d.o.Policy.Root, filepath.FromSlash(row.Repository))); errors.Is(err, fs.ErrNotExist) {
			names = append(names, row.Repository)
		}
	}
	if len(names) == 0 {
		return
	}
	list := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	d.warn(fmt.Sprintf("the ledger has repositories on host %s, as this one is called, that are not here: %s", host, list),
		"if another host has that name too, each takes the other's pushes for its own",
		"give one of the hosts another name (host in "+d.o.PolicyPath+"); if they were moved, pathgate adopt --reason where they are now")
}

// transport tells how the connection to the database is made safe. The policy
// takes no address over a network without TLS that verifies the server.
func (d *doctor) transport(x ledger.Examination) {
	switch {
	case x.TLS != "" && urlSetting(d.o.Policy.Ledger, "sslmode") == "verify-full":
		d.ok("the database (PostgreSQL " + x.Server + ") is reached by " + x.TLS + ", and its name and certificate are verified")
	case x.TLS != "":
		d.ok("the database (PostgreSQL " + x.Server + ") is on this machine, and reached by " + x.TLS)
	default:
		d.ok("the database (PostgreSQL " + x.Server + ") is on this machine, and reached without TLS")
	}
}

// credentials looks at the files that the ledger's address names.
func (d *doctor) credentials() {
	for key, path := range urlFiles(d.o.Policy.Ledger) {
		info, err := os.Stat(path)
		if err != nil {
			d.fail("the file that the ledger's "+key+" names cannot be found", "the database cannot be reached: "+err.Error(), "")
			continue
		}
		if mode := info.Mode().Perm(); mode&0o007 != 0 && (key == "passfile" || key == "sslkey") {
			d.fail(fmt.Sprintf("everybody may use %s (mode %04o)", path, mode),
				"any user of this machine can write to the ledger as the hooks do", command("chmod", "o-rwx", path))
		}
		d.writtenByOthers(path, "the file that the ledger's "+key+" names", "whoever may do that decides which database is believed")
	}
}

// urlFiles are the files that a shared ledger's address names, by the settings
// that name them.
func urlFiles(address string) map[string]string {
	files := make(map[string]string)
	for _, key := range []string{"passfile", "sslrootcert", "sslcert", "sslkey"} {
		if path := urlSetting(address, key); strings.HasPrefix(path, "/") {
			files[key] = path
		}
	}
	return files
}

// urlSetting is one setting of a shared ledger's address; empty if it is not
// there.
func urlSetting(address, key string) string {
	_, query, _ := strings.Cut(address, "?")
	settings, err := url.ParseQuery(strings.ReplaceAll(query, "+", "%2B")) // a plus is a plus in a URI of libpq
	if err != nil {
		return ""
	}
	return settings.Get(key)
}
