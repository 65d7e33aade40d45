package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/stamp"
	"github.com/pathgate/pathgate/internal/stamp/notes"
	"github.com/pathgate/pathgate/internal/stamper"
	"github.com/pathgate/pathgate/policy"
)

// stamps looks at the keys that sign stamps.
func (d *doctor) stamps() {
	var done []string
	for _, env := range d.o.Policy.Environments {
		if env.Stamps == nil || slices.Contains(done, env.Stamps.Key) {
			continue
		}
		done = append(done, env.Stamps.Key)
		d.stampKey(env.Name, env.Stamps.Key)
	}
}

// stampKey looks at one key as those who run the hooks will see it.
func (d *doctor) stampKey(name policy.EnvironmentName, path string) {
	mark := len(d.findings)
	what := fmt.Sprintf("the key that signs the stamps of %s, %s,", name, path)
	why := "what is deployed there gets no stamp, and hosts elsewhere refuse what rests on it"
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fail(what+" is missing", why, "put it back from a copy; or make another, and carry its public half to the hosts that take its stamps (pathgate help stamps): "+
			command("pathgate", "stamp", "keygen", path))
		return
	case errors.Is(err, fs.ErrPermission):
		d.warn(what+" cannot be looked at", err.Error(), "run pathgate doctor as root")
		return
	case err != nil:
		d.fail(what+" cannot be read", why+": "+err.Error(), "")
		return
	case !info.Mode().IsRegular():
		d.fail(what+" is not a file", why, "")
		return
	case info.Mode().Perm()&0o007 != 0:
		d.fail(fmt.Sprintf("%s is open to everybody (mode %04o)", what, info.Mode().Perm()),
			"whoever has it can claim any deployment in "+string(name)+"; it is not used", command("chmod", "o-rwx", path))
		return
	}
	if err := d.ledgerOwner().reach(path, 4); err != nil {
		d.fail(what+" cannot be read by whom git runs as", why+": "+err.Error(), keyMend(err))
	}
	d.writtenByOthers(path, what, "whoever may do that can keep stamps from being signed")
	key, err := stamp.LoadKey(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		d.warn(what+" was not looked into", err.Error(), "run pathgate doctor as root or as whom git runs as")
	case err != nil:
		d.fail(what+" is of no use", why+": "+err.Error(), "")
	default:
		d.sound(mark, fmt.Sprintf("the stamps of %s can be signed; for keys elsewhere: %s", name, key.Authorized()))
	}
}

// stampRefs tells of notes of stamps that are not where pathgate left them, though
// something is live.
func (d *doctor) stampRefs(ctx context.Context, lives []policy.Live) {
	var done []policy.EnvironmentName
	for _, live := range lives {
		env, ok := d.repo.site.Environment(live.Ref)
		if !ok || env.Stamps == nil || slices.Contains(done, env.Name) {
			continue
		}
		done = append(done, env.Name)
		refs := stamper.RefsOf(env.Name)
		what := fmt.Sprintf("the stamps of %s, in %s,", env.Name, refs.Public)
		at, err := d.stampTips(ctx, refs)
		switch {
		case err != nil:
			d.fail(what+" cannot be read", err.Error(), "")
		case at.Apart() && at.Public == "":
			d.warn(what+" are gone", "who fetches gets none; the next deployment restores them, from what pathgate keeps in "+string(refs.Kept), d.verb("pathgate", "reconcile"))
		case at.Apart():
			d.warn(what+" are not as pathgate left them", "only pathgate writes there; the next deployment restores them, from what it keeps in "+string(refs.Kept), d.verb("pathgate", "reconcile"))
		case at.Public == "":
			d.warn(what+" are not there", "something is live on "+string(live.Ref)+", and hosts elsewhere refuse what rests on it", d.verb("pathgate", "reconcile"))
		}
	}
}

// stampTips reads where refs are, later than what is live was read.
func (d *doctor) stampTips(ctx context.Context, refs notes.Refs) (notes.Tips, error) {
	repo, err := gitfacts.Open(d.repo.dir)
	if err != nil {
		return notes.Tips{}, err
	}
	return refs.Tips(ctx, repo)
}

// keyMend is the command that lets whom git runs as read a key.
func keyMend(err error) string {
	barred := (*barrier)(nil)
	switch {
	case !errors.As(err, &barred):
		return ""
	case barred.folder:
		return command("chmod", "a+x", barred.path)
	case barred.who.account:
		return command("chown", barred.who.name, barred.path)
	}
	return command("chown", strconv.Itoa(barred.who.uid), barred.path)
}
