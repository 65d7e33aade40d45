//go:build postgres

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pathgate/pathgate/internal/pgtest"
)

// tripsPolicy has what can be pushed: deployments with a program, approvals,
// locks, stamps, and release branches.
const tripsPolicy = `version = 1
root = "%[1]s/srv"
ledger = "%[2]s"
copy = "%[1]s/copy"
host = "h1"
identity.source = "env:PATHGATE_USER"

[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
stamps = { key = "%[1]s/key" }
[environments.dev.deploy]
command = ["/bin/true"]
wait = true

[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]
requires = "success"
stamps = { key = "%[1]s/key" }

[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
approvals = { count = 1, by = ["h1"], self = true }

[environments.qa]
repository = "{service}/rel.git"
refs = ["refs/heads/release/qa"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
`

// A caller pushes and tells how many round trips each opening of the ledger
// took, beyond connecting.
type caller struct {
	*tent
	proxy      *pgtest.Proxy
	connecting int
	made       []pushed
}

// A pushed is a push, the number of the first opening of the ledger after it began,
// and how many round trips each may take.
type pushed struct {
	what        string
	first, most int
}

func newCaller(t *testing.T) *caller {
	t.Helper()
	c := newBouncerCamp(t)
	p := &caller{tent: &tent{camp: c, host: "h1", dir: t.TempDir()}, proxy: pgtest.ProxyTo(t, c.server.Primary.Address())}
	url := c.server.PlainURL(pgtest.Hooks, c.name, p.proxy.Address())
	conn, err := pgconn.Connect(t.Context(), url)
	if err == nil {
		err = conn.Close(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	p.connecting = sum(p.proxy.Trips())
	p.write("gitconfig", gitconfig, 0o644)
	p.write("policy.toml", fmt.Sprintf(tripsPolicy, p.dir, url), 0o644)
	p.must(p.dir, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(p.dir, "key"))
	if err := os.Mkdir(filepath.Join(p.dir, "copy"), 0o750); err != nil {
		t.Fatal(err)
	}
	p.must(p.dir, "git", "init", "-q", "work")
	for i := range 4 {
		p.must(p.desk(), "git", "commit", "-q", "--allow-empty", "-m", fmt.Sprintf("number %d", i))
	}
	for _, name := range [...]string{"dev", "stg", "prd", "rel"} {
		p.must(p.dir, "git", "init", "-q", "--bare", p.repository("shop", name))
	}
	for _, ref := range [...]string{"HEAD:refs/heads/main", "HEAD:refs/heads/release/qa", "HEAD:refs/heads/JIRA-1"} {
		p.must(p.desk(), "git", "push", "-q", p.repository("shop", "rel"), ref)
	}
	for _, name := range [...]string{"dev", "stg", "prd", "rel"} {
		p.must(p.dir, "pathgate", "install", "--policy", p.policy(), p.repository("shop", name))
	}
	p.must(p.dir, "pathgate", "adopt", "--policy", p.policy(), p.repository("shop", "rel"))
	p.must(p.desk(), "git", "switch", "-q", "-c", "JIRA-1")
	p.must(p.desk(), "git", "commit", "-q", "--allow-empty", "-m", "JIRA-1: work")
	p.must(p.desk(), "git", "push", "-q", p.repository("shop", "rel"), "JIRA-1")
	p.must(p.desk(), "git", "switch", "-q", "main")
	return p
}

func (p *caller) desk() string { return filepath.Join(p.dir, "work") }

// What an opening of the ledger may take: one round trip to read and one to
// write. A release has to be on record before its ref moves, and once more when
// it has.
const (
	usual     = 2
	releasing = 3
)

// pushes pushes, and notes what each opening may take.
func (p *caller) pushes(what string, well bool, most int, repo string, args ...string) {
	p.t.Helper()
	p.made = append(p.made, pushed{what, len(p.proxy.Trips()), most})
	refs := args[len(args)-1:]
	options := args[:len(args)-1]
	out, err := p.run(p.t.Context(), p.desk(), "git", append(append([]string{"push"}, options...), append([]string{p.repository("shop", repo)}, refs...)...)...)
	if (err == nil) != well {
		p.t.Fatalf("%s: %v\n%s", what, err, out)
	}
}

// check holds all openings against what they may take. One of a program that a push
// has started may be under the next push's name, which may take no less.
func (p *caller) check() {
	p.t.Helper()
	all := p.proxy.Trips()
	for i, push := range p.made {
		end := len(all)
		if i+1 < len(p.made) {
			end = p.made[i+1].first
		}
		var trips []int
		for _, n := range all[push.first:end] {
			trips = append(trips, n-p.connecting)
		}
		p.t.Logf("%-36s %v", push.what, trips)
		if len(trips) == 0 || slices.Max(trips) > push.most {
			p.t.Errorf("%s: an opening of the ledger took more than %d round trips: %v", push.what, push.most, trips)
		}
	}
}

// Whatever is pushed, an opening of the ledger takes few round trips: see usual.
func TestSharedTrips(t *testing.T) {
	p := newCaller(t)
	p.pushes("first deployment, program, stamps", true, usual, "dev", "HEAD~2:refs/heads/main")
	p.pushes("deployment, program, stamps", true, usual, "dev", "HEAD~1:refs/heads/main")
	p.pushes("first promotion, stamps", true, usual, "stg", "HEAD~2:refs/heads/main")
	p.pushes("promotion, stamps", true, usual, "stg", "HEAD~1:refs/heads/main")
	p.pushes("promotion of what is not deployed", false, usual, "stg", "HEAD:refs/heads/main")
	p.pushes("push without approval", false, usual, "prd", "HEAD~2:refs/heads/main")
	p.pushes("approval", true, usual, "prd", "HEAD~2:refs/approve/main")
	p.pushes("promotion with approval", true, usual, "prd", "HEAD~2:refs/heads/main")
	p.pushes("second approval", true, usual, "prd", "HEAD~1:refs/approve/main")
	p.pushes("rejection", true, usual, "prd", "HEAD~1:refs/reject/main")
	p.pushes("push of what is rejected", false, usual, "prd", "HEAD~1:refs/heads/main")
	p.pushes("redeploy", true, usual, "stg", "HEAD~1:refs/deploy/main")
	p.pushes("rollback, stamps", true, usual, "stg", "+HEAD~2:refs/heads/main")
	p.pushes("rollback of dev, program, stamps", true, usual, "dev", "HEAD~2:refs/deploy/main")
	p.pushes("deletion", false, usual, "stg", ":refs/heads/main")
	p.pushes("lock", true, usual, "stg", "-o", "reason=look first", "HEAD:refs/lock/main")
	p.pushes("push to what is locked", false, usual, "stg", "HEAD~1:refs/heads/main")
	p.pushes("unlock", true, usual, "stg", ":refs/lock/main")
	p.pushes("release", true, releasing, "rel", "JIRA-1:refs/release/qa/JIRA-1")
	p.pushes("release once more", true, releasing, "rel", "JIRA-1:refs/release/qa/JIRA-1")
	p.pushes("taking a branch out", true, releasing, "rel", ":refs/release/qa/JIRA-1")
	p.check()
}
