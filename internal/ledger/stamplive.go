package ledger

import (
	"github.com/pathgate/pathgate/policy"
)

// StampLive lists what is live elsewhere on each ref that stamps tell of, as far
// as they do. An empty service or environment means all. Record is the stamp
// here, Time the origin's.
func (l *Ledger) StampLive(service policy.Service, environment policy.EnvironmentName) ([]LiveRef, error) {
	refs, err := l.liveRefsThere([...]string{cleanString(string(service)), cleanString(string(environment))})
	if err != nil {
		return nil, err
	}
	all := make([]LiveRef, len(refs))
	for i, r := range refs {
		e, line, err := l.readStamp(r.at)
		if err == nil && e.Kind == KindWithdrawal {
			e, line, err = l.cameInstead(e, line)
		}
		if err != nil {
			return nil, err
		}
		if [...]string{e.Service, e.Environment, e.Repository, e.Ref} != r.names {
			return nil, damaged(e.Seq, "it is not about %q", r.names[3])
		}
		all[i] = liveBy(&e, &line)
	}
	return all, nil
}

// cameInstead is the stamp of the deployment that took commits away, where e is
// only that of one of these; e itself if no stamp of the deployment is known.
func (l *Ledger) cameInstead(e, line Entry) (Entry, Entry, error) {
	t := slot{}
	err := l.look(func(s kv) error {
		c, err := chainAt(s, e.Service, e.Environment)
		if err == nil {
			t, err = slotAt(s, &c, stampedKey(deployment{e.Service, e.Environment, e.Repository, e.Ref, line.Commit}))
		}
		return err
	})
	if err != nil || t.record != e.Record {
		return e, line, err
	}
	return l.readStamp(t.at)
}

// A liveRef is where a stamp stands that told last what is live on a ref.
type liveRef struct {
	at    place
	names [4]string // service, environment, repository, ref
}

// liveRefsThere finds them for a service and environment; empty means all.
func (l *Ledger) liveRefsThere(want [2]string) (refs []liveRef, err error) {
	var prefix []string
	for _, f := range want {
		if f == "" {
			break
		}
		prefix = append(prefix, f)
	}
	err = l.look(func(s kv) error {
		refs = nil
		return s.Scan(key(keyLiveThere, prefix...), func(k, v []byte) error {
			f, err := fieldsOf(k, 4)
			for i, w := range want {
				if err != nil || w != "" && w != f[i] {
					return err
				}
			}
			c, err := chainAt(s, f[0], f[1])
			if err != nil {
				return err
			}
			t, err := cutSlot(v)
			if err == nil && c.counts(t.at) {
				refs = append(refs, liveRef{t.at, [4]string(f)})
			}
			return err
		})
	})
	return refs, err
}

// liveBy is what the line of a stamp made live.
func liveBy(e, line *Entry) LiveRef {
	kind := policy.Kind(line.Kind)
	if line.Type == TypeAdopt {
		kind = policy.Adopt
	}
	return LiveRef{policy.Service(e.Service), policy.EnvironmentName(e.Environment), e.Repository, policy.Live{
		Record: e.Seq, Ref: policy.RefName(e.Ref), New: policy.ObjectID(line.New), Commit: policy.ObjectID(line.Commit),
		Subject: line.Subject, Kind: kind, Time: e.Stamped, Principal: line.Principal,
	}}
}
