//go:build postgres

package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
	"github.com/pathgate/pathgate/internal/pgtest"
	"github.com/pathgate/pathgate/policy"
)

// What was decided before others wrote is not appended, whoever noticed that they
// did: a look at something else, or an entry that goes on record all the same.
func TestStoreNoticedBefore(t *testing.T) {
	c := policy.ObjectID(oid("c"))
	for name, notice := range map[string]func(a *Ledger) error{
		"a look":   func(a *Ledger) error { _, err := a.Live("other", "dev", "other/dev.git", mainRef); return err },
		"an entry": func(a *Ledger) error { return a.Append(&Entry{Type: TypeFault, Reason: "two"}) },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := newShared(t)
			a := r.open()
			defer a.Close()
			if err := a.Append(&Entry{Type: TypeFault, Reason: "one"}); err != nil {
				t.Fatal(err)
			}
			if _, barred, err := a.Veto("shop", c); err != nil || barred {
				t.Fatalf("barred: %v, %v", barred, err)
			}
			r.append(&Entry{Type: TypeVeto, Kind: KindVeto, Service: "shop", Commit: string(c), Principal: "ana"})
			if err := notice(a); err != nil {
				t.Fatal(err)
			}
			if err := a.Append(entryFor(TypeIntent, "dev", mainRef, string(c), "deploy")); !errors.Is(err, ErrMoved) {
				t.Fatalf("an intent for a commit that is vetoed: %v", err)
			}
			// Who has been told may decide anew.
			if _, barred, err := a.Veto("shop", c); err != nil || !barred {
				t.Errorf("barred: %v, %v", barred, err)
			}
			if err := a.Append(entryFor(TypeIntent, "dev", mainRef, oid("d"), "deploy")); err != nil {
				t.Error(err)
			}
		})
	}
}

// Only a key that the server has looked for is absent. What values name as next
// is written by one version and read by another.
func TestStoreAbsentKeys(t *testing.T) {
	r, name := newShared(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	r.o.Hints = Hints{Service: "shop", Commits: []policy.ObjectID{policy.ObjectID(oid("a"))}, Spots: []Hint{{"dev", "shop/dev.git", mainRef}}}
	check := func() (absent int) {
		t.Helper()
		l := r.open()
		defer l.Close()
		for k, v := range l.store.(*remote).cache.values {
			if v != nil {
				continue
			}
			absent++
			rows, err := server(t).Primary.Query(name, fmt.Sprintf(`SELECT FROM pathgate.projection WHERE key = '\x%s'`, hex.EncodeToString([]byte(k))))
			if err != nil || len(rows) != 0 {
				t.Errorf("key %q is taken for absent: %d rows, %v", k, len(rows), err)
			}
		}
		return absent
	}
	all := check()
	r.sql(name, `UPDATE pathgate.projection SET next = '{}'; UPDATE pathgate.head SET next_keys = '{}'`)
	if left := check(); left >= all {
		t.Errorf("%d keys are known to be absent, and were %d with what is next", left, all)
	}
}

// Tables are made, and a ledger in them, by one of those who try at once.
func TestStoreMadeAtOnce(t *testing.T) {
	s := server(t)
	for range 3 {
		name, err := s.Create()
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				roles := pgstore.Roles{Writer: pgtest.Hooks, Reader: pgtest.Auditor}
				if _, err := pgstore.Migrate(context.Background(), s.PlainURL(pgtest.Owner, name), roles); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		made := make(chan error, 6)
		for range cap(made) {
			go func() { made <- Create(s.PlainURL(pgtest.Hooks, name), CreateOptions{}) }()
		}
		n := 0
		for range cap(made) {
			if err := <-made; err == nil {
				n++
			} else if !errors.Is(err, ErrExists) {
				t.Error(err)
			}
		}
		if n != 1 {
			t.Errorf("%d ledgers were made", n)
		}
	}
}

// A COMMIT whose wait for the standby was ended is not taken for durable, though
// the role's own settings would not wait, and would not say so.
func TestStoreWithoutStandby(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{Standby: true})
	name := migrated(t, s)
	err := s.Primary.Exec(name, "ALTER ROLE hooks SET synchronous_commit = local; ALTER ROLE hooks SET client_min_messages = error")
	url := s.PlainURL(pgtest.Hooks, name, s.Primary.Address())
	if err == nil {
		err = Create(url, CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), url, Options{Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.Standby.Kill()
	done := make(chan error, 1)
	go func() { done <- l.Append(&Entry{Type: TypeFault, Reason: "on one server only"}) }()
	for cancelled := 0; ; time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-done:
			if !errors.Is(err, pgstore.ErrUnknown) || cancelled == 0 {
				t.Errorf("%d waits were ended; %v", cancelled, err)
			}
			return
		default:
		}
		rows, err := s.Primary.Query(name, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'hooks' AND wait_event = 'SyncRep'")
		if err != nil {
			t.Fatal(err)
		}
		cancelled += len(rows)
	}
}
