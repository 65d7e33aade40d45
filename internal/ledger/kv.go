package ledger

import (
	"slices"
	"strings"
)

// A kv is all that the projections need of a store. Values that Get and Scan
// give are valid until the next Put or Delete.
type kv interface {
	// Get returns nil for a key that is not there.
	Get(key []byte) ([]byte, error)
	Put(key, value []byte) error
	Delete(key []byte) error
	// Scan calls fn for each key that begins with prefix, in byte order, and
	// stops at an error. fn must not change the store.
	Scan(prefix []byte, fn func(key, value []byte) error) error
}

// memory is a kv for Verify and for tests.
type memory map[string][]byte

func (m memory) Get(key []byte) ([]byte, error) { return m[string(key)], nil }

func (m memory) Put(key, value []byte) error {
	m[string(key)] = value
	return nil
}

func (m memory) Delete(key []byte) error {
	delete(m, string(key))
	return nil
}

func (m memory) Scan(prefix []byte, fn func(key, value []byte) error) error {
	var keys []string
	for k := range m {
		if strings.HasPrefix(k, string(prefix)) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if err := fn([]byte(k), m[k]); err != nil {
			return err
		}
	}
	return nil
}
