package setup

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
)

// healthy is a site on which doctor finds nothing wrong.
func healthy(t *testing.T) *testSite {
	s := newSite(t)
	s.install(s.repo("prd"))
	s.fill("prd", "HEAD", "refs/heads/main")
	if _, err := s.adopt(AdoptOptions{}, "prd"); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // served by a user of its own
		for _, path := range []string{s.repo("prd"), s.o.Policy.Ledger} {
			s.shell("chown -R 12345:12345 " + path)
		}
		// t.TempDir is ours alone; the server's folders are not.
		for _, dir := range parents(filepath.Join(s.dir, "x")) {
			if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o005 != 0o005 {
				s.shell("chmod a+rx " + dir)
			}
		}
	}
	return s
}

func (s *testSite) shell(command string) {
	s.t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

func (s *testSite) doctor() []Finding {
	return Doctor(context.Background(), s.o, []string{s.repo("prd")})
}

// look finds the finding that says what.
func look(findings []Finding, what string) (Finding, bool) {
	i := slices.IndexFunc(findings, func(f Finding) bool { return f.Severity != OK && strings.Contains(f.What, what) })
	if i < 0 {
		return Finding{}, false
	}
	return findings[i], true
}

func render(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.String())
	}
	return b.String()
}

func TestDoctorHealthy(t *testing.T) {
	s := healthy(t)
	found := s.doctor()
	if Worst(found) != OK {
		t.Errorf("found:\n%s", render(found))
	}
	wantIn(t, render(found), "ok: policy "+s.o.PolicyPath+" is sound\n", "ok: ledger ", "ok: shop/prd.git: hooks are in place",
		"ok: shop/prd.git: dead-man switch is on", "ok: shop/prd.git: refs are where the ledger has them",
		"ok: shop/prd.git: pushers are named by PATHGATE_USER, which a forced command in authorized_keys must set; ")
	// Without names: the repositories that the policy matches.
	all := Doctor(context.Background(), s.o, nil)
	if f, ok := look(all, "pathgate is not installed"); !ok || f.Severity != Fail || strings.Count(render(all), "not installed") != 2 || strings.Contains(render(all), "hook pre-receive") {
		t.Errorf("found:\n%s", render(all))
	}
	s.o.Policy = nil // Doctor reads it
	if found := s.doctor(); Worst(found) != OK {
		t.Errorf("found:\n%s", render(found))
	}
}

// A case breaks one thing and says what doctor finds; then what the finding
// has as its mend is done, and the finding must be gone.
type doctorCase struct {
	name     string
	spoil    func(s *testSite)
	severity Severity
	what     string
	// mend is done instead of running the finding's mend, which must begin
	// with as.
	mend func(s *testSite)
	as   string
}

func reinstall(s *testSite) { s.install(s.repo("prd")) }

func old(s *testSite, path string, age time.Duration) {
	s.t.Helper()
	then := time.Now().Add(-age)
	if err := os.Chtimes(path, then, then); err != nil {
		s.t.Fatal(err)
	}
}

func (s *testSite) prd(parts ...string) string {
	return filepath.Join(append([]string{s.repo("prd")}, parts...)...)
}

func (s *testSite) remove(path string) {
	s.t.Helper()
	if err := os.Remove(path); err != nil {
		s.t.Fatal(err)
	}
}

func hookCases() []doctorCase {
	return []doctorCase{
		{"hook missing", func(s *testSite) { s.remove(s.prd("hooks/pre-receive")) }, Fail, "hook pre-receive is missing", reinstall, "pathgate install"},
		{"hook foreign", func(s *testSite) {
			s.remove(s.prd("hooks/post-receive"))
			s.write(s.prd("hooks/post-receive"), "#!/bin/sh\n", 0o755)
		}, Fail, "hook post-receive is not pathgate's", reinstall, "pathgate install"},
		{"hook not executable", func(s *testSite) { s.shell("chmod a-x lib/hooks/pre-receive") }, Fail, "hook pre-receive cannot be run", nil, ""},
		{"hooks not fit", func(s *testSite) { s.shell("chmod a-x lib/hooks/proc-receive") }, Fail, "pathgate's hooks are not fit", nil, ""},
		{"hook dangling", func(s *testSite) { s.shell("mv lib/hooks/pre-receive lib/gone") }, Fail, "hook pre-receive is a link that leads nowhere",
			func(s *testSite) { s.shell("mv lib/gone lib/hooks/pre-receive"); reinstall(s) }, "pathgate install"},
		{"hook writable", func(s *testSite) { s.shell("chmod g+w lib/hooks/pre-receive") }, Fail, "hook pre-receive may be changed by others", nil, ""},
		{"hooks folder writable", func(s *testSite) { s.shell("chmod o+w " + s.prd("hooks")) }, Fail, "others may write the folder of hooks", nil, ""},
		{"lib writable", func(s *testSite) { s.shell("chmod o+w lib") }, Fail, "others may replace pathgate's hooks", nil, ""},
		{"hooksPath elsewhere", func(s *testSite) { s.write("gitconfig", "[core]\n\thooksPath = /nonexistent/hooks\n", 0o644) },
			Fail, "git looks for hooks in /nonexistent/hooks", nil, ""},
		{"proc-receive foreign", func(s *testSite) {
			s.remove(s.prd("hooks/proc-receive"))
			s.write(s.prd("hooks/proc-receive"), "#!/bin/sh\n", 0o755)
		}, Warn, "the dead-man switch and command refs are off", func(s *testSite) { s.remove(s.prd("hooks/proc-receive")); reinstall(s) }, ""},
		{"proc-receive foreign, refs handed over", func(s *testSite) {
			s.remove(s.prd("hooks/proc-receive"))
			s.write(s.prd("hooks/proc-receive"), "#!/bin/sh\n", 0o755)
		}, Fail, "hands refs/heads/main to a proc-receive hook", nil, ""},
	}
}

