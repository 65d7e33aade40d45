//go:build postgres

package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/pathgate/pathgate/internal/tlog"
)

// createStore makes the first line.
func createStore(place string, o CreateOptions) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	r, err := beginStore(context.Background(), place, Options{Now: o.Now}, limitsOf(10*time.Second))
	if err != nil {
		return err
	}
	defer r.Close()
	if r.id != "" || r.head.seq > 0 {
		return fmt.Errorf("%w: %s", ErrExists, r.id)
	}
	// Hosts that share a ledger have roots of their own.
	e := firstEntry(o.Now(), "")
	r.id = e.Ledger
	line, err := Encode(e)
	if err != nil {
		return err
	}
	return r.first(e, line)
}

// first commits the first line of a ledger.
func (r *remote) first(e *Entry, line []byte) error {
	line = line[:len(line)-1]
	at := place{1, 0, int64(len(line)) + 1, sha256.Sum256(line)}
	return r.commit([]storedLine{{at, line}}, head{0, at.length, 1, at.hash, e.Time}, func(s kv) error {
		if err := project(s, e, at); err != nil {
			return err
		}
		return grow(s, 0, []tlog.Hash{tlog.LeafHash(line)})
	})
}
