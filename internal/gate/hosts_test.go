package gate

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A push of another host is never over for this one, whatever its token says;
// one of this host is, if its process is gone, whichever boot it was of.
func TestGoneByHost(t *testing.T) {
	const deadToken = "00000000-0000-0000-0000-000000000000/1/1/1" // of another boot
	for _, test := range []struct {
		own, host string
		want      bool
	}{
		{"", "", true},           // a ledger of one host
		{"", "git-2", true},      // the same, copied from one that hosts shared
		{"git-1", "git-1", true}, // its own
		{"git-1", "", true},      // from before the ledger was shared
		{"git-1", "git-2", false},
	} {
		b := &book{host: test.own}
		dead := make(map[uint64]bool)
		intents := []ledger.Entry{{Seq: 1, Host: test.host, Token: deadToken, Time: time.Now().Add(-48 * time.Hour)}}
		if more := b.gone(intents, time.Now(), dead); more != test.want || dead[1] != test.want {
			t.Errorf("on %q, a push of %q: over %t, want %t", test.own, test.host, dead[1], test.want)
		}
		if _, known := dead[1]; !known {
			t.Errorf("on %q, a push of %q was not looked at", test.own, test.host)
		}
	}
}

// Where nobody here knows whether a push is over, its intent is never settled
// here, wherever a ref of that name is.
func TestSettleRefAfar(t *testing.T) {
	b := &book{host: "git-1"}
	intents, _ := readIntents(t, "1:A>B 2:A>C")
	for i := range intents {
		intents[i].Host = "git-2"
	}
	dead := make(map[uint64]bool)
	b.gone(intents, time.Now().Add(48*time.Hour), dead)
	for _, observed := range []string{"A", "B", "C", "X", "-"} {
		if entries, _ := settleRef(intents, refState{live: id("A"), observed: id(observed), dead: dead}); len(entries) != 0 {
			t.Errorf("at %s: %d of another host's intents were settled", observed, len(entries))
		}
	}
}

func TestNear(t *testing.T) {
	intents := []ledger.Entry{{Seq: 1, Host: "git-2"}, {Seq: 2, Host: "git-1"}, {Seq: 3}}
	here, afar := (&book{host: "git-1"}).near(intents)
	if len(here) != 2 || here[0].Seq != 2 || here[1].Seq != 3 || len(afar) != 1 || afar[0].Seq != 1 {
		t.Errorf("here %v, afar %v", here, afar)
	}
	if here, afar = (&book{}).near(intents); len(here) != 3 || len(afar) != 0 {
		t.Errorf("in a ledger of one host: here %v, afar %v", here, afar)
	}
}