func configCases() []doctorCase {
	unsetting := func(key, value string) func(*testSite) {
		return func(s *testSite) { s.git(s.prd(), "config", "--unset", key, value) }
	}
	return []doctorCase{
		{"switch off", unsetting(keyProcRefs, "refs/heads/hotfix"), Fail, "the dead-man switch is off: receive.procReceiveRefs lacks refs/heads/hotfix", reinstall, "pathgate install"},
		{"switch not local", func(s *testSite) {
			s.git(s.prd(), "config", "--unset", keyProcRefs, "refs/deploy")
			s.git("", "config", "--global", keyProcRefs, "refs/deploy")
		}, Fail, "lacks refs/deploy", reinstall, "pathgate install"},
		{"no push options", unsetting(keyOptions, "true"), Warn, "receive.advertisePushOptions is off", reinstall, "pathgate install"},
		{"objects not checked", unsetting(keyFsck, "true"), Fail, "receive.fsckObjects is off", reinstall, "pathgate install"},
		{"objects not checked here", func(s *testSite) {
			s.git(s.prd(), "config", "--unset", keyFsck)
			s.git("", "config", "--global", keyFsck, "true")
		}, Fail, "receive.fsckObjects is off", reinstall, "pathgate install"},
		{"trees not checked", func(s *testSite) { s.git(s.prd(), "config", "receive.fsck.treeNotSorted", "warn") },
			Fail, "receive.fsck.treeNotSorted = warn", nil, "git config --file "},
		{"trees not checked by the user's configuration", func(s *testSite) { s.git("", "config", "--global", "receive.fsck.hasDotgit", "ignore") },
			Fail, "receive.fsck.hasDotgit = ignore", nil, "git config --file "},
		{"not hidden", unsetting(keyHideRefs, "refs/replace"), Warn, "refs/replace is not hidden", reinstall, "pathgate install"},
		{"environment hidden", func(s *testSite) { s.git(s.prd(), "config", "--add", keyHideRefs, "refs/heads") }, Fail, "hides refs/heads/main", nil, ""},
		{"command hidden by the user's configuration", func(s *testSite) { s.git("", "config", "--global", "transfer.hideRefs", "refs/deploy/") },
			Fail, "transfer.hiderefs = refs/deploy/ hides refs/deploy", nil, ""},
		{"another policy", func(s *testSite) { s.git(s.prd(), "config", keyPolicy, "/other.toml") }, Fail, "judged by another policy: /other.toml", reinstall, "pathgate install"},
		{"relative policy", func(s *testSite) { s.git(s.prd(), "config", keyPolicy, "other.toml") }, Fail, "not an absolute path", reinstall, "pathgate install"},
		{"policy writable", func(s *testSite) { s.shell("chmod g+w policy.toml") }, Fail, "may be written by others", nil, ""},
		{"policy folder writable", func(s *testSite) { s.shell("chmod g+w .") }, Fail, "others may replace the policy", nil, ""},
		{"policy wrong", func(s *testSite) { s.shell("cp policy.toml kept; echo nonsense = 1 >> policy.toml") }, Fail, "the policy is wrong: policy.toml:",
			func(s *testSite) { s.shell("mv kept policy.toml") }, "pathgate check"},
		{"configuration writable", func(s *testSite) { s.shell("chmod o+w " + s.prd("config")) }, Fail, "everybody may write " + "", nil, ""},
		{"ref writable", func(s *testSite) { s.shell("chmod o+w " + s.prd("refs/heads/main")) }, Fail, "refs/heads/main (mode 0646)", nil, ""},
		{"gitolite", func(s *testSite) { s.write(s.prd("gl-conf"), "", 0o644) }, Warn, "served by gitolite, but the policy's identity.source is ssh",
			func(s *testSite) { s.remove(s.prd("gl-conf")) }, "set identity.source"},
		{"gitea", func(s *testSite) { s.write(s.prd("hooks/pre-receive.d/gitea"), "", 0o755) }, Warn, "served by gitea",
			func(s *testSite) { s.shell("rm -r " + s.prd("hooks/pre-receive.d")) }, "set identity.source"},
		{"gitlab", func(s *testSite) { s.git(s.prd(), "config", "gitlab.fullpath", "shop") }, Warn, "served by gitlab",
			func(s *testSite) { s.git(s.prd(), "config", "--unset", "gitlab.fullpath") }, "set identity.source"},
	}
}

