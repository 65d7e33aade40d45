package stamp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pathgate/pathgate/policy"
)

// Every type of key that may sign: pathgate verifies, and so does ssh-keygen.
func TestKeyTypes(t *testing.T) {
	for _, args := range [][]string{{"-t", "ed25519"}, {"-t", "ecdsa", "-b", "256"}, {"-t", "ecdsa", "-b", "521"},
		{"-t", "rsa", "-b", "2048"}, {"-t", "rsa", "-b", "2048", "-m", "PEM"}} {
		f := newFixture(t)
		path := keygen(t, args...)
		f.key = loadKey(t, path)
		public, err := os.ReadFile(path + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		if got := f.key.Authorized(); got+" dev-host\n" != string(public) {
			t.Errorf("%v: the public half is %s", args, got)
		}
		if out, _ := exec.Command("ssh-keygen", "-l", "-f", path).Output(); !strings.Contains(string(out), " "+f.key.Fingerprint()+" ") {
			t.Errorf("%v: the fingerprint %s, not %s", args, f.key.Fingerprint(), out)
		}
		f.from.Keys = []policy.StampKey{stampKey(f.key)}
		f.sign(t)
		if _, err := f.stamp.Verify(f.from, f.want, noon()); err != nil {
			t.Errorf("%v: %v", args, err)
		}
		f.stamp.Signature = sshSign(t, path, namespace, "sha512", f.stamp.Message())
		if _, err := f.stamp.Verify(f.from, f.want, noon()); err != nil {
			t.Errorf("%v, signed by ssh-keygen: %v", args, err)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	good := keygen(t, "-t", "ed25519")
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	locked := keygen(t, "-t", "ed25519")
	if out, err := exec.Command("ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", locked).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, why string }{
		"others":     {write(t, filepath.Join(dir, "others"), b, 0o604), "may be read or written by others"},
		"group":      {write(t, filepath.Join(dir, "group"), b, 0o660), "may be read or written by others"},
		"passphrase": {locked, "has a passphrase"},
		"public":     {write(t, filepath.Join(dir, "public"), []byte("ssh-ed25519 AAAA x\n"), 0o600), "is no private key"},
		"empty":      {write(t, filepath.Join(dir, "empty"), nil, 0o600), "is no private key"},
		"large":      {write(t, filepath.Join(dir, "large"), make([]byte, 65<<10), 0o600), "more than 65536 bytes"},
		"fifo":       {fifo, "is not a regular file"},
		"folder":     {dir, "is not a regular file"},
		"absent":     {filepath.Join(dir, "absent"), "no such file"},
		"short rsa":  {keygen(t, "-t", "rsa", "-b", "1024"), "an RSA key needs 2048 bits, and this one has 1024"},
	} {
		if _, err := LoadKey(test.path); err == nil || !strings.Contains(err.Error(), test.why) {
			t.Errorf("%s: %v, want %q", name, err, test.why)
		}
	}
	for _, mode := range []os.FileMode{0o400, 0o600, 0o640} {
		if _, err := LoadKey(write(t, filepath.Join(dir, "good"), b, mode)); err != nil {
			t.Errorf("mode %o: %v", mode, err)
		}
		os.Remove(filepath.Join(dir, "good"))
	}
}

// A host must not sign what nobody would take.
func TestSignRefuses(t *testing.T) {
	for name, change := range map[string]func(*Stamp){
		"line":   func(s *Stamp) { s.Line = append(s.Line, '\n') },
		"commit": func(s *Stamp) { s.Commit = commitB },
		"about":  func(s *Stamp) { s.About = Status },
		"origin": func(s *Stamp) { s.Origin = "" },
		"tree":   func(s *Stamp) { s.Tree.N = 0 },
		"long":   func(s *Stamp) { s.Line = make([]byte, MaxLine+1) },
		"escape": func(s *Stamp) { s.Line = []byte(strings.Repeat(`\`, 7900)) },
	} {
		f := newFixture(t)
		change(&f.stamp)
		if err := f.stamp.Sign(f.key); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}
