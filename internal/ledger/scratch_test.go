package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func scratchOf(t *testing.T) *scratch {
	t.Helper()
	s, err := newScratch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// What a verification keeps is in files that nobody else can open, and that are
// gone whenever it ends.
func TestVerifyLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	calls := 0
	rep, err := Verify(r.dir, func(_, _ int64) {
		calls++
		if names, err := os.ReadDir(tmp); err != nil || len(names) != 0 {
			t.Errorf("files %v, %v", names, err)
		}
	})
	if err != nil || !rep.OK() || calls == 0 || rep.Index != "agrees up to record 3" {
		t.Fatalf("%+v %v, %d calls", rep, err, calls)
	}
}

// Without room for what it keeps a verification fails, and says nothing of the
// ledger.
func TestVerifyWithoutRoom(t *testing.T) {
	r := newRig(t)
	r.deploy("dev", mainRef, oid("a"), "deploy")
	t.Setenv("TMPDIR", filepath.Join(r.dir, "missing"))
	rep, err := Verify(r.dir, nil)
	if !errors.Is(err, errScratch) || !strings.Contains(err.Error(), "TMPDIR") || len(rep.Findings) != 0 {
		t.Fatalf("%+v %v", rep, err)
	}
}

// A file that does not grow is an error wherever room is needed, in the middle
// of a line too.
func TestScratchFull(t *testing.T) {
	for name, full := range map[string]func(*memory) error{
		"items": func(m *memory) error {
			m.blocks.used = len(m.blocks.chunks[0])
			return project(m, entryFor(TypeDeployed, "dev", mainRef, oid("a"), "deploy"), place{seq: 1})
		},
		"buckets": func(m *memory) error {
			for n := range uint64(1e6) {
				if err := m.Put(keySeq(keyIntent, n%1000), seqValue(n)); err != nil {
					return err
				}
				if err := m.keys.add(n, n+1); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := scratchOf(t)
			m := newMemory(s)
			if err := m.Put([]byte("Sx"), nil); err != nil {
				t.Fatal(err)
			}
			s.file.Close()
			if err := full(m); !errors.Is(err, errScratch) || !errors.Is(err, os.ErrInvalid) && !strings.Contains(err.Error(), "bad file descriptor") {
				t.Fatal(err)
			}
		})
	}
}

// A page that cannot be read is an error, and ends no process; what else
// panics goes on.
func TestScratchFault(t *testing.T) {
	s := scratchOf(t)
	m := newMemory(s)
	if err := m.Put([]byte("Sx"), []byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := s.file.Truncate(0); err != nil {
		t.Fatal(err)
	}
	err := s.guard(func() error {
		_, err := m.Get([]byte("Sx"))
		return err
	})
	if !errors.Is(err, errScratch) {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != "else" {
			t.Errorf("recovered %v", r)
		}
	}()
	_ = s.guard(func() error { panic("else") })
}

// Stores differ if they have other keys, other values, or values elsewhere.
func TestDigests(t *testing.T) {
	type pair struct{ k, v string }
	base := []pair{{"Sa", "1"}, {"Sb", "2"}, {"Lc", ""}, {"Ld", "34"}}
	for name, test := range map[string]struct {
		same  bool
		pairs []pair
	}{
		"same":            {true, base},
		"another order":   {true, []pair{base[3], base[1], base[0], base[2]}},
		"one is missing":  {false, base[1:]},
		"one more":        {false, append([]pair{{"Se", ""}}, base...)},
		"one twice":       {false, []pair{base[0], base[0], base[2], base[3]}},
		"another value":   {false, []pair{{"Sa", "2"}, base[1], base[2], base[3]}},
		"values changed":  {false, []pair{{"Sa", "2"}, {"Sb", "1"}, base[2], base[3]}},
		"another key":     {false, []pair{{"Se", "1"}, base[1], base[2], base[3]}},
		"another border":  {false, []pair{base[0], base[1], base[2], {"Ld3", "4"}}},
		"another of them": {false, []pair{base[0], base[1], {"Sc", ""}, base[3]}},
	} {
		a, b := newDigests()
		for _, p := range base {
			a.add([]byte(p.k), []byte(p.v))
		}
		for _, p := range test.pairs {
			b.add([]byte(p.k), []byte(p.v))
		}
		if (a.of == b.of) != test.same {
			t.Errorf("%s: %t", name, !test.same)
		}
	}
	a, _ := newDigests()
	b, _ := newDigests()
	a.add([]byte("Sa"), nil)
	b.add([]byte("Sa"), nil)
	if a.of == b.of {
		t.Error("the secret is always the same")
	}
}
