package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/policy"
)

// most is how many findings of one sort are listed.
const most = 10

// refs looks for refs that lead round the gate.
func (d *doctor) refs(ctx context.Context) {
	mark := len(d.findings)
	all, err := d.repo.refs(ctx)
	if err != nil {
		d.fail("the refs cannot be listed", err.Error(), "")
		return
	}
	for _, r := range all {
		if r.symbolic != "" {
			d.alias(r.name, r.symbolic)
		}
		if env, is := d.repo.site.Fold(r.name); is {
			d.fail(string(r.name)+" differs from a ref of "+string(env.Name)+" only by letter case",
				"people take one for the other; some file systems do too", d.deleteRef(r.name))
		}
	}
	d.danglingAliases()
	d.replaced(all)
	real, err := realCommandRefs(ctx, d.repo)
	if err != nil {
		d.fail("the refs cannot be listed", err.Error(), "")
	}
	d.findings = append(d.findings, real...)
	d.sound(mark, "no ref leads round the gate")
}

func (d *doctor) deleteRef(name policy.RefName) string {
	return command("git", "--git-dir="+d.repo.dir, "update-ref", "-d", "--no-deref", string(name))
}

// alias tells of a symbolic ref that is, or points to, an environment's ref.
func (d *doctor) alias(name, target policy.RefName) {
	env, aimed := d.repo.site.Environment(target)
	if !aimed {
		if env, aimed = d.repo.site.Environment(name); !aimed {
			return
		}
	}
	d.fail(fmt.Sprintf("%s is a symbolic ref to %s, of %s", name, target, env.Name),
		"a push to one name moves the other; if pre-receive were missing, it would pass",
		command("git", "--git-dir="+d.repo.dir, "symbolic-ref", "--delete", string(name)))
}

// danglingAliases looks for symbolic refs to what is not there yet, which git
// does not list.
func (d *doctor) danglingAliases() {
	_ = filepath.WalkDir(d.inRepo("refs"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err != nil || info.Size() > 4<<10 {
			return nil
		}
		raw, err := os.ReadFile(path)
		target, symbolic := strings.CutPrefix(string(raw), "ref: ")
		if err != nil || !symbolic {
			return nil
		}
		target = strings.TrimSpace(target)
		if _, err := os.Lstat(d.inRepo(target)); !errors.Is(err, fs.ErrNotExist) || d.packed(target) {
			return nil // git lists it
		}
		if name, err := filepath.Rel(d.repo.dir, path); err == nil {
			d.alias(policy.RefName(filepath.ToSlash(name)), policy.RefName(target))
		}
		return nil
	})
}

// packed reports whether packed-refs has a ref.
func (d *doctor) packed(name string) bool {
	raw, err := os.ReadFile(d.inRepo("packed-refs"))
	return err == nil && strings.Contains(string(raw), " "+name+"\n")
}

func (d *doctor) replaced(all []ref) {
	n := 0
	for _, r := range all {
		if !strings.HasPrefix(string(r.name), "refs/replace/") {
			continue
		}
		if n++; n <= most {
			d.warn(string(r.name)+" replaces an object", "git shows another history than was committed; pathgate does not, but checkouts may", d.deleteRef(r.name))
		}
	}
	if n > most {
		d.warn(fmt.Sprintf("and %d more below refs/replace", n-most), "", "")
	}
}

// realCommandRefs lists refs that were made where command refs are asked for.
func realCommandRefs(ctx context.Context, r *repository) ([]Finding, error) {
	refs, err := r.refs(ctx, policy.CommandRefs()...)
	var list []Finding
	for i, ref := range refs {
		if i == most {
			list = append(list, find(Fail, r.name, fmt.Sprintf("and %d more real refs below command refs", len(refs)-most), "", ""))
			break
		}
		list = append(list, find(Fail, r.name, string(ref.name)+" is a real ref where a command ref is asked for",
			"git takes a push to it for an update of that ref",
			command("git", "--git-dir="+r.dir, "update-ref", "-d", "--no-deref", string(ref.name))))
	}
	return list, err
}

