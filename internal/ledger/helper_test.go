package ledger

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

const testRoot = "/srv/git"

var testStart = time.Date(2026, 11, 21, 9, 0, 0, 123456000, time.UTC)

// A clock moves a second each time it is asked.
type clock struct{ t time.Time }

func (c *clock) now() time.Time {
	c.t = c.t.Add(time.Second)
	return c.t
}

// steps is how many of n steps a test does where each is slow.
func steps(t *testing.T, n int) int {
	if strings.HasPrefix(t.Name(), "TestPostgres") {
		return n / 6
	}
	return n
}

// A rig is a ledger in a folder or a database of its own: see newPlace.
type rig struct {
	*testing.T
	dir   string
	clock *clock
	o     Options
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, dir: newPlace(t), clock: &clock{testStart}}
	r.o = Options{Root: testRoot, Now: r.clock.now, Wait: 5 * time.Second, host: realHost()}
	if err := Create(r.dir, CreateOptions{Root: testRoot, Now: r.clock.now}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) open() *Ledger {
	r.Helper()
	l, err := Open(context.Background(), r.dir, r.o)
	if err != nil {
		r.Fatal(err)
	}
	return l
}

// refused opens and wants this error.
func (r *rig) refused(want error) error {
	r.Helper()
	l, err := Open(context.Background(), r.dir, r.o)
	if err == nil {
		l.Close()
	}
	if !errors.Is(err, want) {
		r.Fatalf("Open: %v, want %v", err, want)
	}
	return err
}

func (r *rig) append(entries ...*Entry) {
	r.Helper()
	l := r.open()
	defer l.Close()
	if err := l.Append(entries...); err != nil {
		r.Fatal(err)
	}
}

// deploy writes an intent and its deployment and returns the deployment's seq.
func (r *rig) deploy(env, ref, commit, kind string, evidence ...uint64) uint64 {
	r.Helper()
	l := r.open()
	defer l.Close()
	return deployTo(r.T, l, env, ref, commit, kind, evidence...)
}

func deployTo(t *testing.T, l *Ledger, env, ref, commit, kind string, evidence ...uint64) uint64 {
	t.Helper()
	e := entryFor(TypeIntent, env, ref, commit, kind)
	e.Evidence = evidence
	if err := l.Append(e); err != nil {
		t.Fatal(err)
	}
	d := entryFor(TypeDeployed, env, ref, commit, kind)
	d.Intent, d.Evidence = e.Seq, evidence
	if err := l.Append(d); err != nil {
		t.Fatal(err)
	}
	return d.Seq
}

// deployBy is deploy of a deployment with an outcome.
func (r *rig) deployBy(deploy, env, ref, commit string) uint64 {
	r.Helper()
	return r.settle(env, ref, commit, func(e *Entry) { e.Kind, e.Deploy = "deploy", deploy })
}

// override is deploy past a rule.
func (r *rig) override(env, ref, commit string) uint64 {
	r.Helper()
	return r.settle(env, ref, commit, func(e *Entry) {
		e.Kind, e.Overrode, e.Reason, e.Rules = KindOverride, []string{"freeze"}, "INC-42", passed("freeze")
	})
}

// settle writes an intent and its deployment, both changed by f.
func (r *rig) settle(env, ref, commit string, f func(*Entry)) uint64 {
	r.Helper()
	intent, deployed := entryFor(TypeIntent, env, ref, commit, ""), entryFor(TypeDeployed, env, ref, commit, "")
	f(intent)
	f(deployed)
	r.append(intent)
	deployed.Intent = intent.Seq
	r.append(deployed)
	return deployed.Seq
}

// passed are the verdicts of an intent that went past a rule.
func passed(rule string) []string {
	code := map[string]policy.Code{"freeze": policy.Frozen, "lock": policy.Locked, "soak": policy.Soaking}[rule]
	return []string{"environments.dev.pushers=yes", rule + "=overridden:" + string(code)}
}

// status says what became of a record.
func (r *rig) status(record uint64, state string) uint64 {
	r.Helper()
	e := StatusOf(&r.entries()[record-1], state)
	e.Token, e.URL, e.Message = "runner", "https://ci.example/1", "said "+state
	r.append(e)
	return e.Seq
}

