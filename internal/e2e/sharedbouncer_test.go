//go:build postgres

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/pgtest"
)

// A route is a way from a git host to the database: a URL, and the proxy on it
// that a network is told with.
type route struct {
	name  string
	url   string
	proxy *pgtest.Proxy
}

// camped is one host with one repository whose ledger is reached by a route.
func (c *camp) camped(r route) *tent {
	c.t.Helper()
	h := &tent{camp: c, host: r.name, dir: c.t.TempDir()}
	h.write("gitconfig", gitconfig, 0o644)
	h.write("policy.toml", fmt.Sprintf(sharedPolicy, "", h.host, h.dir, r.url), 0o644)
	desk := filepath.Join(h.dir, "work"+h.host)
	h.must(h.dir, "git", "init", "-q", desk)
	h.must(desk, "git", "commit", "-q", "--allow-empty", "-m", "first")
	repo := h.repository(h.host, "dev")
	h.must(h.dir, "git", "init", "-q", "--bare", repo)
	h.must(h.dir, "pathgate", "install", "--policy", h.policy(), repo)
	return h
}

// commit makes a commit, of which nothing else is known.
func (h *tent) commit(n int) string {
	h.t.Helper()
	return h.must(filepath.Join(h.dir, "work"+h.host), "git", "commit-tree", "-p", "HEAD", "-m", fmt.Sprintf("number %d", n), "HEAD^{tree}")
}

// pushed pushes a new commit to dev and returns how long that took, and how many
// round trips it made on the proxy's line.
func (h *tent) pushed(r route, n int) (took time.Duration, trips int) {
	h.t.Helper()
	commit, before := h.commit(n), sum(r.proxy.Trips())
	s := h.push(h.host, "dev", commit)
	if !s.ok {
		h.t.Fatalf("%s: %s", r.name, s.out)
	}
	return s.took, sum(r.proxy.Trips()) - before
}

func sum(all []int) (n int) {
	for _, one := range all {
		n += one
	}
	return n
}

// routes are the database directly, by TLS, and through a pgbouncer on the git
// host that goes on by TLS.
func (c *camp) routes() (direct, bounced route) {
	c.t.Helper()
	direct = route{name: "direct", proxy: pgtest.ProxyTo(c.t, c.server.Primary.Address())}
	direct.url = c.server.URL(pgtest.Hooks, c.name, direct.proxy.Address())
	bounced = route{name: "pgbouncer", proxy: pgtest.ProxyTo(c.t, c.server.Primary.Address())}
	bounced.url = c.server.BounceTo(c.t, bounced.proxy.Address()).URL(pgtest.Hooks, c.name)
	return direct, bounced
}

// newBouncerCamp is a database with its tables.
func newBouncerCamp(t *testing.T) *camp {
	t.Helper()
	c := &camp{t: t, prefix: sharedPrefix(t), server: pgtest.Start(t, pgtest.Options{})}
	var err error
	if c.name, err = c.server.Create(); err != nil {
		t.Fatal(err)
	}
	h := &tent{camp: c, dir: t.TempDir()}
	h.must(h.dir, "pathgate", "ledger", "migrate", c.server.URL(pgtest.Owner, c.name), "--writer", pgtest.Hooks, "--reader", pgtest.Auditor)
	return c
}

// bouncedTrips is the most round trips between pgbouncer and the server that a
// push may make: two each of pre-receive and post-receive, one of proc-receive.
const bouncedTrips = 5

// Through pgbouncer in transaction mode pushes work, and make no round trip to
// connect.
func TestSharedBouncer(t *testing.T) {
	c := newBouncerCamp(t)
	direct, bounced := c.routes()
	n := 0
	for _, r := range [...]route{direct, bounced} {
		h := c.camped(r)
		for _, trip := range [...]time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
			r.proxy.SetDelay(trip / 2)
			var times []time.Duration
			var trips []int
			for range 5 {
				n++
				took, made := h.pushed(r, n)
				times, trips = append(times, took), append(trips, made)
			}
			slices.Sort(times)
			t.Logf("%s, %v: median %v, round trips of each push %v", r.name, trip, times[len(times)/2].Round(100*time.Microsecond), trips)
			// The first one fills the pool.
			if most := slices.Max(trips[1:]); r.proxy == bounced.proxy && most > bouncedTrips {
				t.Errorf("a push through pgbouncer made %d round trips, want %d at most", most, bouncedTrips)
			}
		}
		r.proxy.SetDelay(0)
		h.must(h.dir, "pathgate", "reconcile", "--policy", h.policy())
		if out := h.must(h.dir, "pathgate", "ledger", "verify", "--policy", h.policy()); !strings.Contains(out, "the ledger holds") {
			t.Errorf("%s: %s", r.name, out)
		}
	}
}
