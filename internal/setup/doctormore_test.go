package setup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

// A line in the middle of a small ledger was changed, long before its end.
func TestDoctorWholeLedger(t *testing.T) {
	s := healthy(t)
	for range 300 {
		s.appendEntry(&ledger.Entry{Type: ledger.TypeDrift, Reason: "x"})
	}
	if found := s.doctor(); Worst(found) != OK {
		t.Fatalf("found before:\n%s", render(found))
	}
	wantIn(t, render(s.doctor()), "is sound, from its first line to its last")
	s.shell("sed -i '2s/\"subject\":\"two\"/\"subject\":\"owt\"/' ledger/ledger.jsonl")
	f, found := look(s.doctor(), "the ledger does not hold: line ")
	if !found || f.Severity != Fail || !strings.HasPrefix(f.Mend, "pathgate ledger verify --policy ") {
		t.Errorf("found:\n%s", render(s.doctor()))
	}
}

// Of a large one only the end is checked, and that is what is said.
func TestDoctorLargeLedger(t *testing.T) {
	s := healthy(t)
	d := &doctor{o: s.o}
	s.shell("truncate -s 17M ledger/ledger.jsonl")
	wantIn(t, d.whole(s.o.Policy.Ledger, 0), "the end of the ledger ", "'pathgate ledger verify' checks all of it")
}

// A torn line under chattr +a closes the gate and takes three steps.
func TestDoctorTornAppendOnly(t *testing.T) {
	s := newSite(t)
	d := &doctor{o: s.o}
	d.torn("/x/ledger.jsonl", true)
	f := d.findings[0]
	if f.Severity != Fail || f.Mend != "chattr -a /x/ledger.jsonl && pathgate reconcile --policy "+s.o.PolicyPath+" && chattr +a /x/ledger.jsonl" {
		t.Errorf("found: %s", f)
	}
}

// Who may not look says so, and does not accuse the repository's owner.
func TestDoctorCouldNotLook(t *testing.T) {
	s := healthy(t)
	d := &doctor{o: s.o}
	p := person{owner: owner{os.Geteuid(), os.Getegid()}, name: "git"}
	real := filepath.Join(s.dir, strings.Repeat("x", 300))
	if d.access(p, "the owner cannot write", real, 6, "why") {
		t.Error("what could not be looked at passes")
	}
	if f := d.findings[0]; f.Severity != Warn || !strings.HasPrefix(f.What, "no look could be had at ") || f.Mend != "run pathgate doctor as root or as git" {
		t.Errorf("found: %s", f)
	}
	if err := p.reach(real, 6); errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*barrier)) {
		t.Errorf("the case shows nothing: %v", err)
	}
}

func TestDoctorUnlisted(t *testing.T) {
	s := healthy(t)
	s.git("", "init", "-q", "--bare", filepath.Join(s.dir, "srv/other.git"))
	s.git("", "init", "-q", filepath.Join(s.dir, "srv/deep/er/tree"))
	s.git("", "init", "-q", "--bare", filepath.Join(s.dir, "srv/guarded.git"))
	s.shell("ln -s " + s.o.HooksDir + "/pre-receive srv/guarded.git/hooks/pre-receive")
	all := Doctor(context.Background(), s.o, nil)
	f, found := look(all, "no environment matches these repositories")
	if !found || f.Severity != Warn || !strings.HasSuffix(f.What, ": deep/er/tree, other.git") {
		t.Errorf("found:\n%s", render(all))
	}
	if _, found := look(s.doctor(), "no environment matches"); found {
		t.Error("looked for although a repository was named")
	}
	s.o.Policy.Unlisted = "allow"
	if _, found := look(Doctor(context.Background(), s.o, nil), "no environment matches"); found {
		t.Error("found although the policy allows it")
	}
}

// What one run of install mends is one finding.
func TestDoctorGathers(t *testing.T) {
	s := healthy(t)
	s.remove(s.prd("hooks/post-receive"))
	s.git(s.prd(), "config", "--unset-all", keyHideRefs)
	found := s.doctor()
	f, ok := look(found, "hook post-receive is missing; refs/replace is not hidden; refs/pathgate is not hidden")
	if !ok || f.Severity != Fail || strings.Contains(f.Why, "nothing is judged") || strings.Count(render(found), "mend: ") != 1 {
		t.Errorf("found:\n%s", render(found))
	}
}

func TestUnforcedKeys(t *testing.T) {
	open, nameless, anywhere, err := unforced(strings.NewReader(strings.Join([]string{
		`# a comment`,
		`command="PATHGATE_USER=ana exec git-shell -c \"$SSH_ORIGINAL_COMMAND\"",restrict ssh-ed25519 AAAA ana`,
		``,
		`ssh-ed25519 AAAA command="PATHGATE_USER=eve"`,
		`restrict ssh-ed25519 AAAA ben`,
		`restrict,command="git-shell -c \"$SSH_ORIGINAL_COMMAND\"" ssh-rsa AAAA`,
		`from="10.0.0.1,command=",restrict ssh-rsa AAAA`,
		`restrict,Command="exec git-shell -c \"$SSH_ORIGINAL_COMMAND\"",environment="PATHGATE_USER=ana" ssh-rsa AAAA`,
		`command="PATHGATE_USER= git-shell" ssh-rsa AAAA`,
		`environment="PATHGATE_USER=ana" ssh-rsa AAAA`,
		`command="/usr/local/bin/pathgate shell --policy /p.toml --user ana",restrict ssh-ed25519 AAAA ana`,
		`command="pathgate shell --user=ana" ssh-ed25519 AAAA ana`,
		`command="pathgate shell --policy /p.toml",restrict ssh-ed25519 AAAA ana`,
	}, "\n")))
	if err != nil || !slices.Equal(open, []int{4, 5, 7, 10}) || !slices.Equal(nameless, []int{6, 9, 13}) || !slices.Equal(anywhere, []int{2, 8}) {
		t.Errorf("open %v, nameless %v, anywhere %v, %v", open, nameless, anywhere, err)
	}
}

