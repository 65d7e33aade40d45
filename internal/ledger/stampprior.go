package ledger

import (
	"time"

	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

// OriginTree is the newest checkpoint that stamps of a service and environment
// elsewhere brought: of which ledger, the tree, and the record here that has
// it. All are zero if no stamp of them is on record.
func (l *Ledger) OriginTree(service policy.Service, environment policy.EnvironmentName) (origin string, tree tlog.Tree, record uint64, err error) {
	var c chain
	err = l.look(func(s kv) (err error) {
		c, err = chainAt(s, cleanString(string(service)), cleanString(string(environment)))
		return err
	})
	return c.origin, c.tree, c.at.seq, err
}

// An Origin is a ledger whose stamps tell of a service and environment.
type Origin struct {
	Service     policy.Service
	Environment policy.EnvironmentName
	Ledger      string    // its ID
	Tree        tlog.Tree // of its newest checkpoint
	Record      uint64    // the stamp that brought it
	Since       uint64    // the record of the successor that let it take another's place, zero if none did
	Forked      uint64    // the record that says that it contradicts itself, zero if none does
}

// Origins lists the ledgers whose stamps are on record.
func (l *Ledger) Origins() (all []Origin, err error) {
	err = l.look(func(s kv) error {
		all = nil
		return s.Scan(key(keyChain), func(k, v []byte) error {
			f, err := fieldsOf(k, 2)
			if err != nil {
				return err
			}
			c, err := cutChain(v)
			all = append(all, Origin{policy.Service(f[0]), policy.EnvironmentName(f[1]), c.origin, c.tree, c.at.seq, c.since, c.forked})
			return err
		})
	})
	return all, err
}

// A there is what the index has of a commit on one ref of an environment
// elsewhere.
type there struct {
	repository, ref string
	slot            // the newest deployment
	status          slot
	live            bool // nothing newer is known on the ref
}

// A hearsay is all that stamps tell of a commit in an environment elsewhere.
type hearsay struct {
	chain
	refs  []there         // on the refs that a pattern of the lookup matches
	taken map[string]slot // by repository: the newest withdrawal
}

// newest is the newest deployment; nil if there is none.
func (h *hearsay) newest() (t *there) {
	for i := range h.refs {
		if t == nil || h.refs[i].record > t.record {
			t = &h.refs[i]
		}
	}
	return t
}

// withdrawn is the stamp that withdrew a deployment, zero if none did.
func (h *hearsay) withdrawn(t *there) uint64 {
	if w := h.taken[t.repository]; w.record > t.record {
		return w.at.seq
	}
	return 0
}

// hear reads what stamps tell of the lookup's commit. An empty repository, and
// no refs, stand for any.
func hear(s kv, q policy.Lookup) (h hearsay, err error) {
	f := lookupFields(q)
	if h.chain, err = chainAt(s, f[0], f[1]); err != nil || h.origin == "" {
		return h, err
	}
	err = s.Scan(key(keyStamped, f[0], f[1], f[3]), func(k, v []byte) error {
		names, err := fieldsOf(k, 5)
		if err != nil || f[2] != "" && names[3] != f[2] || len(q.Refs) > 0 && !matches(q.Refs, names[4]) {
			return err
		}
		t, err := cutSlot(v)
		if err == nil && h.counts(t.at) {
			h.refs = append(h.refs, there{repository: names[3], ref: names[4], slot: t})
		}
		return err
	})
	h.taken = map[string]slot{}
	for i := range h.refs {
		t := &h.refs[i]
		if err == nil {
			t.status, err = slotAt(s, &h.chain, reportedKey(deployment{f[0], f[1], t.repository, t.ref, f[3]}, t.record))
		}
		if err == nil {
			h.taken[t.repository], err = slotAt(s, &h.chain, key(keyTaken, f[0], f[1], f[3], t.repository))
		}
		var live slot
		if err == nil {
			live, err = slotAt(s, &h.chain, key(keyLiveThere, f[0], f[1], t.repository, t.ref))
		}
		t.live = live.record == t.record
	}
	return h, err
}

// StampStanding answers a lookup by stamps, as Prior does where it asks for
// that: with all facts, and with the stamp of the newest deployment of the
// commit, an empty entry if there is none.
func (l *Ledger) StampStanding(q policy.Lookup) (p policy.PriorFacts, e Entry, err error) {
	p.Environment, p.Elsewhere = q.Environment, true
	var h hearsay
	err = l.look(func(s kv) (err error) {
		h, err = hear(s, q)
		return err
	})
	p.Forked = h.forked
	t := h.newest()
	if err != nil || t == nil {
		return p, e, err
	}
	e, line, err := l.stamp(t.at, KindDeployed, q, t)
	if err != nil {
		return policy.PriorFacts{}, e, err
	}
	p.Standing = policy.Standing{Record: e.Seq, Ref: policy.RefName(e.Ref), Time: e.Stamped, Principal: e.Principal, Withdrawn: h.withdrawn(t)}
	p.Stamped, p.Override = e.Stamped, line.Kind == KindOverride
	if p.Outcome, p.Pending, err = l.outcomeThere(&line, t, q); err == nil {
		p.IsLive, p.LiveSince, err = l.liveThere(&h, q)
	}
	if err != nil {
		return policy.PriorFacts{}, Entry{}, err
	}
	return p, e, nil
}

// outcomeThere is what the newest stamp of a status says of a deployment. No
// stamp of one says nothing, and is no success.
func (l *Ledger) outcomeThere(line *Entry, t *there, q policy.Lookup) (o policy.Outcome, pending bool, err error) {
	if line.Deploy == "" {
		return policy.Outcome{State: policy.OutcomeNone}, false, nil
	}
	if t.status.record == 0 {
		return o, true, nil
	}
	e, status, err := l.stamp(t.status.at, KindStatus, q, t)
	if err == nil && status.Record != t.record {
		err = damaged(e.Seq, "it is not about record %d of ledger %s", t.record, e.Origin)
	}
	if err != nil || !finished(e.State) || e.State == StateSuperseded {
		return o, err == nil && !finished(e.State), err
	}
	return policy.Outcome{State: e.State, Record: e.Seq, Time: e.Stamped, URL: status.URL, Message: status.Message}, false, nil
}

// liveThere tells whether the commit is live on one of the refs, by what is
// known, and since when it counts there.
func (l *Ledger) liveThere(h *hearsay, q policy.Lookup) (live bool, since time.Time, err error) {
	for i := range h.refs {
		t := &h.refs[i]
		if !t.live {
			continue
		}
		live = true
		if h.withdrawn(t) != 0 {
			continue
		}
		e, line, err := l.stamp(t.at, KindDeployed, q, t)
		if err != nil {
			return false, time.Time{}, err
		}
		begin := e.Stamped
		if line.Deploy != "" {
			o, _, err := l.outcomeThere(&line, t, q)
			if err != nil {
				return false, time.Time{}, err
			}
			if begin = o.Time; o.State != StateSuccess {
				continue
			}
		}
		if since.IsZero() || begin.Before(since) {
			since = begin
		}
	}
	return live, since, nil
}

// stamp reads a stamp back, with the origin's line, and checks what it is
// about.
func (l *Ledger) stamp(at place, kind string, q policy.Lookup, t *there) (Entry, Entry, error) {
	e, line, err := l.readStamp(at)
	if err != nil {
		return Entry{}, Entry{}, err
	}
	f := lookupFields(q)
	if e.Kind != kind || deploymentOf(&e) != (deployment{f[0], f[1], t.repository, t.ref, f[3]}) {
		return Entry{}, Entry{}, damaged(e.Seq, "it is no stamp of kind %s of commit %s in %s of %s", kind, f[3], f[1], f[0])
	}
	return e, line, nil
}

func (l *Ledger) readStamp(at place) (Entry, Entry, error) {
	e, err := l.readBack(at)
	if err != nil {
		return Entry{}, Entry{}, err
	}
	if wrong := shape(e); e.Type != TypeStamp || wrong != "" {
		return Entry{}, Entry{}, damaged(e.Seq, "it is no stamp, but of type %s %s", e.Type, wrong)
	}
	line, err := e.OriginLine()
	if err != nil {
		return Entry{}, Entry{}, damaged(e.Seq, "%v", err)
	}
	return *e, line, nil
}
