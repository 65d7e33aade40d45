//go:build !postgres

package ledger

import (
	"path/filepath"
	"testing"
)

// newPlace is where a test's ledger is to be made: a folder.
func newPlace(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger") }

func (r *rig) insert([]byte) { r.Fatal("this build has no database") }
