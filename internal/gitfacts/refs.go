package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// maxSymrefDepth is how many symbolic refs git itself follows.
const maxSymrefDepth = 5

// A Ref is what one ref holds: an object ID, or the name of another ref. One
// of the two is empty.
type Ref struct {
	ID     policy.ObjectID
	Target policy.RefName
}

// A Resolution is where a ref leads: Ref is the ref that git would move, ID
// what it holds, empty if it is absent.
type Resolution struct {
	Ref policy.RefName
	ID  policy.ObjectID
}

// Ref reads one ref: "HEAD", or a name that begins with refs/. A ref that is
// there but cannot be read is an error, never absent. In a reftable repository
// the Target of a symbolic ref is where its chain ends.
func (r *Repository) Ref(ctx context.Context, name policy.RefName) (ref Ref, found bool, err error) {
	refs, err := r.Refs(ctx, []policy.RefName{name})
	ref, found = refs[name]
	return ref, found, err
}

// Refs reads many refs at once. Absent refs are absent from the result.
func (r *Repository) Refs(ctx context.Context, names []policy.RefName) (map[policy.RefName]Ref, error) {
	for _, name := range names {
		if name != "HEAD" && (!strings.HasPrefix(string(name), "refs/") || !policy.ValidRefName(name)) {
			return nil, fmt.Errorf("read ref %q: the name is not valid", name)
		}
	}
	if r.storage == Reftable {
		return r.gitRefs(ctx, names)
	}
	return r.fileRefs(names)
}

// Resolve follows symbolic refs from name to the ref that a push to name
// moves. More than five of them, or a loop, is an error. A ref that is absent
// resolves to itself.
func (r *Repository) Resolve(ctx context.Context, name policy.RefName) (final policy.RefName, id policy.ObjectID, err error) {
	all, err := r.ResolveAll(ctx, []policy.RefName{name})
	return all[name].Ref, all[name].ID, err
}

// ResolveAll resolves many refs at once. The result has every name.
func (r *Repository) ResolveAll(ctx context.Context, names []policy.RefName) (map[policy.RefName]Resolution, error) {
	result := make(map[policy.RefName]Resolution, len(names))
	refs, err := r.Refs(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		final, err := r.follow(ctx, name, refs)
		if err != nil {
			return nil, fmt.Errorf("resolve ref %q: %w", name, err)
		}
		result[name] = final
	}
	return result, nil
}

// follow resolves name, which is among those that refs was read for.
func (r *Repository) follow(ctx context.Context, name policy.RefName, refs map[policy.RefName]Ref) (Resolution, error) {
	ref := refs[name]
	for range maxSymrefDepth {
		if ref.Target == "" {
			return Resolution{Ref: name, ID: ref.ID}, nil
		}
		name = ref.Target
		var err error
		if ref, _, err = r.Ref(ctx, name); err != nil {
			return Resolution{}, err
		}
	}
	if ref.Target == "" {
		return Resolution{Ref: name, ID: ref.ID}, nil
	}
	return Resolution{}, errors.New("too many symbolic refs, or a loop of them")
}

// objectID checks what a repository of this format may call an object ID.
func (r *Repository) objectID(s string) (policy.ObjectID, bool) {
	if len(s) != r.format.digits() {
		return "", false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", false
		}
	}
	return policy.ObjectID(s), true
}
