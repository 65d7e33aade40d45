package policy

import (
	"path"
	"strings"
	"time"
)

// defaultTimeout is that of a deployment's command.
const defaultTimeout = 15 * time.Minute

// deploy reads how an environment's deployment is run, or who reports it.
func (s *source) deploy(t *node, e *Environment) {
	n, reporters := t.kid("deploy"), t.kid("reporters")
	if n != nil {
		e.Deploy = s.deployment(n)
	}
	external := e.Deploy != nil && e.Deploy.External
	if reporters != nil {
		e.Reporters = s.principals(reporters)
	}
	switch {
	case external && reporters == nil:
		s.missing(t, "reporters")
	case external && len(e.Reporters) == 0:
		s.fail(reporters.value, "%s names nobody", reporters.path())
	case !external && reporters != nil:
		s.fail(reporters.at, `reporters has no meaning without deploy = "external"`)
	}
}

func (s *source) deployment(n *node) *Deployment {
	if v, ok := n.val.(string); ok {
		if v != "external" {
			s.fail(n.value, `%s must be a table or "external", not %s`, n.path(), quote(v))
			return nil
		}
		return &Deployment{External: true}
	}
	if !s.table(n) {
		return nil
	}
	s.known(n, keysOf("environments.NAME.deploy")...)
	d := &Deployment{
		Checkout: s.boolean(n, "checkout", true),
		Wait:     s.boolean(n, "wait", true),
		Timeout:  s.duration(n, "timeout", defaultTimeout),
	}
	k := n.kid("command")
	if k == nil {
		s.missing(n, "command")
		return d
	}
	var elems []*node
	elems, d.Command = s.list(k)
	for i, word := range d.Command {
		switch {
		case strings.Contains(word, "\x00"):
			s.fail(elems[i].value, "an argument of a command cannot hold a NUL character")
		case i == 0 && (!path.IsAbs(word) || path.Clean(word) != word || word == "/"):
			s.fail(elems[i].value, "a command must be an absolute, clean path: no shell looks for it")
		}
	}
	return d
}

// outcomes notes which environments come before st, and whether its requirement
// can be met.
func (s *source) outcomes(st *stage, names map[EnvironmentName]*stage) {
	e := st.env
	have := 0
	for i, name := range e.After {
		var prior *Environment
		if st := names[name]; st != nil {
			prior = st.env
		}
		e.priors = append(e.priors, prior)
		if e.hasOutcomes(i) {
			have++
		}
	}
	if e.Requires != RequiresSuccess || have == len(e.After) || e.AfterMatch == AfterAny && have > 0 {
		return
	}
	for i := range e.After {
		if !e.hasOutcomes(i) {
			s.fail(st.at.kid("requires").value, "requires can never be met: %s has no deploy, so no outcome", e.After[i])
			return
		}
	}
}

// hasOutcomes reports whether deployments in the i-th of After may have
// outcomes. Of those elsewhere their stamps tell, also that there is none.
func (e *Environment) hasOutcomes(i int) bool {
	return e.elsewhere(i) != nil || i < len(e.priors) && e.priors[i] != nil && e.priors[i].Deploy != nil
}

// RequiresOf returns what the environment asks of deployments in the i-th of
// After.
func (e *Environment) RequiresOf(i int) Requires {
	switch {
	case e.Requires != "":
		return e.Requires
	case e.hasOutcomes(i):
		return RequiresSuccess
	}
	return RequiresAccepted
}
