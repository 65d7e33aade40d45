package gitfacts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Beside gives a repository that sees the objects of others too: those of
// environments before that are kept in other repositories on this host. Its
// own come first, then those of a quarantine, then the others' in order. All
// must have one object format. Refs and configuration stay the repository's
// own, and it may be used wherever the repository itself may.
//
// What the others have is trusted as what the repository has. If one of them
// is shallow, there are no answers about history.
func (r *Repository) Beside(others ...*Repository) (*Repository, error) {
	seen := *r
	seen.beside = slices.Clone(r.beside)
	for _, other := range others {
		if other == nil || other.format != r.format {
			return nil, errors.New("look into another repository: its object format differs")
		}
		if other.objects != r.objects && !slices.ContainsFunc(seen.beside, other.same) {
			seen.beside = append(seen.beside, other)
		}
	}
	return &seen, nil
}

func (r *Repository) same(other *Repository) bool { return r.objects == other.objects }

// objectEnvironment is what git needs in order to see the quarantine and the
// objects of other repositories.
func (r *Repository) objectEnvironment() []string {
	if r.odb != nil {
		return r.odb
	}
	var alternates []string
	if r.quarantine != "" {
		alternates = append(alternates, r.alternates)
	}
	alternates = append(alternates, r.besideObjects()...)
	var env []string
	if len(alternates) > 0 {
		env = append(env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+strings.Join(alternates, ":"))
	}
	if r.quarantine != "" {
		env = append(env, "GIT_OBJECT_DIRECTORY="+r.quarantine, "GIT_QUARANTINE_PATH="+r.quarantine)
	}
	return env
}

func (r *Repository) besideObjects() (quoted []string) {
	for _, other := range r.beside {
		quoted = append(quoted, quoteFolder(other.objects))
	}
	return quoted
}

// quoteFolder writes a path for GIT_ALTERNATE_OBJECT_DIRECTORIES: in quotes
// where it would mean something else without (git(1)).
func quoteFolder(path string) string {
	if !strings.ContainsAny(path, ":\"\\\n") {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// folders are where loose objects lie, in the order in which they are looked
// for.
func (r *Repository) folders() (list []string) {
	if r.quarantine != "" {
		list = append(list, r.quarantine)
	}
	list = append(list, r.objects)
	for _, other := range r.beside {
		list = append(list, other.objects)
	}
	return list
}

// whole checks that no history is cut off by a shallow file.
func (r *Repository) whole() error {
	for _, one := range append([]*Repository{r}, r.beside...) {
		info, err := os.Lstat(filepath.Join(one.commonDir, "shallow"))
		switch {
		case err == nil && info.Size() > 0:
			return errors.New("the repository is shallow: a part of its history is not there")
		case err != nil && !absentRef(err):
			return fmt.Errorf("look for a shallow file: %w", err)
		}
	}
	return nil
}