func entryFor(typ Type, env, ref, commit, kind string) *Entry {
	return &Entry{
		Type: typ, Push: "p1", Service: "shop", Environment: env, Repository: "shop/" + env + ".git", Ref: ref,
		New: commit, Commit: commit, Tree: oid("tree of " + commit), Subject: "subject of " + commit[:7],
		Kind: kind, Principal: "ana", Via: "ssh", Token: "token-1",
	}
}

func oid(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

func lookup(env, commit string, refs ...string) policy.Lookup {
	q := policy.Lookup{Service: "shop", Environment: policy.EnvironmentName(env), Repository: "shop/" + env + ".git", Commit: policy.ObjectID(commit)}
	for _, r := range refs {
		p, err := policy.ParseRefPattern(r)
		if err != nil {
			panic(err)
		}
		q.Refs = append(q.Refs, p)
	}
	return q
}

const mainRef = "refs/heads/main"

func (r *rig) standing(env, commit string) policy.Standing {
	r.Helper()
	l := r.open()
	defer l.Close()
	st, err := l.Standing(lookup(env, commit, mainRef))
	if err != nil {
		r.Fatal(err)
	}
	return st
}

func (r *rig) journal() []byte {
	r.Helper()
	if isURL(r.dir) {
		var b []byte
		if err := Read(r.dir, 0, func(l *Line) error { b = append(append(b, l.Raw...), '\n'); return nil }); err != nil {
			r.Fatal(err)
		}
		return b
	}
	b, err := os.ReadFile(r.path(JournalName))
	if err != nil {
		r.Fatal(err)
	}
	return b
}

func (r *rig) setJournal(b []byte) {
	r.Helper()
	if isURL(r.dir) {
		r.insert(b)
		return
	}
	if err := os.WriteFile(r.path(JournalName), b, 0o640); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) lines() []string {
	r.Helper()
	return slices.Collect(strings.Lines(string(r.journal())))
}

func (r *rig) entries() []Entry {
	r.Helper()
	var all []Entry
	if err := Read(r.dir, 0, func(l *Line) error { all = append(all, l.Entry); return nil }); err != nil {
		r.Fatal(err)
	}
	return all
}

// verified wants a ledger that holds.
func (r *rig) verified() Report {
	r.Helper()
	rep, err := Verify(r.dir, nil)
	if err != nil || !rep.OK() {
		r.Fatalf("Verify: %v, %v", rep.Findings, err)
	}
	return rep
}

// found wants a finding at this line that says what.
func (r *rig) found(line uint64, what string) {
	r.Helper()
	rep, err := Verify(r.dir, nil)
	if err != nil {
		r.Fatal(err)
	}
	if len(rep.Findings) != 1 || rep.Findings[0].Line != line || !strings.Contains(rep.Findings[0].String(), what) {
		r.Fatalf("Verify found %v, want line %d: %q", rep.Findings, line, what)
	}
}

func (r *rig) remove(name string) {
	r.Helper()
	if isURL(r.dir) {
		if name == SnapshotName {
			return
		}
		if err := Rebuild(context.Background(), r.dir, r.o); err != nil {
			r.Fatal(err)
		}
		return
	}
	if err := os.RemoveAll(r.path(name)); err != nil {
		r.Fatal(err)
	}
}

// dump is all that the index says, key by key.
func (r *rig) dump() map[string]string {
	r.Helper()
	l := r.open()
	defer l.Close()
	all := map[string]string{}
	err := l.look(func(s kv) error {
		return s.Scan(nil, func(k, v []byte) error {
			if k[0] != keyMark {
				all[string(bytes.Clone(k))] = string(v)
			}
			return nil
		})
	})
	if err != nil {
		r.Fatal(err)
	}
	return all
}

// refusedBeyond wants a database that takes no line, as there is one already
// that its head does not know, and makes a repair accept that.
func (r *rig) refusedBeyond() {
	r.Helper()
	l := r.open()
	err := l.Append(&Entry{Type: TypeFault, Reason: "another"})
	l.Close()
	if !errors.Is(err, ErrCut) || !errors.Is(err, ErrWrite) {
		r.Fatalf("Append: %v", err)
	}
	if _, err := Repair(context.Background(), r.dir, r.o, Mandate{"ana", "ssh", "seen"}); err != nil {
		r.Fatal(err)
	}
	if rep := r.verified(); rep.Index != fmt.Sprint("agrees up to record ", rep.Records) {
		r.Error(rep.Index)
	}
}
