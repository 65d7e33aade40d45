package board

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A chance writes histories that make little sense, but could be.
type chance struct {
	*journal
	*rand.Rand
	records map[string][]uint64 // of an environment: its deployments
}

func newChance(t testing.TB, seed uint64) *chance {
	return &chance{newJournal(t), rand.New(rand.NewPCG(seed, 1)), make(map[string][]uint64)}
}

func pick[T any](c *chance, of ...T) T { return of[c.IntN(len(of))] }

// step writes something.
func (c *chance) step() {
	c.wait(time.Duration(c.IntN(5000)) * time.Second)
	service, commit := pick(c, "shop", "billing", hostile[0]), fmt.Sprint("commit ", c.IntN(60))
	environment := pick(c, "dev", "stg", "prd", "int", "acc", "live")
	who, ticket := pick(c, "ana", "bo", "chi"), fmt.Sprint("WEB-", c.IntN(12))
	e := ledger.Entry{Principal: who}
	switch n := c.IntN(40); {
	case n < 16:
		c.deploy(service, environment, commit, ticket, e)
	case n < 24:
		c.report(service, environment)
	case n < 27:
		e.Type, e.Kind, e.Reason = ledger.TypeApproval, pick(c, ledger.KindApprove, ledger.KindReject), "so"
		c.say(service, environment, commit, e)
	case n < 30:
		e.Type, e.Codes = ledger.TypeRefused, []string{pick(c, "vetoed", "locked", hostile[1]), "withdrawn"}
		e.Tickets = pick(c, nil, []string{ticket})
		commit = pick(c, commit, fmt.Sprint("never ", c.IntN(20)))
		c.say(service, environment, commit, e)
	case n < 32:
		e.Type, e.Kind = ledger.TypeVeto, pick(c, ledger.KindVeto, ledger.KindLift)
		c.say(service, environment, commit, e)
	case n < 34:
		e.Type, e.Until = pick(c, ledger.TypeLock, ledger.TypeUnlock), c.now.Add(time.Hour)
		c.say(pick(c, "", service), environment, "", e)
	case n < 36:
		e.Type, e.Old, e.New = ledger.TypeDrift, id(commit), id(pick(c, commit, "somebody's"))
		c.say(service, environment, "", e)
	case n < 38:
		e.Type, e.Reason = pick(c, ledger.TypeFault, ledger.TypeRepair), "a disk"
		c.say(service, environment, "", e)
	case n < 39:
		c.stamp(service, commit)
	default:
		e.Type = ledger.TypeIntent
		intent := c.say(service, environment, commit, e)
		if c.IntN(3) > 0 {
			c.say(service, environment, commit, ledger.Entry{Type: ledger.TypeAbandoned, Intent: intent})
		}
	}
}

// stamp tells of an environment elsewhere.
func (c *chance) stamp(service, commit string) {
	kind := pick(c, ledger.KindDeployed, ledger.KindDeployed, ledger.KindStatus, ledger.KindStatus, ledger.KindWithdrawal, ledger.KindFork, ledger.KindSuccessor)
	line := ledger.Entry{Type: ledger.TypeDeployed, Seq: uint64(100 + c.IntN(40)), Commit: id(commit), Deploy: pick(c, "", ledger.DeployExternal)}
	if kind == ledger.KindStatus {
		line.Type, line.State, line.Deploy, line.Record = ledger.TypeStatus, pick(c, ledger.StateSuccess, ledger.StateFailure), "", line.Seq-uint64(1+c.IntN(2))
	}
	c.stampOf(kind, service, pick(c, "one", "one", "one", "two"), pick(c, "main", "main", "next"), line)
}

func (c *chance) deploy(service, environment, commit, ticket string, e ledger.Entry) {
	e.Kind = pick(c, "", "", "rollback", "redeploy", ledger.KindOverride)
	e.Rules = pick(c, nil, []string{"environments.acc.approvals=needs-approval"})
	switch {
	case environment == "int" || environment == "acc":
		e.Action = pick(c, ledger.ActionRelease, ledger.ActionRelease, ledger.ActionReplace, ledger.ActionRemove, ledger.ActionReset, "")
		e.Branch, e.Tickets = ticket+"-x", pick(c, nil, []string{ticket}, []string{ticket, "WEB-1"})
		e.Head, e.Gone = id("head "+commit), pick(c, nil, []string{"WEB-2-x"})
		if e.Action == "" {
			e.Branch, e.Head, e.Gone = "", "", nil
		}
	case c.IntN(6) == 0:
		c.say(service, environment, commit, ledger.Entry{Type: ledger.TypeAdopt, Kind: "adopt", New: id(commit)})
		return
	default:
		e.Tickets = pick(c, nil, []string{ticket})
	}
	at := service + environment
	c.records[at] = append(c.records[at], c.push(service, environment, commit, "subject of "+commit, e))
}

