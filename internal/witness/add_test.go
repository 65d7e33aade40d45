package witness

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/tlog"
)

// A ledger that grows is cosigned, each time from where it was.
func TestGrows(t *testing.T) {
	s, h := newSite(t), newHistory(t, "a", 7)
	log, err := tlog.NewVerifier(h.key)
	must(t, err)
	s.knows(h)
	for _, more := range []int{1, 0, 5, 100} {
		old := len(h.lines)
		h.grow(more)
		s.clock = s.clock.Add(time.Hour)
		k := s.takes(h.update(old), Terms{})
		c, good, err := tlog.Open(k.Signed, log, s.Verifier())
		if err != nil || int(c.N) != len(h.lines) || len(good) != 1 || !good[0].Time.Equal(s.clock) || !k.Seen.Equal(s.clock) {
			t.Fatalf("%+v %+v %v", c, good, err)
		}
		stored, err := s.Known(h.id)
		must(t, err)
		if !bytes.Equal(stored.Signed, k.Signed) || stored.Forks != 0 {
			t.Errorf("%s is kept, and not %s", stored.Signed, k.Signed)
		}
	}
	// The same once more, with no proof, and through a second witness.
	again := s.takes(h.checkpoint(), Terms{Ledger: h.id, Log: h.key})
	second := newSite(t)
	both := second.takes(again.Signed, Terms{First: true, Log: h.key})
	if _, good, err := tlog.Open(both.Signed, log, second.Verifier(), s.Verifier()); err != nil || len(good) != 2 {
		t.Errorf("%v %v", good, err)
	}
	if s.alarms() != nil || s.files(forksName) != "" {
		t.Errorf("%q", s.alarms())
	}
}

// What the witness has seen cannot be undone by whoever has the ledger's key.
func TestHoldsTo(t *testing.T) {
	h := newHistory(t, "a", 20)
	stranger := newHistory(t, "b", 20)
	foreign := newHistory(t, "a", 25) // the same origin, another key
	more := h.other(20, 0)
	more.grow(5)
	proofOf := func(from, of []byte) []byte { // the proof of one and the checkpoint of the other
		u, err := tlog.ParseUpdate(from)
		must(t, err)
		v, err := tlog.ParseUpdate(of)
		must(t, err)
		u.Checkpoint = v.Checkpoint
		return u.Format()
	}
	for name, c := range map[string]struct {
		kind  Kind
		offer []byte
		terms Terms
	}{
		"an old backup":                      {Cut, h.other(12, 0).checkpoint(), Terms{}},
		"one record less":                    {Cut, h.other(19, 0).checkpoint(), Terms{}},
		"a cut that claims to go on":         {Cut, bytes.Replace(h.other(12, 0).update(12), []byte("old 12"), []byte("old 20"), 1), Terms{}},
		"a backup that went on":              {Fork, h.other(12, 13).update(20), Terms{}},
		"an edited last line":                {Fork, h.other(19, 1).update(20), Terms{}},
		"an edited last line, without proof": {Fork, h.other(19, 1).checkpoint(), Terms{}},
		"an edited last line, from less":     {Fork, h.other(19, 1).update(3), Terms{}},
		"written anew":                       {Fork, h.other(1, 30).update(20), Terms{}},
		"no proof of what went on":           {Fork, append([]byte("old 20\n\n"), more.checkpoint()...), Terms{}},
		"the proof of another":               {Fork, proofOf(h.other(12, 13).update(20), more.update(20)), Terms{}},
		"more than the witness knows":        {Behind, more.update(22), Terms{}},
		"nothing":                            {Nothing, []byte(" \n"), Terms{}},
		"another ledger in its place":        {Other, stranger.checkpoint(), Terms{Ledger: h.id}},
		"an older run":                       {Stale, h.other(15, 0).update(10), Terms{}},
		"an older run that goes further":     {Stale, more.update(10), Terms{}},
		"more, without proof":                {Stale, more.checkpoint(), Terms{}},
		"another ledger":                     {Unknown, stranger.checkpoint(), Terms{}},
		"another ledger with a key":          {Unknown, stranger.checkpoint(), Terms{Log: stranger.key}},
		"not a ledger":                       {Unknown, h.sign(tlog.Checkpoint{Origin: "../../etc", Tree: tlog.Tree{N: 1}}), Terms{}},
		"another key":                        {Unsigned, foreign.update(20), Terms{}},
		"another key, given":                 {Key, foreign.update(20), Terms{Log: foreign.key}},
		"for the first time, again":          {Twice, foreign.update(20), Terms{First: true, Log: foreign.key}},
		"a root that is changed":             {Unsigned, bytes.Replace(h.checkpoint(), []byte("\n20\n"), []byte("\n21\n"), 1), Terms{}},
		"the empty tree":                     {Malformed, h.sign(tlog.Checkpoint{Origin: tlog.Origin(h.id), Tree: (&tlog.Frontier{}).Tree()}), Terms{}},
		"not a checkpoint":                   {Malformed, []byte("hello\x1b[31m\n\nworld"), Terms{}},
		"too many hashes":                    {Malformed, append([]byte("old 20\n"+strings.Repeat(strings.Repeat("A", 43)+"=\n", 64)+"\n"), more.checkpoint()...), Terms{}},
		"too large":                          {Large, bytes.Repeat([]byte("a"), tlog.MaxProof+1), Terms{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t).knows(h)
			s.t = t
			a := s.refuses(c.kind, c.offer, c.terms)
			kept := s.files(forksName)
			if c.kind != Cut && c.kind != Fork {
				if kept != "" || a.Evidence != "" {
					t.Errorf("kept as evidence: %s", kept)
				}
			} else if !strings.Contains(kept, string(c.offer)) || !strings.Contains(kept, "/known -rw-------") || !strings.Contains(a.Text(), a.Evidence) {
				t.Errorf("the evidence: %s\n%s", kept, a.Text())
			}
			var line Alarm
			must(t, json.Unmarshal([]byte(s.alarms()[0]), &line))
			if line.Kind != c.kind || line.Loud != c.kind.Loud() || !line.Time.Equal(s.clock) {
				t.Errorf("%+v", line)
			}
			if strings.ContainsAny(a.Text()+s.alarms()[0], "\x1b\u202e") {
				t.Errorf("not safe to print: %q", a.Text())
			}
			s.takes(more.update(20), Terms{}) // the true history goes on
		})
	}
}