// A key is told of by its line, once, and never shown.
func TestDoctorKeys(t *testing.T) {
	s := healthy(t)
	path := s.write("keys", "ssh-ed25519 SECRET ana\ncommand=\"git-shell\" ssh-ed25519 SECRET ben\ncommand=\"PATHGATE_USER=ana git-shell\" ssh-ed25519 SECRET ana\n", 0o644)
	d := &doctor{o: s.o}
	said := d.keyFile(path)
	text := render(d.findings)
	wantIn(t, text, "fail: "+path+":1: a key without a forced command\n", "warn: "+path+":2: the forced command does not show",
		"warn: "+path+":3: the forced command runs git-shell")
	if strings.Contains(text+said, "SECRET") {
		t.Errorf("a key is shown:\n%s%s", text, said)
	}
	wantIn(t, d.keyFile(path+"x"), "was not looked at")
}

func TestNoes(t *testing.T) {
	s := newSite(t)
	ctx := context.Background()
	s.git("", "init", "-q", "--bare", filepath.Join(s.dir, "srv/other.git"))
	s.git("", "init", "-q", "--bare", filepath.Join(s.dir, "outside.git"))
	s.write("file", "", 0o644)
	for path, want := range map[string]string{
		filepath.Join(s.dir, "nope"):          "install in " + s.dir + "/nope: there is no such folder",
		filepath.Join(s.dir, "srv"):           "install in " + s.dir + "/srv: it is not a git repository",
		filepath.Join(s.dir, "file"):          "install in " + s.dir + "/file: it is not a folder",
		filepath.Join(s.dir, "outside.git"):   "install in " + s.dir + "/outside.git: it is not below the policy's root " + s.dir + "/srv",
		filepath.Join(s.dir, "srv/other.git"): "install in other.git: the policy does not list it: its patterns are ",
	} {
		_, err := Install(ctx, s.o, path)
		wantError(t, err, want)
		if !IsNo(err) {
			t.Errorf("%s: not a no: %v", path, err)
		}
	}
	s.install(s.repo("dev"))
	s.shell("mv ledger lost")
	if _, err := s.adopt(AdoptOptions{}, "dev"); err == nil || IsNo(err) {
		t.Errorf("a lost ledger is no mere no: %v", err)
	}
}

// Install says what is left to do.
func TestInstallReports(t *testing.T) {
	s := newSite(t)
	s.fill("prd", "HEAD", "refs/heads/main")
	if r := s.install(s.repo("dev")); !r.LedgerCreated || r.Unrecorded {
		t.Errorf("%+v", r)
	}
	if r := s.install(s.repo("prd")); r.LedgerCreated || !r.Unrecorded {
		t.Errorf("%+v", r)
	}
	if _, err := s.adopt(AdoptOptions{}, "prd"); err != nil {
		t.Fatal(err)
	}
	if r := s.install(s.repo("prd")); r.Unrecorded {
		t.Errorf("%+v", r)
	}
	wantIn(t, s.uninstall(s.repo("prd")).String(), "note: from now on git makes a real ref of a push to refs/deploy/")
	if r := s.uninstall(s.repo("prd")); len(r.Notes) > 0 {
		t.Errorf("%+v", r)
	}
}

// A mend can be done: nobody is told to change the mode of a folder that is not
// pathgate's, to give files to the owner of a ledger that is not there, or
// nothing at all.
func TestMendsCanBeDone(t *testing.T) {
	s := healthy(t)
	outside := t.TempDir()
	if err := os.Chmod(outside, 0o777); err != nil {
		t.Fatal(err)
	}
	s.write("gitconfig", "[core]\n\thooksPath = "+outside+"\n", 0o644)
	found := s.doctor()
	if _, ok := look(found, "git looks for hooks in "+outside); !ok || strings.Contains(render(found), "chmod go-w "+outside) {
		t.Errorf("hooks elsewhere:\n%s", render(found))
	}
	if err := os.RemoveAll(s.o.Policy.Ledger); err != nil {
		t.Fatal(err)
	}
	if found := s.doctor(); strings.Contains(render(found), "--reference") {
		t.Errorf("no ledger:\n%s", render(found))
	}
	o := s.o
	o.Policy, o.PolicyPath = nil, filepath.Join(outside, "none.toml")
	found = Doctor(t.Context(), o, nil)
	if len(found) == 0 || found[0].Severity != Fail || !strings.HasPrefix(found[0].Mend, "name the policy that the repositories go by with --policy FILE") {
		t.Errorf("no policy:\n%s", render(found))
	}
}