// report tells what became of a deployment, mostly of a new one.
func (c *chance) report(service, environment string) {
	of := c.records[service+environment]
	if len(of) == 0 {
		return
	}
	record := of[max(0, len(of)-1-c.IntN(3))]
	if c.IntN(5) == 0 {
		record = pick(c, of...)
	}
	commit := ""
	err := ledger.Read(c.dir, 0, func(line *ledger.Line) error {
		if line.Entry.Seq == record {
			commit = line.Entry.Commit
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	e := on(service, environment, ledger.Entry{Type: ledger.TypeStatus, Commit: commit, Record: record, Principal: "ci", Message: "it says",
		State: pick(c, ledger.StatePending, ledger.StateSuccess, ledger.StateSuccess, ledger.StateFailure, ledger.StateSuperseded)})
	c.add(e)
}

// files reads a site.
func files(t testing.TB, out string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(out, path)
			all[rel] = readFile(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same writes a board by its state and one from the whole ledger, and compares
// them. It reports whether the first one had to read the whole ledger too.
func same(t *testing.T, what string, o Options) (whole bool) {
	t.Helper()
	o.mostFresh, o.mostKept, o.many = 40, 20, 30
	o.Metrics = func(_ context.Context, records uint64) ([]Plot, error) {
		return []Plot{{Title: "Records", Points: []Point{{clock, float64(records)}}}}, nil
	}
	r, err := Write(context.Background(), o)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	o.mostFresh, o.mostKept = mostFresh, mostKept
	got, out := files(t, o.Out), o.Out
	o.Out = filepath.Join(t.TempDir(), "whole")
	want, err := Write(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	all := files(t, o.Out)
	for file, content := range all {
		if got[file] != content {
			t.Fatalf("%s: %s is not the same:\n%s", what, file, differs(got[file], content))
		}
	}
	if len(all) != len(got) || r.Records != want.Records || r.Pages != want.Pages {
		t.Fatalf("%s: %+v and %+v", what, r, want)
	}
	if here, there := kept(t, &o, out), kept(t, &o, o.Out); !reflect.DeepEqual(here, there) {
		t.Fatalf("%s: the states are not the same: %+v\nand %+v", what, here, there)
	}
	runs, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".*"+runName+"*"))
	if len(runs) > 1 {
		t.Fatalf("%s: left behind: %q", what, runs)
	}
	return r.Whole
}

// A keeping is a state without what depends on when it was written.
type keeping struct {
	gathering
	values map[string]string
}

// kept reads the state of a board.
func kept(t *testing.T, o *Options, out string) (k keeping) {
	t.Helper()
	dir, err := placeOf(out, o.Policy)
	must(t, err)
	opts := o.withDefaults()
	g, err := (&shelf{dir: dir}).load(&opts)
	must(t, err)
	k.values = make(map[string]string)
	if g.store.run != nil {
		must(t, g.store.run.each(func(key, value string) error {
			k.values[key] = value
			return nil
		}))
		g.store.close()
	}
	maps.Copy(k.values, g.store.fresh)
	k.gathering, k.store = *g, nil
	return k
}

// differs tells the first lines that are not the same.
func differs(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d: %s\n     not: %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(g), len(w))
}

// TestGoesOn writes boards by their states while a history goes on, and
// compares each with one that is made from the whole ledger.
func TestGoesOn(t *testing.T) {
	for seed := range uint64(4) {
		c := newChance(t, seed)
		o := optionsFor(t, c.journal, filepath.Join(t.TempDir(), "board"))
		o.MaxCommits, o.PageSize = 3+c.IntN(70), 2
		other := otherPolicy(t, c.dir)
		for round := range 10 {
			for range c.IntN(60) {
				c.step()
			}
			now := c.now.Add(time.Duration(c.IntN(50)*c.IntN(2)) * time.Hour * 24)
			o.Now = func() time.Time { return now }
			if o.Policy = policyFor(t, c.dir); c.IntN(4) == 0 {
				o.Policy = other
			}
			what := fmt.Sprintf("seed %d, round %d", seed, round)
			if whole := same(t, what, o); whole != (round == 0) {
				t.Fatalf("%s: read the whole ledger: %t", what, whole)
			}
		}
	}
}

// otherPolicy is another one of the same ledger.
func otherPolicy(t testing.TB, dir string) *policy.Policy {
	text := fmt.Sprintf(testPolicy, dir)
	text = strings.Replace(text, "[environments.prd]", "[environments.qa]\nrepository = \"{service}/qa.git\"\nrefs = [\"refs/heads/main\"]\nafter = [\"dev\"]\n[environments.prd]", 1)
	text = strings.Replace(text, `after = ["acc"]`, `after = ["int"]`, 1)
	pol, err := policy.Parse("policy.toml", []byte(strings.Replace(text, `soak = "4h"`, `soak = "4000h"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return pol
}

// TestLong has more of a kind than a page tells.
func TestLong(t *testing.T) {
	c := newChance(t, 7)
	o := optionsFor(t, c.journal, filepath.Join(t.TempDir(), "board"))
	o.MaxCommits = 4
	late := c.push("shop", "stg", "c9", "slow", ledger.Entry{})
	same(t, "first", o)
	for round := range 3 {
		for i := range 180 {
			c.wait(time.Minute)
			c.push("shop", "dev", fmt.Sprint("c", i%7), "again", ledger.Entry{Tickets: []string{"T-1"}})
			c.say("shop", "prd", "c1", ledger.Entry{Type: ledger.TypeRefused, Codes: []string{fmt.Sprint("code ", 180*round+i)}})
			if i%50 == 49 {
				c.push("shop", "dev", "c0", "back", ledger.Entry{Kind: "rollback"})
			}
		}
		// It is live, and has not been in a list for long.
		c.outcome(late, "shop", "stg", "c9", ledger.StateSuccess)
		late = c.push("shop", "stg", "c9", "slow", ledger.Entry{Kind: "redeploy"})
		same(t, fmt.Sprint("round ", round), o)
	}
	if text := readFile(t, o.Out, "commits", id("c1")+".html"); !strings.Contains(text, " older entries are left out here") {
		t.Errorf("not long enough:\n%s", text)
	}
}

// stateOf is where the state of a board is, and its run.
func stateOf(t testing.TB, out string) (state, run string) {
	t.Helper()
	base := filepath.Join(filepath.Dir(out), "."+filepath.Base(out))
	runs, _ := filepath.Glob(base + runName + "*")
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	return base + stateName, runs[0]
}

// TestDamaged does harm to the state in many ways: what is told is the same.
func TestDamaged(t *testing.T) {
	c := newChance(t, 3)
	for range 120 {
		c.step()
	}
	o := optionsFor(t, c.journal, filepath.Join(t.TempDir(), "board"))
	o.MaxCommits = 8
	same(t, "whole", o)
	flip := func(file string) {
		b := []byte(readFile(t, file))
		b[c.IntN(len(b))] ^= byte(1 + c.IntN(255))
		put(t, file, b)
	}
	for i := range 6 {
		state, run := stateOf(t, o.Out)
		for what, harm := range map[string]func(){
			"flip": func() { flip(state) }, "flip in run": func() { flip(run) },
			"cut": func() { put(t, state, []byte(readFile(t, state))[:c.IntN(300)]) }, "cut run": func() { put(t, run, nil) },
			"no run": func() { remove(t, run) }, "version": func() {
				put(t, state, signed([]byte(strings.Replace(readFile(t, state), stateForm, strings.Replace(stateForm, "state ", "state 0", 1), 1))))
			},
			"pipe": func() { remove(t, state); must(t, unix.Mkfifo(state, 0o600)) }, "link": func() {
				put(t, state+"x", []byte(readFile(t, state)))
				remove(t, state)
				must(t, os.Symlink(state+"x", state))
			},
		} {
			if i > 0 && !strings.HasPrefix(what, "flip") {
				continue
			}
			harm()
			c.step()
			whole := same(t, what, o)
			if !whole && what != "flip in run" { // of which not all blocks need be read
				t.Errorf("%s: it was believed", what)
			}
			state, run = stateOf(t, o.Out)
		}
	}
}

// TestForged signs states anew that were changed: whoever can do so can write
// the board, but nothing breaks.
func TestForged(t *testing.T) {
	c := newChance(t, 4)
	for range 80 {
		c.step()
	}
	o := optionsFor(t, c.journal, filepath.Join(t.TempDir(), "board"))
	o = o.withDefaults()
	o.mostFresh, o.mostKept = 40, 20
	if _, err := Write(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	state, _ := stateOf(t, o.Out)
	good := []byte(readFile(t, state))
	dir, err := placeOf(o.Out, o.Policy)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 150 {
		b := bytes.Clone(good)
		for range 1 + c.IntN(3) {
			b[len(stateForm)+c.IntN(len(b)-len(stateForm)-sha256.Size)] = pick(c, 0, 1, 0x7f, 0x80, 0xff, byte(c.IntN(256)))
		}
		put(t, state, signed(b))
		made := t.TempDir()
		if _, err := goOn(context.Background(), dir, o, made); err != nil {
			failed++
		}
	}
	if failed < 50 {
		t.Errorf("only %d of 150 were refused", failed)
	}
	put(t, state, []byte("no state"))
	same(t, "in the end", o)
}

func signed(b []byte) []byte {
	body := b[:len(b)-sha256.Size]
	sum := sha256.Sum256(body)
	return append(body, sum[:]...)
}

// TestOtherLedger changes the ledger under a board.
func TestOtherLedger(t *testing.T) {
	c := newChance(t, 5)
	for range 60 {
		c.step()
	}
	file := filepath.Join(c.dir, ledger.JournalName)
	early := readFile(t, file)
	seq, prev := c.seq, c.prev
	for range 30 {
		c.step()
	}
	o := optionsFor(t, c.journal, filepath.Join(t.TempDir(), "board"))
	o.MaxCommits = 10
	same(t, "first", o)
	put(t, file, []byte(early))
	if !same(t, "cut", o) {
		t.Error("a ledger that was cut was gone on with")
	}
	c.seq, c.prev = seq, prev
	for range 30 {
		c.step()
	}
	if same(t, "gone on", o) {
		t.Error("it was not gone on with")
	}
	put(t, file, []byte(early))
	c.seq, c.prev = seq, prev
	for range 40 {
		c.step()
	}
	if !same(t, "cut and gone on otherwise", o) {
		t.Error("another history was gone on with")
	}
	d := newChance(t, 6)
	for range 200 {
		d.step()
	}
	o.Policy = policyFor(t, d.dir)
	if !same(t, "another", o) {
		t.Error("another ledger was gone on with")
	}
	if o.MaxCommits = 11; !same(t, "more commits", o) {
		t.Error("a state of fewer commits was gone on with")
	}
}

// TestKilled ends writing between the state and the site.
func TestKilled(t *testing.T) {
	c := newChance(t, 8)
	o := optionsFor(t, c.journal, filepath.Join(t.TempDir(), "board"))
	for range 60 {
		c.step()
	}
	same(t, "first", o)
	state, run := stateOf(t, o.Out)
	old := map[string][]byte{state: []byte(readFile(t, state)), run: []byte(readFile(t, run))}
	site := files(t, o.Out)
	for range 40 {
		c.step()
	}
	// The state is written, and the site is not.
	dir, err := placeOf(o.Out, o.Policy)
	if err != nil {
		t.Fatal(err)
	}
	few := o.withDefaults()
	few.mostFresh, few.mostKept = 40, 20
	if _, err := goOn(context.Background(), dir, few, t.TempDir()); err != nil || !maps.Equal(site, files(t, o.Out)) {
		t.Fatal(err)
	}
	if same(t, "the state is newer", o) {
		t.Error("it was not gone on with")
	}
	// The site is newer than the state, and a run is left that nobody has.
	if _, err := os.Stat(run); err == nil {
		t.Fatal("the run is the same")
	}
	for file, content := range old {
		put(t, file, content)
	}
	if same(t, "the state is older", o) {
		t.Error("it was not gone on with")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Write(ctx, o); err == nil {
		t.Error("it did not end")
	}
	same(t, "after an end", o)
}

// TestPlotted says of how many records plots are made.
func TestPlotted(t *testing.T) {
	c := newChance(t, 9)
	c.now = clock
	c.push("shop", "dev", "A", "some", ledger.Entry{})
	g := newGathering(policyFor(t, c.dir), c.now, 5)
	must(t, g.gather(context.Background().Err, func() error { return nil }))
	few, many := g.plotted(c.seq), g.plotted(c.seq-1)
	g.now = g.now.Add(time.Hour)
	if few != c.seq || many != g.before || many >= c.seq || g.plotted(1) != c.seq {
		t.Errorf("%d, %d, %d of %d", few, many, g.plotted(1), c.seq)
	}
}

func put(t testing.TB, file string, b []byte) { must(t, os.WriteFile(file, b, 0o600)) }
func remove(t testing.TB, file string)        { must(t, os.RemoveAll(file)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
