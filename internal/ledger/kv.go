package ledger

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