func fileCases() []doctorCase {
	return []doctorCase{
		{"ref lock", func(s *testSite) {
			old(s, s.write(s.prd("refs/heads/main.lock"), "", 0o644), 11*time.Minute)
		}, Fail, "stale lock ", nil, ""},
		{"packed-refs lock", func(s *testSite) { old(s, s.write(s.prd("packed-refs.lock"), "", 0o644), time.Hour) }, Fail, "packed-refs.lock, 1h0m0s old", nil, ""},
		{"quarantine", func(s *testSite) {
			s.write(s.prd("objects/tmp_objdir-incoming-abc/x"), "", 0o644)
			old(s, s.prd("objects/tmp_objdir-incoming-abc"), 2*time.Hour)
		}, Warn, "stale quarantine ", nil, ""},
		{"grafts", func(s *testSite) { s.write(s.prd("info/grafts"), s.id("HEAD")+"\n", 0o644) }, Warn, "grafts file", nil, ""},
		{"replace", func(s *testSite) { s.git(s.prd(), "update-ref", "refs/replace/"+s.id("HEAD~1"), s.id("HEAD")) }, Warn, "replaces an object", nil, ""},
		{"alias", func(s *testSite) { s.git(s.prd(), "symbolic-ref", "refs/heads/feature", "refs/heads/main") },
			Fail, "refs/heads/feature is a symbolic ref to refs/heads/main, of prd", nil, ""},
		{"alias of an absent ref", func(s *testSite) { s.git(s.prd(), "symbolic-ref", "refs/heads/feature", "refs/heads/hotfix") },
			Fail, "refs/heads/feature is a symbolic ref to refs/heads/hotfix", nil, ""},
		{"environment is an alias", func(s *testSite) {
			s.git(s.prd(), "symbolic-ref", "refs/heads/hotfix", "refs/heads/elsewhere")
		}, Fail, "refs/heads/hotfix is a symbolic ref to refs/heads/elsewhere", nil, ""},
		{"letter case", func(s *testSite) { s.git(s.prd(), "update-ref", "refs/heads/Main", s.id("HEAD")) }, Fail, "refs/heads/Main differs", nil, ""},
		{"real command ref", func(s *testSite) { s.git(s.prd(), "update-ref", "refs/deploy/main", s.id("HEAD")) }, Fail, "refs/deploy/main is a real ref", nil, ""},
		{"not adopted", func(s *testSite) { s.git(s.prd(), "update-ref", "refs/heads/hotfix", s.id("HEAD")) }, Warn, "the ledger knows nothing of refs/heads/hotfix",
			func(s *testSite) {
				if _, err := s.adopt(AdoptOptions{Ref: "refs/heads/hotfix"}, "prd"); err != nil {
					s.t.Fatal(err)
				}
			}, "pathgate adopt"},
		{"drift", func(s *testSite) { s.git(s.prd(), "update-ref", "refs/heads/main", s.id("HEAD~1")) }, Warn, "refs/heads/main is at ",
			func(s *testSite) {
				if _, err := s.adopt(AdoptOptions{Ref: "refs/heads/main", Reason: "x"}, "prd"); err != nil {
					s.t.Fatal(err)
				}
			}, "pathgate adopt --ref refs/heads/main --reason 'why it was moved' " + "/"},
		{"gone", func(s *testSite) { s.git(s.prd(), "update-ref", "-d", "refs/heads/main") }, Warn, "refs/heads/main is gone",
			func(s *testSite) { s.git(s.prd(), "update-ref", "refs/heads/main", s.id("HEAD")) }, "push what is on record again: git push prd "},
	}
}

