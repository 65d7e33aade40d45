package setup

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

func (s *testSite) adopt(o AdoptOptions, repo string) ([]ledger.Entry, error) {
	o.Options = s.o
	a, err := Adopt(context.Background(), o, s.repo(repo))
	return a.Entries, err
}

func (s *testSite) openLedger() *ledger.Ledger {
	s.t.Helper()
	l, err := ledger.Open(context.Background(), s.o.Policy.Ledger, ledger.Options{Root: s.o.Policy.Root})
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

func TestAdopt(t *testing.T) {
	s := newSite(t)
	_, err := s.adopt(AdoptOptions{}, "dev")
	wantError(t, err, "there is no ledger")
	s.install(s.repo("dev"))
	_, err = s.adopt(AdoptOptions{}, "dev")
	wantError(t, err, "nothing to adopt")
	s.fill("dev", "HEAD", "refs/heads/main")

	entries, err := s.adopt(AdoptOptions{Also: []string{"main~1"}, Principal: "ana\x1b", Reason: "first"}, "dev")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
	for i, name := range []string{"HEAD~1", "HEAD"} {
		e := entries[i]
		if e.Seq != uint64(i+2) || e.Type != ledger.TypeAdopt || e.Kind != "adopt" || e.Via != "local" || e.Service != "shop" ||
			e.Environment != "dev" || e.Repository != "shop/dev.git" || e.Ref != "refs/heads/main" ||
			e.Commit != s.id(name) || e.New != s.id(name) || e.Tree != s.id(name+"^{tree}") || e.Principal != `ana\x1b` ||
			e.Policy != s.o.Policy.Hash || e.Reason != "first" || e.Subject != []string{"one", "two"}[i] {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	wantIn(t, Adoption{Repository: "shop/dev.git", Entries: entries}.String(), "shop/dev.git: adopted "+s.id("HEAD")[:7]+` "two" on refs/heads/main of dev, record 3`)
	l := s.openLedger()
	lives, err := livesOf(l, policy.Site{Service: "shop", Repository: "shop/dev.git", Environments: s.o.Policy.Environments[:1]})
	l.Close()
	if err != nil || len(lives) != 1 || lives[0].Record != 3 {
		t.Errorf("live: %+v, %v", lives, err)
	}

	// Again: nothing is written, and it is no error. Another commit needs a reason.
	again, err := Adopt(context.Background(), AdoptOptions{Options: s.o}, s.repo("dev"))
	if err != nil || len(again.Entries) != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	wantIn(t, again.String(), "shop/dev.git: refs/heads/main is on record already, at "+s.id("HEAD")[:7]+" by record 3\n")
	for _, o := range []AdoptOptions{{Also: []string{"main~1"}}, {Reason: "  "}} {
		if o.Also == nil {
			s.git(s.repo("dev"), "update-ref", "refs/heads/main", s.id("HEAD~1"))
		}
		_, err = s.adopt(o, "dev")
		wantError(t, err, "adopt shop/dev.git: the ledger knows refs/heads/main already, by record 3", "reason")
		if !IsNo(err) {
			t.Errorf("not a no: %v", err)
		}
	}
	if entries, err = s.adopt(AdoptOptions{Reason: "moved by hand"}, "dev"); err != nil || entries[0].Seq != 4 || entries[0].Principal == "" {
		t.Errorf("again: %+v, %v", entries, err)
	}
}

func TestAdoptPattern(t *testing.T) {
	s := newSite(t)
	s.install(s.repo("rel"))
	s.fill("rel", "HEAD", "refs/heads/release/1")
	s.fill("rel", "HEAD~1", "refs/heads/release/2")
	s.fill("rel", "HEAD", "refs/heads/other")
	_, err := s.adopt(AdoptOptions{Also: []string{"HEAD"}}, "rel")
	wantError(t, err, "2 refs are to be adopted")
	_, err = s.adopt(AdoptOptions{Ref: "refs/heads/other"}, "rel")
	wantError(t, err, "no ref refs/heads/other of an environment")
	_, err = s.adopt(AdoptOptions{Ref: "refs/heads/release/1", Also: []string{"--all"}}, "rel")
	wantError(t, err, "--all is not a commit")
	entries, err := s.adopt(AdoptOptions{}, "rel")
	if err != nil || len(entries) != 2 || entries[0].Ref != "refs/heads/release/1" || entries[1].Commit != s.id("HEAD~1") {
		t.Errorf("%+v, %v", entries, err)
	}
}

// IDs of the other length are recorded as they are, a tag with its commit.
func TestAdoptSHA256Tag(t *testing.T) {
	s := newSite(t)
	dev := s.repo("dev")
	if err := os.RemoveAll(dev); err != nil {
		t.Fatal(err)
	}
	s.git("", "init", "-q", "--bare", "--object-format=sha256", dev)
	tree := s.git(dev, "hash-object", "-t", "tree", "-w", "/dev/null")
	commit := s.git(dev, "commit-tree", "-m", "first\n\nmore", tree)
	s.git(dev, "tag", "-a", "-m", "v1", "v1", commit)
	s.write(filepath.Join(dev, "refs/heads/main"), s.git(dev, "rev-parse", "v1")+"\n", 0o644)
	s.install(dev)
	entries, err := s.adopt(AdoptOptions{}, "dev")
	if err != nil || len(entries) != 1 {
		t.Fatalf("%+v, %v", entries, err)
	}
	e := entries[0]
	if e.New == commit || len(e.New) != 64 || e.Commit != commit || e.Tree != tree || e.Subject != "first" {
		t.Errorf("%+v", e)
	}
}

// Aliases and trees are refused, and then nothing is written.
func TestAdoptRefuses(t *testing.T) {
	s := newSite(t)
	s.install(s.repo("rel"))
	rel := s.repo("rel")
	s.fill("rel", "HEAD", "refs/heads/release/1")
	s.git(rel, "symbolic-ref", "refs/heads/release/2", "refs/heads/release/1")
	journal := filepath.Join(s.dir, "ledger", "ledger.jsonl")
	before := s.read(journal)
	_, err := s.adopt(AdoptOptions{}, "rel")
	wantError(t, err, "refs/heads/release/2 is a symbolic ref to refs/heads/release/1")
	s.git(rel, "symbolic-ref", "--delete", "refs/heads/release/2")
	// git itself keeps trees out of branches; a file edit does not.
	s.write(filepath.Join(rel, "refs/heads/release/3"), s.id("HEAD^{tree}")+"\n", 0o644)
	_, err = s.adopt(AdoptOptions{}, "rel")
	wantError(t, err, "refs/heads/release/3 holds a tree")
	os.Remove(filepath.Join(rel, "refs/heads/release/3"))

	// A push that is not settled.
	l := s.openLedger()
	err = l.Append(&ledger.Entry{Type: ledger.TypeIntent, Service: "shop", Environment: "rel", Repository: "shop/rel.git",
		Ref: "refs/heads/release/1", New: s.id("HEAD"), Commit: s.id("HEAD"), Token: "x"})
	l.Close()
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.adopt(AdoptOptions{}, "rel")
	wantError(t, err, "is not settled", "pathgate reconcile")
	if n := strings.Count(s.read(journal), "\n") - strings.Count(before, "\n"); n != 1 {
		t.Errorf("%d lines were written", n)
	}
}
