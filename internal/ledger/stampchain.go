package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/pathgate/pathgate/internal/tlog"
)

// A chain is what the index keeps of the ledger whose stamps tell of a service
// and environment elsewhere.
type chain struct {
	at     place     // of the stamp with the newest checkpoint
	tree   tlog.Tree // that checkpoint
	since  uint64    // the newest successor, zero if there is none: stamps before it do not count
	forked uint64    // the first fork after that, zero if there is none
	origin string    // the ledger's ID, empty if no stamp is known
}

func (c *chain) encode() []byte {
	b := appendPlace(nil, c.at)
	for _, n := range [...]uint64{uint64(c.tree.N), c.since, c.forked} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(append(b, c.tree.Hash[:]...), c.origin...)
}

func chainKey(service, environment string) []byte { return key(keyChain, service, environment) }

func chainAt(s kv, service, environment string) (c chain, err error) {
	v, err := s.Get(chainKey(service, environment))
	if err != nil || v == nil {
		return c, err
	}
	return cutChain(v)
}

func cutChain(v []byte) (c chain, err error) {
	at, rest, err := cutPlace(v)
	if err == nil && len(rest) < 3*8+hashSize {
		err = fmt.Errorf("%w: a chain of %d bytes", errIndex, len(v))
	}
	if err != nil {
		return c, err
	}
	c.at, c.tree.N = at, int64(binary.BigEndian.Uint64(rest))
	c.since, c.forked = binary.BigEndian.Uint64(rest[8:]), binary.BigEndian.Uint64(rest[16:])
	copy(c.tree.Hash[:], rest[24:])
	c.origin = string(rest[24+hashSize:])
	return c, nil
}

// counts reports whether a stamp tells of what the chain is of now.
func (c *chain) counts(stamp place) bool { return stamp.seq > c.since }

// A slot is the newest stamp of something, by the origin's records.
type slot struct {
	at     place
	record uint64 // there
}

func (t slot) encode() []byte { return binary.BigEndian.AppendUint64(appendPlace(nil, t.at), t.record) }

func cutSlot(v []byte) (t slot, err error) {
	at, rest, err := cutPlace(v)
	if err == nil {
		t.record, err = seqOf(rest)
	}
	t.at = at
	return t, err
}

// slotAt reads a slot; its record is zero if there is none, or one that does
// not count.
func slotAt(s kv, c *chain, k []byte) (t slot, err error) {
	v, err := s.Get(k)
	if err == nil && v != nil {
		t, err = cutSlot(v)
	}
	if err != nil || !c.counts(t.at) {
		return slot{}, err
	}
	return t, nil
}

// projectStamp takes what a stamp tells. One that the ledger should not have,
// as it comes from another ledger, changes nothing.
func projectStamp(s kv, e *Entry, at place) error {
	c, err := chainAt(s, e.Service, e.Environment)
	if err != nil {
		return err
	}
	tree, err := e.StampTree()
	if err != nil {
		return nil
	}
	switch e.Kind {
	case KindSuccessor:
		c = chain{at: at, tree: tree, since: e.Seq, origin: e.Origin}
	case KindFork:
		if c.origin == "" {
			c.at, c.origin = at, e.Origin
		}
		if c.forked == 0 {
			c.forked = e.Seq
		}
	case KindDeployed, KindStatus, KindWithdrawal:
		if c.origin != "" && c.origin != e.Origin {
			return nil
		}
		return projectTold(s, e, at, c, tree)
	default:
		return nil
	}
	return s.Put(chainKey(e.Service, e.Environment), c.encode())
}