// The first time must be said, and nothing is known before.
func TestFirst(t *testing.T) {
	s, h := newSite(t), newHistory(t, "a", 5)
	other := newHistory(t, "a", 5)
	s.refuses(Unknown, h.checkpoint(), Terms{})
	s.refuses(Unknown, h.checkpoint(), Terms{Log: h.key})
	s.refuses(Unsigned, h.checkpoint(), Terms{First: true, Log: other.key})
	s.refuses(Behind, h.update(3), Terms{First: true, Log: h.key}) // it knew more once
	if _, err := s.Add(context.Background(), bytes.NewReader(h.checkpoint()), Terms{First: true}); err == nil {
		t.Error("no key, and believed")
	}
	if all, err := s.All(); err != nil || all != nil {
		t.Errorf("%v %v", all, err)
	}
	s.takes(h.checkpoint(), Terms{First: true, Log: "# of a\n" + h.key + "\n"})
	b := newHistory(t, "b", 9)
	s.knows(b)
	all, err := s.All()
	if err != nil || len(all) != 2 || all[0].N+all[1].N != 14 {
		t.Errorf("%v %v", all, err)
	}
	// The key of a ledger is changed by hand, and only by hand.
	name := filepath.Join(s.dir, ledgersName, h.id, LogKeyName)
	must(t, os.WriteFile(name, []byte(h.key+"\n"+other.key+"\n"), 0o600))
	other.lines = h.lines
	other.grow(1)
	s.takes(other.update(5), Terms{Log: other.key})
	must(t, os.WriteFile(name, nil, 0o600))
	if _, err := s.Add(context.Background(), bytes.NewReader(other.update(6)), Terms{}); !errors.Is(err, ErrState) {
		t.Errorf("%v", err)
	}
}

// A witness that dies at any step knows either the old or the new, and gave
// nothing away that it does not know.
func TestKilled(t *testing.T) {
	killed := errors.New("killed")
	h := newHistory(t, "a", 5)
	for at := 0; ; at++ {
		s := newSite(t).knows(h)
		more := h.other(5, 0)
		more.grow(4)
		seen := 0
		s.step = func(string) error {
			if seen++; seen > at {
				return killed
			}
			return nil
		}
		k, err := s.Add(context.Background(), bytes.NewReader(more.update(5)), Terms{})
		s.step = func(string) error { return nil }
		if err == nil {
			if at < 5 || k.N != 9 {
				t.Errorf("%d steps, %+v", at, k)
			}
			return
		}
		if k != nil || !errors.Is(err, killed) {
			t.Fatalf("step %d: %v %v", at, k, err)
		}
		known, err := s.Known(h.id)
		if err != nil || known.N != 5 && known.N != 9 {
			t.Fatalf("step %d: %+v %v", at, known, err)
		}
		if k := s.takes(more.update(int(known.N)), Terms{}); k.N != 9 {
			t.Errorf("step %d: %+v", at, k)
		}
		s.refuses(Fork, h.other(4, 6).update(9), Terms{})
	}
}

