//go:build postgres

package ledger

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/pathgate/pathgate/internal/pgstore"
	"github.com/pathgate/pathgate/internal/pgtest"
)

// engine is the server of the tests that are run on PostgreSQL: one for all of
// them, as a test of the other engine may be run again with it.
var engine struct {
	sync.Mutex
	server *pgtest.Server
	free   []string // databases that no test uses any more
}

func server(t *testing.T) *pgtest.Server {
	t.Helper()
	engine.Lock()
	defer engine.Unlock()
	if engine.server == nil {
		engine.server = pgtest.Start(t, pgtest.Options{})
		t.Cleanup(func() { engine.server, engine.free = nil, nil })
	}
	return engine.server
}

// newPlace is where a test's ledger is to be made: a folder, or a database if
// TestPostgres runs the test.
func newPlace(t *testing.T) string {
	t.Helper()
	if !strings.HasPrefix(t.Name(), "TestPostgres") {
		return filepath.Join(t.TempDir(), "ledger")
	}
	s := server(t)
	engine.Lock()
	defer engine.Unlock()
	name := ""
	if n := len(engine.free) - 1; n >= 0 {
		name, engine.free = engine.free[n], engine.free[:n]
		empty(t, s, name)
	} else {
		name = newDatabase(t, s)
	}
	t.Cleanup(func() {
		engine.Lock()
		defer engine.Unlock()
		engine.free = append(engine.free, name)
	})
	return s.PlainURL(pgtest.Hooks, name)
}

// empty takes the ledger out of a database, as only a superuser can: making a
// new one takes longer than most tests.
func empty(t *testing.T, s *pgtest.Server, name string) {
	t.Helper()
	err := s.Primary.Exec(name, `SET session_replication_role = replica; TRUNCATE pathgate.entry, pathgate.projection;
UPDATE pathgate.head SET seq = 0, starts = 0, ends = 0, hash = '', at = 0, ledger = '', schema = 0, next_keys = '{}'`)
	if err != nil {
		t.Fatal(err)
	}
}

// newDatabase makes a database with tables and no ledger.
func newDatabase(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	name, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	roles := pgstore.Roles{Writer: pgtest.Hooks, Reader: pgtest.Auditor}
	if _, err := pgstore.Migrate(context.Background(), s.PlainURL(pgtest.Owner, name), roles); err != nil {
		t.Fatal(err)
	}
	return name
}

// insert adds the lines that b has beyond those that are there, as somebody can
// who has the hooks' role: past the head.
func (r *rig) insert(b []byte) {
	r.Helper()
	u, err := url.Parse(r.dir)
	if err != nil {
		r.Fatal(err)
	}
	have, all := len(r.lines()), strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
	at := 0
	for i, line := range all {
		if i >= have {
			err := server(r.T).Primary.Exec(u.Path[1:], fmt.Sprintf("SET ROLE hooks; INSERT INTO pathgate.entry VALUES (%d, %d, $line$%s$line$)",
				i+1, at, strings.TrimSuffix(line, "\n")))
			if err != nil {
				r.Fatal(err)
			}
		}
		at += len(line)
	}
}

// TestPostgres is the conformance suite: it runs on PostgreSQL what is asked of
// every engine.
func TestPostgres(t *testing.T) {
	server(t)
	for _, test := range []func(*testing.T){
		TestLookups, TestIntentsAndDrift, TestRollback, TestNames, TestAppendRefuses, TestClock, TestRepairNeedsCause,
		TestModel, TestPolicyOnRecord, TestHalfAPolicy, TestPolicyShape, TestVerifyWithoutPolicies,
		TestSpanFromSuccess, TestSpanEndsWithFailure, TestSpanAfterWithdrawal, TestSpanClockBack, TestOutcome, TestQueuedBound,
		TestApprovals, TestLocksAndOverrides, TestAppendShape, TestContents, TestOverrideWithAction, TestReleaseTooLong,
		TestVerifyFindsForgedReleases, TestVerifyFindsForgery, TestVerifyFindsForgedRails, TestTreeErrors, TestWithdrew,
		TestStampShape, TestStampForks, TestStampsOfAnotherEnvironment, TestStampSuccessor, TestKnownStamps, TestStampModel,
	} {
		name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
		t.Run(name[strings.LastIndexByte(name, '.')+1:], test)
	}
}
