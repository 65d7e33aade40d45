//go:build postgres

package ledger

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/pgtest"
)

// migrated makes an empty database with tables and returns its name.
func migrated(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	name, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Migrate(t.Context(), s.URL(pgtest.Owner, name), Roles{Writer: pgtest.Hooks, Reader: pgtest.Auditor}); err != nil {
		t.Fatal(err)
	}
	return name
}

// A ledger goes into a database and comes back with the same bytes; what was
// interrupted, or came later, goes on; both are ledgers that work.
func TestCopyStore(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	url := s.URL(pgtest.Hooks, migrated(t, s))
	from := sourceOf(t, 5000)
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Copy(ctx, from, url, func(int64, int64) { cancel() })
	if !errors.Is(err, context.Canceled) || c.Record != 2000 {
		t.Fatalf("an interrupted copy: %+v, %v", c, err)
	}
	if l, err := Open(t.Context(), url, Options{}); !errors.Is(err, ErrStale) {
		t.Errorf("half a copy was opened: %v, %v", l, err)
	}
	c, err = Copy(t.Context(), from, url, nil)
	if err != nil || c.Lines != 3001 || c.Record != 5001 {
		t.Fatalf("the rest: %+v, %v", c, err)
	}
	refusals(t, from, 100)
	c, err = Copy(t.Context(), from, url, nil)
	if err != nil || c.Lines != 100 || c.Record != 5101 {
		t.Fatalf("what came later: %+v, %v", c, err)
	}
	refusals(t, url, 3)
	if r, err := Verify(url, nil); err != nil || !r.OK() || r.Records != 5104 {
		t.Errorf("the database: %+v, %v", r, err)
	}
	back := filepath.Join(t.TempDir(), "back")
	if c, err = Copy(t.Context(), s.URL(pgtest.Auditor, strings.Split(strings.Split(url, "?")[0], "/")[3]), back, nil); err != nil || c.Record != 5104 {
		t.Fatalf("back: %+v, %v", c, err)
	}
	if !strings.HasPrefix(journalOf(t, back), journalOf(t, from)) {
		t.Error("the lines are not the same")
	}
	refusals(t, back, 1)
	if r, err := Verify(back, nil); err != nil || !r.OK() || r.Records != 5105 {
		t.Errorf("the folder: %+v, %v", r, err)
	}
	if _, err = Copy(t.Context(), from, url, nil); !errors.Is(err, ErrContradicted) {
		t.Errorf("a database that has gone on by itself: %v", err)
	}
	if _, err = Copy(t.Context(), sourceOf(t, 5001), url, nil); !errors.Is(err, ErrContradicted) {
		t.Errorf("of another ledger: %v", err)
	}
}

// The copy of a database is a witness against it.
func TestCopyOfStore(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	name := migrated(t, s)
	url, to := s.URL(pgtest.Hooks, name), filepath.Join(t.TempDir(), "copy")
	if err := Create(url, CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	refusals(t, url, 5)
	if c := copied(t, url, to, CopyOptions{Lines: 4}); c.Record != 4 {
		t.Fatalf("%+v", c)
	}
	if c := copied(t, url, to, CopyOptions{}); c.Record != 6 {
		t.Fatalf("%+v", c)
	}
	for _, o := range []Options{{Copy: to}, {Copy: to, ReadOnly: true}} {
		l, err := Open(t.Context(), url, o)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	refusals(t, url, 1)
	l, err := Open(t.Context(), url, Options{Copy: to})
	if err != nil || l.store.trips() != 1 {
		t.Fatalf("a copy that is behind: %v", err)
	}
	l.Close()
	copied(t, url, to, CopyOptions{})
	// Who owns the database takes its triggers off, and the last two lines.
	if err := s.Primary.Exec(name, `ALTER TABLE pathgate.entry DISABLE TRIGGER ALL; ALTER TABLE pathgate.head DISABLE TRIGGER ALL;
		DELETE FROM pathgate.entry WHERE seq > 4; UPDATE pathgate.head SET seq = 4,
		starts = (SELECT "offset" FROM pathgate.entry WHERE seq = 4),
		ends = (SELECT "offset" + octet_length(line) + 1 FROM pathgate.entry WHERE seq = 4),
		at = (SELECT (extract(epoch FROM "time") * 1000000)::bigint FROM pathgate.record WHERE seq = 4),
		hash = (SELECT sha256(line::bytea) FROM pathgate.entry WHERE seq = 4)`); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(t.Context(), url, Options{Copy: to}); !errors.Is(err, ErrContradicted) {
		t.Errorf("the database was cut: %v, %v", l, err)
	}
	if err := Rebuild(t.Context(), url, Options{}); err != nil {
		t.Fatal(err)
	}
	refusals(t, url, 5)
	if l, err = Open(t.Context(), url, Options{Copy: to}); !errors.Is(err, ErrContradicted) {
		t.Errorf("the database was cut and goes on: %v, %v", l, err)
	}
	if _, err := UpdateCopy(t.Context(), url, to, CopyOptions{}); !errors.Is(err, ErrContradicted) {
		t.Errorf("the database was cut and goes on: %v", err)
	}
}
