package board

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// clock is the time at which the tests' boards are written.
var clock = time.Date(2026, 11, 21, 16, 30, 0, 0, time.UTC)

const testPolicy = `
version = 1
root = "/srv/git"
ledger = %q
unlisted = "allow"

[identity]
source = "ssh"

[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
[environments.dev.deploy]
command = ["/srv/deploy"]

[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]
deploy = "external"
reporters = ["ci"]

[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
soak = "4h"
approvals = { count = 2, by = ["ana", "bo", "chi", "dan"], self = false, for = "24h" }
deploy = "external"
reporters = ["ci"]

[[freeze]]
name = "weekend"
environments = ["prd"]
weekly = { from = "Fri 18:00", to = "Sun 20:00", zone = "UTC" }

[environments.int]
repository = "{service}.git"
refs = ["refs/heads/release/int"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }

[environments.acc]
repository = "{service}.git"
refs = ["refs/heads/release/acc"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
after = ["int"]
match = "contained"
enforce = false

[environments.live]
repository = "{service}.git"
refs = ["refs/heads/main"]
after = ["acc"]
match = "contained"
`

// farPolicy has an environment elsewhere.
const farPolicy = `
[environments.far]
elsewhere = true
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO9U+5pQwl4Znnmnn/cD2AotfX9vjHLAi+AO2iPaRAVr far-host"]
services = ["*"]
max_age = "30d"
[environments.end]
repository = "{service}/end.git"
refs = ["refs/heads/main"]
after = ["far"]
`

func policyFor(t testing.TB, dir string) *policy.Policy {
	t.Helper()
	pol, err := policy.Parse("policy.toml", fmt.Appendf(nil, testPolicy+farPolicy, dir))
	if err != nil {
		t.Fatal(err)
	}
	return pol
}

// A journal is written by tests, chained as a ledger's.
type journal struct {
	t    testing.TB
	dir  string
	now  time.Time
	seq  uint64
	prev string
	live map[spot]string
}

func newJournal(t testing.TB) *journal {
	j := &journal{t: t, dir: filepath.Join(t.TempDir(), "ledger"), now: clock.Add(-26 * 24 * time.Hour), live: make(map[spot]string)}
	if err := ledger.Create(j.dir, ledger.CreateOptions{Root: "/srv/git", Now: func() time.Time { return j.now }}); err != nil {
		t.Fatal(err)
	}
	err := ledger.Read(j.dir, 0, func(line *ledger.Line) error {
		j.wrote(line.Raw)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// id is a stable object ID for a name.
func id(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// add writes an entry and returns its number.
func (j *journal) add(e ledger.Entry) uint64 {
	j.t.Helper()
	e.Seq, e.Time, e.Prev = j.seq+1, j.now.Truncate(time.Microsecond), j.prev
	line, err := ledger.Encode(&e)
	if err != nil {
		j.t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(j.dir, ledger.JournalName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		j.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(line); err != nil {
		j.t.Fatal(err)
	}
	j.wrote(line[:len(line)-1])
	return j.seq
}

// wrote goes on to the line after.
func (j *journal) wrote(line []byte) {
	sum := sha256.Sum256(line)
	j.seq, j.prev = j.seq+1, hex.EncodeToString(sum[:])
}

func (j *journal) wait(d time.Duration) { j.now = j.now.Add(d) }

// on fills in where an environment is.
func on(service, environment string, e ledger.Entry) ledger.Entry {
	e.Service, e.Environment = service, environment
	e.Repository, e.Ref = service+"/"+environment+".git", "refs/heads/main"
	switch environment {
	case "int", "acc":
		e.Repository, e.Ref = service+".git", "refs/heads/release/"+environment
	case "live":
		e.Repository = service + ".git"
	}
	if e.Principal == "" {
		e.Principal = "ana"
	}
	e.Via, e.Address = "ssh", "192.0.2.7"
	return e
}

// push writes an intent and its deployment, and returns the latter's number.
func (j *journal) push(service, environment, commit, subject string, e ledger.Entry) uint64 {
	j.t.Helper()
	e = on(service, environment, e)
	at := spotOf(&entry{Entry: e})
	e.Type, e.New, e.Commit, e.Subject, e.Old = ledger.TypeIntent, id(commit), id(commit), subject, j.live[at]
	if e.Kind == "" {
		e.Kind = "promote"
		if environment == "dev" || environment == "int" {
			e.Kind = "deploy"
		}
	}
	switch environment {
	case "dev":
		e.Deploy = ledger.DeployCommand
	case "stg", "prd":
		e.Deploy = ledger.DeployExternal
	}
	e.Push = id(fmt.Sprint("push", j.seq))[:16]
	intent := j.add(e)
	j.wait(2 * time.Second)
	e.Type, e.Intent, e.Rules = ledger.TypeDeployed, intent, nil
	j.live[at] = e.Commit
	return j.add(e)
}

// outcome reports states of a deployment, two minutes apart.
func (j *journal) outcome(record uint64, service, environment, commit string, states ...string) {
	for _, state := range states {
		j.wait(2 * time.Minute)
		e := on(service, environment, ledger.Entry{Type: ledger.TypeStatus, Commit: id(commit), Record: record, State: state, Principal: "ci"})
		if state == ledger.StateFailure {
			e.Message, e.URL = "3 of 214 checks failed", "https://ci.example.com/run/8812"
		}
		j.add(e)
	}
}

// done pushes and reports a success.
func (j *journal) done(service, environment, commit, subject string, e ledger.Entry) uint64 {
	record := j.push(service, environment, commit, subject, e)
	j.outcome(record, service, environment, commit, ledger.StatePending, ledger.StateSuccess)
	return record
}

// say writes what somebody said about a commit.
func (j *journal) say(service, environment, commit string, e ledger.Entry) uint64 {
	e = on(service, environment, e)
	if commit != "" {
		e.Commit = id(commit)
	}
	if e.Type == ledger.TypeApproval {
		e.Old = j.live[spotOf(&entry{Entry: e})]
	}
	if e.Type == ledger.TypeVeto {
		e.Environment, e.Repository, e.Ref = "", "", ""
	}
	return j.add(e)
}

// stampOf puts a stamp of the environment far on record.
func (j *journal) stampOf(kind, service, origin, branch string, line ledger.Entry) {
	line.Service, line.Environment, line.Repository, line.Ref = service, "far", service+"/far.git", "refs/heads/"+branch
	line.Time, line.Prev, line.Principal, line.Subject = j.now.Add(-time.Hour), strings.Repeat("0", 64), "eva", cmp.Or(line.Subject, "far away")
	raw, err := ledger.Encode(&line)
	must(j.t, err)
	j.add(ledger.Entry{Type: ledger.TypeStamp, Kind: kind, Service: service, Environment: "far", Repository: line.Repository, Ref: line.Ref,
		Commit: line.Commit, State: line.State, Principal: "eva", Record: line.Seq, Stamped: line.Time, Origin: id(origin)[:32],
		Checkpoint: "200 " + strings.Repeat("A", 43) + "=", Key: "SHA256:" + strings.Repeat("A", 43), Reason: "it says so",
		Lines: []string{strings.TrimSuffix(string(raw), "\n"), "c2ln"}})
}
