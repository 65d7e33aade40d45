package policy

import (
	"fmt"
	"slices"
)

// A stage is an environment under examination: its values and the nodes that
// they came from. What was wrong is left out.
type stage struct {
	env        *Environment
	at         *node
	repository *node   // nil if wrong
	refs       []*node // one for each of env.Refs
	after      []*node // one for each of env.After
}

// environments reads the table of environments and returns them in the order
// of the path.
func (s *source) environments(t *node) []*Environment {
	if len(t.kids) == 0 {
		s.fail(t.at, "no environment: write [environments.NAME]")
	}
	if len(t.kids) > maxEnvironments {
		s.fail(t.kids[maxEnvironments].at, "more than %d environments", maxEnvironments)
		return nil
	}
	var stages []*stage
	for _, n := range t.kids {
		if err := checkName(n.name); err != nil {
			s.fail(n.at, "%v", err)
		}
		if s.table(n) {
			stages = append(stages, s.stage(n))
		}
	}
	names := make(map[EnvironmentName]*stage, len(stages))
	for _, st := range stages {
		names[st.env.Name] = st
	}
	for _, st := range stages {
		s.checkAfter(st, func(name EnvironmentName) bool { return t.kid(string(name)) != nil })
		s.outcomes(st, names)
		s.checkElsewhere(st)
	}
	s.checkLocal(t, stages)
	s.checkReleases(stages, names)
	s.checkOverlaps(stages)
	return s.inOrder(stages, names)
}

// checkName checks an environment's name, which is also the name that people
// give to the git remote.
func checkName(name string) error {
	bad := name == "" || len(name) > 40
	for i := range len(name) {
		c := name[i]
		lower := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		bad = bad || !lower && (i == 0 || c != '.' && c != '_' && c != '-')
	}
	if bad {
		return fmt.Errorf("environment name %s must be [a-z0-9][a-z0-9._-]*, at most 40 bytes", quote(name))
	}
	if !ValidRefName(RefName("refs/remotes/" + name)) {
		return fmt.Errorf("environment name %s cannot be the name of a git remote", quote(name))
	}
	return nil
}

// stage reads one environment.
func (s *source) stage(n *node) *stage {
	s.known(n, keysOf("environments.NAME")...)
	st := &stage{at: n, env: &Environment{
		Name:       EnvironmentName(n.name),
		AfterMatch: AfterMatch(s.choice(n, "after_match", "all", "any")),
		Rollback:   RollbackRule(s.choice(n, "rollback", "deployed", "none")),
		Match:      MatchRule(s.choice(n, "match", "commit", "contained", "tree")),
		aliases:    s.persons.aliases,
		places:     map[string]Place{"": s.place(n.at)},
	}}
	for _, k := range n.kids {
		st.env.places[k.name] = s.place(k.at)
	}
	elsewhere := s.isElsewhere(n)
	s.repository(st, elsewhere)
	if k := n.kid("refs"); k != nil {
		s.readRefs(st, k)
	} else if !elsewhere {
		s.missing(n, "refs")
	}
	if elsewhere {
		s.elsewhere(st)
		return st
	}
	if k := n.kid("after"); k != nil {
		elems, values := s.list(k)
		for i, v := range values {
			st.after = append(st.after, elems[i])
			st.env.After = append(st.env.After, EnvironmentName(v))
		}
	}
	s.guards(st)
	s.release(st)
	s.stamps(n, st.env)
	return st
}

// repository reads the pattern of an environment's repositories, which one
// elsewhere need not have.
func (s *source) repository(st *stage, elsewhere bool) {
	if elsewhere && st.at.kid("repository") == nil {
		return
	}
	k, v := s.required(st.at, "repository")
	if k == nil {
		return
	}
	pattern, err := ParseRepositoryPattern(v)
	if err != nil {
		s.fail(k.value, "%v", err)
		return
	}
	st.repository, st.env.Repository = k, pattern
}

// readRefs reads the refs of an environment: exact names, or one pattern.
func (s *source) readRefs(st *stage, n *node) {
	elems, values := s.list(n)
	for i, v := range values {
		pattern, err := ParseRefPattern(v)
		if err != nil {
			s.fail(elems[i].value, "%v", err)
			continue
		}
		if !pattern.Exact() && len(n.elems) > 1 {
			s.fail(elems[i].value, `%s must stand alone: refs are exact names, or one pattern with "*"`, quote(v))
			continue
		}
		twice := slices.ContainsFunc(st.env.Refs, func(r RefPattern) bool {
			if r.overlaps(pattern) {
				s.fail(elems[i].value, "%s", clash(pattern, r, "of this list"))
				return true
			}
			return false
		})
		if !twice {
			st.refs = append(st.refs, elems[i])
			st.env.Refs = append(st.env.Refs, pattern)
		}
	}
}

// clash says how ref overlaps with another, which stands where.
func clash(ref, other RefPattern, where string) string {
	switch {
	case ref == other && where == "of this list":
		return quote(ref.text) + " stands in this list twice"
	case ref == other:
		return quote(ref.text) + " is also a ref " + where
	case ref.Exact() && other.Exact(), equalFold(ref.text, other.text):
		return quote(ref.text) + " differs only by letter case from " + quote(other.text) + " " + where
	}
	return quote(ref.text) + " overlaps with " + quote(other.text) + " " + where
}

// checkAfter checks each name in after and keeps those that are sound.
func (s *source) checkAfter(st *stage, exists func(EnvironmentName) bool) {
	var names []EnvironmentName
	var nodes []*node
	for i, name := range st.env.After {
		at := st.after[i].value
		switch {
		case name == st.env.Name:
			s.fail(at, "%s cannot come after itself", quote(string(name)))
		case !exists(name):
			s.fail(at, "unknown environment %s", quote(string(name)))
		case slices.Contains(names, name):
			s.fail(at, "%s stands in this list twice", quote(string(name)))
		default:
			names, nodes = append(names, name), append(nodes, st.after[i])
		}
	}
	st.env.After, st.after = names, nodes
}

// checkOverlaps looks for repositories and refs that belong to two
// environments. It notes the first clash of each pattern.
func (s *source) checkOverlaps(stages []*stage) {
	for i, st := range stages {
		if !st.local() {
			continue
		}
		earlier := slices.DeleteFunc(slices.Clone(stages[:i]), func(o *stage) bool { return !o.local() })
		for _, o := range earlier {
			if p, q := st.env.Repository, o.env.Repository; p != q && p.overlaps(q) {
				s.fail(st.repository.value, "%s can match the same repository as %s of %s: write them alike, or keep them apart",
					quote(p.text), quote(q.text), s.named(o))
				break
			}
		}
		for j, ref := range st.env.Refs {
			s.checkRef(ref, st.refs[j], slices.DeleteFunc(slices.Clone(earlier), func(o *stage) bool {
				return o.env.Repository != st.env.Repository
			}))
		}
	}
}

// local reports whether the stage has repositories on this host.
func (st *stage) local() bool { return st.repository != nil && st.env.Elsewhere == nil }

// checkRef looks for the first of the stages, all in the ref's repository, that
// has it too.
func (s *source) checkRef(ref RefPattern, at *node, stages []*stage) {
	for _, o := range stages {
		for _, other := range o.env.Refs {
			if ref.overlaps(other) {
				s.fail(at.value, "%s", clash(ref, other, "of "+s.named(o)))
				return
			}
		}
	}
}

// named returns the name of a stage and where it stands.
func (s *source) named(st *stage) string {
	return fmt.Sprintf("%s (line %d)", st.env.Name, s.line(st.at.at))
}
