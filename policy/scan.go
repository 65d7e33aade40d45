package policy

import "strings"

// BurntSushi/toml reads the file and checks its grammar, but tells places only
// of errors. The scanner finds where each key and value of a file stands. It
// takes the grammar for granted: on a text that is not TOML it stops early and
// says so, on any text it ends without a panic.

// A node is a key, a table or an element of an array, with its place.
type node struct {
	name   string // the last part of the key; empty in elements and the root
	parent *node  // the table or array that holds it
	at     int    // offset of the key's last part; of an element, of its value
	value  int    // offset of the value; of a table with a header, as at
	end    int    // offset behind the value, where the node was set by "="
	form   form
	elem   bool             // an element of an array
	kids   []*node          // of a table, in order
	index  map[string]*node // of a table with many kids
	elems  []*node          // of an array
	val    any              // what BurntSushi/toml read, after bind
}

// form says what made a node.
type form byte

const (
	implicit form = iota // part of a longer key
	header               // [a.b]
	tables               // [[a.b]]
	pair                 // a = 1, and elements
)

// A duplicate is a key that was set when it had been set before.
type duplicate struct {
	first, again *node
}

type scanner struct {
	src   string
	pos   int
	bad   bool // the text is not TOML
	deep  bool // or nested too deeply
	depth int
	root  *node
	keys  []*node // each key written, in order, as in toml.MetaData.Keys
	dups  []duplicate
}

// maxDepth bounds the parts of a key, and how deep arrays, inline tables and
// dotted keys may lie within each other.
const maxDepth = 100

func scan(src string) *scanner {
	s := &scanner{src: src, root: &node{form: header}}
	table := s.root
	for !s.bad {
		s.skip(true)
		switch s.peek() {
		case 0:
			s.bad = s.pos < len(src)
			return s
		case '[':
			table = s.header()
		default:
			s.pair(table)
		}
	}
	return s
}

// peek returns the next byte, zero at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// take skips c and reports whether it was there.
func (s *scanner) take(c byte) bool {
	if s.pos < len(s.src) && s.src[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// expect is take, where anything else is not TOML.
func (s *scanner) expect(c byte) {
	if !s.take(c) {
		s.bad = true
	}
}

// skip moves over blanks and, if asked to, over line ends and comments.
func (s *scanner) skip(lines bool) {
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == ' ' || c == '\t':
		case lines && (c == '\n' || c == '\r'):
		case lines && c == '#':
			n := strings.IndexByte(s.src[s.pos:], '\n')
			if n < 0 {
				s.pos = len(s.src)
				return
			}
			s.pos += n
		default:
			return
		}
	}
}

// header reads [a.b] or [[a.b]] and returns the table that it opens.
func (s *scanner) header() *node {
	s.pos++
	array := s.take('[')
	holder, name, at := s.key(s.root)
	s.expect(']')
	if array {
		s.expect(']')
	}
	if s.bad {
		return s.root
	}
	n := holder.kid(name)
	if n == nil {
		n = holder.add(name, at)
	} else if n.form != implicit && (!array || n.form != tables) {
		s.dups = append(s.dups, duplicate{first: n, again: &node{name: name, parent: holder, at: at, form: header}})
		n = &node{name: name, parent: holder}
	}
	s.keys = append(s.keys, n)
	if !array {
		n.form, n.at, n.value = header, at, at
		return n
	}
	if len(n.elems) == 0 {
		n.form, n.at, n.value = tables, at, at
	}
	elem := &node{parent: n, at: at, value: at, form: header, elem: true}
	n.elems = append(n.elems, elem)
	return elem
}

// pair reads a.b = value into table.
func (s *scanner) pair(table *node) {
	holder, name, at := s.key(table)
	s.expect('=')
	if s.bad {
		return
	}
	n := &node{name: name, parent: holder, at: at, form: pair}
	before := s.depth
	for up := holder; up != table; up = up.parent {
		s.depth++
	}
	if first := holder.kid(name); first != nil {
		s.dups = append(s.dups, duplicate{first: first, again: n})
	} else {
		holder.attach(n)
	}
	s.keys = append(s.keys, n)
	s.read(n)
	s.depth = before
}

// key reads a dotted key and returns the table that its last part belongs to.
func (s *scanner) key(table *node) (holder *node, name string, at int) {
	for range maxDepth {
		s.skip(false)
		at = s.pos
		name = s.part()
		s.skip(false)
		if s.bad || !s.take('.') {
			return table, name, at
		}
		table = table.enter(name, at)
	}
	s.bad, s.deep = true, true
	return table, name, at
}

// part reads one part of a key, bare or quoted.
func (s *scanner) part() string {
	start := s.pos
	switch c := s.peek(); c {
	case '"', '\'':
		s.quoted(c)
		if s.bad {
			return ""
		}
		inner := s.src[start+1 : s.pos-1]
		if c == '"' {
			return unescape(inner)
		}
		return inner
	}
	for s.pos < len(s.src) && bare(s.src[s.pos]) {
		s.pos++
	}
	if s.pos == start {
		s.bad = true
	}
	return s.src[start:s.pos]
}

func bare(c byte) bool { return alphanumeric(c) || c == '_' || c == '-' }

// read reads the value of n.
func (s *scanner) read(n *node) {
	s.skip(false)
	n.value = s.pos
	if s.depth++; s.depth > maxDepth {
		s.bad, s.deep = true, true
	}
	switch c := s.peek(); {
	case s.bad:
	case c == '"' || c == '\'':
		s.text(c)
	case c == '[':
		s.array(n)
	case c == '{':
		s.inline(n)
	default:
		if i := strings.IndexAny(s.src[s.pos:], ",]}#\r\n"); i >= 0 {
			s.pos += i
		} else {
			s.pos = len(s.src)
		}
		s.bad = s.pos == n.value
	}
	s.depth--
	n.end = s.pos
}

// array reads [ value, ... ].
func (s *scanner) array(n *node) {
	s.pos++
	for !s.bad {
		s.skip(true)
		if s.take(']') {
			return
		}
		elem := &node{parent: n, at: s.pos, form: pair, elem: true}
		n.elems = append(n.elems, elem)
		s.read(elem)
		s.separator(']')
	}
}

// inline reads { key = value, ... }.
func (s *scanner) inline(n *node) {
	s.pos++
	for !s.bad {
		s.skip(true)
		if s.take('}') {
			return
		}
		s.pair(n)
		s.separator('}')
	}
}

// separator moves over what stands between two values, up to the closing
// bracket.
func (s *scanner) separator(closing byte) {
	s.skip(true)
	if s.peek() != closing {
		s.expect(',')
	}
}
