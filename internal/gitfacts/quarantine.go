package gitfacts

import (
	"errors"
	"fmt"
	"path/filepath"
)

// UseQuarantine makes the objects of the push that is under way readable: in a
// pre-receive hook they lie in a folder of their own (git-receive-pack(1),
// "quarantine environment"). It takes the folder from the variables that git
// gives to the hook and checks that it lies inside the repository's objects
// folder. Without GIT_QUARANTINE_PATH it does nothing.
func (r *Repository) UseQuarantine(getenv func(string) string) error {
	path := getenv("GIT_QUARANTINE_PATH")
	if path == "" {
		return nil
	}
	if !filepath.IsAbs(path) || getenv("GIT_OBJECT_DIRECTORY") != path {
		return errors.New("find the push's objects: the quarantine is not what git would name")
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("find the push's objects: %w", err)
	}
	rel, err := filepath.Rel(r.objects, real)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return errors.New("find the push's objects: the quarantine is outside of the repository")
	}
	r.quarantine = real
	r.alternates = getenv("GIT_ALTERNATE_OBJECT_DIRECTORIES")
	return nil
}
