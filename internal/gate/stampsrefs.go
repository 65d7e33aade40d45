package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// notesRefs is the namespace of the notes that tell where commits have been
// deployed, one ref for each environment: git-notes(1).
const notesRefs = "refs/notes/deployments"

// mostNotes is how many notes refs one push may bring: each is proven.
const mostNotes = 16

// notesTarget is the environment whose notes a ref holds by its name.
func notesTarget(ref policy.RefName) (name policy.EnvironmentName, ok bool) {
	rest, ok := strings.CutPrefix(string(ref), notesRefs+"/")
	return policy.EnvironmentName(rest), ok
}

// elsewhereNamed is the environment of that name, if it is one of which only
// stamps tell.
func (s *scene) elsewhereNamed(name policy.EnvironmentName) (*policy.Environment, bool) {
	env, ok := s.policy.Environment(name)
	return env, ok && env.Elsewhere != nil
}

// keepsNotes reports whether a ref is one that pathgate keeps notes in, or would
// stand in the way of such: as a folder of the same name, or by letter case. It
// keeps none where the policy knows neither stamps nor an environment elsewhere.
func (s *scene) keepsNotes(ref policy.RefName) bool {
	stamped := func(e *policy.Environment) bool { return e.Stamps != nil || e.Elsewhere != nil }
	if !slices.ContainsFunc(s.policy.Environments, stamped) {
		return false
	}
	name := strings.ToLower(string(ref))
	return name == "refs/notes" || name == notesRefs || strings.HasPrefix(name, notesRefs+"/")
}

// classifyNotes checks an update of a notes ref. Those of an environment
// elsewhere are taken from everybody, as what they say is believed for its
// signatures only; in all others nobody writes but pathgate.
func (s *scene) classifyNotes(out *sorted, u receive.Update) {
	name, inside := notesTarget(u.Ref)
	env, known := s.elsewhereNamed(name)
	if !known {
		env, _ = s.policy.Environment(name)
	}
	final := out.at[u.Ref]
	out.times[u.Ref]++
	switch {
	case !text.Printable(string(u.Ref)):
		out.refuse(policy.MalformedInput, u, nil, u.Ref, "the name has characters that do not show")
	case u.New.IsZero() && !inside && !strings.HasPrefix(strings.ToLower(string(u.Ref)), notesRefs+"/"):
		// What stood in the way may go: where letter case is no difference, this is
		// a folder.
	case !inside && u.New.IsZero():
		out.refuse(policy.Alias, u, nil, "", "this name differs from one of the notes of deployments only by letter case")
	case !inside:
		out.refuse(policy.Alias, u, nil, "", "a ref of this name would keep the notes of deployments from being made")
	case !known && env != nil:
		out.refuse(policy.ReservedRef, u, env, u.Ref, fmt.Sprintf("only pathgate writes notes about deployments to %s", env.Name))
	case !known:
		out.refuse(policy.ReservedRef, u, nil, u.Ref, "the policy has no environment elsewhere whose notes these would be")
	case u.New.IsZero():
		out.refuse(policy.Deletion, u, env, u.Ref, "")
	case final.Ref != u.Ref:
		out.refuse(policy.Alias, u, env, "", "this name is a symbolic ref to another one")
	case out.times[u.Ref] == 2:
		out.refuse(policy.DuplicateUpdate, u, env, u.Ref, "")
	}
}

// pushedNotes are the tips of notes that a push brings, by environment.
func (s *scene) pushedNotes(updates []receive.Update) map[policy.EnvironmentName]policy.ObjectID {
	out := make(map[policy.EnvironmentName]policy.ObjectID)
	for _, u := range updates {
		name, ok := notesTarget(u.Ref)
		if _, known := s.elsewhereNamed(name); ok && known && !u.New.IsZero() && len(out) < mostNotes {
			out[name] = u.New
		}
	}
	return out
}
