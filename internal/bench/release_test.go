package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// checkReleases looks at what the smoke test found of the scenario "release".
// Each of its steps looks at what it did, so that releases did work.
func checkReleases(t *testing.T, r *report) {
	t.Helper()
	takes := map[string]string{
		product:   "publish release carry promote production catch-up",
		noOp:      "publish production",
		jobClone:  "release promote production",
		jobSingle: "release promote production",
		jobWarm:   "release promote production",
	}
	for _, v := range releaseVariants() {
		for _, step := range releaseSteps() {
			got, ok := r.find(released, step, v.name)
			if want := slices.Contains(strings.Fields(takes[v.name]), step); ok != want {
				t.Errorf("%s with %s: measured %t, want %t", step, v.name, ok, want)
			} else if ok && (got.Samples != quickSizes().pushes || got.P50 <= 0 || got.P90 < got.P50) {
				t.Errorf("%s with %s: %+v", step, v.name, got)
			}
		}
	}
	for _, step := range []string{release, carry, promote, catchUp} {
		checkHook(t, r, released, step, "proc-receive")
	}
	// Each of five steps is held against three jobs and two plain pushes.
	if rows := r.jobRows(); len(rows) != 5*5 {
		t.Errorf("%d rows of releases against others, want 25", len(rows))
	}
}

// TestReleaseAims checks what releases are held against, and the limit itself.
func TestReleaseAims(t *testing.T) {
	r := report{Rows: []row{
		{Scenario: released, Step: publish, Variant: noOp, P50: 10},
		{Scenario: released, Step: publish, Variant: product, P50: 20},
		{Scenario: released, Step: release, Variant: product, P50: 40},
		{Scenario: released, Step: carry, Variant: product, P50: 50},
		{Scenario: released, Step: release, Variant: jobClone, P50: 800},
		{Scenario: released, Step: release, Variant: jobWarm, P50: 60},
		{Scenario: released, Step: production, Variant: product, P50: 40},
		{Scenario: released, Step: production, Variant: jobClone, P50: 80},
	}}
	got := r.releaseAims()
	if len(got) != 2 || !got[0].Reached || got[0].Seen != "20.0 x" || got[1].Reached || got[1].Seen != "16.2 x" {
		t.Errorf("the aims are %+v", got)
	}
	for _, one := range r.aims() {
		if strings.Contains(one.What, "no-op") {
			t.Errorf("a release is held against no-op hooks: %s", one.What)
		}
	}
	rows := r.jobRows()
	if plain := rows[3]; plain.Against != "pathgate publish" || plain.Of != 2 || plain.Times != 0.5 {
		t.Errorf("against a plain push: %+v", plain)
	}
	if one := rows[4]; one.Against != "job publish and release" || one.Other != 810 {
		t.Errorf("a push that carries its commit: %+v", one)
	}
}

// TestReleasePolicy checks that the scenario's policy is one, and that it has
// what the scenario is about.
func TestReleasePolicy(t *testing.T) {
	p, err := policy.Parse("policy.toml", []byte(releasePolicy("/srv/git", "/srv/ledger")))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range p.Environments {
		if (e.Name == "dev") != (e.Match == policy.MatchCommit) || (e.Name == "prd") != (e.Release == nil) {
			t.Errorf("%s: match %s, release %+v", e.Name, e.Match, e.Release)
		}
	}
}

// TestTakesPart checks that jobs that clone take few turns, spread over the run.
func TestTakesPart(t *testing.T) {
	s := fullSizes(60)
	for variant, want := range map[string]int{product: 60, jobWarm: 60, jobClone: 12, jobSingle: 12, noOp: 0} {
		l := &lane{scenario: scenario{name: released}, variant: variant}
		turns := 0
		for round := warmups; round < warmups+s.pushes; round++ {
			if l.takesPart(release, round, s) {
				turns++
			}
		}
		if turns != want {
			t.Errorf("%s takes %d turns, want %d", variant, turns, want)
		}
	}
}

