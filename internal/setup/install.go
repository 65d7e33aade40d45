package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// An installation is one run of Install.
type installation struct {
	o      Options
	repo   *repository
	config *config
	folder string // of the repository's hooks
	hooks  []hook // in the order of hookNames
	// foreign says that proc-receive belongs to somebody else: no dead-man
	// switch, no command refs.
	foreign bool
	report  Report
}

// Install wires a repository to pathgate. It examines everything before it
// changes anything, so that most errors leave the repository as it was; the
// package comment says what one in the middle leaves. A second run changes
// nothing. Problems that it found and did not touch are in the report.
func Install(ctx context.Context, o Options, path string) (Report, error) {
	if err := checkHooks(o.HooksDir); err != nil {
		return Report{}, err
	}
	repo, err := openListed(o.Policy, path)
	if err != nil {
		return Report{}, fmt.Errorf("install in %s: %w", titled(o.Policy, path), err)
	}
	in := &installation{o: o, repo: repo}
	in.report.Repository, in.report.Path = repo.name, repo.dir
	for _, step := range []func(context.Context) error{
		in.examine, in.ledger, in.nameFolder, in.namePolicy, in.handOver, in.wire, in.switches, in.hide, in.problems, in.unrecorded,
	} {
		if err := step(ctx); err != nil {
			return in.report, fmt.Errorf("install in %s: %w", repo.name, err)
		}
	}
	return in.report, nil
}

// examine looks at everything and changes nothing.
func (in *installation) examine(ctx context.Context) (err error) {
	major, minor, err := in.repo.version(ctx)
	if err != nil {
		return err
	}
	if major < 2 || major == 2 && minor < 29 {
		return no("git %d.%d has no proc-receive hook: pathgate needs git 2.29", major, minor)
	}
	if env := in.repo.releases(); env != nil && tooOldToMerge(major, minor) {
		return no("git %d.%d cannot merge without a work tree, and branches are released into %s: that needs git 2.38", major, minor, env.Name)
	}
	if in.config, err = in.repo.config(ctx); err != nil {
		return err
	}
	if in.folder, err = in.repo.hooksFolder(ctx); err != nil {
		return err
	}
	if !in.repo.within(in.folder) {
		return no("git runs hooks from %s, which is outside of this repository and may serve others; "+
			"give it its own: %s", in.folder, command("git", "config", "--file", in.config.path, "core.hooksPath", in.repo.ownHooks()))
	}
	for _, name := range hookNames {
		h, err := lookAtHook(in.folder, name, in.known())
		if err != nil {
			return err
		}
		if err := in.placeable(name, h); err != nil {
			return err
		}
		in.hooks = append(in.hooks, h)
	}
	return nil
}

// known are the folders whose hooks are pathgate's.
func (in *installation) known() []string {
	return append(in.config.values(keyHooks), in.o.HooksDir)
}

// placeable checks that pathgate's hook can take its place.
func (in *installation) placeable(name string, h hook) error {
	if !h.exists || h.ours {
		return nil
	}
	if name == "proc-receive" {
		in.foreign = true
		return nil
	}
	if h.folder {
		return no("%s is a folder", show(h.path))
	}
	info, err := os.Lstat(h.earlier())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !os.SameFile(info, h.info):
		return no("%s is not pathgate's, and the name to keep it under is taken by %s: remove one of them",
			show(h.path), filepath.Base(h.earlier()))
	}
	return nil
}

// nameFolder puts on record where the links will point to, so that they are
// known as pathgate's whatever happens.
func (in *installation) nameFolder(ctx context.Context) error {
	if in.config.has(keyHooks, in.o.HooksDir) {
		return nil
	}
	return in.config.write(ctx, "--add", keyHooks, in.o.HooksDir)
}

// namePolicy makes the repository name its policy, unless that is the default.
func (in *installation) namePolicy(ctx context.Context) error {
	have := in.config.values(keyPolicy)
	switch {
	case len(have) == 0 && in.o.Default:
		return nil
	case len(have) == 0:
		in.report.changed("%s = %s", keyPolicy, in.o.PolicyPath)
		return in.config.add(ctx, keyPolicy, in.o.PolicyPath)
	case have[len(have)-1] == in.o.PolicyPath:
		return nil
	}
	in.report.changed("%s = %s (was %s)", keyPolicy, in.o.PolicyPath, have[len(have)-1])
	if note := keyPolicy + " " + in.o.PolicyPath; !in.config.has(keyAdded, note) {
		if err := in.config.write(ctx, "--add", keyAdded, note); err != nil {
			return err
		}
	}
	return in.config.write(ctx, "--replace-all", keyPolicy, in.o.PolicyPath)
}

