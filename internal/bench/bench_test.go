package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/pgtest"
)

// TestQuick runs the smoke test of some scenarios with all variants. It never
// says how fast anything must be.
func TestQuick(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	args := []string{"-quick", "-json", "-trace", "-scenarios", "ledger-1k,refs-1000,rails,release", "-dir", dir}
	if status := run(context.Background(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%d entries left behind in the folder, %v", len(left), err)
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if !r.Quick || r.Git == "" {
		t.Errorf("the report does not say that it is quick, or of which git: %+v", r)
	}
	steps := map[string][]string{"ledger-1k": {deploy, promote}, "refs-1000": {deploy}}
	for scenario, steps := range steps {
		for _, step := range steps {
			for _, v := range variants() {
				got, ok := r.find(scenario, step, v.name)
				if !ok || got.Samples != quickSizes().pushes || got.P50 <= 0 || got.P90 < got.P50 || got.Ratio <= 0 {
					t.Errorf("%s %s %s: %+v", scenario, step, v.name, got)
				}
			}
			for _, hook := range hookNames() {
				checkHook(t, &r, scenario, step, hook)
			}
		}
	}
	for _, step := range []string{deploy, promote} {
		for _, v := range guardedVariants() {
			got, ok := r.find(guarded, step, v.name)
			if !ok || got.Samples != quickSizes().pushes || got.P50 <= 0 || got.Ratio <= 0 {
				t.Errorf("rails %s %s: %+v", step, v.name, got)
			}
		}
	}
	checkReleases(t, &r)
	if got := len(r.railAims()); got != 4 {
		t.Errorf("%d ratios of rules to none, want 4", got)
	}
	// Two variants of the first scenario are traced.
	if want := 2 * 2 * len(hookNames()); len(r.Traces) != want {
		t.Errorf("%d traces, want %d", len(r.Traces), want)
	}
	for _, trace := range r.Traces {
		if trace.Packages == 0 || trace.Clock <= 0 || len(trace.Top) == 0 {
			t.Errorf("an empty trace: %+v", trace)
		}
	}
	var text bytes.Buffer
	if err := r.writeText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a smoke test", "bash", "120 refs in one push", "a hook under 16 MB", "LAST AT",
		"rails promote: rails-git at most 1.10 of pathgate", "X FASTER",
		"release release: at least 20 x faster than job release"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report does not tell %q:\n%s", want, text.String())
		}
	}
}

func checkHook(t *testing.T, r *report, scenario, step, hook string) {
	t.Helper()
	for _, h := range r.Hooks {
		if h.Scenario == scenario && h.Step == step && h.Hook == hook && h.Variant == product {
			if h.Wall <= 0 || h.Peak <= 0 {
				t.Errorf("%s of %s took nothing: %+v", hook, scenario, h)
			}
			return
		}
	}
	t.Errorf("nothing of %s in %s", hook, scenario)
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"-n", "0"}, {"more"}, {"-unknown"}} {
		var stdout, stderr bytes.Buffer
		if status := run(context.Background(), args, &stdout, &stderr); status != 2 || stderr.Len() == 0 {
			t.Errorf("%q: status %d, %q", args, status, stderr.String())
		}
	}
	if _, err := choose(quickSizes(), "small,unheard"); err == nil {
		t.Error("an unknown scenario is taken")
	}
}

func TestQuantile(t *testing.T) {
	samples := []sample{4 * time.Second, 1 * time.Second, 3 * time.Second, 2 * time.Second}
	for q, want := range map[float64]sample{0: 1 * time.Second, 0.5: 2500 * time.Millisecond, 1: 4 * time.Second} {
		if got := quantile(samples, q); got != want {
			t.Errorf("quantile %v: %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing: %v", got)
	}
}

// TestHistory checks that a repository of so many objects has so many.
func TestHistory(t *testing.T) {
	w := &workshop{dir: t.TempDir()}
	var err error
	if w.git, err = newRunner(context.Background(), w.dir); err != nil {
		t.Fatal(err)
	}
	s := scenario{objects: 400, refs: 3}
	src, err := w.newSource(s, w.dir+"/source.git")
	if err != nil {
		t.Fatal(err)
	}
	count, err := w.git.line(src.dir, "rev-list", "--objects", "--all", "--count")
	if err != nil || count != "400" {
		t.Errorf("%s objects, want 400, %v", count, err)
	}
	if err := w.addCommits(s, src, 2); err != nil {
		t.Fatal(err)
	}
	parent, err := w.git.line(src.dir, "rev-parse", src.commits[1][2]+"^")
	if err != nil || parent != src.commits[0][2] {
		t.Errorf("the parent is %s, want %s, %v", parent, src.commits[0][2], err)
	}
}

// TestFillLedger checks that a ledger with a past is one that pathgate itself
// could have written.
func TestFillLedger(t *testing.T) {
	root := t.TempDir()
	const entries = 4 * 203
	if err := fillLedger(context.Background(), root+"/ledger", root, entries); err != nil {
		t.Fatal(err)
	}
	r, err := ledger.Verify(root+"/ledger", nil)
	if err != nil || len(r.Findings) > 0 {
		t.Fatalf("%+v, %v", r.Findings, err)
	}
	if err := fillLog(root+"/gate.log", entries); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(root + "/gate.log")
	if err != nil || bytes.Count(log, []byte("\n")) != entries {
		t.Errorf("%d lines in the log, want %d, %v", bytes.Count(log, []byte("\n")), entries, err)
	}
}

// TestSharedQuick runs the smoke test of a ledger in PostgreSQL.
func TestSharedQuick(t *testing.T) {
	pgtest.Start(t, pgtest.Options{}).Stop() // skips where there is none
	var stdout, stderr bytes.Buffer
	args := []string{"-quick", "-json", "-scenarios", "shared-1k,shared-16", "-dir", t.TempDir()}
	if status := run(context.Background(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	for _, v := range sharedVariants() {
		for _, at := range [][2]string{{"shared-1k", deploy}, {"shared-1k", promote}, {"shared-16", deploy}} {
			got, ok := r.find(at[0], at[1], v.name)
			if !ok || got.Samples != quickSizes().pushes || got.P50 <= 0 {
				t.Errorf("%s %s: %+v", at, v.name, got)
			}
		}
	}
	near, _ := r.find("shared-1k", deploy, tripVariant(0))
	far, _ := r.find("shared-1k", deploy, "rtt-20")
	if far.P50 < near.P50+40 { // two hooks of two round trips
		t.Errorf("the proxy takes no time: %+v, %+v", near, far)
	}
	trips := 0
	for _, h := range r.Hooks {
		if isTrip(h.Variant) {
			trips += h.Trips
		}
	}
	if trips == 0 || len(r.sharedAims()) < 4 {
		t.Errorf("%d round trips were counted, %+v", trips, r.sharedAims())
	}
}
