// Package ledgertest makes large ledgers for tests and benchmarks.
package ledgertest

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// Fill appends n entries to the ledger in dir, which was made for root, and
// brings its index up to date. They tell of services "fill0" to "fill99", each
// of which deploys one commit after the other to dev, stg and prd, in
// repositories "fill0/dev.git" and so on, on refs/heads/main. The entries are a
// second apart and end now.
//
// It writes the journal as one stream and syncs once, so a million entries
// take seconds; nothing else may use the ledger meanwhile.
func Fill(dir, root string, n int) error { return fillAs(dir, root, n, generator{}) }

// FillOutcomes is Fill with deployments that have an outcome: each has
// deploy="command" and is followed by its statuses, pending and success. Two
// principals approve of a commit before it goes to prd.
func FillOutcomes(dir, root string, n int) error {
	return fillAs(dir, root, n, generator{outcomes: true, live: map[string]string{}})
}

// FillReleases is Fill of a new ledger with releases: services "fill0" to "fill9" release the
// branches JIRA-0, JIRA-1 and so on into refs/heads/release/dev of repositories
// "fill0.git" and so on, environment dev. Ten branches are in it at most: of
// those before, the base has the oldest by then. Each fiftieth deployment of a
// service takes the newest branch out again.
func FillReleases(dir, root string, n int) error {
	return fillAs(dir, root, n, generator{released: map[string][]string{}})
}

// FillJudged is Fill of a new ledger with a policy on record, by which every
// intent can be judged again.
func FillJudged(dir, root string, n int) error {
	entries := ledger.PolicyEntries([]byte(judgedPolicy), 0)
	return fillAs(dir, root, n, generator{extra: entries, judgedBy: entries[0].Policy})
}

const judgedPolicy = `version = 1
root = "/srv/git"
ledger = "/var/lib/pathgate"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/dev.git"
refs = ["refs/heads/main"]
[environments.stg]
repository = "{service}/stg.git"
refs = ["refs/heads/main"]
after = ["dev"]
[environments.prd]
repository = "{service}/prd.git"
refs = ["refs/heads/main"]
after = ["stg"]
evidence = "live"
pushers = ["ana"]
`

func fillAs(dir, root string, n int, g generator) error {
	if err := fill(dir, n, g); err != nil {
		return fmt.Errorf("fill the ledger %s: %w", dir, err)
	}
	return ledger.Rebuild(context.Background(), dir, ledger.Options{Root: root})
}

func fill(dir string, n int, g generator) error {
	var last ledger.Line
	var prev [sha256.Size]byte
	err := ledger.Read(dir, 0, func(l *ledger.Line) error {
		last, prev = *l, sha256.Sum256(l.Raw)
		if e := &l.Entry; g.outcomes && e.Type == ledger.TypeDeployed && e.Environment == "prd" {
			g.live[e.Service] = e.Commit
		}
		return nil
	})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, ledger.JournalName), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	g.last, g.begin = last.Entry.Seq, time.Now().UTC().Add(-time.Duration(n)*time.Second)
	if g.begin.Before(last.Entry.Time) {
		g.begin = last.Entry.Time
	}
	for i := range n {
		e := g.next(i)
		e.Prev = hex.EncodeToString(prev[:])
		line, err := ledger.Encode(e)
		if err != nil {
			return err
		}
		prev = sha256.Sum256(line[:len(line)-1])
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

type generator struct {
	last     uint64
	begin    time.Time
	intent   *ledger.Entry
	evidence uint64
	outcomes bool                // with statuses and approvals
	live     map[string]string   // what is live in prd of each service
	released map[string][]string // with releases: the branches in dev of each service
	made     int                 // intents and deployments so far
	extra    []*ledger.Entry     // what follows them first
	judgedBy string              // SHA-256 of the policy that is on record
}

// next makes the i-th entry.
func (g *generator) next(i int) *ledger.Entry {
	seq := g.last + uint64(i) + 1
	at := g.begin.Add(time.Duration(i) * time.Second).Truncate(time.Microsecond)
	if at.After(time.Now()) {
		at = g.begin
	}
	if len(g.extra) == 0 {
		e := g.entry(g.made, seq, at)
		g.made++
		if g.outcomes {
			g.addOutcomes(e)
		} else {
			return e
		}
	}
	e := g.extra[0]
	g.extra = g.extra[1:]
	e.Seq, e.Time = seq, at
	if e.Type == ledger.TypeDeployed {
		e.Intent, g.evidence = g.intent.Seq, seq
		for _, status := range g.extra {
			status.Record = seq
		}
	}
	return e
}

// addOutcomes queues e with the entries before and after it.
func (g *generator) addOutcomes(e *ledger.Entry) {
	e.Deploy = ledger.DeployCommand
	if e.Type == ledger.TypeDeployed {
		pending, success := ledger.StatusOf(e, ledger.StatePending), ledger.StatusOf(e, ledger.StateSuccess)
		pending.Token = "runner"
		g.extra = append(g.extra, e, pending, success)
		if e.Environment == "prd" {
			g.live[e.Service] = e.Commit
		}
		return
	}
	if e.Environment == "prd" {
		for _, who := range [...]string{"bo", "chi"} {
			g.extra = append(g.extra, &ledger.Entry{Type: ledger.TypeApproval, Kind: ledger.KindApprove,
				Service: e.Service, Environment: e.Environment, Repository: e.Repository, Ref: e.Ref,
				Commit: e.Commit, Old: g.live[e.Service], Principal: who, Via: "ssh"})
		}
	}
	g.extra = append(g.extra, e)
}

// entry makes the i-th intent or deployment: an intent, then its deployment,
// three times a commit.
func (g *generator) entry(i int, seq uint64, at time.Time) *ledger.Entry {
	if i%2 == 1 {
		e := *g.intent
		e.Type, e.Intent, e.Seq, e.Time = ledger.TypeDeployed, g.intent.Seq, seq, at
		e.Rules, e.Token = nil, ""
		g.evidence = seq
		return &e
	}
	if g.released != nil {
		return g.release(i/2, seq, at)
	}
	stage, commit := i/2%3, i/6
	environment := [...]string{"dev", "stg", "prd"}[stage]
	service := fmt.Sprintf("fill%d", commit%100)
	id := sha1.Sum(fmt.Appendf(nil, "commit %d %d", g.last, commit))
	tree := sha1.Sum(id[:])
	e := &ledger.Entry{
		Seq: seq, Time: at, Type: ledger.TypeIntent, Push: hex.EncodeToString(tree[:8]),
		Service: service, Environment: environment, Repository: service + "/" + environment + ".git",
		Ref: "refs/heads/main", Old: hex.EncodeToString(tree[:]), New: hex.EncodeToString(id[:]),
		Commit: hex.EncodeToString(id[:]), Tree: hex.EncodeToString(tree[:]),
		Subject: fmt.Sprintf("round to cents, part %d", commit), Kind: "deploy", Principal: "ana", Via: "ssh",
		Address: "192.0.2.7", Rules: []string{"environments." + environment + ".after=yes"}, Token: "fill",
	}
	if stage > 0 {
		e.Kind, e.Evidence = "promote", []uint64{g.evidence}
	}
	if g.judgedBy != "" {
		e.Policy, e.Rules = g.judgedBy, [][]string{nil, {"environments.stg.after:dev=yes"},
			{"environments.prd.after:stg=yes", "environments.prd.pushers=yes"}}[stage]
	}
	g.intent = e
	return e
}
