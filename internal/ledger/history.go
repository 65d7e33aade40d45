package ledger

import (
	"encoding/binary"
	"fmt"

	"github.com/pathgate/pathgate/policy"
)

// A step is what the index keeps of one record in the history of a ref.
type step struct {
	before uint64 // the record before on the ref, zero if it is the first
	at     place
	commit string
}

func (t *step) encode() []byte {
	b := make([]byte, 0, 8+placeSize+len(t.commit)+4)
	b = appendPlace(binary.BigEndian.AppendUint64(b, t.before), t.at)
	return append(b, t.commit...)
}

// stepAt reads the step of a record; names are service, environment,
// repository and ref.
func stepAt(s kv, names [4]string, record uint64) (t step, err error) {
	v, err := s.Get(keySeq(keyHistory, record, names[:]...))
	if err != nil {
		return t, err
	}
	if len(v) < 8 {
		return t, fmt.Errorf("%w: the history of record %d is lost", errIndex, record)
	}
	t.before = binary.BigEndian.Uint64(v)
	at, commit, err := cutPlace(v[8:])
	if err != nil {
		return t, err
	}
	if t.before >= record || at.seq != record {
		return t, fmt.Errorf("%w: the history of record %d is that of %d and goes on to %d", errIndex, record, at.seq, t.before)
	}
	t.at, t.commit = at, string(commit)
	return t, nil
}

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
			var t step
			if t, err = stepAt(s, names, last); err != nil {
				break
			}
			commit := policy.ObjectID(t.commit)
			if more = !seen[commit] && len(commits) == most; !seen[commit] && !more {
				seen[commit], commits = true, append(commits, commit)
			}
			last = t.before
		}
		return err
	})
	return commits, more, err
}
