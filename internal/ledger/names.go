package ledger

import "strings"

// names keeps one copy of each name, so that no line is kept for a name in it,
// and numbers them.
type names struct {
	number map[string]uint32
	all    []string
}

func (n *names) numberOf(s string) uint32 {
	i, ok := n.number[s]
	if !ok {
		i = uint32(len(n.all))
		n.all = append(n.all, strings.Clone(s))
		n.number[n.all[i]] = i
	}
	return i
}

// numbers are a deployment by the numbers of its names: small, as all of a
// ledger are kept.
type numbers [5]uint32

func (v *verifier) numbers(e *Entry) (n numbers) {
	for i, s := range [...]string{e.Service, e.Environment, e.Repository, e.Ref, e.Commit} {
		n[i] = v.names.numberOf(s)
	}
	return n
}

// record is what record seq deployed or adopted; false if it did neither.
func (v *verifier) record(seq uint64) (deployment, bool) { return v.names.deployment(v.records, seq) }

// deployment is that of a record in all; false if it is not there.
func (n *names) deployment(all map[uint64]numbers, seq uint64) (deployment, bool) {
	of, ok := all[seq]
	if !ok {
		return deployment{}, false
	}
	name := func(i int) string { return n.all[of[i]] }
	return deployment{name(0), name(1), name(2), name(3), name(4)}, true
}

func (v *verifier) name(s string) string { return v.names.all[v.names.numberOf(s)] }

func (v *verifier) deployment(e *Entry) deployment {
	return deployment{v.name(e.Service), v.name(e.Environment), v.name(e.Repository), v.name(e.Ref), v.name(e.Commit)}
}
