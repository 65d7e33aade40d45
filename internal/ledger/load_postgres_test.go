//go:build postgres

package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/pgstore"
	"github.com/pathgate/pathgate/internal/pgtest"
)

// patience is how much longer than it should anything may take on a busy machine:
// what never ends takes longer.
const patience = 2 * time.Minute

// A load is what pushers have done to a ledger.
type load struct {
	sync.Mutex
	wrote   map[string]bool // by what they call their entries: whether they were told that it is written
	unknown map[string]bool
	ok, not int
	slowest time.Duration
	kinds   map[string]int
}

func newLoad() *load {
	return &load{wrote: map[string]bool{}, unknown: map[string]bool{}, kinds: map[string]int{}}
}

// push appends one entry as a hook does, and takes down what it was told.
func (p *load) push(url, name string, wait time.Duration) {
	begin := time.Now()
	l, err := Open(context.Background(), url, Options{Wait: wait})
	opened := err == nil
	if opened {
		err = l.Append(&Entry{Type: TypeRefused, Push: name, Service: "shop", Environment: "prd", Codes: []string{"frozen"}})
		err = errors.Join(err, l.Close())
	}
	p.Lock()
	defer p.Unlock()
	p.slowest = max(p.slowest, time.Since(begin))
	switch {
	case err == nil:
		p.wrote[name] = true
		p.ok++
	case opened && errors.Is(err, ErrWrite):
		p.unknown[name] = true
		p.not++
	default:
		p.not++
	}
	if err != nil {
		p.kinds[fmt.Sprintf("%.160s", err)]++
	}
}

// run has n pushers push until ctx ends.
func (p *load) run(ctx context.Context, url string, n int, wait time.Duration) *sync.WaitGroup {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				p.push(url, fmt.Sprintf("push-%d-%d", i, j), wait)
			}
		})
	}
	return &all
}

func (p *load) counts() (ok, not int) {
	p.Lock()
	defer p.Unlock()
	return p.ok, p.not
}

// until waits for the pushers to get somewhere.
func (p *load) until(t *testing.T, done func(ok, not int) bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(p.counts()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %+v", p.kinds)
		}
	}
}

// check holds the ledger against what the pushers were told: what was written is
// there once, and what was said not to be is not, unless nobody could know.
func (p *load) check(t *testing.T, url string) {
	t.Helper()
	there := map[string]int{}
	copied(t, url, filepath.Join(t.TempDir(), "copy"), CopyOptions{})
	err := Read(url, 0, func(line *Line) error {
		there[line.Entry.Push]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(there, "")
	for name := range p.wrote {
		if there[name] != 1 {
			t.Errorf("%s was told that it is written, and is there %d times", name, there[name])
		}
	}
	for name, n := range there {
		if !p.wrote[name] && !p.unknown[name] || n != 1 {
			t.Errorf("%s is there %d times, and was told that it is not written", name, n)
		}
	}
	if r, err := Verify(url, nil); err != nil || !r.OK() {
		t.Errorf("%+v, %v", r.Findings, err)
	}
	for kind, n := range p.kinds {
		t.Logf("%d times: %s", n, kind)
	}
	t.Logf("%d written, %d not, the slowest took %v", p.ok, p.not, p.slowest)
}

// Eight pushers, and the primary killed under them: what they were told is true
// of the standby that takes its place.
func TestKilledPrimary(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{Standby: true})
	url := s.URL(pgtest.Hooks, migrated(t, s))
	if err := Create(url, CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	const wait = 3 * time.Second
	p := newLoad()
	ctx, stop := context.WithCancel(t.Context())
	pushers := p.run(ctx, url, 8, wait)
	p.until(t, func(ok, _ int) bool { return ok >= 200 })
	s.Kill()
	p.until(t, func(_, not int) bool { return not >= 8 })
	if err := s.Promote(); err != nil {
		t.Fatal(err)
	}
	before, _ := p.counts()
	p.until(t, func(ok, _ int) bool { return ok >= before+200 })
	stop()
	pushers.Wait()
	p.check(t, url)
	// Open and Append are given that long each, and an open step ends by itself.
	if p.slowest > 2*wait+patience {
		t.Errorf("a pusher waited %v", p.slowest)
	}
}

// The primary is killed and comes back, again and again, without a standby.
func TestRestartedPrimary(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	url := s.URL(pgtest.Hooks, migrated(t, s))
	if err := Create(url, CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p := newLoad()
	ctx, stop := context.WithCancel(t.Context())
	pushers := p.run(ctx, url, 8, 5*time.Second)
	for range 5 {
		before, _ := p.counts()
		p.until(t, func(ok, _ int) bool { return ok >= before+60 })
		s.Kill()
		if err := s.Primary.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	pushers.Wait()
	p.check(t, url)
}

// commitMessage is in the protocol's message for the statement COMMIT, and for no
// other that has the word in it.
const commitMessage = "\x00COMMIT\x00"

// The network is cut at a COMMIT: before the server has it, when it has it, and
// when it has answered. What was written is found out by asking.
func TestCutAtCommit(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	name := migrated(t, s)
	proxy := pgtest.ProxyTo(t, s.Primary.Address())
	url := s.PlainURL(pgtest.Hooks, name, proxy.Address())
	if err := Create(url, CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p := newLoad()
	for i := range 5 {
		for _, when := range []pgtest.When{pgtest.BeforeServer, pgtest.AfterServer, pgtest.AfterAnswer} {
			ok, _ := p.counts()
			proxy.CutAt(commitMessage, when)
			p.push(url, fmt.Sprintf("cut-%d-%d", i, when), patience)
			if after, _ := p.counts(); when == pgtest.AfterAnswer && after != ok+1 {
				t.Errorf("it was committed, and the pusher was told otherwise: %v", p.kinds)
			}
		}
	}
	if len(p.unknown) < 5 || len(p.unknown) > 10 {
		t.Errorf("%d of 15 were told that it is not written", len(p.unknown))
	}
	unanswered(t, url, proxy, "lost", func() { proxy.CutAt(commitMessage, pgtest.AfterAnswer); proxy.Shut() })
	p.unknown["lost"] = true
	p.check(t, url)
	unanswered(t, url, proxy, "silence", proxy.Silence)
}

// unanswered appends an entry when nothing answers any more, from the COMMIT on or
// all along: then nobody can know, and that is what it says.
func unanswered(t *testing.T, url string, proxy *pgtest.Proxy, name string, fault func()) {
	t.Helper()
	l, err := Open(t.Context(), url, Options{Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fault()
	defer proxy.Restore()
	begin := time.Now()
	err = l.Append(&Entry{Type: TypeRefused, Push: name, Codes: []string{"frozen"}})
	if !errors.Is(err, ErrWrite) || !errors.Is(err, pgstore.ErrUnknown) || time.Since(begin) > patience {
		t.Errorf("%s: %v after %v", name, err, time.Since(begin))
	}
}