// takesAwayCases: what another host has not settled, and whether a commit C
// could be worse off for it.
func TestTakesAway(t *testing.T) {
	c, other := string(id("C")), string(id("D"))
	for _, test := range []struct {
		name   string
		env    policy.Environment
		intent ledger.Entry
		want   bool
	}{
		{"another commit goes on", policy.Environment{}, ledger.Entry{Kind: "promote", Commit: other}, false},
		{"the commit itself", policy.Environment{}, ledger.Entry{Kind: "promote", Commit: c}, false},
		{"the commit itself, with an outcome that nobody asks for", policy.Environment{}, ledger.Entry{Kind: "redeploy", Commit: c, Deploy: "command"}, false},
		{"the commit itself, whose outcome is open again", policy.Environment{Requires: policy.RequiresSuccess},
			ledger.Entry{Kind: "redeploy", Commit: c, Deploy: "command"}, true},
		{"the commit itself, by an override", policy.Environment{}, ledger.Entry{Kind: "override", Commit: c}, true},
		{"the same where overrides count", policy.Environment{OverrideCounts: true}, ledger.Entry{Kind: "override", Commit: c}, false},
		{"a rollback to the commit", policy.Environment{}, ledger.Entry{Kind: "rollback", Commit: c}, false},
		{"a rollback to another", policy.Environment{}, ledger.Entry{Kind: "rollback", Commit: other}, true},
		{"an override with another", policy.Environment{}, ledger.Entry{Kind: "override", Commit: other}, true},
		{"a release", policy.Environment{}, ledger.Entry{Kind: "deploy", Action: "release", Commit: other}, false},
		{"a release anew", policy.Environment{}, ledger.Entry{Kind: "deploy", Action: "replace", Commit: other}, true},
		{"a branch taken out", policy.Environment{}, ledger.Entry{Kind: "remove", Action: "remove", Commit: other}, true},
		{"started over", policy.Environment{}, ledger.Entry{Kind: "reset", Action: "reset", Commit: other}, true},
		{"a rollback to the commit, where it may only be contained", policy.Environment{Match: policy.MatchContained},
			ledger.Entry{Kind: "rollback", Commit: c}, true},
	} {
		if test.env.Match == "" {
			test.env.Match = policy.MatchCommit
		}
		test.env.After = []policy.EnvironmentName{"stg"}
		if got := takesAway(&test.env, 0, &test.intent, policy.ObjectID(c)); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}

// A push is judged by what another host has not settled: first it waits, and
// then it goes on or is refused.
func TestAwaitAfar(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	env := &policy.Environment{Name: "prd", After: []policy.EnvironmentName{"stg"}, Match: policy.MatchCommit}
	m := &move{env: env, commit: id("C")}
	intent := func(kind, commit string, age time.Duration) ledger.Entry {
		return ledger.Entry{Seq: 118, Environment: "stg", Host: "git-2", Kind: kind, Commit: string(id(commit)), Time: now.Add(-age)}
	}
	for _, test := range []struct {
		name   string
		intent ledger.Entry
		late   bool
		want   next
		fault  string
	}{
		{"it runs", intent("promote", "C", time.Second), false, lookSoon, ""},
		{"it has been waited for", intent("promote", "C", time.Second), true, done, ""},
		{"it was left long ago", intent("promote", "C", time.Hour), false, done, ""},
		{"it is about another commit", intent("promote", "D", time.Second), false, done, ""},
		{"a rollback runs", intent("rollback", "D", time.Second), false, lookSoon, ""},
		{"a rollback does not end", intent("rollback", "D", time.Second), true, done, "on host git-2 is not settled (record 118)"},
		{"a rollback was left long ago", intent("rollback", "D", time.Hour), false, done, "an operator settles it there: pathgate reconcile"},
	} {
		j := &judge{late: test.late}
		got, err := j.awaitAfar(&book{host: "git-1", now: now}, m, 0, []ledger.Entry{test.intent})
		if test.fault == "" && (err != nil || got != test.want) || test.fault != "" && (err == nil || !strings.Contains(publicReason(err), test.fault)) {
			t.Errorf("%s: %v, %v; want %v, %q", test.name, got, err, test.want, test.fault)
		}
	}
}

// The address of a database is on record with the policy, and is nobody's
// business in a message to a pusher or in the server's log.
func TestRedactDatabase(t *testing.T) {
	s := &scene{policy: &policy.Policy{Root: "/srv/git", Copy: "/var/lib/pathgate/copy",
		Ledger: "postgres://pathgate@db-1,db-2/pathgate?sslmode=verify-full&passfile=/etc/pathgate/pgpass"}}
	for in, want := range map[string]string{
		"open the ledger " + s.policy.Ledger + ": no":                    "open the ledger <ledger>: no",
		"open the ledger postgres://pathgate@db-1,db-2/pathgate: no":     "open the ledger <ledger>: no",
		"write /var/lib/pathgate/copy/ledger.jsonl below /srv/git: full": "write <copy>/ledger.jsonl below <root>: full",
	} {
		if got := s.redactIn(in, "/srv/git/shop.git"); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// A ledger of one host says nothing of hosts; one that they share does, of what
// is about a ref, and never changes what another host's record says.
func TestHostOnRecord(t *testing.T) {
	y := newBranchYard(t)
	e := func(t ledger.Type, ref string) *ledger.Entry {
		return &ledger.Entry{Type: t, Service: "shop", Environment: "dev", Repository: "shop/shop.git", Ref: ref,
			Old: string(id("0")), New: string(id("A")), Commit: string(id("A")), Kind: "deploy", Principal: "ana"}
	}
	for _, host := range []string{"", "git-1"} {
		b, err := openBook(context.Background(), y.pol, time.Now)
		y.must(err)
		if b.host != "" {
			t.Errorf("a ledger of one host knows it as %q", b.host)
		}
		b.host = host
		drift, fault, theirs := e(ledger.TypeDrift, "refs/heads/release/dev"), e(ledger.TypeFault, ""), e(ledger.TypeDrift, "refs/heads/release/qa")
		theirs.Host = "git-2"
		y.must(b.Append(drift, fault, theirs))
		y.must(b.Close())
		if drift.Host != host || fault.Host != "" || theirs.Host != "git-2" {
			t.Errorf("on %q: %q, %q, %q", host, drift.Host, fault.Host, theirs.Host)
		}
		raw, err := os.ReadFile(filepath.Join(y.pol.Ledger, ledger.JournalName))
		y.must(err)
		if got := strings.Contains(string(raw), `"host":"git-1"`); got != (host != "") {
			t.Errorf("on %q, the journal names git-1: %t", host, got)
		}
	}
}
