package policy

import (
	"slices"
	"strings"
)

// EnvironmentVariable returns the variable in which an identity source hands
// over the principal, empty for a source that is not known.
func EnvironmentVariable(source string) string {
	switch source {
	case "ssh":
		return "PATHGATE_USER"
	case "http":
		return "REMOTE_USER" // git-http-backend(1)
	case "gitolite":
		return "GL_USER"
	case "gitea":
		return "GITEA_PUSHER_NAME"
	case "gitlab":
		return "GL_USERNAME"
	case "softserve":
		return "SOFT_SERVE_USERNAME"
	case "gogs":
		return "GOGS_AUTH_USER_NAME"
	case "bitbucket":
		return "BB_USER_NAME"
	case "github":
		return "GITHUB_USER_LOGIN"
	}
	if name, ok := strings.CutPrefix(source, "env:"); ok {
		return name
	}
	return ""
}

// Environment returns the environment of that name.
func (p *Policy) Environment(name EnvironmentName) (*Environment, bool) {
	for _, e := range p.Environments {
		if e.Name == name {
			return e, true
		}
	}
	return nil, false
}

// Ends names the environments that no other comes after, in the order of the
// path: where it leads, as to production.
func (p *Policy) Ends() (names []EnvironmentName) {
	for _, e := range p.Environments {
		followed := slices.ContainsFunc(p.Environments, func(other *Environment) bool { return slices.Contains(other.After, e.Name) })
		if !followed && e.Elsewhere == nil {
			names = append(names, e.Name)
		}
	}
	return names
}

// Site returns the site that repository, a path relative to the root with
// slashes, is. It reports false for a repository that no environment matches.
func (p *Policy) Site(repository string) (Site, bool) {
	site := Site{Repository: repository}
	for _, e := range p.Environments {
		if service, ok := e.Repository.Match(repository); ok && e.Elsewhere == nil {
			site.Service = service
			site.Environments = append(site.Environments, e)
		}
	}
	return site, len(site.Environments) > 0
}

// Environment returns the environment that ref belongs to.
func (s Site) Environment(ref RefName) (*Environment, bool) {
	for _, e := range s.Environments {
		for _, p := range e.Refs {
			if p.Match(ref) {
				return e, true
			}
		}
	}
	return nil, false
}

// Fold returns the environment that ref would belong to on a file system that
// does not tell letter case apart, though by its own name it belongs to none.
func (s Site) Fold(ref RefName) (*Environment, bool) {
	if _, ok := s.Environment(ref); ok {
		return nil, false
	}
	for _, e := range s.Environments {
		for _, p := range e.Refs {
			if p.MatchFold(ref) {
				return e, true
			}
		}
	}
	return nil, false
}

// Needs returns the facts that the decision on u, an update of a ref of env at
// site, rests on.
func (p *Policy) Needs(site Site, env *Environment, u Update) Needs {
	n := Needs{
		Ref:       u.Ref,
		Here:      lookup(site.Service, env, site.Repository, u.Commit),
		Outcome:   env.Deploy != nil && u.Action == ActionNone,
		Approvals: env.Approvals != nil,
		PriorLive: env.Soak > 0 || env.Evidence == EvidenceLive,
		Git:       env.mostGit(u),
	}
	if u.Action.unproven() {
		n.PriorLive = false
		return n
	}
	if len(env.After) > 0 {
		n.Prior = make([]Lookup, 0, len(env.After))
	}
	for i, name := range env.After {
		n.PriorOutcome = n.PriorOutcome || env.RequiresOf(i) == RequiresSuccess
		// Parse has seen to it that the environment exists. Were it missing,
		// there would be one lookup too few, and Evaluate refuses on that.
		if prior, ok := p.Environment(name); ok {
			n.Prior = append(n.Prior, priorLookup(site.Service, prior, u.Commit))
		}
	}
	return n
}

// priorLookup asks about an environment before. Of one elsewhere, only stamps
// tell; whose keys may not speak for the service has none that counts, however
// many it had when the policy said otherwise.
func priorLookup(service Service, prior *Environment, commit ObjectID) Lookup {
	if prior.Elsewhere == nil {
		return lookup(service, prior, prior.Repository.Path(service), commit)
	}
	repository := ""
	if prior.Repository != (RepositoryPattern{}) {
		repository = prior.Repository.Path(service)
	}
	l := lookup(service, prior, repository, commit)
	l.Elsewhere = true
	if !prior.Elsewhere.Speaks(service) {
		l.Refs = []RefPattern{{}} // matches nothing
	}
	return l
}

func lookup(service Service, env *Environment, repository string, commit ObjectID) Lookup {
	return Lookup{
		Service:     service,
		Environment: env.Name,
		Repository:  repository,
		Refs:        env.Refs,
		Commit:      commit,
	}
}