// handOver makes git hand environment and command refs to proc-receive.
func (in *installation) handOver(ctx context.Context) error {
	if in.foreign {
		return nil
	}
	for _, name := range in.repo.handed() {
		if err := in.ensure(ctx, keyProcRefs, name); err != nil {
			return err
		}
	}
	return nil
}

// ensure adds a value to a key of many values.
func (in *installation) ensure(ctx context.Context, key, value string) error {
	if in.config.has(key, value) {
		return nil
	}
	in.report.changed("%s += %s", key, value)
	return in.config.add(ctx, key, value)
}

// wire puts the links in place, pre-receive last.
func (in *installation) wire(ctx context.Context) error {
	if _, err := os.Stat(in.folder); errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(in.folder, 0o755, in.repo.owner); err != nil {
			return err
		}
		in.report.changed("made the folder %s", in.folder)
	}
	for i, name := range hookNames {
		if name == "proc-receive" && in.foreign {
			continue
		}
		if err := in.wireOne(name, in.hooks[i]); err != nil {
			return err
		}
	}
	for _, old := range in.config.values(keyHooks) {
		if old != in.o.HooksDir {
			if err := in.config.remove(ctx, keyHooks, old); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *installation) wireOne(name string, h hook) error {
	target := filepath.Join(in.o.HooksDir, name)
	_, err := os.Lstat(h.earlier())
	waiting := err == nil
	switch {
	case h.ours && h.target == target:
		return nil
	case h.exists && !h.ours:
		if err := h.keep(); err != nil {
			return fmt.Errorf("keep the hook %s: %w", h.path, err)
		}
		how := "pathgate's hook runs it first"
		if h.idle {
			how = "git did not run it (no executable file), and pathgate's hook does not either"
		}
		in.report.changed("kept %s as %s: %s", name, filepath.Base(h.earlier()), how)
	case waiting && name != "proc-receive":
		in.report.note("%s was there; pathgate's hook runs it", filepath.Base(h.earlier()))
	}
	if err := h.wire(target, in.repo.owner); err != nil {
		return fmt.Errorf("wire the hook %s: %w", h.path, err)
	}
	in.report.changed("%s -> %s", name, target)
	return nil
}

// makeFolder makes one folder and gives it to o.
func makeFolder(path string, mode fs.FileMode, o owner) error {
	if err := os.Mkdir(path, mode); err != nil {
		return err
	}
	return ownAs(path, o)
}

// switches makes git take push options, and look at the objects that a push
// brings before it lets them in.
func (in *installation) switches(ctx context.Context) error {
	return errors.Join(in.switchOn(ctx, keyOptions), in.switchOn(ctx, keyFsck))
}

func (in *installation) switchOn(ctx context.Context, key string) error {
	have := in.config.values(key)
	if len(have) > 0 && truth(have[len(have)-1]) {
		return nil
	}
	// A spelling that is not there yet, so that uninstall finds this one.
	for _, yes := range []string{"true", "yes", "on", "1"} {
		if !slices.Contains(have, yes) {
			return in.ensure(ctx, key, yes)
		}
	}
	return fmt.Errorf("%s is set in too many ways: %s", key, strings.Join(have, ", "))
}

// hide hides what nobody may push to.
func (in *installation) hide(ctx context.Context) error {
	for _, name := range []string{"refs/replace", "refs/pathgate"} {
		if err := in.ensure(ctx, keyHideRefs, name); err != nil {
			return err
		}
	}
	return nil
}

// problems reports what install does not touch.
func (in *installation) problems(ctx context.Context) error {
	if in.foreign {
		in.report.Problems = append(in.report.Problems, foreignProcReceive(in.repo, in.config, in.hooks[0].path)...)
	}
	effective, err := in.repo.effective(ctx)
	if err != nil {
		return err
	}
	in.report.Problems = append(in.report.Problems, hiding(in.repo, effective)...)
	in.report.Problems = append(in.report.Problems, unchecked(in.repo, in.config, effective, "")...)
	real, err := realCommandRefs(ctx, in.repo)
	in.report.Problems = append(in.report.Problems, real...)
	return err
}

// unrecorded looks whether something is live here that the ledger knows
// nothing of, as on a server that has deployed before.
func (in *installation) unrecorded(ctx context.Context) (err error) {
	refs, err := in.repo.refs(ctx)
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, in.o.Policy.Ledger, ledger.Options{Root: in.o.Policy.Root, Copy: in.o.Policy.Copy, Now: in.o.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	lives, err := livesOf(l, in.repo.site)
	known := make(map[policy.RefName]bool)
	for _, live := range lives {
		known[live.Ref] = true
	}
	for _, r := range refs {
		if _, is := in.repo.site.Environment(r.name); is && !known[r.name] {
			in.report.Unrecorded = true
		}
	}
	return err
}
