package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// deployRefs is the namespace of the command refs that deploy.
const deployRefs = "refs/deploy"

// A move is an update of an environment's ref that the policy must judge.
type move struct {
	index  int             // in the push
	pushed receive.Update  // as the client sent it
	new    policy.ObjectID // what the ref shall hold
	env    *policy.Environment
	ref    policy.RefName  // the environment's ref
	old    policy.ObjectID // what the ref really holds, the zero ID if it is absent
	// command is set where a command ref asks for the move, and git itself
	// will not make it.
	command bool
	// release is set where a command asks for more than a move: the commit
	// that the ref shall hold has to be made first.
	release *releasing

	commit, tree policy.ObjectID
	subject      string

	principal string // canonical
	override  string // the reason given for going past rules

	here ledger.Entry // what the commit stands by in the environment, if it does

	git         policy.CommitFacts // what git says of the history
	gitSince    string             // of what it brings beside these commits
	gitAsked    policy.GitNeeds    // this is what it was asked
	asks        policy.GitNeeds    // what git has still to be asked
	asksLive    policy.ObjectID    // about what it brings beside this
	asksWithout []policy.ObjectID  // and these

	bar       hindrance                                 // what keeps it from being judged
	match     *matching                                 // what the environments before contain of it
	asksMatch *matchQuestion                            // that has still to be found out
	deep      bool                                      // few deployments were not enough to look at
	offered   map[policy.EnvironmentName][]policy.Offer // stamps of it that do not count
	tickets   []string                                  // whose branches it brings
}

// A sorted push: what must be judged, and what is refused without asking the
// ledger.
type sorted struct {
	moves    []*move
	refusals []*refusal
	// releases are judged by proc-receive, when the pushed objects are there.
	releases []*move

	all []receive.Update
	// noCommands is set where the repository carries out no command refs.
	noCommands bool
	at         map[policy.RefName]gitfacts.Resolution
	index      int                    // of the update being sorted
	times      map[policy.RefName]int // how often an environment's ref came
}

// mostMoves is how many refs of environments one push may move: others wait
// for the ledger meanwhile.
const mostMoves = 2000

// A refusal is an update, or a whole push, that is refused.
type refusal struct {
	explain.Refusal
	index    int // in the push, -1 for what is wrong with all of it
	old, new policy.ObjectID
	kind     policy.Kind
	move     *move               // nil where the ledger was not asked
	what     explain.ReleaseCase // what is wrong with a release, where the code does not say
}

// gated reports whether the push concerns an environment or a reserved ref. A
// push that does not never opens the ledger.
func (s *sorted) gated() bool { return len(s.moves)+len(s.refusals) > 0 }

func (s *sorted) refuse(code policy.Code, u receive.Update, env *policy.Environment, target policy.RefName, detail string) {
	r := &refusal{index: s.index, old: u.Old, new: u.New, Refusal: explain.Refusal{
		Code: code, Ref: u.Ref, Target: target, Commit: u.New, Detail: detail, NoCommands: s.noCommands}}
	if env != nil {
		r.Environment = env.Name
	}
	s.refusals = append(s.refusals, r)
}

// refuseAll refuses the push as a whole.
func (s *sorted) refuseAll(environment policy.EnvironmentName, code policy.Code, detail string) {
	s.refusals = append(s.refusals, &refusal{index: -1,
		Refusal: explain.Refusal{Code: code, Environment: environment, Detail: detail}})
}

// classify sorts the updates of a push by name alone: what belongs to an
// environment, what is refused whatever the ledger says, and what passes.
func (s *scene) classify(ctx context.Context, updates []receive.Update, namespaced bool) (*sorted, error) {
	at, err := s.resolve(ctx, updates)
	if err != nil {
		return nil, because("a ref of this repository cannot be read", err)
	}
	out := &sorted{all: updates, at: at, noCommands: !s.carriesOut(deployRefs), times: make(map[policy.RefName]int)}
	if namespaced {
		out.refuseAll(s.environment(), policy.Alias, "GIT_NAMESPACE is set: another ref than the one named would move")
		return out, nil
	}
	if !s.listed && (!s.under || s.policy.Unlisted != policy.UnlistedAllow) {
		out.refuseAll(s.environment(), policy.UnlistedRepository, "")
	}
	for i, u := range updates {
		out.index = i
		s.classifyOne(out, u)
	}
	s.refuseCompany(out)
	if len(out.moves) > mostMoves {
		out.moves = nil
		out.refuseAll(s.environment(), policy.TooLarge, fmt.Sprintf("the push moves more than %d refs of environments", mostMoves))
	}
	return out, nil
}

