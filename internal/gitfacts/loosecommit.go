package gitfacts

import (
	"errors"
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// errNoGit says that an object could be read only by starting git.
var errNoGit = errors.New("git is needed to read the object")

// Loose is Commits for one object and without ever starting git: false if the
// object, or one that it leads to, does not lie loose in the quarantine or the
// repository.
func (r *Repository) Loose(id policy.ObjectID) (Object, bool, error) {
	if _, ok := r.objectID(string(id)); !ok || id.IsZero() {
		return Object{}, false, fmt.Errorf("read object %q: not an object ID of this repository", id)
	}
	source := objects{repo: r, looseOnly: true}
	o, err := source.peel(id)
	if errors.Is(err, errNoGit) {
		return Object{}, false, nil
	}
	if err != nil {
		return Object{}, false, fmt.Errorf("read object %s: %w", id, err)
	}
	return o, true, nil
}
