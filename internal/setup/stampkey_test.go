package setup

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/stamp"
)

func TestMakeStampKey(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	public, whose, err := MakeStampKey(name, StampKeyOptions{Comment: "dev-host", Mode: 0o640})
	if err != nil {
		t.Fatal(err)
	}
	if self, err := user.Current(); err != nil || whose != self.Username {
		t.Errorf("it is %q's, %v", whose, err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	key, err := stamp.LoadKey(name)
	if err != nil || key.Authorized()+" dev-host" != public {
		t.Errorf("it loads as %v, %v and its public half was %q", key, err, public)
	}
	if err := os.Chmod(name, 0o600); err != nil { // ssh-keygen takes no other
		t.Fatal(err)
	}
	out, err := exec.Command("ssh-keygen", "-y", "-f", name).Output()
	if err != nil || strings.TrimSpace(string(out)) != public {
		t.Errorf("ssh-keygen reads %q, %v, want %q", out, err, public)
	}
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := MakeStampKey(name, StampKeyOptions{Mode: 0o600}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second time: %v", err)
	}
	if after, err := os.ReadFile(name); err != nil || string(after) != string(before) {
		t.Errorf("it was written over: %v", err)
	}
	for _, comment := range []string{"a b", "a\nssh-ed25519 AAAA", `"`} {
		if _, _, err := MakeStampKey(name+"2", StampKeyOptions{Comment: comment, Mode: 0o600}); err == nil {
			t.Errorf("the comment %q was taken", comment)
		}
	}
	if bare, _, err := MakeStampKey(name+"3", StampKeyOptions{Mode: 0o600}); err != nil || len(strings.Fields(bare)) != 2 {
		t.Errorf("without a comment: %q, %v", bare, err)
	}
}

func TestStampKeyOwner(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	if _, _, err := MakeStampKey(name, StampKeyOptions{Mode: 0o600, Owner: "no-such-user-here"}); err == nil {
		t.Error("it was made for nobody")
	}
	_, whose, err := MakeStampKey(name, StampKeyOptions{Mode: 0o600, Owner: "nobody"})
	if os.Geteuid() != 0 {
		if _, gone := os.Lstat(name); err == nil || !errors.Is(gone, fs.ErrNotExist) {
			t.Errorf("one who is not root made it for another: %v, %v", err, gone)
		}
		return
	}
	nobody, lookup := named("nobody")
	info, stat := os.Stat(name)
	if err := errors.Join(err, lookup, stat); err != nil {
		t.Fatal(err)
	}
	if ownerOf(info) != nobody || whose != "nobody" || info.Mode().Perm() != 0o600 {
		t.Errorf("it is %v's, said to be %s's, with mode %v", ownerOf(info), whose, info.Mode())
	}
}

func TestDoctorStamps(t *testing.T) {
	s := healthy(t)
	text := strings.Replace(s.read(s.o.PolicyPath), "after = [\"dev\"]\n", "after = [\"dev\"]\nstamps = { key = \""+s.dir+"/stamp.key\" }\n", 1)
	s.write("policy.toml", text, 0o644)
	s.reload()
	f, ok := look(s.doctor(), "the key that signs the stamps of prd")
	if !ok || f.Severity != Fail || !strings.Contains(f.Mend, "from a copy") || !strings.HasSuffix(f.Mend, ": pathgate stamp keygen "+s.dir+"/stamp.key") {
		t.Fatalf("found:\n%s", render(s.doctor()))
	}
	public, _, err := MakeStampKey(s.dir+"/stamp.key", StampKeyOptions{Comment: "prd-host", Mode: 0o600, Like: s.o.Policy.Ledger})
	if err != nil {
		t.Fatal(err)
	}
	if f, ok := look(s.doctor(), "refs/notes/deployments/prd, are not there"); !ok || f.Severity != Warn || !strings.HasPrefix(f.Mend, "pathgate reconcile") {
		t.Errorf("nothing is stamped, and found:\n%s", render(s.doctor()))
	}
	set := func(ref, to string) { s.git(s.repo("prd"), "update-ref", ref, to) }
	set("refs/pathgate/stamps/prd", "refs/heads/main")
	if f, ok := look(s.doctor(), "refs/notes/deployments/prd, are gone"); !ok || f.Severity != Warn {
		t.Errorf("the notes are gone, and found:\n%s", render(s.doctor()))
	}
	set("refs/notes/deployments/prd", "refs/heads/main^{tree}")
	if f, ok := look(s.doctor(), "are not as pathgate left them"); !ok || f.Severity != Warn {
		t.Errorf("the notes are others, and found:\n%s", render(s.doctor()))
	}
	set("refs/notes/deployments/prd", "refs/heads/main")
	found := s.doctor()
	if Worst(found) != OK {
		t.Fatalf("found:\n%s", render(found))
	}
	wantIn(t, render(found), "ok: the stamps of prd can be signed; for keys elsewhere: "+strings.TrimSuffix(public, " prd-host")+"\n")
	for _, tt := range []struct{ name, spoil, what, mend string }{
		{"open", "chmod 644 stamp.key", "stamp.key, is open to everybody (mode 0644)", ""},
		{"writable", "chmod 660 stamp.key", "others may change the key that signs the stamps of prd", ""},
		{"no key", "mv stamp.key gone; echo nonsense >stamp.key; chmod 600 stamp.key", "stamp.key, is of no use", "mv gone stamp.key"},
		{"a folder", "mv stamp.key gone; mkdir stamp.key", "stamp.key, is not a file", "rmdir stamp.key; mv gone stamp.key"},
	} {
		s.shell(tt.spoil)
		f, ok := look(s.doctor(), tt.what)
		if !ok || f.Severity != Fail {
			t.Errorf("%s: found\n%s", tt.name, render(s.doctor()))
		}
		if tt.mend == "" {
			tt.mend = f.Mend
		}
		s.shell(tt.mend)
	}
	if os.Geteuid() == 0 {
		s.shell("chown 0:0 stamp.key")
		f, _ := look(s.doctor(), "cannot be read by whom git runs as")
		if f.Severity != Fail {
			t.Errorf("the key is root's, and doctor says\n%s", render(s.doctor()))
		}
		s.shell(f.Mend)
	}
	if found := s.doctor(); Worst(found) != OK {
		t.Errorf("mended, and found:\n%s", render(found))
	}
}