// refuseCompany refuses refs of environments in a push that could be held up
// between the decision and the move. Git moves one ref after the other, and
// whatever it has to say of another one before, such as a warning that there is
// nothing to delete, waits for a client that does not read.
func (s *scene) refuseCompany(out *sorted) {
	before, deleted := len(out.all), -1
	for i, u := range out.all {
		_, gated := s.site.Environment(u.Ref)
		_, command := policy.Command(u.Ref)
		if gated || command || s.keepsNotes(u.Ref) {
			continue
		}
		if before = min(before, i); u.New.IsZero() {
			deleted = i
		}
	}
	out.moves = slices.DeleteFunc(out.moves, func(m *move) bool {
		out.index = m.index
		switch {
		case m.command:
			return false
		case deleted >= 0:
			out.refuse(policy.NotAlone, m.pushed, m.env, m.ref, "the same push deletes "+explain.Branch(out.all[deleted].Ref))
		case before < m.index:
			out.refuse(policy.NotAlone, m.pushed, m.env, m.ref, explain.Branch(out.all[before].Ref)+" comes before it in the same push")
		default:
			return false
		}
		return true
	})
}

// resolve finds where the pushed names, and those that command refs stand for,
// lead in this repository.
func (s *scene) resolve(ctx context.Context, updates []receive.Update) (map[policy.RefName]gitfacts.Resolution, error) {
	if !s.listed {
		return nil, nil
	}
	names := make([]policy.RefName, 0, len(updates))
	for _, u := range updates {
		names = append(names, u.Ref)
		env, target := s.aim(u.Ref)
		if target != "" {
			names = append(names, target)
		}
		if _, _, ok := releaseTarget(u.Ref); ok && env != nil && env.Release != nil {
			names = append(names, env.Release.Base)
		}
	}
	return s.repo.ResolveAll(ctx, names)
}

// namedHead says why a ref called HEAD is refused.
const namedHead = "no ref may be called HEAD: git could take its folder for a repository"

func (s *scene) classifyOne(out *sorted, u receive.Update) {
	if policy.Reserved(u.Ref) {
		out.refuse(policy.ReservedRef, u, nil, u.Ref, "")
		return
	}
	if namespace, ok := policy.Command(u.Ref); ok {
		if namespace == releaseRefs {
			s.classifyRelease(out, u)
			return
		}
		s.classifyCommand(out, u)
		return
	}
	if policy.NamedHead(u.Ref) && !u.New.IsZero() {
		out.refuse(policy.ReservedRef, u, nil, u.Ref, namedHead)
		return
	}
	if !s.listed {
		return
	}
	if s.keepsNotes(u.Ref) {
		s.classifyNotes(out, u)
		return
	}
	env, gated := s.site.Environment(u.Ref)
	if gated && !text.Printable(string(u.Ref)) {
		out.refuse(policy.MalformedInput, u, env, u.Ref, "the name has characters that do not show")
		return
	}
	if blocked := s.blocks(u.Ref); blocked != nil && !u.New.IsZero() {
		out.refuse(policy.Alias, u, blocked, "", "a ref of this name would keep one of "+string(blocked.Name)+"'s from being made")
		return
	}
	if folded, ok := s.site.Fold(u.Ref); ok && !gated {
		out.refuse(policy.Alias, u, folded, exactRef(folded, u.Ref),
			"this name differs from an environment's ref only by letter case")
		return
	}
	if env := s.beside(u.Ref); env != nil && !gated && !u.New.IsZero() {
		out.refuseCase(policy.ReservedRef, u, env, policy.RefName(env.Refs[0].String()), explain.CaseKept)
		return
	}
	final := out.at[u.Ref]
	if final.Ref != u.Ref {
		if aimed, hit := s.site.Environment(final.Ref); hit || gated {
			if !hit {
				aimed = env
			}
			out.refuse(policy.Alias, u, aimed, final.Ref, "this name is a symbolic ref to "+explain.Branch(final.Ref))
		} else if s.keepsNotes(final.Ref) {
			out.refuse(policy.Alias, u, nil, "", "this name is a symbolic ref to notes that pathgate keeps")
		}
		return
	}
	if gated {
		s.classifyMove(out, &move{index: out.index, pushed: u, new: u.New, env: env, ref: u.Ref, old: orZero(final.ID, u.New)})
	}
}

// blocks returns the environment that has a ref which cannot exist beside ref,
// because one is a folder of the other where refs are files, letter case left
// aside.
func (s *scene) blocks(ref policy.RefName) *policy.Environment {
	name := strings.ToLower(string(ref))
	for _, env := range s.site.Environments {
		for _, pattern := range env.Refs {
			own := strings.ToLower(strings.TrimSuffix(pattern.String(), "/*"))
			if pattern.Exact() && strings.HasPrefix(name, own+"/") || strings.HasPrefix(own, name+"/") ||
				!pattern.Exact() && name == own {
				return env
			}
		}
	}
	return nil
}

