package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// ErrNothing says that a repository has no ref of an environment yet, so that
// there is nothing to adopt.
var ErrNothing = errors.New("no ref of an environment is there yet: nothing to adopt")

// AdoptOptions say what Adopt records.
type AdoptOptions struct {
	Options
	// Ref limits it to one ref, a full name; empty for all refs of the
	// repository's environments.
	Ref policy.RefName
	// Also names earlier commits, oldest first, in any way that git
	// understands; they become rollback targets. They need Ref, or a
	// repository with one environment ref.
	Also []string
	// Reason is kept on record. A ref that the ledger knows already needs one.
	Reason string
	// Principal is who adopts, OperatingUser if empty.
	Principal string
}

// An Adoption is what Adopt found and recorded.
type Adoption struct {
	Repository string         // as the policy has it
	Entries    []ledger.Entry // what was written, in order
	Known      []policy.Live  // refs that are where the ledger has them: left alone
	// Unknown are environments with release whose ref was adopted at a commit
	// that no release on record has made: which branches they hold is not known.
	Unknown []policy.EnvironmentName
}

// Adopt records the refs of a repository's environments as deployed before
// pathgate, all in one write. A ref that is where the ledger has it already is
// left alone, unless a reason is given. It is ErrNothing if there is no such
// ref, and an error if one is symbolic or holds no commit, and if a push to
// one is under way.
func Adopt(ctx context.Context, o AdoptOptions, path string) (Adoption, error) {
	repo, err := openListed(o.Policy, path)
	if err != nil {
		return Adoption{}, fmt.Errorf("adopt %s: %w", titled(o.Policy, path), err)
	}
	if o.Principal == "" {
		o.Principal = OperatingUser()
	}
	a := &adoption{o: o, repo: repo}
	if err := a.run(ctx); err != nil {
		return Adoption{}, fmt.Errorf("adopt %s: %w", repo.name, err)
	}
	return Adoption{Repository: repo.name, Entries: a.entries, Known: a.same, Unknown: a.unknown}, nil
}

// An adoption is one run of Adopt.
type adoption struct {
	o       AdoptOptions
	repo    *repository
	host    string                         // this host's name, where hosts share the ledger
	known   map[policy.RefName]policy.Live // by the ledger, before the refs were read
	same    []policy.Live
	entries []ledger.Entry
	unknown []policy.EnvironmentName
}

// run asks the ledger before and after the refs are read, which takes too long
// for its lock: what changed in between is told.
func (a *adoption) run(ctx context.Context) error {
	var err error
	if a.host, err = receive.HostOf(a.o.Policy); err != nil {
		return err
	}
	before, err := a.live(ctx)
	if err != nil {
		return err
	}
	a.known = before
	if err := a.moves(); err != nil {
		return err
	}
	refs, err := a.refs(ctx)
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		return nil
	}
	also, err := a.also(ctx, len(refs))
	if err != nil {
		return err
	}
	if err := a.describe(ctx, refs, also); err != nil {
		return err
	}
	return a.record(ctx)
}

func (a *adoption) open(ctx context.Context) (*ledger.Ledger, error) {
	return ledger.Open(ctx, a.o.Policy.Ledger, ledger.Options{Root: a.o.Policy.Root, Copy: a.o.Policy.Copy, Now: a.o.Now})
}

// live are the records that this repository's refs are live by.
func (a *adoption) live(ctx context.Context) (known map[policy.RefName]policy.Live, err error) {
	l, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return a.lives(l)
}

// moves checks that a repository which the ledger has on another host is moved
// here as a whole, and on purpose.
func (a *adoption) moves() error {
	for _, live := range a.known {
		switch {
		case !elsewhere(a.host, live.Host):
		case strings.TrimSpace(a.o.Reason) == "":
			return no("the ledger has this repository on host %s, by record %d: say why it moves here with --reason", live.Host, live.Record)
		case a.o.Ref != "" && len(a.known) > 1:
			return no("the ledger has this repository on host %s, by record %d: name no ref, so that all of it moves here", live.Host, live.Record)
		}
	}
	return nil
}

// elsewhere reports whether a record's host is another one than this.
func elsewhere(own, host string) bool { return own != "" && host != "" && host != own }

func (a *adoption) lives(l *ledger.Ledger) (map[policy.RefName]policy.Live, error) {
	known := make(map[policy.RefName]policy.Live)
	lives, err := livesOf(l, a.repo.site)
	for _, live := range lives {
		known[live.Ref] = live
	}
	return known, err
}

