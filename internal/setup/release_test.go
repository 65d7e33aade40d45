package setup

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/policyfile"
)

// releasing is a site whose repository one holds all environments.
func releasing(t *testing.T, change ...string) *testSite {
	t.Helper()
	s := newSite(t)
	text := strings.NewReplacer(append(change, "ROOT", s.dir)...).Replace(`version = 1
root = "ROOT/srv"
ledger = "ROOT/ledger"
[identity]
source = "ssh"
[environments.dev]
repository = "{service}/one.git"
refs = ["refs/heads/release/dev"]
release = { base = "refs/heads/main", branches = "refs/heads/{ticket:[A-Z]+-[0-9]+}*" }
[environments.prd]
repository = "{service}/one.git"
refs = ["refs/heads/main"]
after = ["dev"]
match = "contained"
`)
	s.write("policy.toml", text, 0o644)
	var err error
	if s.o.Policy, err = policyfile.Load(s.o.PolicyPath); err != nil {
		t.Fatal(err)
	}
	s.git("", "init", "-q", "--bare", s.repo("one"))
	return s
}

func (s *testSite) doctorOf(repo string) []Finding {
	return Doctor(context.Background(), s.o, []string{s.repo(repo)})
}

func TestDoctorRelease(t *testing.T) {
	s := releasing(t)
	s.install(s.repo("one"))
	wantIn(t, s.read(filepath.Join(s.repo("one"), "config")), "procReceiveRefs = refs/release\n", "procReceiveRefs = refs/heads/release/dev\n")

	f, ok := look(s.doctorOf("one"), "refs/heads/main is missing, and dev is made from it")
	if !ok || f.Severity != Fail || f.Mend != "push it: git push origin main" {
		t.Errorf("without a base: %+v", f)
	}
	s.fill("one", "HEAD", "refs/heads/main")
	found := s.doctorOf("one")
	wantIn(t, render(found), "ok: shop/one.git: what releases start from is there\n", " merges without a work tree\n")
	if f, ok := look(found, "made from it"); ok {
		t.Errorf("with a base: %+v", f)
	}

	config := filepath.Join(s.repo("one"), "config")
	s.git("", "config", "--file", config, "receive.advertisePushOptions", "false")
	s.git("", "config", "--file", config, "--unset-all", "receive.procReceiveRefs", "^refs/release$")
	f, ok = look(s.doctorOf("one"), "lacks refs/release")
	if !ok || !strings.Contains(f.What, keyOptions+" is off") || !strings.Contains(f.Why, "to start dev over needs one: -o reason") || f.Severity != Fail {
		t.Errorf("with an old configuration: %+v", f)
	}
}

// TestDoctorUnguardedBase has a base that nobody guards: its commits need no
// evidence.
func TestDoctorUnguardedBase(t *testing.T) {
	s := releasing(t, `base = "refs/heads/main"`, `base = "refs/heads/trunk"`)
	s.install(s.repo("one"))
	s.fill("one", "HEAD", "refs/heads/trunk")
	f, ok := look(s.doctorOf("one"), "refs/heads/trunk is no environment's, and dev is made from it")
	if !ok || f.Severity != Warn {
		t.Errorf("found %+v", f)
	}
}

// TestDoctorReleaseDrift advises what keeps the list of branches.
func TestDoctorReleaseDrift(t *testing.T) {
	s := releasing(t)
	s.install(s.repo("one"))
	s.fill("one", "HEAD", "refs/heads/main")
	s.fill("one", "HEAD", "refs/heads/release/dev")
	if _, err := s.adopt(AdoptOptions{}, "one"); err != nil {
		t.Fatal(err)
	}
	want := "deploy what is on record again: git push origin " + s.id("HEAD")[:7] + ":refs/deploy/release/dev"
	s.fill("one", "HEAD~1", "refs/heads/release/dev")
	if f, ok := look(s.doctorOf("one"), "refs/heads/release/dev is at "+s.id("HEAD~1")[:7]); !ok || f.Mend != want {
		t.Errorf("moved: %+v", f)
	}
	s.git(s.repo("one"), "update-ref", "-d", "refs/heads/release/dev")
	if f, ok := look(s.doctorOf("one"), "refs/heads/release/dev is gone"); !ok || f.Mend != want {
		t.Errorf("deleted: %+v", f)
	}
}