// exactRef is the environment's ref that a wrongly-cased name most likely
// means.
func exactRef(env *policy.Environment, ref policy.RefName) policy.RefName {
	for _, pattern := range env.Refs {
		if pattern.Exact() && strings.EqualFold(pattern.String(), string(ref)) {
			return policy.RefName(pattern.String())
		}
	}
	return ref
}

// classifyMove checks an update of an environment's own ref.
func (s *scene) classifyMove(out *sorted, m *move) {
	out.times[m.ref]++
	u := m.pushed
	switch {
	case u.New.IsZero() && m.env.Release != nil:
		out.refuseCase(policy.Deletion, u, m.env, m.ref, explain.CaseKept)
	case u.New.IsZero():
		out.refuse(policy.Deletion, u, m.env, m.ref, "")
	case out.times[m.ref] == 2:
		out.refuse(policy.DuplicateUpdate, u, m.env, m.ref, "")
		out.moves = slices.DeleteFunc(out.moves, func(other *move) bool { return other.ref == m.ref })
	case out.times[m.ref] > 2:
		// Said once already.
	case m.env.Release != nil:
		out.refuseCase(policy.ReservedRef, u, m.env, m.ref, explain.CaseKept)
	case u.Old != m.old:
		out.refuse(policy.StaleOldValue, u, m.env, m.ref, whereabouts(m.old))
	default:
		out.moves = append(out.moves, m)
	}
}

// classifyCommand checks a ref that asks for an action. Whatever this version
// or this repository does not carry out is refused here: git would make a real
// ref of it.
func (s *scene) classifyCommand(out *sorted, u receive.Update) {
	namespace, target, known := commandTarget(u.Ref)
	env, ok := s.site.Environment(target)
	final := out.at[target]
	switch {
	case !known:
		out.refuse(policy.ReservedRef, u, nil, u.Ref, "this version has no such command ref")
	case !s.listed || !ok:
		env, likely := s.likely()
		out.refuse(policy.ReservedRef, u, env, likely, s.unaimed(target))
	case !text.Printable(string(target)):
		out.refuse(policy.MalformedInput, u, env, target, "the name has characters that do not show")
	case policy.NamedHead(target) && !u.New.IsZero():
		out.refuse(policy.ReservedRef, u, nil, u.Ref, namedHead)
	case !s.carriesOut(namespace):
		out.refuse(policy.ReservedRef, u, env, target, "command refs are switched off in this repository")
	case u.New.IsZero() && namespace != lockRefs:
		out.refuse(policy.Deletion, u, env, target, "")
	case !alone(u, out.all):
		out.refuse(policy.NotAlone, u, env, target, "")
	case final.Ref != target:
		out.refuse(policy.Alias, u, env, final.Ref, "the environment's ref is a symbolic ref to "+explain.Branch(final.Ref))
	case namespace == deployRefs:
		out.moves = append(out.moves, &move{index: out.index, pushed: u, new: u.New, env: env, ref: target, command: true})
	}
	// What remains says something, and proc-receive judges it.
}

// unaimed says why a command ref is about nothing here.
func (s *scene) unaimed(target policy.RefName) string {
	branch := explain.Branch(target)
	if _, ok := s.elsewhereNamed(policy.EnvironmentName(branch)); ok {
		return branch + " is on another host: push this to its own repository there"
	}
	return "no environment has " + branch + " here"
}

// likely is the ref that a command for an unknown branch most likely meant: that
// of the repository's only environment, if it has one name.
func (s *scene) likely() (*policy.Environment, policy.RefName) {
	if len(s.site.Environments) != 1 || !s.site.Environments[0].Refs[0].Exact() {
		return nil, ""
	}
	env := s.site.Environments[0]
	return env, policy.RefName(env.Refs[0].String())
}

// alone reports whether a command ref has no company but notes, which nobody's
// deployment depends on.
func alone(command receive.Update, all []receive.Update) bool {
	for i, n := 0, 0; i < len(all); i++ {
		if all[i].Ref == command.Ref {
			if n++; n > 1 {
				return false
			}
		} else if !strings.HasPrefix(string(all[i].Ref), "refs/notes/") {
			return false
		}
	}
	return true
}

// carriesOut reports whether the repository hands a namespace of command refs
// to proc-receive. Only its own configuration counts: pathgate's install wrote
// it there.
func (s *scene) carriesOut(namespace string) bool {
	return slices.Contains(s.repo.Config("receive.procReceiveRefs"), namespace)
}

// orZero is id, or the zero ID of the same length as like if id is empty.
func orZero(id, like policy.ObjectID) policy.ObjectID {
	if id != "" {
		return id
	}
	return policy.ObjectID(strings.Repeat("0", len(like)))
}

// whereabouts says where a ref is.
func whereabouts(id policy.ObjectID) string {
	if id.IsZero() {
		return "no commit yet"
	}
	return id.Short()
}