// A first time that dies knows nothing, or all.
func TestKilledAtFirst(t *testing.T) {
	h := newHistory(t, "a", 5)
	for at := range 8 {
		s := newSite(t)
		seen := 0
		s.step = func(string) error {
			if seen++; seen > at {
				return errors.New("killed")
			}
			return nil
		}
		terms := Terms{First: true, Log: h.key}
		_, _ = s.Add(context.Background(), bytes.NewReader(h.checkpoint()), terms)
		s.step = func(string) error { return nil }
		known, err := s.Known(h.id)
		must(t, err)
		if known == nil {
			s.refuses(Unknown, h.checkpoint(), Terms{})
			s.takes(h.checkpoint(), terms)
		}
		s.takes(h.checkpoint(), Terms{})
	}
}

// Runs at once leave the newest, and never two histories.
func TestAtOnce(t *testing.T) {
	s, h := newSite(t), newHistory(t, "a", 5)
	s.knows(h)
	var updates [][]byte
	for range 6 {
		h.grow(1)
		updates = append(updates, h.update(5), h.other(5, len(h.lines)-5).update(5))
	}
	var mu sync.Mutex
	var taken []*Known
	var all sync.WaitGroup
	for _, u := range updates {
		all.Add(1)
		go func() {
			defer all.Done()
			w, err := Open(s.dir, Options{Now: time.Now})
			must(t, err)
			k, err := w.Add(context.Background(), bytes.NewReader(u), Terms{})
			if a := (*Alarm)(nil); err != nil && !errors.As(err, &a) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if k != nil {
				taken = append(taken, k)
			}
		}()
	}
	all.Wait()
	known, err := s.Known(h.id)
	must(t, err)
	if len(taken) != 1 || taken[0].Tree != known.Tree || len(s.alarms()) != len(updates)-1 {
		t.Errorf("%d were taken, %d alarms, %d known", len(taken), len(s.alarms()), known.N)
	}
	for _, line := range s.alarms() {
		if !json.Valid([]byte(line)) {
			t.Errorf("%q", line)
		}
	}
}

// What floods the witness fills no disk, and is refused to the end.
func TestFlood(t *testing.T) {
	s, h := newSite(t), newHistory(t, "a", 3)
	s.knows(h)
	same := h.other(2, 1).checkpoint()
	for range 3 {
		s.refuses(Fork, same, Terms{})
	}
	for i := range maxForks - 1 {
		o := h.other(1, 0)
		o.lines = append(o.lines, fmt.Sprint(i))
		s.refuses(Cut, o.checkpoint(), Terms{})
	}
	if k, err := s.Known(h.id); err != nil || k.Forks != maxForks {
		t.Fatalf("%+v %v", k, err)
	}
	flood := func(want string) {
		t.Helper()
		_, err := s.Add(context.Background(), bytes.NewReader(h.other(0, 3).checkpoint()), Terms{})
		a := (*Alarm)(nil)
		if !errors.As(err, &a) || a.Kind != Fork || !strings.Contains(a.Text(), want) {
			t.Errorf("%v", err)
		}
	}
	flood("100 pieces against this ledger")
	must(t, os.WriteFile(filepath.Join(s.dir, AlarmsName), bytes.Repeat([]byte("a"), maxAlarms-10), 0o600))
	flood("alarms.jsonl is full")
	// A line that a crash cut off spoils no other.
	must(t, os.WriteFile(filepath.Join(s.dir, AlarmsName), []byte(`{"time":`), 0o600))
	flood("100 pieces")
	if lines := s.alarms(); len(lines) != 2 || !json.Valid([]byte(lines[1])) {
		t.Errorf("%q", lines)
	}
}

