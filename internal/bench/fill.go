package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A past is what a server with many services has been through: each release of
// a service was deployed into dev and promoted to stg, and each time pathgate
// wrote an intent and a deployment. One release in ten is of the service that
// the bench pushes to, so that its history is long as well.
type past struct {
	entries int
	start   time.Time
}

const (
	services         = 200
	entriesOfRelease = 4
)

func newPast(entries int) past {
	start := time.Now().UTC().Truncate(time.Second).Add(-time.Duration(entries+60) * time.Second)
	return past{entries, start}
}

// service names the service of a release.
func (past) service(release int) string {
	if release%10 == 0 {
		return "service-01"
	}
	return fmt.Sprintf("service-%02d", 2+release%services)
}

// commit makes up the ID of a release's commit, and tree that of its tree.
func (past) commit(release int) string { return madeUp("commit", release) }
func (past) tree(release int) string   { return madeUp("tree", release) }

func madeUp(what string, release int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, release))
	return hex.EncodeToString(sum[:20])
}

// entry is the ledger's entry number i, counted from zero; its sequence number
// is i+2, as the first line names the ledger.
func (p past) entry(i int) *ledger.Entry {
	release, step := i/entriesOfRelease, i%entriesOfRelease
	seq := uint64(i + 2)
	e := &ledger.Entry{
		Seq: seq, Time: p.start.Add(time.Duration(i) * time.Second),
		Push: madeUp("push", i/2)[:13], Service: p.service(release), Environment: "dev",
		Repository: p.service(release) + "/app.git", Ref: devRef, Old: p.commit(release + 10_000_000),
		New: p.commit(release), Commit: p.commit(release), Tree: p.tree(release),
		Subject: fmt.Sprintf("release %d: what most subjects look like", release), Kind: string(policy.Deploy),
		Principal: "ana", Via: "ssh", Address: "192.0.2.17", Policy: madeUp("policy", 0) + madeUp("policy", 1)[:24],
	}
	if step >= 2 {
		e.Environment, e.Ref, e.Kind = "stg", stgRef, string(policy.Promote)
		e.Evidence = []uint64{seq - uint64(step) + 1}
	}
	if step%2 == 0 {
		e.Type, e.Rules = ledger.TypeIntent, []string{"environments." + e.Environment + ".after=yes"}
		e.Token = fmt.Sprintf("00000000-0000-4000-8000-000000000000/4026531836/%d/%d", 1000+i%30000, i)
		return e
	}
	e.Type, e.Intent = ledger.TypeDeployed, seq-1
	return e
}

// fillLedger creates a ledger with a past. It writes the journal's lines in
// bulk, in the ledger's own encoding and chain, and lets the ledger make the
// index, which it does from any journal without one.
func fillLedger(ctx context.Context, dir, root string, entries int) error {
	p := newPast(entries)
	err := ledger.Create(dir, ledger.CreateOptions{Root: root, Now: func() time.Time { return p.start }})
	if err != nil || entries == 0 {
		return err
	}
	if err := p.writeJournal(ctx, filepath.Join(dir, ledger.JournalName)); err != nil {
		return err
	}
	err = os.Remove(filepath.Join(dir, ledger.IndexName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l, err := ledger.Open(ctx, dir, ledger.Options{Root: root, Wait: 10 * time.Minute})
	if err != nil {
		return err
	}
	if seq, _, _ := l.Last(); seq != uint64(entries+1) {
		err = fmt.Errorf("the ledger ends at record %d, want %d", seq, entries+1)
	}
	return errors.Join(err, l.Close())
}

func (p past) writeJournal(ctx context.Context, name string) error {
	first, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	prev := sha256.Sum256(bytes.TrimSuffix(first, []byte("\n")))
	for i := range p.entries {
		e := p.entry(i)
		e.Prev = hex.EncodeToString(prev[:])
		line, err := ledger.Encode(e)
		if err != nil {
			return err
		}
		prev = sha256.Sum256(line[:len(line)-1])
		if _, err := out.Write(line); err != nil {
			return err
		}
		if i%10_000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(out.Flush(), f.Sync())
}

// fillLog gives the bash gate the log that goes with such a past.
func fillLog(name string, entries int) error {
	p := newPast(entries)
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	for i := range entries {
		e := p.entry(i)
		fmt.Fprintf(out, "%s deployed ana %s %s\n", e.Time.Format(time.RFC3339), e.New, e.Ref)
	}
	return out.Flush()
}
