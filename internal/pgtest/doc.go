// Package pgtest runs real PostgreSQL servers for tests and for the benchmark:
// a primary, a standby that it waits for, and a proxy in front of them that is
// slow, loses what is under way, or falls silent. No binary that is shipped
// imports it.
//
// The servers' programs are looked for on PATH and in
// /usr/lib/postgresql/VERSION/bin, where Debian has them. PostgreSQL refuses to
// run as root, so root runs it as the user postgres or nobody. All of a server
// lies in one temporary folder, and all of it is gone when the test is over.
//
// # Roles
//
// Every server has three roles that may log in, with passwords that are in the
// server's PassFile: Owner, to whom databases belong and who migrates; Hooks,
// who writes; Auditor, who reads. None of them is a superuser.
package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// The roles that every server has.
const (
	Owner   = "pathgate"
	Hooks   = "hooks"
	Auditor = "auditor"
)

// ErrAbsent: PostgreSQL is not installed.
var ErrAbsent = errors.New("PostgreSQL is missing: install postgresql")

// Options say which servers to start. The zero value is one primary.
type Options struct {
	// Standby asks for a second server, which the primary waits for at every
	// COMMIT (synchronous_standby_names).
	Standby bool
	// Durable has the servers sync their files, as for measuring. Without it
	// they survive being killed but not a power cut, and are faster.
	Durable bool
	// Settings are more lines of postgresql.conf, such as "work_mem = 1MB".
	Settings []string
}

// Start starts servers for a test and ends them with it. Where PostgreSQL is
// missing the test is skipped, or fails if PATHGATE_TEST_ALL is set.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	s, err := Launch(o)
	if errors.Is(err, ErrAbsent) && os.Getenv("PATHGATE_TEST_ALL") == "" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Log(s.Logs())
		}
		s.Stop()
	})
	return s
}

// bin finds the folder of PostgreSQL's programs, the newest version first.
func bin() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		// It may be a link to where the others are.
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", fmt.Errorf("look for initdb: %w", err)
		}
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", fmt.Errorf("look for initdb: %w", err)
	}
	if len(found) == 0 {
		return "", ErrAbsent
	}
	slices.SortFunc(found, func(a, b string) int { return versionOf(b) - versionOf(a) })
	return filepath.Dir(found[0]), nil
}

// versionOf is the 15 of /usr/lib/postgresql/15/bin/initdb, zero if it is no
// number.
func versionOf(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}
