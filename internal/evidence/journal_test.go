package evidence

import (
	"crypto/rand"
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
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

const ledgerID = "0123456789abcdef0123456789abcdef"

// clock is when the tests' evidence is written.
var clock = time.Date(2026, 4, 7, 8, 0, 0, 0, time.UTC)

const shopPolicy = `version = 1
serial = SERIAL
root = "/srv/git"
ledger = "DIR"
[identity]
source = "ssh"
[identity.aliases]
bo = ["bo@example.com"]
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
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
approvals = { count = 1, by = ["ana", "bo", "chi"], self = false, for = "24h" }
deploy = "external"
reporters = ["ci"]
[override]
by = ["dan"]
environments = ["prd"]
rules = ["approvals", "success"]
`

// A journal is written by tests, chained as a ledger's.
type journal struct {
	t      testing.TB
	dir    string
	policy string // text of the policy
	now    time.Time
	seq    uint64
	prev   string
	live   map[spot]string
	hash   string // of the policy that decisions are judged by
	file   *os.File
}

func newJournal(t testing.TB) *journal {
	j := &journal{t: t, dir: filepath.Join(t.TempDir(), "ledger"), now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), live: make(map[spot]string)}
	must(t, os.Mkdir(j.dir, 0o750))
	var err error
	j.file, err = os.OpenFile(filepath.Join(j.dir, ledger.JournalName), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	must(t, err)
	t.Cleanup(func() { j.file.Close() })
	j.add(ledger.Entry{Type: ledger.TypeLedger, Ledger: ledgerID, Version: 1, Root: strings.Repeat("ab", 32)})
	return j
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// id is a stable object ID for a name.
func id(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// add writes an entry, six minutes after the one before, and returns its number.
func (j *journal) add(e ledger.Entry) uint64 {
	j.t.Helper()
	j.seq++
	j.now = j.now.Add(6 * time.Minute)
	e.Seq, e.Time, e.Prev = j.seq, j.now, j.prev
	line, err := ledger.Encode(&e)
	must(j.t, err)
	_, err = j.file.Write(line)
	must(j.t, err)
	sum := sha256.Sum256(line[:len(line)-1])
	j.prev = hex.EncodeToString(sum[:])
	return j.seq
}

// judgeBy puts a policy on record.
func (j *journal) judgeBy(serial uint64) *policy.Policy {
	j.t.Helper()
	j.policy = strings.NewReplacer("SERIAL", fmt.Sprint(serial), "DIR", j.dir).Replace(shopPolicy)
	for _, e := range ledger.PolicyEntries([]byte(j.policy), serial) {
		e.Principal, e.Via = "bo", "ssh"
		j.add(*e)
		j.hash = e.Policy
	}
	pol, err := policy.Parse("policy.toml", []byte(j.policy))
	must(j.t, err)
	return pol
}

// on fills in where an environment of shop is.
func on(environment string, e ledger.Entry) ledger.Entry {
	e.Service, e.Environment = "shop", environment
	e.Repository, e.Ref = "shop/"+environment+".git", "refs/heads/main"
	if e.Via == "" {
		e.Via, e.Address = "ssh", "192.0.2.7"
	}
	return e
}

// push writes an intent and its deployment, and returns the latter's number.
func (j *journal) push(environment, commit string, e ledger.Entry) uint64 {
	j.t.Helper()
	e = on(environment, e)
	at := spotOf(&e)
	e.Type, e.New, e.Commit, e.Old, e.Policy = ledger.TypeIntent, id(commit), id(commit), j.live[at], j.hash
	if e.Subject == "" {
		e.Subject = "do " + commit
	}
	if e.Old == "" {
		e.Old = strings.Repeat("0", 40)
	}
	if e.Kind == "" {
		e.Kind = map[bool]string{true: "deploy", false: "promote"}[environment == "dev"]
	}
	if environment != "dev" {
		e.Deploy = ledger.DeployExternal
	}
	e.Push = id(fmt.Sprint("push", j.seq))[:16]
	who := e.Principal
	if who == "" {
		e.Principal = "ana"
	}
	intent := j.add(e)
	e.Type, e.Intent, e.Rules, e.Principal = ledger.TypeDeployed, intent, nil, who
	if who == "" {
		e.Via, e.Address = "", ""
	}
	j.live[at] = e.Commit
	return j.add(e)
}

// ended reports the outcome of a deployment.
func (j *journal) ended(record uint64, environment, commit, state string) uint64 {
	return j.add(on(environment, ledger.Entry{Type: ledger.TypeStatus, Commit: id(commit), Record: record, State: state, Principal: "ci",
		Message: "214 checks", URL: "https://ci.example.com/1"}))
}

// approve states something about a commit for prd.
func (j *journal) approve(who, commit, kind string) uint64 {
	e := on("prd", ledger.Entry{Type: ledger.TypeApproval, Kind: kind, Commit: id(commit), Principal: who, Reason: "looked at it"})
	e.Old = j.live[spotOf(&e)]
	return j.add(e)
}

// tested brings a commit to stg, and returns the record there.
func (j *journal) tested(commit string) uint64 {
	dev := j.push("dev", commit, ledger.Entry{Principal: "ana"})
	stg := j.push("stg", commit, ledger.Entry{Principal: "ana", Evidence: []uint64{dev}, Rules: []string{"environments.stg.after:dev=yes"}})
	j.ended(stg, "stg", commit, ledger.StateSuccess)
	return stg
}

const (
	afterRule   = "environments.prd.after:stg=yes"
	successRule = "environments.prd.requires:stg=yes"
	approveRule = "environments.prd.approvals="
)

// options are those of March 2026.
func (j *journal) options(pol *policy.Policy, out string) Options {
	return Options{Out: out, Policy: pol, Service: "shop", From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		To: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC), Now: clock, Version: "0"}
}

// key makes a key of the tests' ledger.
func key(t testing.TB, o *Options) {
	t.Helper()
	secret, public, err := tlog.GenerateKey(rand.Reader, tlog.Origin(ledgerID))
	must(t, err)
	o.VerifierKey = public
	o.Signer, err = tlog.NewSigner(secret, nil)
	must(t, err)
}
