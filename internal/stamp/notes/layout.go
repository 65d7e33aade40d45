package notes

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// A level is one tree object of a notes tree that is being changed. It keeps
// everything that it does not know.
type level struct {
	entries []entry
	below   map[string]*level // subtrees that were looked into, by name
}

// load reads a level; the empty ID makes an empty one.
func (s *source) load(tree policy.ObjectID) (*level, error) {
	l := &level{below: make(map[string]*level)}
	if tree == "" {
		return l, nil
	}
	var err error
	l.entries, err = s.entries(tree)
	return l, err
}

// at is the index of an entry, -1 if there is none.
func (l *level) at(name string, fits func(*entry) bool) (int, error) {
	found := -1
	for i := range l.entries {
		if l.entries[i].name != name || !fits(&l.entries[i]) {
			continue
		}
		if found >= 0 {
			return 0, errTwo
		}
		found = i
	}
	return found, nil
}

// put sets the note of the commit whose ID ends in rest below this level.
func (s *source) put(l *level, rest string, blob policy.ObjectID) error {
	flat, err := l.at(rest, (*entry).isBlob)
	if err != nil {
		return err
	}
	fanned := -1
	if len(rest) > 2 {
		if fanned, err = l.at(rest[:2], (*entry).isTree); err != nil {
			return err
		}
	}
	switch {
	case flat >= 0 && fanned >= 0:
		return fmt.Errorf("the notes tree has both %.8s and %s/", rest, rest[:2])
	case flat >= 0:
		l.entries[flat].id, l.entries[flat].mode = blob, modeBlob
		return nil
	case fanned < 0 && (len(rest) == 2 || !l.isFanned()):
		if slices.ContainsFunc(l.entries, func(e entry) bool { return e.name == rest }) {
			return fmt.Errorf("the notes tree has something at %.8s that is no note", rest)
		}
		l.entries = append(l.entries, entry{modeBlob, rest, blob})
		return s.fanOut(l, len(rest))
	}
	below, err := s.descend(l, rest[:2], fanned)
	if err != nil {
		return err
	}
	return s.put(below, rest[2:], blob)
}

// descend gives the level below a name, which is made if fanned is negative.
func (s *source) descend(l *level, name string, fanned int) (below *level, err error) {
	if below = l.below[name]; below != nil {
		return below, nil
	}
	var tree policy.ObjectID
	if fanned >= 0 {
		tree = l.entries[fanned].id
	} else if slices.ContainsFunc(l.entries, func(e entry) bool { return e.name == name }) {
		return nil, fmt.Errorf("the notes tree has something at %s that is no tree", name)
	} else {
		l.entries = append(l.entries, entry{mode: modeTree, name: name})
	}
	if below, err = s.load(tree); err != nil {
		return nil, err
	}
	l.below[name] = below
	return below, nil
}

func (e *entry) isFan() bool { return e.isTree() && len(e.name) == 2 && isHex(e.name) }

// isFanned reports whether notes have their subtree at this level.
func (l *level) isFanned() bool {
	return slices.ContainsFunc(l.entries, func(e entry) bool { return e.isFan() })
}

// fanOut moves the notes of a level into subtrees when git would: each first
// digit has two notes or more (determine_fanout in git's notes.c).
func (s *source) fanOut(l *level, digits int) error {
	isNote := func(e entry) bool { return e.isBlob() && len(e.name) == digits && isHex(e.name) }
	var first [16]int
	for _, e := range l.entries {
		if isNote(e) {
			first[strings.IndexByte("0123456789abcdef", e.name[0])]++
		}
	}
	if digits <= 2 || slices.Min(first[:]) < 2 {
		return nil
	}
	var notes []entry
	l.entries = slices.DeleteFunc(l.entries, func(e entry) bool {
		if isNote(e) {
			notes = append(notes, e)
		}
		return isNote(e)
	})
	for _, e := range notes {
		name := e.name[:2]
		if l.below[name] == nil {
			if _, err := s.descend(l, name, -1); err != nil {
				return err
			}
		}
		l.below[name].entries = append(l.below[name].entries, entry{e.mode, e.name[2:], e.id})
	}
	for _, name := range slices.Sorted(maps.Keys(l.below)) {
		if err := s.fanOut(l.below[name], digits-2); err != nil {
			return err
		}
	}
	return nil
}

// encode adds the tree objects of a level and of those below it to a pack.
func (l *level) encode(p *pack) (policy.ObjectID, error) {
	for i := range l.entries {
		e := &l.entries[i]
		if below := l.below[e.name]; below != nil && e.isTree() {
			var err error
			if e.id, err = below.encode(p); err != nil {
				return "", err
			}
		}
	}
	// git compares the names of trees as if they ended in a slash.
	slices.SortFunc(l.entries, func(a, b entry) int { return strings.Compare(a.sortName(), b.sortName()) })
	var b bytes.Buffer
	for _, e := range l.entries {
		raw, err := hex.DecodeString(string(e.id))
		if err != nil {
			return "", err
		}
		b.WriteString(e.mode + " " + e.name + "\x00")
		b.Write(raw)
	}
	return p.add(packTree, b.Bytes())
}

func (e *entry) sortName() string {
	if e.isTree() {
		return e.name + "/"
	}
	return e.name
}
