package policy

import (
	"slices"
	"strings"
)

// Speaks reports whether the keys may speak for a service.
func (e *Elsewhere) Speaks(service Service) bool {
	for _, pattern := range e.Services {
		prefix, open := strings.CutSuffix(pattern, "*")
		if open && strings.HasPrefix(string(service), prefix) || pattern == string(service) {
			return service != ""
		}
	}
	return false
}

// elsewhere returns the i-th environment of After where it is elsewhere, nil
// where it is on this host.
func (e *Environment) elsewhere(i int) *Environment {
	if i < len(e.priors) && e.priors[i] != nil && e.priors[i].Elsewhere != nil {
		return e.priors[i]
	}
	return nil
}

// stamped reports whether an environment before is elsewhere.
func (e *Environment) stamped() bool {
	for i := range e.priors {
		if e.elsewhere(i) != nil {
			return true
		}
	}
	return false
}

// isElsewhere reads the key that says where an environment is.
func (s *source) isElsewhere(n *node) bool {
	if s.boolean(n, "elsewhere", false) {
		return true
	}
	for _, key := range elsewhereKeys() {
		if k := n.kid(key); k != nil {
			s.fail(k.at, "%s has no meaning without elsewhere = true", key)
		}
	}
	return false
}

// elsewhereKeys are those that only an environment elsewhere has.
func elsewhereKeys() []string { return []string{"keys", "revoked", "services", "max_age"} }

// elsewhere reads an environment that is on another host: what may speak for
// it. Its rules are that host's.
func (s *source) elsewhere(st *stage) {
	n := st.at
	allowed := append(elsewhereKeys(), "elsewhere", "repository", "refs")
	for _, k := range n.kids {
		if !slices.Contains(allowed, k.name) && slices.Contains(keysOf("environments.NAME"), k.name) {
			s.fail(k.at, "%s has no meaning with elsewhere = true: its own host decides that", k.name)
		}
	}
	e := &Elsewhere{MaxAge: s.duration(n, "max_age", 0)}
	st.env.Elsewhere = e
	if n.kid("max_age") == nil {
		s.missing(n, "max_age")
	}
	if k := n.kid("services"); k == nil {
		s.missing(n, "services")
	} else {
		e.Services = s.services(k)
	}
	var wires []string
	if k := n.kid("keys"); k == nil {
		s.missing(n, "keys")
	} else {
		e.Keys, wires = s.stampKeys(k)
	}
	if k := n.kid("revoked"); k != nil {
		s.revoked(k, e.Keys, wires)
	}
}

// services reads names of services and patterns with a "*" at their end.
func (s *source) services(n *node) []string {
	elems, values := s.list(n)
	var services []string
	for i, v := range values {
		prefix, open := strings.CutSuffix(v, "*")
		switch {
		case !validService(prefix) && (prefix != "" || !open):
			s.fail(elems[i].value, `%s is no service: [A-Za-z0-9][A-Za-z0-9._-]*, with a "*" at its end for all that begin so`, quote(v))
		case slices.Contains(services, v):
			s.fail(elems[i].value, "%s stands in this list twice", quote(v))
		default:
			services = append(services, v)
		}
	}
	return services
}

// stamps reads how this host signs what happens in an environment.
func (s *source) stamps(t *node, e *Environment) {
	n := s.subtable(t, "stamps", "environments.NAME.stamps")
	if n == nil {
		return
	}
	e.Stamps = &Stamps{}
	if k, v := s.required(n, "key"); k != nil {
		s.absolute(k, v)
		e.Stamps.Key = v
	}
}

// checkElsewhere checks what an environment asks of those before it that are
// elsewhere: only stamps tell of them, and no git repository.
func (s *source) checkElsewhere(st *stage) {
	for i := range st.env.After {
		prior := st.env.elsewhere(i)
		if prior == nil || st.env.Match == MatchCommit {
			continue
		}
		if k := st.at.kid("match"); k != nil {
			s.fail(k.value, `match = "%s" cannot be told of %s, which is elsewhere: a stamp is of exactly one commit`, st.env.Match, prior.Name)
		}
		return
	}
}

// checkLocal notes if all environments are elsewhere.
func (s *source) checkLocal(t *node, stages []*stage) {
	remote := func(st *stage) bool { return st.env.Elsewhere != nil }
	if len(stages) > 0 && len(stages) == len(t.kids) && !slices.ContainsFunc(stages, func(st *stage) bool { return !remote(st) }) {
		s.fail(t.kids[0].at, "every environment is elsewhere: this host would guard none")
	}
}