// records holds the refs against the ledger.
func (d *doctor) records(ctx context.Context) {
	mark := len(d.findings)
	refs, err := d.repo.refs(ctx)
	if err != nil {
		return // told already
	}
	// What the ledger has of the refs, read after them, so that a push in
	// between shows as one to look at again.
	lives, intents, err := d.fromLedger(ctx)
	if err != nil {
		return // told already
	}
	if d.onAnotherHost(lives) {
		return
	}
	busy := d.intents(intents)
	at := make(map[policy.RefName]policy.ObjectID)
	for _, r := range refs {
		at[r.name] = r.id
	}
	known := make(map[policy.RefName]bool)
	for _, live := range lives {
		known[live.Ref] = true
		if at[live.Ref] != live.New && !busy[live.Ref] {
			d.drift(live, at[live.Ref])
		}
	}
	for _, r := range refs {
		if _, is := d.repo.site.Environment(r.name); is && !known[r.name] && !busy[r.name] {
			d.warn("the ledger knows nothing of "+string(r.name), "what is there counts nowhere as deployed, and cannot be rolled back to",
				d.verb("pathgate", "adopt", d.repo.dir))
		}
	}
	d.stampRefs(ctx, lives)
	d.sound(mark, "refs are where the ledger has them")
}

// onAnotherHost tells of a repository that the ledger has on another host. What
// is here then is a copy, or the other one is.
func (d *doctor) onAnotherHost(lives []policy.Live) bool {
	host, err := receive.HostOf(d.o.Policy)
	if err != nil {
		return false // told already
	}
	var newest policy.Live
	for _, live := range lives {
		if live.Record > newest.Record {
			newest = live
		}
	}
	if !elsewhere(host, newest.Host) {
		return false
	}
	d.fail(fmt.Sprintf("the ledger has this repository on host %s, by record %d", newest.Host, newest.Record),
		"every push to an environment is refused here", "push there; or move the repository here: "+
			d.verb("pathgate", "adopt", "--reason", "why it was moved", d.repo.dir))
	return true
}

func (d *doctor) drift(live policy.Live, seen policy.ObjectID) {
	env, ok := d.repo.site.Environment(live.Ref)
	if ok && env.Release != nil {
		d.releaseDrift(live, seen)
		return
	}
	if seen == "" {
		mend := "push what is on record again"
		if ok {
			mend += ": " + explain.Push(env.Name, live.Commit, live.Ref)
		}
		d.warn(fmt.Sprintf("%s is gone, the ledger has it at %s by record %d", live.Ref, live.New.Short(), live.Record),
			"it was deleted past the gate", mend)
		return
	}
	d.warn(fmt.Sprintf("%s is at %s, the ledger has it at %s by record %d", live.Ref, seen.Short(), live.New.Short(), live.Record),
		"it was moved past the gate; the next push that the rules allow heals it",
		d.verb("pathgate", "adopt", "--ref", string(live.Ref), "--reason", "why it was moved", d.repo.dir))
}

func (d *doctor) fromLedger(ctx context.Context) (lives []policy.Live, intents []ledger.Entry, err error) {
	l, err := ledger.Open(ctx, d.o.Policy.Ledger, ledger.Options{Root: d.o.Policy.Root, Copy: d.o.Policy.Copy, Now: d.o.Now, Wait: lockPatience, ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if lives, err = livesOf(l, d.repo.site); err != nil {
		return nil, nil, err
	}
	intents, err = l.Intents(ledger.IntentFilter{Repository: d.repo.site.Repository})
	return lives, intents, err
}

// intents tells of pushes that are over and not settled, and which refs have
// any that are open.
func (d *doctor) intents(open []ledger.Entry) map[policy.RefName]bool {
	busy := make(map[policy.RefName]bool)
	for _, e := range open {
		busy[policy.RefName(e.Ref)] = true
		switch receive.Token(e.Token).Life() {
		case receive.Dead:
			d.warn(fmt.Sprintf("the push of record %d to %s is over and not settled", e.Seq, e.Ref),
				"the next push to that ref settles it", d.verb("pathgate", "reconcile"))
		case receive.Unknown:
			if d.o.now().Sub(e.Time) > staleQuarantine {
				d.warn(fmt.Sprintf("nobody can tell whether the push of record %d to %s still runs, %s", e.Seq, e.Ref, d.ago(e.Time)),
					"the next push to that ref settles it", d.verb("pathgate", "reconcile"))
			}
		}
	}
	return busy
}
