package ledger

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// MaxQueued is the most deployments of one environment that Queued lists.
const MaxQueued = 256

// A Queued is a deployment that pathgate is to run, or runs, and that has not
// ended.
type Queued struct {
	Deployed Entry // the deployed entry
	Pending  bool  // whether a pending status says that it was started
	// Of that status, if there is one:
	Token   string    // the runner's own
	Started time.Time // its time
}

// A queue is what the index keeps of an environment's queue beside its items.
type queue struct {
	newest uint64 // the newest deployment ever queued since the queue was empty
	count  uint64 // how many have not ended
}

func queueAt(s kv, service, environment string) (q queue, err error) {
	v, err := s.Get(key(keyQueued, service, environment))
	if err != nil || v == nil {
		return q, err
	}
	if len(v) != 16 {
		return q, fmt.Errorf("%w: a queue of %d bytes", errIndex, len(v))
	}
	return queue{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])}, nil
}

func (q queue) put(s kv, service, environment string) error {
	k := key(keyQueued, service, environment)
	if q.count == 0 {
		return s.Delete(k)
	}
	return s.Put(k, binary.BigEndian.AppendUint64(seqValue(q.newest), q.count))
}

func enqueue(s kv, e *Entry, at place) error {
	q, err := queueAt(s, e.Service, e.Environment)
	if err == nil {
		err = queue{e.Seq, q.count + 1}.put(s, e.Service, e.Environment)
	}
	if err != nil {
		return err
	}
	return s.Put(keySeq(keyQueue, e.Seq, e.Service, e.Environment), appendPlace(appendPlace(nil, at), place{}))
}

// started notes the pending status e of a deployment in the queue.
func started(s kv, e *Entry, at place) error {
	k := keySeq(keyQueue, e.Record, e.Service, e.Environment)
	v, err := s.Get(k)
	if err != nil {
		return err
	}
	record, _, err := cutPlace(v)
	if err != nil {
		return err
	}
	return s.Put(k, appendPlace(appendPlace(nil, record), at))
}

// dequeue takes the deployment that the status e ends out of the queue.
func dequeue(s kv, e *Entry) error {
	q, err := queueAt(s, e.Service, e.Environment)
	if err != nil {
		return err
	}
	if q.count == 0 {
		return fmt.Errorf("%w: record %d is not in the queue", errIndex, e.Record)
	}
	q.count--
	if err := q.put(s, e.Service, e.Environment); err != nil {
		return err
	}
	return s.Delete(keySeq(keyQueue, e.Record, e.Service, e.Environment))
}

// An item is where a deployment in the queue stands, and its pending status.
type item struct{ record, pending place }

func cutItem(v []byte) (i item, err error) {
	var rest []byte
	if i.record, rest, err = cutPlace(v); err == nil {
		i.pending, _, err = cutPlace(rest)
	}
	return i, err
}

// itemsOf lists the oldest items of a queue, and the newest at the end.
func itemsOf(s kv, service, environment string) (items []item, err error) {
	q, err := queueAt(s, service, environment)
	if err != nil || q.count == 0 {
		return nil, err
	}
	err = scanSome(s, key(keyQueue, service, environment), MaxQueued, func(_, v []byte) error {
		i, err := cutItem(v)
		items = append(items, i)
		return err
	})
	if err != nil || len(items) < MaxQueued || items[MaxQueued-1].record.seq == q.newest {
		return items, err
	}
	v, err := s.Get(keySeq(keyQueue, q.newest, service, environment))
	if err != nil || v == nil {
		return items, err
	}
	items[MaxQueued-1], err = cutItem(v)
	return items, err
}

// Queued lists the deployments of an environment that have deploy="command"
// and have not ended, oldest first. Of more than MaxQueued it lists the oldest
// and, at the end, the newest; the others come when those have ended. Each is
// read back from the journal.
func (l *Ledger) Queued(service policy.Service, environment policy.EnvironmentName) ([]Queued, error) {
	var items []item
	err := l.look(func(s kv) (err error) {
		items, err = itemsOf(s, cleanString(string(service)), cleanString(string(environment)))
		return err
	})
	if err != nil {
		return nil, err
	}
	return l.queued(items)
}

// AllQueued is Queued of every environment of every service.
func (l *Ledger) AllQueued() ([]Queued, error) {
	var items []item
	err := l.look(func(s kv) error {
		items = nil
		var names [][]string
		err := s.Scan(key(keyQueued), func(k, _ []byte) error {
			f, err := fieldsOf(k, 2)
			names = append(names, f)
			return err
		})
		if err != nil {
			return err
		}
		for _, f := range names {
			some, err := itemsOf(s, f[0], f[1])
			if err != nil {
				return err
			}
			items = append(items, some...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l.queued(items)
}

func (l *Ledger) queued(items []item) ([]Queued, error) {
	all := make([]Queued, len(items))
	for n, i := range items {
		e, err := l.readBack(i.record)
		if err != nil {
			return nil, err
		}
		if e.Type != TypeDeployed || e.Deploy != DeployCommand {
			return nil, damaged(e.Seq, "it is no deployment that is run")
		}
		all[n].Deployed = *e
		if i.pending.seq == 0 {
			continue
		}
		p, err := l.status(i.pending, deploymentOf(e))
		if err != nil {
			return nil, err
		}
		if p.Record != e.Seq || p.State != StatePending {
			return nil, damaged(p.Seq, "it does not say that record %d was started", e.Seq)
		}
		all[n].Pending, all[n].Token, all[n].Started = true, p.Token, p.Time
	}
	return all, nil
}
