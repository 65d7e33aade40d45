package deploy

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// TestShipping: a sink gets what a runner records, once the ledger is closed; one
// that is broken is told of and stops nothing.
func TestShipping(t *testing.T) {
	w := newWorld(t, "/bin/true")
	w.queue()
	sink := filepath.Join(w.dir, "audit.jsonl")
	pol := &policy.Policy{Root: w.policy.Root, Ledger: w.policy.Ledger, Audit: &policy.Audit{File: sink}}
	var logged []string
	run := func(settings Settings) {
		r := &Runner{Place: w.place, Books: Shipping(OfPolicy(pol), pol, func(s string) { logged = append(logged, s) }),
			Settings: func() (Settings, error) { return settings, nil }, Getenv: os.Getenv}
		must(t, r.Run(context.Background()))
	}
	run(Settings{w.policy.Root, w.policy.Deployment})
	journal, err := os.ReadFile(filepath.Join(pol.Ledger, ledger.JournalName))
	must(t, err)
	got, err := os.ReadFile(sink)
	must(t, err)
	if !bytes.Equal(got, journal) || len(logged) != 0 || !strings.Contains(string(got), `"success"`) {
		t.Errorf("the sink has %d bytes of %d: %q\n%s", len(got), len(journal), logged, got)
	}
	pol.Audit.File = filepath.Join(w.dir, "missing", "audit.jsonl")
	record := w.queue()
	run(Settings{w.policy.Root, w.policy.Deployment})
	w.want(record, "success", "")
	if len(logged) != 2 || !strings.Contains(logged[0], "an audit sink is behind the ledger") {
		t.Errorf("logged %q", logged)
	}
}

// TestShippingNothing: without a table [audit] nothing is in between.
func TestShippingNothing(t *testing.T) {
	called := 0
	books := Shipping(func(context.Context, func(Book) error) error { called++; return nil }, &policy.Policy{Ledger: "/nonexistent"}, nil)
	if err := books(context.Background(), nil); err != nil || called != 1 {
		t.Errorf("called %d times, %v", called, err)
	}
}
