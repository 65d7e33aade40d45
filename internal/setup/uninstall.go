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

	"golang.org/x/sys/unix"
)

// Uninstall takes away what Install made: the links to pathgate's hooks and
// the values that it added to the configuration. Hooks that were there before
// get their place back. The ledger and the policy stay, and so does all that
// Install did not make. A second run changes nothing.
func Uninstall(ctx context.Context, o Options, path string) (Report, error) {
	repo, err := openRepository(path)
	if err != nil {
		return Report{}, fmt.Errorf("uninstall from %s: %w", titled(o.Policy, path), err)
	}
	if o.Policy != nil {
		if name, ok := repo.facts.Relative(o.Policy.Root); ok {
			repo.name = name
		}
	}
	out := &removal{repo: repo, report: Report{Repository: repo.name, Path: repo.dir}}
	for _, step := range []func(context.Context, Options) error{out.hooks, out.values} {
		if err := step(ctx, o); err != nil {
			return out.report, fmt.Errorf("uninstall from %s: %w", repo.name, err)
		}
	}
	if len(out.report.Changes) > 0 {
		out.report.note("from now on git makes a real ref of a push to refs/deploy/...; tell those who push")
	}
	return out.report, nil
}

// A removal is one run of Uninstall.
type removal struct {
	repo   *repository
	config *config
	report Report
}

// hooks takes the links away, pre-receive first: as long as git must ask
// proc-receive, what is left refuses.
func (r *removal) hooks(ctx context.Context, o Options) (err error) {
	if r.config, err = r.repo.config(ctx); err != nil {
		return err
	}
	folder, err := r.repo.hooksFolder(ctx)
	if err != nil {
		return err
	}
	if !r.repo.within(folder) {
		r.report.note("git runs hooks from %s, which is not this repository's; they were left alone", folder)
		folder = r.repo.ownHooks()
	}
	known := r.config.values(keyHooks)
	if o.HooksDir != "" {
		known = append(known, o.HooksDir)
	}
	for _, name := range slices.Backward(hookNames[:]) {
		h, err := lookAtHook(folder, name, known)
		if err == nil {
			err = r.hook(name, h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *removal) hook(name string, h hook) error {
	earlier, err := os.Lstat(h.earlier())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	kept := err == nil
	switch {
	case h.exists && h.ours && h.target == "":
		r.report.note("%s is a copy of pathgate's and no link: left alone", name)
	case h.exists && !h.ours && kept && os.SameFile(earlier, h.info):
		// An install that stopped before it put its link in place.
		r.report.changed("removed %s", filepath.Base(h.earlier()))
		return os.Remove(h.earlier())
	case h.exists && !h.ours && kept:
		r.report.note("%s is not pathgate's; it and %s were left alone", name, filepath.Base(h.earlier()))
	case h.exists && !h.ours:
		r.report.note("%s is not pathgate's: left alone", name)
	case kept && h.exists:
		r.report.changed("put the earlier %s back", name)
		return os.Rename(h.earlier(), h.path)
	case kept:
		r.report.changed("put the earlier %s back", name)
		return unix.Renameat2(unix.AT_FDCWD, h.earlier(), unix.AT_FDCWD, h.path, unix.RENAME_NOREPLACE)
	case h.exists:
		r.report.changed("removed %s", name)
		return os.Remove(h.path)
	}
	return nil
}

// values takes away what install added, and last the record of it.
func (r *removal) values(ctx context.Context, _ Options) error {
	for _, note := range r.config.values(keyAdded) {
		key, value, _ := strings.Cut(note, " ")
		if !slices.Contains([]string{keyProcRefs, keyOptions, keyFsck, keyHideRefs, keyPolicy}, key) {
			r.report.note("%s names %s, which install does not set", keyAdded, key)
			continue
		}
		if r.config.has(key, value) {
			r.report.changed("%s -= %s", key, value)
		}
		if err := r.config.remove(ctx, key, value); err != nil {
			return err
		}
	}
	for _, key := range []string{keyAdded, keyHooks} {
		if len(r.config.values(key)) > 0 {
			if err := r.config.write(ctx, "--unset-all", key); err != nil {
				return err
			}
		}
	}
	return nil
}