func (s *testSite) appendEntry(e *ledger.Entry) {
	s.t.Helper()
	l := s.openLedger()
	defer l.Close()
	e.Service, e.Environment, e.Repository, e.Ref = "shop", "prd", "shop/prd.git", "refs/heads/main"
	if err := l.Append(e); err != nil {
		s.t.Fatal(err)
	}
}

func ledgerCases() []doctorCase {
	journal := "ledger/ledger.jsonl"
	id := strings.Repeat("a", 40)
	// A push of another boot is over.
	dead := "00000000-0000-0000-0000-000000000000/4026531836/1/1"
	return []doctorCase{
		{"no ledger", func(s *testSite) { s.shell("mv ledger lost") }, Fail, "there is no ledger", func(s *testSite) { s.shell("mv lost ledger") }, "bring ledger.jsonl back"},
		{"world-readable", func(s *testSite) { s.shell("chmod o+r " + journal) }, Fail, "ledger.jsonl is open to everybody", nil, ""},
		{"world-writable folder", func(s *testSite) { s.shell("chmod o+w ledger") }, Fail, "is open to everybody", nil, ""},
		{"torn", func(s *testSite) { s.shell("printf '{\"seq\":' >> " + journal) }, Warn, "torn line",
			func(s *testSite) { s.openLedger().Close() }, "pathgate reconcile --policy /"},
		{"edited", func(s *testSite) { s.shell("cp " + journal + " kept; sed -i s/adopt/adoqt/ " + journal) }, Fail, "the ledger cannot be used",
			func(s *testSite) { s.shell("cat kept > " + journal) }, ""},
		{"line lost", func(s *testSite) {
			s.appendEntry(&ledger.Entry{Type: ledger.TypeDrift, Reason: "x"})
			s.shell("cp " + journal + " kept; sed -i 2d " + journal)
		}, Fail, "the ledger is damaged: record 3 does not follow", func(s *testSite) { s.shell("cat kept > " + journal) }, "pathgate ledger verify --policy /"},
		{"cut", func(s *testSite) {
			s.appendEntry(&ledger.Entry{Type: ledger.TypeDrift, Reason: "x"})
			s.shell("cp " + journal + " kept; sed -i 3d " + journal)
		}, Fail, "the ledger cannot be used", func(s *testSite) { s.shell("cat kept > " + journal) }, "first look for what is lost: in a backup, a copy of the ledger"},
		{"intent left", func(s *testSite) {
			s.appendEntry(&ledger.Entry{Type: ledger.TypeIntent, New: id, Commit: id, Token: dead, Via: "ssh"})
		}, Warn, "the push of record 3 to refs/heads/main is over and not settled", func(s *testSite) {
			s.appendEntry(&ledger.Entry{Type: ledger.TypeAbandoned, Intent: 3, New: id, Commit: id, Token: dead})
		}, "pathgate reconcile --policy /"},
		{"another identity source", func(s *testSite) {
			s.appendEntry(&ledger.Entry{Type: ledger.TypeIntent, New: id, Commit: id, Token: dead, Via: "http"})
		}, Warn, `vouched for by "http", not by ssh`, func(s *testSite) {
			s.appendEntry(&ledger.Entry{Type: ledger.TypeIntent, New: id, Commit: id, Token: dead, Via: "ssh"})
		}, "check identity.source"},
		{"nameless", func(s *testSite) {
			s.appendEntry(&ledger.Entry{Type: ledger.TypeRefused, Codes: []string{"no-identity"}})
		}, Warn, "came without a name (record 3)", func(s *testSite) {
			s.appendEntry(&ledger.Entry{Type: ledger.TypeIntent, New: id, Commit: id, Token: dead, Via: "ssh"})
		}, "in authorized_keys"},
	}
}

func TestDoctor(t *testing.T) {
	for name, cases := range map[string][]doctorCase{"hooks": hookCases(), "config": configCases(), "files": fileCases()} {
		t.Run(name, func(t *testing.T) {
			s := healthy(t)
			for _, tt := range cases {
				t.Run(tt.name, func(t *testing.T) {
					s.t = t
					tt.run(s)
				})
			}
		})
	}
	for _, tt := range ledgerCases() {
		t.Run("ledger/"+tt.name, func(t *testing.T) { tt.run(healthy(t)) })
	}
}

