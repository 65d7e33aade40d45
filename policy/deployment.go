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

// outcomes notes which environments before st have outcomes, and whether its
// requirement can be met.
func (s *source) outcomes(st *stage, names map[EnvironmentName]*stage) {
	e := st.env
	have := 0
	for _, name := range e.After {
		prior := names[name]
		has := prior != nil && prior.env.Deploy != nil
		e.outcomes = append(e.outcomes, has)
		if has {
			have++
		}
	}
	if e.Requires != RequiresSuccess || have == len(e.After) || e.AfterMatch == AfterAny && have > 0 {
		return
	}
	for i, has := range e.outcomes {
		if !has {
			s.fail(st.at.kid("requires").value, "requires can never be met: %s has no deploy, so no outcome", e.After[i])
			return
		}
	}
}

// RequiresOf returns what the environment asks of deployments in the i-th of
// After.
func (e *Environment) RequiresOf(i int) Requires {
	switch {
	case e.Requires != "":
		return e.Requires
	case i < len(e.outcomes) && e.outcomes[i]:
		return RequiresSuccess
	}
	return RequiresAccepted
}
