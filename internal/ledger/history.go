package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// Since lists the commits that were deployed on a ref after record, newest
// first and each once, up to most of them; more says that there are others. It
// is what a rollback to that record's commit withdraws.
func (l *Ledger) Since(service policy.Service, environment policy.EnvironmentName, repository string,
	ref policy.RefName, record uint64, most int) (commits []policy.ObjectID, more bool, err error) {
	names := [...]string{cleanString(string(service)), cleanString(string(environment)), repository, cleanString(string(ref))}
	err = l.look(func(s kv) error {
		commits, more = nil, false
		seen := make(map[policy.ObjectID]bool)
		last, err := seqAt(s, key(keyLive, names[:]...))
		for err == nil && last > record && !more {
			var v []byte
			if v, err = s.Get(keySeq(keyHistory, last, names[:]...)); err != nil {
				break
			}
			if len(v) < 8 || binary.BigEndian.Uint64(v) >= last {
				return fmt.Errorf("%w: the history of record %d is lost", errIndex, last)
			}
			commit := policy.ObjectID(v[8:])
			if more = !seen[commit] && len(commits) == most; !seen[commit] && !more {
				seen[commit], commits = true, append(commits, commit)
			}
			last = binary.BigEndian.Uint64(v)
		}
		return err
	})
	return commits, more, err
}
