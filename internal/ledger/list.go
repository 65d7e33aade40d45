package ledger

import (
	"slices"

	"github.com/pathgate/pathgate/policy"
)

// A LiveRef is a ref of an environment and what is live there.
type LiveRef struct {
	Service     policy.Service
	Environment policy.EnvironmentName
	Repository  string
	policy.Live
}

// Lives lists what is live on every ref that the ledger knows. An empty
// service, environment or repository means all of them.
func (l *Ledger) Lives(service policy.Service, environment policy.EnvironmentName, repository string) ([]LiveRef, error) {
	want := [3]string{cleanString(string(service)), cleanString(string(environment)), cleanString(repository)}
	prefix := []string{}
	for _, f := range want {
		if f == "" {
			break
		}
		prefix = append(prefix, f)
	}
	var places []place
	var names [][4]string
	err := l.look(func(s kv) error {
		places, names = nil, nil
		return s.Scan(key(keyLive, prefix...), func(k, v []byte) error {
			f, err := fieldsOf(k, 4)
			for i, w := range want {
				if err != nil || w != "" && w != f[i] {
					return err
				}
			}
			at, _, err := cutPlace(v)
			places, names = append(places, at), append(names, [4]string(f))
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	all := make([]LiveRef, len(places))
	for i, at := range places {
		live, err := l.live(at, names[i])
		if err != nil {
			return nil, err
		}
		all[i] = LiveRef{policy.Service(names[i][0]), policy.EnvironmentName(names[i][1]), names[i][2], live}
	}
	return all, nil
}

// An IntentFilter says which open intents are wanted. An empty field matches
// all.
type IntentFilter struct {
	Token       string
	Service     policy.Service
	Environment policy.EnvironmentName
	Repository  string
	Ref         policy.RefName
}

// Intents lists the open intents, oldest first.
func (l *Ledger) Intents(f IntentFilter) ([]Entry, error) {
	want := [...]string{f.Token, string(f.Service), string(f.Environment), f.Repository, string(f.Ref)}
	var places []place
	err := l.look(func(s kv) error {
		places = nil
		return s.Scan(key(keyIntent), func(_, v []byte) error {
			at, rest, err := cutPlace(v)
			if err != nil {
				return err
			}
			for _, w := range want {
				field, r, ok := cutField(rest)
				if !ok {
					return errIndex
				}
				if w != "" && cleanString(w) != field {
					return nil
				}
				rest = r
			}
			places = append(places, at)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	all := make([]Entry, len(places))
	for i, at := range places {
		e, err := l.readBack(at)
		if err != nil {
			return nil, err
		}
		if e.Type != TypeIntent {
			return nil, damaged(e.Seq, "it is of type %s, not an intent", e.Type)
		}
		all[i] = *e
	}
	return all, nil
}

// Drift tells what was last seen on a ref that is not where the ledger says;
// false if no drift is on record since the ref's last deployment. The value
// seen is empty if the ref was gone.
func (l *Ledger) Drift(service policy.Service, environment policy.EnvironmentName, repository string,
	ref policy.RefName) (observed policy.ObjectID, known bool, err error) {
	err = l.look(func(s kv) error {
		v, err := s.Get(cleanKey(keyDrift, string(service), string(environment), repository, string(ref)))
		observed, known = policy.ObjectID(v), v != nil
		return err
	})
	return observed, known, err
}

// Services lists the services that have ever been deployed, sorted.
func (l *Ledger) Services() ([]policy.Service, error) {
	var all []policy.Service
	err := l.look(func(s kv) error {
		all = nil
		return s.Scan(key(keyService), func(k, _ []byte) error {
			f, err := fieldsOf(k, 1)
			if err == nil {
				all = append(all, policy.Service(f[0]))
			}
			return err
		})
	})
	slices.Sort(all)
	return all, err
}