// projectTold is projectStamp of a stamp that tells something.
func projectTold(s kv, e *Entry, at place, c chain, tree tlog.Tree) error {
	line := new(Entry)
	if len(e.Lines) != 2 {
		return nil
	}
	if _, err := decode(e.Lines[0], line); err != nil {
		return nil
	}
	if c.origin == "" || tree.N > c.tree.N {
		c.at, c.tree, c.origin = at, tree, e.Origin
		if err := s.Put(chainKey(e.Service, e.Environment), c.encode()); err != nil {
			return err
		}
	}
	seen := sighting{at: at, hash: sha256.Sum256([]byte(e.Lines[0])), prev: hashFrom(line.Prev)}
	if err := keepFirst(s, &c, e.Service, lineKey(e, e.Record), seen); err != nil {
		return err
	}
	if err := keepFirst(s, &c, e.Service, treeKey(e, tree), sighting{at: at, hash: hash(tree.Hash)}); err != nil {
		return err
	}
	for _, k := range slotsOf(e, line) {
		have, err := slotAt(s, &c, k)
		if err != nil {
			return err
		}
		if have.record >= e.Record {
			continue
		}
		if err := s.Put(k, slot{at, e.Record}.encode()); err != nil {
			return err
		}
	}
	return nil
}

// slotsOf are the keys of what a stamp tells of: the one that it is about
// first.
func slotsOf(e, line *Entry) [][]byte {
	live := key(keyLiveThere, e.Service, e.Environment, e.Repository, e.Ref)
	switch e.Kind {
	case KindStatus:
		return [][]byte{reportedKey(deploymentOf(e), line.Record)}
	case KindWithdrawal: // and another commit came in its place
		return [][]byte{key(keyTaken, e.Service, e.Environment, e.Commit, e.Repository), live}
	}
	return [][]byte{stampedKey(deploymentOf(e)), live}
}

func stampedKey(d deployment) []byte {
	return key(keyStamped, d.service, d.environment, d.commit, d.repository, d.ref)
}

func reportedKey(d deployment, record uint64) []byte {
	return keySeq(keyReported, record, d.service, d.environment, d.commit, d.repository, d.ref)
}

func lineKey(e *Entry, record uint64) []byte {
	return keySeq(keyLine, record, e.Environment, e.Origin)
}

func treeKey(e *Entry, t tlog.Tree) []byte {
	return keySeq(keyCheckpoint, uint64(t.N), e.Environment, e.Origin)
}

// A sighting is the first stamp that told what a line or a tree of a ledger
// is.
type sighting struct {
	at         place
	hash, prev hash // prev of a line only
}

// sightingAt reads a sighting; its place is none if there is none, or one that
// does not count.
func sightingAt(s kv, c *chain, k []byte) (t sighting, err error) {
	v, err := s.Get(k)
	if err != nil || v == nil {
		return t, err
	}
	at, rest, err := cutPlace(v)
	if err == nil && len(rest) != 2*len(t.hash) {
		err = fmt.Errorf("%w: a sighting of %d bytes", errIndex, len(v))
	}
	if err != nil || !c.counts(at) {
		return sighting{}, err
	}
	t.at = at
	copy(t.hash[:], rest)
	copy(t.prev[:], rest[len(t.hash):])
	return t, nil
}

// sightingOf is the sighting that counts for a service: the first of all, or,
// where the service has taken a successor since, the first since then.
func sightingOf(s kv, c *chain, service string, k []byte) (sighting, error) {
	t, err := sightingAt(s, c, k)
	if err != nil || t.at.seq != 0 {
		return t, err
	}
	return sightingAt(s, c, appendField(k, service))
}

// keepFirst keeps a sighting if there is none that counts for the service. What
// others have seen stays, as it counts for them.
func keepFirst(s kv, c *chain, service string, k []byte, t sighting) error {
	have, err := sightingOf(s, c, service, k)
	if err != nil || have.at.seq != 0 {
		return err
	}
	v, err := s.Get(k)
	if err != nil {
		return err
	}
	if v != nil {
		k = appendField(k, service)
	}
	return s.Put(k, append(append(appendPlace(nil, t.at), t.hash[:]...), t.prev[:]...))
}

// hashFrom reads a hash in hex; zero if it is none.
func hashFrom(s string) (h hash) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == len(h) {
		copy(h[:], b)
	}
	return h
}