// oldGit puts a git into the path that calls itself by a version and knows
// nothing of merge-tree --write-tree.
func (s *testSite) oldGit(version string) {
	s.t.Helper()
	real := s.git("", "--exec-path")
	s.write("bin/git", "#!/bin/sh\nfor a; do case $a in\nversion) echo git version "+version+"; exit;;\n"+
		"merge-tree) echo 'usage: git merge-tree <base-tree> <branch1> <branch2>'; exit 129;;\nesac; done\nexec "+quote(filepath.Join(real, "git"))+" \"$@\"\n", 0o755)
	s.t.Setenv("PATH", filepath.Join(s.dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestOldGitMerges(t *testing.T) {
	s := releasing(t)
	s.oldGit("2.37.4")
	_, err := Install(context.Background(), s.o, s.repo("one"))
	wantError(t, err, "git 2.37 cannot merge without a work tree, and branches are released into dev: that needs git 2.38")
	if !IsNo(err) {
		t.Error("that is a no")
	}
	if f, ok := look(s.doctorOf("one"), "git 2.37 has no merge-tree --write-tree"); !ok || f.Severity != Fail ||
		f.Why != "branches cannot be released into dev" || f.Mend != "install git 2.38 or newer" {
		t.Errorf("found %+v", f)
	}
}

// TestGitThatLies has a version that is new enough and a merge-tree that is
// not, as a wrapper or a build of one's own may have.
func TestGitThatLies(t *testing.T) {
	s := releasing(t)
	s.oldGit("2.39.5")
	if f, ok := look(s.doctorOf("one"), "does not know merge-tree --write-tree"); !ok || f.Severity != Fail {
		t.Errorf("found %+v", f)
	}
}

// TestOldGitElsewhere asks nothing of git where no environment has release.
func TestOldGitElsewhere(t *testing.T) {
	s := newSite(t)
	s.oldGit("2.37.4")
	s.install(s.repo("prd"))
	if f, ok := look(s.doctor(), "merge-tree"); ok {
		t.Errorf("found %+v", f)
	}
}

func TestAdoptRelease(t *testing.T) {
	s := releasing(t)
	s.install(s.repo("one"))
	s.fill("one", "HEAD", "refs/heads/main")
	s.fill("one", "HEAD", "refs/heads/release/dev")
	adopt := func(reason string) Adoption {
		t.Helper()
		a, err := Adopt(context.Background(), AdoptOptions{Options: s.o, Reason: reason}, s.repo("one"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	const note = "shop/one.git: which branches dev holds is not known"
	a := adopt("")
	if out := a.String(); len(a.Unknown) != 1 || strings.Count(out, note) != 1 || !strings.Contains(out, "on refs/heads/release/dev of dev, record ") {
		t.Errorf("%+v\n%s", a.Unknown, out)
	}
	// A commit that a release has made keeps its branches.
	l := s.openLedger()
	e := ledger.Entry{Type: ledger.TypeIntent, Kind: "deploy", Service: "shop", Environment: "dev", Repository: "shop/one.git", Ref: "refs/heads/release/dev",
		Old: strings.Repeat("0", 40), New: s.id("HEAD"), Commit: s.id("HEAD"), Principal: "ana",
		Action: ledger.ActionRelease, Branch: "JIRA-1", Head: s.id("HEAD"), Tickets: []string{"JIRA-1"}}
	done := e
	if err := l.Append(&e); err != nil {
		t.Fatal(err)
	}
	done.Type, done.Intent = ledger.TypeDeployed, e.Seq
	if err := l.Append(&done); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if a := adopt("again"); len(a.Unknown) != 0 || strings.Contains(a.String(), note) {
		t.Errorf("%+v\n%s", a.Unknown, a)
	}
}
