package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

const (
	// maxNamed is how many refs are asked for by name; for more, git lists all.
	maxNamed = 200
	// maxAbsent is how many refs that git does not list are looked at one by
	// one: each may be a symbolic ref to a ref that does not exist.
	maxAbsent = 1000
)

// gitRefs reads refs by git, whatever their storage.
func (r *Repository) gitRefs(ctx context.Context, names []policy.RefName) (map[policy.RefName]Ref, error) {
	args := []string{"for-each-ref", "--format=%(refname)%00%(objectname)%00%(symref)"}
	wanted := make(map[policy.RefName]bool, len(names))
	for _, name := range names {
		wanted[name] = true
		if len(names) <= maxNamed && name != "HEAD" {
			args = append(args, string(name))
		}
	}
	res, err := r.run(ctx, hermetic, nil, args...)
	if err != nil {
		return nil, fmt.Errorf("read refs: %w", err)
	}
	if res.exit != 0 || strings.Contains(res.messages, "broken") {
		return nil, errors.New("read refs: git for-each-ref failed")
	}
	refs := make(map[policy.RefName]Ref, len(names))
	for line := range strings.Lines(string(res.out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(f) != 3 {
			return nil, errors.New("read refs: git for-each-ref printed another form")
		}
		name := policy.RefName(f[0])
		if !wanted[name] {
			continue
		}
		if refs[name], err = r.listed(f[1], f[2]); err != nil {
			return nil, fmt.Errorf("read ref %q: %w", name, err)
		}
	}
	return refs, r.dangling(ctx, wanted, refs)
}

func (r *Repository) listed(hex, target string) (Ref, error) {
	if target != "" {
		ref, _, err := r.symbolic(target)
		return ref, err
	}
	id, ok := r.objectID(hex)
	if !ok {
		return Ref{}, errors.New("git gave no object ID")
	}
	return Ref{ID: id}, nil
}

// dangling adds symbolic refs that for-each-ref leaves out: HEAD, and those
// whose target does not exist.
func (r *Repository) dangling(ctx context.Context, wanted map[policy.RefName]bool, refs map[policy.RefName]Ref) error {
	if absent := len(wanted) - len(refs); absent > maxAbsent {
		return fmt.Errorf("read refs: %d are new, more than %d cannot be looked at in a reftable repository", absent, maxAbsent)
	}
	for name := range wanted {
		if _, ok := refs[name]; ok {
			continue
		}
		out, exit, err := r.Git(ctx, nil, "symbolic-ref", "-q", string(name))
		if err != nil {
			return fmt.Errorf("read ref %q: %w", name, err)
		}
		switch exit {
		case 0:
			if refs[name], _, err = r.symbolic(strings.TrimSuffix(string(out), "\n")); err != nil {
				return fmt.Errorf("read ref %q: %w", name, err)
			}
		case 1: // not a symbolic ref
			if name != "HEAD" {
				continue
			}
			if refs[name], err = r.detached(ctx); err != nil {
				return err
			}
		default:
			return fmt.Errorf("read ref %q: git symbolic-ref failed", name)
		}
	}
	return nil
}

// detached reads a HEAD that is no symbolic ref.
func (r *Repository) detached(ctx context.Context) (Ref, error) {
	out, exit, err := r.Git(ctx, nil, "rev-parse", "--verify", "-q", "HEAD")
	id, ok := r.objectID(strings.TrimSuffix(string(out), "\n"))
	if err != nil || exit != 0 || !ok {
		return Ref{}, fmt.Errorf("read ref %q: git rev-parse failed", "HEAD")
	}
	return Ref{ID: id}, nil
}