// A state that is not as the witness left it is a fault, and nothing is judged.
func TestState(t *testing.T) {
	h := newHistory(t, "a", 3)
	more := h.other(3, 0)
	more.grow(1)
	for name, spoil := range map[string]func(s *site, file string){
		"empty":    func(s *site, file string) { must(t, os.WriteFile(file, nil, 0o600)) },
		"unsigned": func(s *site, file string) { must(t, os.WriteFile(file, h.checkpoint(), 0o600)) },
		"another witness": func(s *site, file string) {
			must(t, os.WriteFile(file, newSite(t).takes(h.checkpoint(), Terms{First: true, Log: h.key}).Signed, 0o600))
		},
		"another ledger": func(s *site, file string) {
			b := newHistory(t, "b", 3)
			must(t, os.WriteFile(file, s.takes(b.checkpoint(), Terms{First: true, Log: b.key}).Signed, 0o600))
		},
		"a link": func(s *site, file string) {
			must(t, os.Remove(file))
			must(t, os.Symlink(filepath.Join(s.dir, KeyName), file))
		},
		"a folder": func(s *site, file string) { must(t, os.Remove(file)); must(t, os.Mkdir(file, 0o700)) },
		"large":    func(s *site, file string) { must(t, os.WriteFile(file, make([]byte, 1<<20), 0o600)) },
		"one byte changed": func(s *site, file string) {
			b, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, bytes.Replace(b, []byte("\n3\n"), []byte("\n2\n"), 1), 0o600))
		},
	} {
		s := newSite(t).knows(h)
		spoil(s, filepath.Join(s.dir, ledgersName, h.id, CheckpointName))
		before := s.files(ledgersName + "/" + h.id)
		for _, offer := range [][]byte{more.update(3), more.checkpoint()} {
			k, err := s.Add(context.Background(), bytes.NewReader(offer), Terms{})
			if k != nil || !errors.Is(err, ErrState) {
				t.Errorf("%s: %v %v", name, k, err)
			}
		}
		if _, err := s.All(); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
		if s.files(ledgersName+"/"+h.id) != before {
			t.Errorf("%s: the state changed", name)
		}
	}
	s := newSite(t).knows(h)
	must(t, os.Chmod(s.dir, 0o770))
	if _, err := Open(s.dir, Options{Now: time.Now}); !errors.Is(err, ErrState) {
		t.Errorf("%v", err)
	}
	must(t, os.Chmod(s.dir, 0o700))
	must(t, os.Chmod(filepath.Join(s.dir, KeyName), 0o644))
	if _, err := Open(s.dir, Options{Now: time.Now}); err == nil {
		t.Error("a key that others can read")
	}
	if _, err := Make(s.dir, "again", rand.Reader); !errors.Is(err, os.ErrExist) {
		t.Errorf("%v", err)
	}
	must(t, tlog.WriteKey(filepath.Join(s.dir, "log"), h.secret))
	if _, err := Open(s.dir, Options{Now: time.Now, Key: filepath.Join(s.dir, "log")}); err == nil {
		t.Error("the ledger's key is no witness's")
	}
}

// What was seen while a copy was read makes the copy no fork.
func TestSeenMeanwhile(t *testing.T) {
	s, h := newSite(t), newHistory(t, "a", 5)
	s.knows(h)
	before, err := s.Known(h.id)
	must(t, err)
	h.grow(2)
	s.takes(h.update(5), Terms{})
	_, err = s.check(&offer{ledger: h.id}, before, []tlog.Tree{before.Tree, before.Tree})
	if a := (*Alarm)(nil); !errors.As(err, &a) || a.Kind != Stale {
		t.Errorf("%v", err)
	}
}

// Whoever waits for too long is told so.
func TestBusy(t *testing.T) {
	s, h := newSite(t), newHistory(t, "a", 3)
	unlock, err := s.lock(context.Background())
	must(t, err)
	w, err := Open(s.dir, Options{Now: time.Now, Wait: 30 * time.Millisecond})
	must(t, err)
	_, err = w.Add(context.Background(), bytes.NewReader(h.checkpoint()), Terms{First: true, Log: h.key})
	if !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	unlock()
	_, err = w.Add(context.Background(), bytes.NewReader(h.checkpoint()), Terms{First: true, Log: h.key})
	must(t, err)
}

// Only what goes on from what is known changes the state.
func FuzzAdd(f *testing.F) {
	h := newHistory(f, "a", 5)
	more := h.other(5, 0)
	more.grow(3)
	for _, seed := range [][]byte{h.checkpoint(), more.update(5), h.other(3, 0).checkpoint(), h.other(3, 7).update(5), more.update(2), []byte("old 5\n\n"), nil} {
		f.Add(seed)
	}
	s := newSite(f).knows(h)
	f.Fuzz(func(t *testing.T, b []byte) {
		must(t, os.RemoveAll(filepath.Join(s.dir, AlarmsName)))
		before, err := s.Known(h.id)
		must(t, err)
		k, err := s.Add(context.Background(), bytes.NewReader(b), Terms{})
		if a := (*Alarm)(nil); err != nil && (!errors.As(err, &a) || a.Unrecorded != "" && a.Kind != Fork && a.Kind != Cut) {
			t.Fatal(err)
		}
		after, known := s.Known(h.id)
		must(t, known)
		if after.N < before.N || err != nil && !bytes.Equal(after.Signed, before.Signed) || err == nil && !bytes.Equal(after.Signed, k.Signed) {
			t.Fatalf("%v: %s, was %s", err, after.Signed, before.Signed)
		}
		if after.N != before.N && after.N != 8 {
			t.Fatalf("believed %s", b)
		}
	})
}
