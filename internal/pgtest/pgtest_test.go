package pgtest

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// dial logs in, through pgx, as the hooks do.
func dial(t *testing.T, url string) *pgconn.PgConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := pgconn.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func database(t *testing.T, s *Server) string {
	t.Helper()
	name, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// run runs SQL and returns the first cell of the last result.
func run(t *testing.T, c *pgconn.PgConn, sql string) string {
	t.Helper()
	results, err := c.Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		return string(last.Rows[0][0])
	}
	return ""
}

// What the primary has committed is there when it was killed and the standby
// took its place, reached by the same URL, with TLS and the name checked.
func TestFailover(t *testing.T) {
	s := Start(t, Options{Standby: true})
	url := s.URL(Owner, database(t, s))
	c := dial(t, url)
	if run(t, c, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") != "t" {
		t.Error("the connection has no TLS")
	}
	run(t, c, "CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
	s.Kill()
	if s.Primary.Running() || len(childrenOf(s.Primary.process.Pid)) > 0 {
		t.Error("the primary lives")
	}
	if _, err := c.Exec(t.Context(), "SELECT 1").ReadAll(); err == nil {
		t.Error("the connection to the killed primary answers")
	}
	if err := s.Promote(); err != nil {
		t.Fatal(err)
	}
	again := dial(t, url)
	if n := run(t, again, "INSERT INTO t VALUES (2); SELECT count(*) FROM t"); n != "2" {
		t.Errorf("the standby has %s rows", n)
	}
}

// A wrong password, and a server whose name nobody vouches for, are refused.
func TestRefused(t *testing.T) {
	s := Start(t, Options{})
	name := database(t, s)
	for what, url := range map[string]string{
		"password": strings.Replace(s.URL(Owner, name), "@", ":wrong@", 1),
		"name":     strings.Replace(s.URL(Owner, name), "127.0.0.1", "127.0.0.2", 1),
		"role":     strings.Replace(s.URL(Owner, name), Owner+"@", "nobody@", 1),
	} {
		if c, err := pgconn.Connect(t.Context(), url); err == nil {
			c.Close(t.Context())
			t.Errorf("%s: let in", what)
		}
	}
	if err := s.Primary.Exec(name, "SELECT nothing"); err == nil {
		t.Error("an SQL error was no error")
	}
	if err := s.Promote(); err == nil {
		t.Error("a standby that is not there was promoted")
	}
	s.Kill()
	if err := s.Primary.Restart(); err != nil {
		t.Fatal(err)
	}
	run(t, dial(t, s.URL(Owner, name)), "CREATE TABLE t (n int)")
}

// The three moments at which a COMMIT may be lost.
func TestCutAt(t *testing.T) {
	s := Start(t, Options{})
	name := database(t, s)
	if err := s.Primary.Exec(name, "CREATE TABLE t (n int); GRANT ALL ON t TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	p := ProxyTo(t, s.Primary.Address())
	for i, when := range []When{BeforeServer, AfterServer, AfterAnswer} {
		c := dial(t, s.PlainURL(Hooks, name, p.Address()))
		run(t, c, "BEGIN; INSERT INTO t VALUES (1)")
		cut := p.CutAt("COMMIT", when)
		if _, err := c.Exec(t.Context(), "COMMIT").ReadAll(); err == nil {
			t.Errorf("%d: the client heard of it", when)
		}
		<-cut
		want := [...]string{"0", "", "2"}[i]
		rows, err := s.Primary.Query(name, "LOCK TABLE t; SELECT count(*) FROM t")
		if err != nil {
			t.Fatal(err)
		}
		if when == AfterServer {
			if err := s.Primary.Exec(name, "DELETE FROM t; INSERT INTO t VALUES (1)"); err != nil {
				t.Fatal(err)
			}
			continue // either may be
		}
		if rows[0][0] != want {
			t.Errorf("%d: %s rows, want %s", when, rows[0][0], want)
		}
	}
}

// The proxy counts round trips, takes its time, falls silent and comes back.
func TestProxy(t *testing.T) {
	s := Start(t, Options{})
	name := database(t, s)
	p := ProxyTo(t, s.Primary.Address())
	c := dial(t, s.PlainURL(Hooks, name, p.Address()))
	before := p.Trips()[0]
	const delay = 10 * time.Millisecond
	p.SetDelay(delay)
	start := time.Now()
	for range 3 {
		run(t, c, "SELECT 1")
	}
	if took := time.Since(start); took < 6*delay {
		t.Errorf("3 round trips took %v", took)
	}
	if n := p.Trips()[0] - before; n != 3 {
		t.Errorf("%d round trips, want 3", n)
	}
	p.SetDelay(0)
	p.Silence()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Exec(ctx, "SELECT 1").ReadAll(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent proxy: %v", err)
	}
	p.Restore()
	run(t, dial(t, s.PlainURL(Hooks, name, p.Address())), "SELECT 1")
	p.Cut()
	if conn, err := net.Dial("tcp", p.Address()); err == nil {
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Error("a cut proxy answers")
		}
		conn.Close()
	}
	if n := len(p.Trips()); n < 2 { // pgx may have opened one more, to cancel what was lost
		t.Errorf("%d connections, want 2", n)
	}
}

func TestVersionOf(t *testing.T) {
	all := []string{"/usr/lib/postgresql/9.6/bin/initdb", "/usr/lib/postgresql/15/bin/initdb", "/usr/lib/postgresql/17/bin/initdb"}
	slices.SortFunc(all, func(a, b string) int { return versionOf(b) - versionOf(a) })
	if versionOf(all[0]) != 17 {
		t.Errorf("newest is %s", all[0])
	}
}