// refs are the environment refs to adopt: none if all are known.
func (a *adoption) refs(ctx context.Context) ([]ref, error) {
	all, err := a.repo.refs(ctx)
	if err != nil {
		return nil, err
	}
	var list []ref
	for _, r := range all {
		if _, ok := a.repo.site.Environment(r.name); !ok || a.o.Ref != "" && r.name != a.o.Ref {
			continue
		}
		if r.symbolic != "" {
			return nil, no("%s is a symbolic ref to %s: whoever pushes to one moves the other", show(string(r.name)), show(string(r.symbolic)))
		}
		if live := a.known[r.name]; live.Record != 0 && strings.TrimSpace(a.o.Reason) == "" {
			if live.New != r.id || len(a.o.Also) > 0 {
				return nil, no("the ledger knows %s already, by record %d: say with --reason why to adopt it again", show(string(r.name)), live.Record)
			}
			a.same = append(a.same, live)
			continue
		}
		list = append(list, r)
	}
	switch {
	case len(list)+len(a.same) == 0 && a.o.Ref != "":
		return nil, no("there is no ref %s of an environment", show(string(a.o.Ref)))
	case len(list)+len(a.same) == 0:
		return nil, ErrNothing
	}
	return list, nil
}

// also finds the earlier commits.
func (a *adoption) also(ctx context.Context, refs int) ([]policy.ObjectID, error) {
	if len(a.o.Also) > 0 && refs != 1 {
		return nil, no("earlier commits belong to one ref, and %d refs are to be adopted: name one", refs)
	}
	var ids []policy.ObjectID
	for _, name := range a.o.Also {
		out, err := a.repo.run(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
		if err != nil {
			return nil, no("%s is not a commit of this repository", show(name))
		}
		ids = append(ids, policy.ObjectID(strings.TrimSpace(out)))
	}
	return ids, nil
}

// describe makes the entries: earlier commits first, so that the refs end up
// where they are.
func (a *adoption) describe(ctx context.Context, refs []ref, also []policy.ObjectID) error {
	ids := append([]policy.ObjectID(nil), also...)
	for _, r := range refs {
		ids = append(ids, r.id)
	}
	objects, err := a.repo.facts.Commits(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range also {
		a.entries = append(a.entries, a.entry(refs[0].name, id, objects[id]))
	}
	for _, r := range refs {
		if objects[r.id].Commit == "" {
			return no("%s holds a %s, not a commit", show(string(r.name)), objects[r.id].Kind)
		}
		a.entries = append(a.entries, a.entry(r.name, r.id, objects[r.id]))
	}
	return nil
}

func (a *adoption) entry(name policy.RefName, id policy.ObjectID, object gitfacts.Object) ledger.Entry {
	site := a.repo.site
	env, _ := site.Environment(name)
	return ledger.Entry{
		Type: ledger.TypeAdopt, Kind: string(policy.Adopt), Host: a.host,
		Service: string(site.Service), Environment: string(env.Name), Repository: site.Repository, Ref: string(name),
		New: string(id), Commit: string(object.Commit), Tree: string(object.Tree), Subject: text.Clean(object.Subject, 200),
		Principal: text.Clean(a.o.Principal, 255), Via: "local", Policy: a.o.Policy.Hash, Reason: text.Clean(a.o.Reason, 1024),
	}
}

// record writes the entries, unless a push came between.
func (a *adoption) record(ctx context.Context) (err error) {
	l, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	now, err := a.lives(l)
	if err != nil {
		return err
	}
	open, err := l.Intents(ledger.IntentFilter{Repository: a.repo.site.Repository})
	if err != nil {
		return err
	}
	pointers := make([]*ledger.Entry, len(a.entries))
	for i := range a.entries {
		e := &a.entries[i]
		pointers[i] = e
		name := policy.RefName(e.Ref)
		if now[name].Record != a.known[name].Record {
			return no("%s was pushed to meanwhile (record %d): try again", show(e.Ref), now[name].Record)
		}
		for _, intent := range open {
			if intent.Ref == e.Ref && elsewhere(a.host, intent.Host) {
				return no("a push to %s is not settled (record %d): run pathgate reconcile on host %s, or, if that is gone for ever, "+
					"pathgate reconcile --host %s --reason here, and try again", show(e.Ref), intent.Seq, intent.Host, intent.Host)
			}
			if intent.Ref == e.Ref {
				return no("a push to %s is not settled (record %d): run pathgate reconcile and try again", show(e.Ref), intent.Seq)
			}
		}
	}
	if err := l.Append(pointers...); err != nil {
		return err
	}
	return a.findUnknown(l)
}

// String is the adoption for a terminal: a line for each ref or commit.
func (a Adoption) String() string {
	var b strings.Builder
	for _, live := range a.Known {
		fmt.Fprintf(&b, "%s: %s is on record already, at %s by record %d\n", show(a.Repository), show(string(live.Ref)), live.Commit.Short(), live.Record)
	}
	for _, e := range a.Entries {
		fmt.Fprintf(&b, "%s: adopted %s", show(a.Repository), policy.ObjectID(e.Commit).Short())
		if e.Subject != "" {
			fmt.Fprintf(&b, " %q", text.Clean(e.Subject, 60))
		}
		fmt.Fprintf(&b, " on %s of %s, record %d\n", show(e.Ref), show(e.Environment), e.Seq)
	}
	for _, name := range a.Unknown {
		fmt.Fprintf(&b, "%s: which branches %s holds is not known: what is there stays until it is started over\n", show(a.Repository), name)
	}
	return b.String()
}
