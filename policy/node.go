package policy

import "github.com/BurntSushi/toml"

// manyKids is the number from which on a table keeps an index.
const manyKids = 8

// kid returns the key called name in table n, nil if there is none.
func (n *node) kid(name string) *node {
	if n.index != nil {
		return n.index[name]
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// attach puts k into table n.
func (n *node) attach(k *node) {
	n.kids = append(n.kids, k)
	switch {
	case n.index != nil:
		n.index[k.name] = k
	case len(n.kids) > manyKids:
		n.index = make(map[string]*node, 2*len(n.kids))
		for _, k := range n.kids {
			n.index[k.name] = k
		}
	}
}

// add makes a new key in table n.
func (n *node) add(name string, at int) *node {
	k := &node{name: name, parent: n, at: at, value: at}
	n.attach(k)
	return k
}

// enter returns the table called name in table n, and makes it where it is
// missing. Of an array of tables it is the last one.
func (n *node) enter(name string, at int) *node {
	k := n.kid(name)
	if k == nil {
		return n.add(name, at)
	}
	if len(k.elems) > 0 {
		return k.elems[len(k.elems)-1]
	}
	return k
}

// path returns the parts of the node's key, as toml.MetaData.Keys has them.
func (n *node) path() toml.Key {
	var names []string
	for ; n.parent != nil; n = n.parent {
		if !n.elem {
			names = append(names, n.name)
		}
	}
	key := make(toml.Key, len(names))
	for i, name := range names {
		key[len(names)-1-i] = name
	}
	return key
}

// bind gives each node below n the value that BurntSushi/toml read there. It
// returns the first node on whose structure the two do not agree, nil if they
// agree on all.
func (n *node) bind(val any) *node {
	n.val = val
	switch val := val.(type) {
	case map[string]any:
		if len(n.kids) != len(val) || len(n.elems) != 0 {
			return n
		}
		for _, k := range n.kids {
			v, ok := val[k.name]
			if !ok {
				return k
			}
			if wrong := k.bind(v); wrong != nil {
				return wrong
			}
		}
	case []map[string]any:
		return bindElements(n, val)
	case []any:
		return bindElements(n, val)
	default:
		if len(n.kids)+len(n.elems) != 0 {
			return n
		}
	}
	return nil
}

func bindElements[T any](n *node, vals []T) *node {
	if len(n.kids) != 0 || len(n.elems) != len(vals) {
		return n
	}
	for i, v := range vals {
		if wrong := n.elems[i].bind(v); wrong != nil {
			return wrong
		}
	}
	return nil
}
