package policy

import (
	"errors"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/internal/text"
)

// Bounds of what a policy says of people.
const (
	maxGroups     = 1000
	maxPrincipals = 1000 // in one set, groups written out
	maxNameBytes  = 255  // of a principal
)

// Canonical returns the one name of a principal, which for a name that
// [identity.aliases] does not list is the name itself.
func (p *Policy) Canonical(name string) string { return canonical(p.aliases, name) }

func canonical(aliases map[string]string, name string) string {
	if one, ok := aliases[name]; ok {
		return one
	}
	return name
}

// people are the groups and other names of principals in a policy file.
type people struct {
	aliases map[string]string // other name to canonical one
	groups  map[string]*group
}

// A group is a set of principals with a name.
type group struct {
	at      *node
	members Principals
	state   groupState
}

// groupState is how far a group's members are known.
type groupState byte

const (
	unread groupState = iota
	reading
	read
)

// people reads the tables identity.aliases and groups.
func (s *source) people(root *node) {
	s.persons.groups = make(map[string]*group)
	if n := root.kid("identity"); n != nil {
		if n := n.kid("aliases"); n != nil && s.table(n) {
			s.aliases(n)
		}
	}
	n := root.kid("groups")
	if n == nil || !s.table(n) {
		return
	}
	if len(n.kids) > maxGroups {
		s.fail(n.kids[maxGroups].at, "more than %d groups", maxGroups)
		return
	}
	for _, k := range n.kids {
		if !validService(k.name) {
			s.fail(k.at, "group name %s must be [A-Za-z0-9][A-Za-z0-9._-]*", quote(k.name))
		}
		s.persons.groups[k.name] = &group{at: k}
	}
	for _, k := range n.kids {
		s.group(s.persons.groups[k.name])
	}
}

// aliases reads the other names of persons.
func (s *source) aliases(t *node) {
	s.persons.aliases = make(map[string]string)
	for _, k := range t.kids {
		if err := checkPrincipal(k.name); err != nil {
			s.fail(k.at, "%v", err)
		}
		elems, values := s.list(k)
		for i, v := range values {
			err, at := checkPrincipal(v), elems[i].value
			other, twice := s.persons.aliases[v]
			switch {
			case err != nil:
				s.fail(at, "%v", err)
			case v == k.name:
				s.fail(at, "%s is no other name of itself", quote(v))
			case t.kid(v) != nil:
				s.fail(at, "%s has other names itself, so it cannot be one of %s", quote(v), quote(k.name))
			case twice:
				s.fail(at, "%s is a name of %s already", quote(v), quote(other))
			default:
				s.persons.aliases[v] = k.name
			}
		}
	}
}

// checkPrincipal checks a principal's name as the transports' names are checked.
func checkPrincipal(name string) error {
	switch {
	case name == "":
		return errors.New("the name of a principal is empty")
	case len(name) > maxNameBytes:
		return errors.New("the name of a principal is longer than 255 bytes")
	case name[0] == '@':
		return errors.New(quote(name) + " is a group, and here only a principal can stand")
	case !text.Printable(name):
		return errors.New(quote(name) + " holds a character that does not print")
	case strings.TrimSpace(name) != name:
		return errors.New(quote(name) + " begins or ends with a space")
	}
	return nil
}

// group reads the members of a group, and first those of the groups in it.
func (s *source) group(g *group) {
	if g.state == unread {
		g.state = reading
		g.members = s.principals(g.at)
		g.state = read
	}
}

// principals returns a list of principals and "@group"s, groups written out,
// each principal once. It is never nil.
func (s *source) principals(n *node) Principals {
	elems, values := s.strings(n)
	set := make(Principals, 0, len(values))
	in := make(map[string]bool, len(values))
	for i, v := range values {
		at := elems[i].value
		members := Principals{v}
		if name, ok := strings.CutPrefix(v, "@"); ok {
			members = s.membersOf(name, at)
		} else if !s.soundPrincipal(v, at) {
			continue
		}
		if slices.Contains(values[:i], v) {
			s.fail(at, "%s stands in this list twice", quote(v))
			continue
		}
		for _, m := range members {
			if !in[m] {
				in[m] = true
				set = append(set, m)
			}
		}
		if len(set) > maxPrincipals {
			s.fail(at, "more than %d principals", maxPrincipals)
			return set[:0]
		}
	}
	return set
}

func (s *source) membersOf(name string, at int) Principals {
	g := s.persons.groups[name]
	switch {
	case g == nil:
		s.fail(at, "unknown group %s: it must stand in [groups]", quote("@"+name))
		return nil
	case g.state == reading:
		s.fail(at, "group %s holds itself", quote("@"+name))
		return nil
	}
	s.group(g)
	return g.members
}

func (s *source) soundPrincipal(name string, at int) bool {
	if err := checkPrincipal(name); err != nil {
		s.fail(at, "%v", err)
		return false
	}
	if one, ok := s.persons.aliases[name]; ok {
		s.fail(at, "%s is another name of %s: write that", quote(name), quote(one))
		return false
	}
	return true
}