// newBench makes a lane of the scenario "release" with branches for one round,
// and without pathgate.
func newBench(t *testing.T, v variant) (*workshop, *lane) {
	t.Helper()
	w := &workshop{dir: t.TempDir()}
	var err error
	if w.git, err = newRunner(context.Background(), w.dir); err != nil {
		t.Fatal(err)
	}
	s := scenario{name: released, objects: 400, refs: 1, pushers: 1}
	src, err := w.newSource(s, w.dir+"/source.git")
	if err != nil {
		t.Fatal(err)
	}
	l := &lane{scenario: s, variant: v.name, source: src, repos: []string{w.dir + "/service-01/app.git"}}
	if err := w.newRepositories(l); err != nil {
		t.Fatal(err)
	}
	if err := v.install(w, w.dir, l); err != nil {
		t.Fatal(err)
	}
	if err := w.addPushes(s, src, 1); err != nil {
		t.Fatal(err)
	}
	return w, l
}

// TestJobs checks that each kind of job does its steps.
func TestJobs(t *testing.T) {
	for _, v := range releaseVariants() {
		if !isJob(v.name) {
			continue
		}
		w, l := newBench(t, v)
		for _, step := range []string{release, promote, production} {
			if took, err := w.push(l, step, 0); err != nil || took <= 0 {
				t.Errorf("%s: %v, %v", step, took, err)
			}
		}
	}
}

// TestCheckMove checks that a step that did not do its work is not measured.
func TestCheckMove(t *testing.T) {
	w, l := newBench(t, releaseVariants()[1])
	m := l.moveOf(release, 0)
	before, err := w.tip(l, m.into)
	if err != nil {
		t.Fatal(err)
	}
	wants := func(want string, m move, before string) {
		t.Helper()
		if err := w.checkMove(l, release, m, before); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	wants("has not moved", m, before)
	if err := w.git.run(l.repos[0], nil, "git", "update-ref", devRef, before+"^"); err != nil {
		t.Fatal(err)
	}
	wants("no merge", m, before)
	if _, err := w.push(l, release, 0); err != nil {
		t.Fatal(err)
	}
	wants("has lost what it held", m, l.source.commits[0][lateBranch])
	other := m
	other.commit = l.source.commits[0][lateBranch]
	wants("is a merge of "+m.commit, other, before+"^")
}

// TestCheckRecord checks that a move that is not on record is not measured.
func TestCheckRecord(t *testing.T) {
	root := t.TempDir()
	l := &lane{ledger: root + "/ledger"}
	if err := fillLedger(context.Background(), l.ledger, root, 4); err != nil {
		t.Fatal(err)
	}
	m := move{branch: "JIRA-1", commit: madeUp("branch", 1), into: "release/stg"}
	for _, want := range []int{0, 1} {
		l.read = 0
		if err := l.checkRecord(m, madeUp("merge", 1), want); err == nil || !strings.Contains(err.Error(), "2 deployments") {
			t.Errorf("with %d wanted: %v", want, err)
		}
	}
	if err := l.checkRecord(m, madeUp("merge", 1), 0); err != nil {
		t.Errorf("with nothing new: %v", err)
	}
	book, err := ledger.Open(context.Background(), l.ledger, ledger.Options{Root: root, Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	intent := newPast(4).entry(2)
	intent.Seq, intent.Prev, intent.Push = 0, "", "another"
	if err := book.Append(intent); err != nil {
		t.Fatal(err)
	}
	done := newPast(4).entry(3)
	done.Seq, done.Prev, done.Push, done.Intent = 0, "", "another", intent.Seq
	if err := book.Append(done); err != nil {
		t.Fatal(err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	err = l.checkRecord(m, madeUp("merge", 1), 1)
	if err == nil || !strings.Contains(err.Error(), "is of another move") {
		t.Errorf("a promotion that is no release: %v", err)
	}
}