func (tt doctorCase) run(s *testSite) {
	t := s.t
	if f, found := look(s.doctor(), tt.what); found {
		t.Fatalf("found before: %s", f)
	}
	tt.spoil(s)
	findings := s.doctor()
	f, found := look(findings, tt.what)
	if !found || f.Severity != tt.severity {
		t.Fatalf("no %s that says %q in:\n%s", tt.severity, tt.what, render(findings))
	}
	switch {
	case !strings.HasPrefix(f.Mend, tt.as):
		t.Errorf("mend is %q", f.Mend)
	case tt.mend != nil:
		tt.mend(s)
	case f.Mend == "":
		t.Fatal("no mend")
	default:
		s.shell(f.Mend)
	}
	if f, found := look(s.doctor(), tt.what); found {
		t.Errorf("found after the mend: %s", f)
	}
}

// What a push under way leaves for a moment is no finding.
func TestDoctorFreshFiles(t *testing.T) {
	s := healthy(t)
	old(s, s.write(s.prd("refs/heads/main.lock"), "", 0o644), 9*time.Minute)
	s.write(s.prd("objects/tmp_objdir-incoming-abc/x"), "", 0o644)
	old(s, s.prd("objects/tmp_objdir-incoming-abc"), 59*time.Minute)
	if found := s.doctor(); Worst(found) != OK {
		t.Errorf("found:\n%s", render(found))
	}
}

func TestDoctorLedgerLock(t *testing.T) {
	s := healthy(t)
	f, err := os.Open(filepath.Join(s.o.Policy.Ledger, ledger.JournalName))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	const what = "the ledger's lock is held"
	finding, found := look(s.doctor(), what)
	if !found || !strings.HasPrefix(finding.Mend, "fuser -v ") {
		t.Errorf("found %t: %s", found, finding)
	}
	f.Close()
	if finding, found := look(s.doctor(), what); found {
		t.Errorf("found after the lock was given back: %s", finding)
	}
}

// What the repository's owner may do decides, not what root may.
func TestDoctorOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: run the tests as root to see this one")
	}
	for _, tt := range []struct{ spoil, what, mend string }{
		{"chmod 600 policy.toml", "the repository's owner cannot read the policy", "chmod a+r"},
		{"chown -R 0:0 ledger", "the repository's owner cannot write the ledger", "chown -R 12345"},
		{"chmod 440 ledger/ledger.jsonl", "the repository's owner cannot write the ledger", "chmod u+rw"},
		{"chmod 550 ledger", "the repository's owner cannot make files in the ledger's folder", "chmod u+wx"},
		{"chmod o-x lib/hooks/pre-receive", "hook pre-receive cannot be run by the repository's ", "chmod"},
	} {
		s := healthy(t)
		s.shell(tt.spoil)
		what := tt.what
		f, found := look(s.doctor(), what)
		if !found || !strings.HasPrefix(f.Mend, tt.mend) {
			t.Fatalf("%s: found:\n%s", what, render(s.doctor()))
		}
		s.shell(f.Mend)
		if f, found := look(s.doctor(), what); found {
			t.Errorf("found after the mend: %s", f)
		}
	}
	s := healthy(t)
	s.shell("chown -R 0:0 " + s.prd())
	f, found := look(s.doctor(), "the repository belongs to root, but the ledger does not")
	if !found {
		t.Fatalf("found:\n%s", render(s.doctor()))
	}
	s.shell(f.Mend)
	if found := s.doctor(); Worst(found) != OK {
		t.Errorf("found after the mend:\n%s", render(found))
	}
}

func TestDoctorWithoutPolicy(t *testing.T) {
	s := newSite(t)
	s.o.Policy, s.o.PolicyPath = nil, filepath.Join(s.dir, "none.toml")
	found := s.doctor()
	if len(found) != 1 || Worst(found) != Fail {
		t.Fatalf("found:\n%s", render(found))
	}
	wantIn(t, found[0].String(), "fail: policy file does not exist", "every push is refused")
	s = newSite(t)
	found = Doctor(context.Background(), s.o, []string{s.work})
	if _, ok := look(found, "not a repository that pathgate can guard"); !ok {
		t.Errorf("found:\n%s", render(found))
	}
}

func TestRepositories(t *testing.T) {
	s := newSite(t)
	app := filepath.Join(s.dir, "srv", "apps", "shop", "web")
	s.git("", "clone", "-q", s.work, app)
	s.write("srv/other/dev.git/README", "no repository", 0o644)
	s.write("srv/.hidden/dev.git/HEAD", "", 0o644)
	if err := os.Symlink("shop", filepath.Join(s.dir, "srv", "again")); err != nil {
		t.Fatal(err)
	}
	got, err := Repositories(s.o.Policy)
	want := []string{app, s.repo("dev"), s.repo("prd"), s.repo("rel")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}
