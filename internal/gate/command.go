package gate

import (
	"path"
	"strings"

	"github.com/pathgate/pathgate/internal/explain"
	"github.com/pathgate/pathgate/internal/receive"
	"github.com/pathgate/pathgate/internal/release"
	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy"
)

// releaseRefs is the namespace of the command refs that release a branch into
// an environment, or take it out.
const releaseRefs = "refs/release"

// resetWord stands where a branch's name would: start the environment over.
const resetWord = "reset"

// releaseTarget takes refs/release/<environment>/<branch> apart.
func releaseTarget(ref policy.RefName) (name policy.EnvironmentName, branch string, ok bool) {
	rest, ok := strings.CutPrefix(string(ref), releaseRefs+"/")
	if !ok {
		return "", "", false
	}
	environment, branch, ok := strings.Cut(rest, "/")
	return policy.EnvironmentName(environment), branch, ok && environment != "" && branch != ""
}

// aim is the environment's ref that a command ref is about; empty if the
// repository has no such environment.
func (s *scene) aim(ref policy.RefName) (*policy.Environment, policy.RefName) {
	if name, _, ok := releaseTarget(ref); ok {
		for _, env := range s.site.Environments {
			if env.Name == name && env.Refs[0].Exact() {
				return env, policy.RefName(env.Refs[0].String())
			}
		}
		return nil, ""
	}
	_, target, ok := commandTarget(ref)
	if !ok {
		return nil, ""
	}
	env, _ := s.site.Environment(target)
	return env, target
}

// classifyRelease checks a command below refs/release. What it asks is judged
// by proc-receive, when the pushed commits can be merged.
func (s *scene) classifyRelease(out *sorted, u receive.Update) {
	_, branch, known := releaseTarget(u.Ref)
	env, target := s.aim(u.Ref)
	final := out.at[target]
	switch {
	case !known:
		out.refuseCase(policy.ReservedRef, u, nil, "", explain.CaseUnnamed)
	case !text.Printable(string(u.Ref)):
		out.refuse(policy.MalformedInput, u, env, target, "the name has characters that do not show")
	case !s.listed || env == nil:
		out.refuseCase(policy.ReservedRef, u, nil, "", explain.CaseUnknown)
	case env.Release == nil:
		out.refuseCase(policy.ReservedRef, u, env, target, explain.CaseNoReleases)
	case !s.carriesOut(releaseRefs):
		out.refuse(policy.ReservedRef, u, env, target, "command refs are switched off in this repository")
	case !alone(u, out.all):
		out.refuse(policy.NotAlone, u, env, target, "")
	case final.Ref != target:
		out.refuse(policy.Alias, u, env, final.Ref, "the environment's ref is a symbolic ref to "+explain.Branch(final.Ref))
	case s.keeps(out.at[env.Release.Base].Ref):
		base := out.at[env.Release.Base].Ref
		out.refuse(policy.Alias, u, env, base, explain.Branch(env.Release.Base)+" is a symbolic ref to "+explain.Branch(base))
	default:
		s.classifyAction(out, &move{index: out.index, pushed: u, new: u.New, env: env, ref: target, command: true}, branch)
	}
}

// keeps reports whether a ref is one into which branches are released: nothing
// can be made from that, as it would count all of it as merged.
func (s *scene) keeps(ref policy.RefName) bool {
	env, ok := s.site.Environment(ref)
	return ok && env.Release != nil
}

// classifyAction finds which of its three actions a release is, and whether the
// branch may be named.
func (s *scene) classifyAction(out *sorted, m *move, branch string) {
	u, full := m.pushed, policy.RefName("refs/heads/"+branch)
	ticket, ok := m.env.Release.Branches.Match(full)
	m.release = &releasing{action: policy.ActionRelease, branch: release.Branch{Name: branch, Ticket: ticket}}
	switch {
	case u.New.IsZero() && branch == resetWord:
		out.refuseCase(policy.Deletion, u, m.env, m.ref, explain.CaseNoReset)
		return
	case u.New.IsZero():
		m.release.action = policy.ActionRemove
	case branch == resetWord:
		m.release.action, m.release.branch = policy.ActionReset, release.Branch{}
	default:
		if _, kept := s.site.Environment(full); !ok || kept || full == m.env.Release.Base {
			out.refuseCase(policy.NotFromBranch, u, m.env, m.ref, explain.CaseBranch)
			return
		}
	}
	out.releases = append(out.releases, m)
}

// refuseCase is refuse for what is wrong with a release.
func (s *sorted) refuseCase(code policy.Code, u receive.Update, env *policy.Environment, target policy.RefName, what explain.ReleaseCase) {
	s.refuse(code, u, env, target, string(what))
	s.refusals[len(s.refusals)-1].what = what
}

// tells completes what a developer is told of a refusal with what is known of
// releases here.
func (s *scene) tells(r *refusal) explain.Refusal {
	out := r.Refusal
	out.Shared = s.shared()
	for _, v := range r.Verdicts {
		if v.Name == policy.RuleRelease && !v.OK {
			r.what = explain.CaseDeploy
		}
	}
	name, branch, below := releaseTarget(r.Ref)
	env, _ := s.policy.Environment(r.Environment)
	if env != nil && env.Release == nil && !below && r.what == "" || env == nil && r.what == "" {
		return out
	}
	info := &explain.ReleaseRefusal{Case: r.what, Name: string(name), Approvals: env != nil && env.Approvals != nil}
	if out.Branch = branch; branch == resetWord {
		out.Branch = ""
	}
	for _, other := range s.site.Environments {
		if other.Release != nil {
			info.Environments = append(info.Environments, other.Name)
		}
		if other.Release != nil && (env == nil || env.Release == nil) {
			env = other // for an example
		}
	}
	if env != nil && env.Release != nil {
		info.Pattern, info.Example, info.Base = env.Release.Branches.String(), env.Release.Branches.Example(), env.Release.Base
	}
	if r.what != "" {
		out.Detail = ""
	}
	out.Release = info
	return out
}

// beside returns an environment with releases whose ref lies in the same folder
// as ref, such as refs/heads/release: the server keeps all of it, so that nobody
// takes a branch that stands there for an environment.
func (s *scene) beside(ref policy.RefName) *policy.Environment {
	for _, env := range s.site.Environments {
		if env.Release == nil {
			continue
		}
		folder := path.Dir(env.Refs[0].String()) + "/"
		if folder != "refs/heads/" && strings.HasPrefix(string(ref), folder) {
			return env
		}
	}
	return nil
}
