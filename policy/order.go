package policy

import (
	"slices"
	"strings"
)

// inOrder returns the environments in the order of the path, otherwise of the
// file, and notes each cycle.
func (s *source) inOrder(stages []*stage, names map[EnvironmentName]*stage) []*Environment {
	var ordered []*Environment
	done := make(map[EnvironmentName]bool, len(stages))
	ready := func(st *stage) bool {
		return !slices.ContainsFunc(st.env.After, func(name EnvironmentName) bool {
			return names[name] != nil && !done[name]
		})
	}
	rest := slices.Clone(stages)
	for {
		i := slices.IndexFunc(rest, ready)
		if i < 0 {
			break
		}
		done[rest[i].env.Name] = true
		ordered = append(ordered, rest[i].env)
		rest = slices.Delete(rest, i, i+1)
	}
	c := cycles{source: s, stages: stages, names: names, visited: done}
	for _, st := range rest {
		c.visit(st)
	}
	return ordered
}

// cycles walks from environments to those before them, depth first.
type cycles struct {
	source  *source
	stages  []*stage
	names   map[EnvironmentName]*stage
	visited map[EnvironmentName]bool
	walk    []*stage // from where it began to here
}

func (c *cycles) visit(st *stage) {
	c.visited[st.env.Name] = true
	c.walk = append(c.walk, st)
	for _, name := range st.env.After {
		prior := c.names[name]
		if i := slices.Index(c.walk, prior); prior != nil && i >= 0 {
			c.report(c.walk[i:])
		} else if prior != nil && !c.visited[name] {
			c.visit(prior)
		}
	}
	c.walk = c.walk[:len(c.walk)-1]
}

// report notes a cycle, beginning with the environment that stands first in the
// file.
func (c *cycles) report(cycle []*stage) {
	first := 0
	for i, st := range cycle {
		if st.at.at < cycle[first].at.at {
			first = i
		}
	}
	var b strings.Builder
	for i := range cycle {
		b.WriteString(string(cycle[(first+i)%len(cycle)].env.Name) + " after ")
	}
	start, next := cycle[first], cycle[(first+1)%len(cycle)]
	b.WriteString(string(start.env.Name))
	i := slices.Index(start.env.After, next.env.Name)
	c.source.fail(start.after[i].value, "cycle: %s", b.String())
}
