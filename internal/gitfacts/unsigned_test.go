package gitfacts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/policy"
)

// A key is an SSH key pair in a folder of its own.
type key struct {
	t    testing.TB
	file string
}

func newKey(t testing.TB, kind string) key {
	t.Helper()
	k := key{t, filepath.Join(t.TempDir(), "key")}
	k.run("", "-q", "-t", kind, "-N", "", "-C", "", "-f", k.file)
	return k
}

func (k key) run(stdin string, args ...string) string {
	k.t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var messages strings.Builder
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		k.t.Fatalf("ssh-keygen %v: %v\n%s", args, err, messages.String())
	}
	return string(out)
}

func (k key) public() string {
	raw, err := os.ReadFile(k.file + ".pub")
	if err != nil {
		k.t.Fatal(err)
	}
	return string(raw)
}

// allow writes a file of allowed signers: what stands before the key.
func (k key) allow(before ...string) string {
	k.t.Helper()
	var lines strings.Builder
	for _, b := range before {
		lines.WriteString(b + " " + k.public())
	}
	name := filepath.Join(k.t.TempDir(), "allowed_signers")
	write(k.t, name, lines.String())
	return name
}

// commit makes a signed commit by git.
func (k key) commit(work, message string, args ...string) policy.ObjectID {
	k.t.Helper()
	git(k.t, work, append([]string{"-c", "gpg.format=ssh", "-c", "user.signingkey=" + k.file,
		"commit", "-q", "-S", "--allow-empty", "-m", message}, args...)...)
	return policy.ObjectID(git(k.t, work, "rev-parse", "HEAD"))
}

// sign signs by ssh-keygen.
func (k key) sign(payload, namespace string, args ...string) string {
	k.t.Helper()
	return k.run(payload, append([]string{"-Y", "sign", "-q", "-n", namespace, "-f", k.file}, args...)...)
}

// header makes a signature header of a signature.
func header(name, signature string) string {
	return name + " " + strings.ReplaceAll(strings.TrimSuffix(signature, "\n"), "\n", "\n ") + "\n"
}

// withHeader puts a header in front of the message.
func withHeader(raw, header string) string {
	return strings.Replace(raw, "\n\n", "\n"+header+"\n", 1)
}

func rawOf(t testing.TB, work string, id policy.ObjectID) string {
	t.Helper()
	raw, err := exec.Command("git", "-C", work, "cat-file", "commit", string(id)).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// asked is an entry of allowed signers that only ssh-keygen understands.
const asked = `ana@x namespaces="git"`

// judge gives the reason against one raw commit.
func judge(t testing.TB, raw, signers, header string) Reason {
	t.Helper()
	s, err := openSigners(t.Context(), signers)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	reason, err := s.commit([]byte(raw), header)
	if err != nil {
		t.Fatal(err)
	}
	return reason
}

// Real commits by git, with each kind of key, and some among them unsigned.
func TestUnsigned(t *testing.T) {
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		t.Run(kind, func(t *testing.T) {
			known, stranger := newKey(t, kind), newKey(t, kind)
			each := eachFormat
			if kind != "ed25519" {
				each = func(t *testing.T, test func(t *testing.T, bare, work string, pack func())) {
					bare, work := newRepository(t)
					test(t, bare, work, func() {})
				}
			}
			each(t, func(t *testing.T, bare, work string, pack func()) {
				first := known.commit(work, "one")
				known.commit(work, "two")
				bad := commit(t, work, "three")
				evil := stranger.commit(work, "four")
				git(t, work, "checkout", "-q", "-b", "side", string(first))
				known.commit(work, "side")
				git(t, work, "merge", "-q", "--no-ff", "-m", "merge", "main")
				merge := policy.ObjectID(git(t, work, "rev-parse", "HEAD"))
				tip := known.commit(work, "tip\n\ngpgsig in the message")
				git(t, work, "push", "-q", bare, string(tip)+":refs/heads/main")
				pack()
				r := open(t, bare)
				got, err := r.Unsigned(t.Context(), tip, zero(r), known.allow("ana@x,bo@y"))
				reasons := make(map[policy.ObjectID]Reason)
				for _, u := range got {
					reasons[u.Commit] = Reason(u.Reason)
				}
				want := map[policy.ObjectID]Reason{bad: NoSignature, evil: UnknownKey, merge: NoSignature}
				if err != nil || len(got) != 3 || !reflect.DeepEqual(reasons, want) {
					t.Errorf("got %v, %v, want %v", got, err, want)
				}
				if got, err := r.Unsigned(t.Context(), first, zero(r), known.allow("ana@x")); err != nil || got != nil {
					t.Errorf("all signed: %v, %v", got, err)
				}
			})
		})
	}
}

// The list may say much: only what it says of this key, now and for git counts.
func TestAllowedSigners(t *testing.T) {
	k := newKey(t, "ed25519")
	_, work := newRepository(t)
	raw := rawOf(t, work, k.commit(work, "one", "--date=2019-06-01T00:00:00"))
	day := func(years int) string { return time.Now().AddDate(years, 0, 0).Format("20060102") }
	tests := map[string]Reason{
		`ana@x`:                              "",
		`*`:                                  "",
		`"ana smith,bo"`:                     "",
		`ana namespaces="git"`:               "",
		`ana namespaces="file,git"`:          "",
		`ana namespaces="file"`:              BadSignature,
		`ana cert-authority`:                 UnknownKey,
		`ana no-such-option`:                 UnknownKey,
		`ana valid-before="` + day(1) + `"`:  "",
		`ana valid-before="` + day(-1) + `"`: UnknownKey,
		`ana valid-before="20190701"`:        UnknownKey, // though the commit says 2019-06
		`ana valid-after="` + day(1) + `"`:   UnknownKey,
		`ana valid-after="` + day(-1) + `"`:  "", // though the commit says 2019
		"# a comment\nana valid-before=\"20190701\" " + k.public() + "bo": "", // a second line
		"not a line\nana": "",
	}
	for before, want := range tests {
		if got := judge(t, raw, k.allow(before), "gpgsig"); got != want {
			t.Errorf("%s: %q, want %q", before, got, want)
		}
	}
	if got := judge(t, raw, k.allow(), "gpgsig"); got != UnknownKey {
		t.Errorf("an empty list: %q", got)
	}
}

// A certificate counts by its authority.
func TestCertificate(t *testing.T) {
	ca, k := newKey(t, "ed25519"), newKey(t, "ed25519")
	k.run("", "-q", "-s", ca.file, "-I", "id", "-n", "ana", "-V", "-1d:+1d", k.file+".pub")
	payload := "tree x\n\nmessage\n"
	signature := k.run(payload, "-Y", "sign", "-q", "-n", "git", "-f", k.file+"-cert.pub")
	raw := withHeader(payload, header("gpgsig", signature))
	for list, want := range map[string]Reason{
		ca.allow("ana cert-authority"): "", ca.allow("ana"): UnknownKey, ca.allow("bo cert-authority"): UnknownKey,
	} {
		if got := judge(t, raw, list, "gpgsig"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Each forgery fails, and the same text without it passes.
func TestForgedSignature(t *testing.T) {
	k, stranger := newKey(t, "ed25519"), newKey(t, "ed25519")
	signers := k.allow("ana@x")
	payload := "tree x\nauthor a\ncommitter a\n\nmessage\n"
	good := k.sign(payload, "git")
	sound := withHeader(payload, header("gpgsig", good))
	other := withHeader(strings.Replace(payload, "message", "another", 1), header("gpgsig", good))
	pgp := "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
	tests := []struct {
		name, raw string
		want      Reason
	}{
		{"sound", sound, ""},
		{"sha256 hash", withHeader(payload, header("gpgsig", k.sign(payload, "git", "-Ohashalg=sha256"))), ""},
		{"at the top", header("gpgsig", good) + payload, ""},
		{"longer lines", withHeader(payload, header("gpgsig", rewrap(good, 76))), ""},
		{"none", payload, NoSignature},
		{"moved to another commit", other, BadSignature},
		{"in the message", payload + header("gpgsig", good), NoSignature},
		{"wrong namespace", withHeader(payload, header("gpgsig", k.sign(payload, "file"))), WrongNamespace},
		{"unknown key", withHeader(payload, header("gpgsig", stranger.sign(payload, "git"))), UnknownKey},
		{"known key's name on a stranger's", withHeader(payload, header("gpgsig", swapKey(t, stranger.sign(payload, "git"), good))), BadSignature},
		{"two", withHeader(sound, header("gpgsig", good)), ManySignatures},
		{"two, the second a stranger's", withHeader(sound, header("gpgsig", stranger.sign(payload, "git"))), ManySignatures},
		{"also for sha256", withHeader(sound, header("gpgsig-sha256", good)), ManySignatures},
		{"also an unknown one", withHeader(sound, "gpgsigx y\n"), ManySignatures},
		{"only for sha256", withHeader(payload, header("gpgsig-sha256", good)), OtherSignature},
		{"no value", withHeader(payload, "gpgsig\n"), OtherSignature},
		{"empty value", withHeader(payload, "gpgsig \n"), OtherSignature},
		{"PGP", withHeader(payload, header("gpgsig", pgp)), OtherSignature},
		{"PGP before", withHeader(payload, header("gpgsig", pgp+good)), OtherSignature},
		{"PGP behind", withHeader(payload, header("gpgsig", good+pgp)), Malformed},
		{"twice in one", withHeader(payload, header("gpgsig", good+good)), Malformed},
		{"text within", withHeader(payload, header("gpgsig", strings.Replace(good, "\n", "\nKey: value\n", 1))), Malformed},
		{"CRLF in the signature", withHeader(payload, header("gpgsig", strings.ReplaceAll(good, "\n", "\r\n"))), OtherSignature},
		{"CRLF inside", withHeader(payload, header("gpgsig", strings.Replace(good, "=\n", "=\r\n", 1))), Malformed},
		{"CRLF in the message", strings.Replace(sound, "message\n", "message\r\n", 1), BadSignature},
		{"CRLF in a header", strings.Replace(sound, "author a\n", "author a\r\n", 1), BadSignature},
		{"CRLF for the empty line", strings.Replace(sound, "\n\n", "\n\r\n", 1), Malformed},
		{"a space for the empty line", strings.Replace(sound, "\n\n", "\n \n", 1), Malformed},
		{"a header more", withHeader(sound, "x y\n"), BadSignature},
		{"a byte more", sound + "\n", BadSignature},
		{"a NUL byte more", sound + "\x00", BadSignature},
		{"a byte less", sound[:len(sound)-1], BadSignature},
		{"no end of headers", strings.TrimSuffix(sound[:strings.Index(sound, "\n\n")], "\n"), Malformed},
		{"no end of lines", "gpgsig", Malformed},
		{"nothing", "", Malformed},
		{"empty armour", withHeader(payload, header("gpgsig", armourBegin+armourEnd)), Malformed},
		{"no SSHSIG", withHeader(payload, header("gpgsig", armourBegin+"AAAA\n"+armourEnd)), Malformed},
		{"large", withHeader(payload, header("gpgsig", armourBegin+strings.Repeat("AAAA\n", maxSignature/5)+armourEnd)), Malformed},
	}
	for _, list := range []string{signers, k.allow(asked)} {
		for _, tt := range tests {
			if got := judge(t, tt.raw, list, "gpgsig"); got != tt.want {
				t.Errorf("%s: %q, want %q\n%s", tt.name, got, tt.want, tt.raw)
			}
		}
	}
	if got := judge(t, withHeader(payload, header("gpgsig-sha256", good)), signers, "gpgsig-sha256"); got != "" {
		t.Errorf("the header of a SHA-256 repository: %q", got)
	}
}

// rewrap ends the lines of an armoured signature elsewhere.
func rewrap(armoured string, width int) string {
	text := strings.TrimSuffix(strings.TrimPrefix(armoured, armourBegin), armourEnd)
	text = strings.ReplaceAll(text, "\n", "")
	var b strings.Builder
	for len(text) > 0 {
		n := min(width, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return armourBegin + b.String() + armourEnd
}

// swapKey puts the key of one signature into another.
func swapKey(t *testing.T, signature, from string) string {
	t.Helper()
	a, reason := parseSSHSignature([]byte(signature))
	b, other := parseSSHSignature([]byte(from))
	if reason != "" || other != "" || len(a.key) != len(b.key) {
		t.Fatal(reason, other)
	}
	a.blob = []byte(strings.Replace(string(a.blob), a.key, b.key, 1))
	return string(a.armour())
}

// Each byte of a signed commit, changed: no change of what is signed passes,
// neither by ssh-keygen nor natively, and none is a fault.
func TestMangledSignature(t *testing.T) {
	for _, kind := range []string{"ed25519", "ecdsa"} {
		k := newKey(t, kind)
		_, work := newRepository(t)
		sound := rawOf(t, work, k.commit(work, "one"))
		payload, armoured, _ := splitCommit([]byte(sound), "gpgsig")
		sig, reason := parseSSHSignature(armoured)
		s, err := openSigners(t.Context(), k.allow(asked))
		if err != nil || reason != "" {
			t.Fatal(err, reason)
		}
		defer s.close()
		if reason, err := s.commit([]byte(sound), "gpgsig"); reason != "" || err != nil {
			t.Fatal(reason, err)
		}
		passed := 0
		for i := range len(sound) {
			raw := []byte(sound)
			raw[i] ^= byte(1 + i%7)
			reason, err := s.commit(raw, "gpgsig")
			if err != nil {
				t.Errorf("%s, byte %d: %v", kind, i, err)
			}
			if reason != "" {
				continue
			}
			passed++
			p, a, _ := splitCommit(raw, "gpgsig")
			if got, _ := parseSSHSignature(a); string(p) != string(payload) || string(got.blob) != string(sig.blob) {
				t.Errorf("%s, byte %d: passed\n%s", kind, i, raw)
			}
		}
		if passed != 0 {
			t.Logf("%s: %d changes that change nothing", kind, passed)
		}
	}
}

// The second signature of a key is checked natively: it must find what
// ssh-keygen finds.
func TestNativeAgrees(t *testing.T) {
	k, stranger := newKey(t, "ed25519"), newKey(t, "ed25519")
	one, two := []byte("one"), []byte("two")
	for _, args := range [][]string{nil, {"-Ohashalg=sha256"}} {
		sig, reason := parseSSHSignature([]byte(k.sign("one", "git", args...)))
		if reason != "" || !sig.verifiesNatively(one) || sig.verifiesNatively(two) {
			t.Errorf("%v: %q", args, reason)
		}
		for name, change := range map[string]func(s *sshSignature){
			"namespace": func(s *sshSignature) { s.namespace = "file" },
			"reserved":  func(s *sshSignature) { s.reserved = "x" },
			"hash":      func(s *sshSignature) { s.hash = "sha1" },
			"key":       func(s *sshSignature) { s.key = s.key[:len(s.key)-1] },
			"no key":    func(s *sshSignature) { s.key = "" },
			"signature": func(s *sshSignature) { s.signature = s.signature[:len(s.signature)-1] + "x" },
			"more":      func(s *sshSignature) { s.signature += "x" },
			"other": func(s *sshSignature) {
				o, _ := parseSSHSignature([]byte(stranger.sign("one", "git")))
				s.key = o.key
			},
		} {
			forged := sig
			change(&forged)
			if forged.verifiesNatively(one) {
				t.Errorf("%s: passed", name)
			}
		}
	}
}

// A key that is allowed natively is one that ssh-keygen allows.
func TestPlainKeys(t *testing.T) {
	k := newKey(t, "ed25519")
	sig, _ := parseSSHSignature([]byte(k.sign("one", "git")))
	public := strings.TrimSpace(k.public())
	for line, plain := range map[string]bool{
		"ana " + public:                  true,
		"ana@x.org " + public + " a b c": true,
		"# x\n\nana " + public + "\nx":   true,
		"ana  " + public:                 false,
		" ana " + public:                 false,
		"\tana " + public:                false,
		"ana " + public + "\r":           false,
		"ana " + public + "=":            false,
		"ana " + public[:len(public)-4]:  false,
		"ana,bo " + public:               false,
		"!ana " + public:                 false,
		"* " + public:                    false,
		"#ana " + public:                 false,
		`"ana" ` + public:                false,
		`ana namespaces="git" ` + public: false,
		`ana cert-authority ` + public:   false,
		public:                           false,
		" " + public:                     false,
		"ana ssh-rsa" + strings.TrimPrefix(public, "ssh-ed25519"): false,
		"": false,
	} {
		if got := plainKeys([]byte(line + "\n"))[sig.key]; got != plain {
			t.Errorf("%q: %v", line, got)
		}
		if !plain {
			continue
		}
		name := filepath.Join(t.TempDir(), "list")
		write(t, name, line+"\n")
		s, err := openSigners(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		s.proven = make(map[string]bool) // so that ssh-keygen is asked
		if reason, err := s.verify([]byte("one"), sig); reason != "" || err != nil {
			t.Errorf("%q: ssh-keygen says %q, %v", line, reason, err)
		}
		s.close()
	}
}

// At most MaxListed are named.
func TestUnsignedMany(t *testing.T) {
	bare, work := newRepository(t)
	for range MaxListed + 3 {
		commit(t, work, "none")
	}
	git(t, work, "push", "-q", bare, "main")
	r := open(t, bare)
	tip := policy.ObjectID(git(t, work, "rev-parse", "HEAD"))
	got, err := r.Unsigned(t.Context(), tip, zero(r), newKey(t, "ed25519").allow("ana@x"))
	if err != nil || len(got) != MaxListed {
		t.Errorf("%d, %v", len(got), err)
	}
}

// A list or a program that cannot be trusted or found is a fault.
func TestUnsignedFaults(t *testing.T) {
	bare, work := newRepository(t)
	k := newKey(t, "ed25519")
	id := k.commit(work, "one")
	git(t, work, "push", "-q", bare, "main")
	r := open(t, bare)
	good := k.allow(asked)
	check := func(name, path string) {
		t.Helper()
		if got, err := r.Unsigned(t.Context(), id, zero(r), path); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, mode := range []os.FileMode{0o664, 0o646, 0o666} {
		list := k.allow("ana@x")
		if err := os.Chmod(list, mode); err != nil {
			t.Fatal(err)
		}
		check(mode.String(), list)
	}
	large := filepath.Join(t.TempDir(), "large")
	write(t, large, strings.Repeat("#", maxSignersBytes+1))
	check("missing", good+".absent")
	check("large", large)
	check("folder", filepath.Dir(good))
	check("device", "/dev/null")
	check("empty path", "")
	t.Chdir(filepath.Dir(good))
	check("relative", filepath.Base(good))
	if got, err := r.Unsigned(t.Context(), id, zero(r), good); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	fakePrograms(t, check, good)
}

// fakePrograms puts an ssh-keygen into PATH that is missing, too old or broken.
func fakePrograms(t *testing.T, check func(name, path string), good string) {
	t.Helper()
	folder := t.TempDir()
	gitPath, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(gitPath, folder+"/git"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
	check("no ssh-keygen", good)
	for _, script := range []string{
		"echo usage >&2; exit 1", "exit 255", "echo 'No user exists for uid 7' >&2; exit 255", "kill -9 $$",
		"echo 'Unable to open allowed keys file' >&2; echo 'No principal matched.' >&2; exit 255",
		"echo 'No principal matched.'; exit 1", "test $2 = verify && exit 1; echo ana",
	} {
		write(t, folder+"/ssh-keygen", "#!/bin/sh\n"+script+"\n")
		if err := os.Chmod(folder+"/ssh-keygen", 0o755); err != nil {
			t.Fatal(err)
		}
		check(script, good)
	}
}

// What a push brings lies in the quarantine; the pusher's configuration of
// signatures does not matter.
func TestUnsignedInPush(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		bare, work := newRepository(t, "--object-format="+format)
		k := newKey(t, "ed25519")
		signers := k.allow("ana@x")
		for _, v := range []string{"gpg.ssh.program=/bin/true", "gpg.program=/bin/true", "gpg.ssh.allowedSignersFile=/dev/null", "log.showSignature=true"} {
			name, value, _ := strings.Cut(v, "=")
			git(t, bare, "config", name, value)
		}
		k.commit(work, "T-1 one")
		got := pushHistory(t, bare, work, signers, "main")
		if got.Error != "" || len(got.Brought) != 1 || got.Unsigned != nil || got.Missing != nil {
			t.Errorf("signed: %+v", got)
		}
		for i := range 150 { // arrives as a pack
			write(t, fmt.Sprintf("%s/f%d", work, i), fmt.Sprint(i))
		}
		git(t, work, "add", ".")
		k.commit(work, "T-2 signed")
		bad := commit(t, work, "unsigned")
		got = pushHistory(t, bare, work, signers, "main")
		if got.Error != "" || len(got.Brought) != 2 || !got.FastForward || !reflect.DeepEqual(got.Unsigned, []policy.UnsignedCommit{{Commit: bad, Reason: string(NoSignature)}}) ||
			!reflect.DeepEqual(got.Missing, []policy.ObjectID{bad}) {
			t.Errorf("unsigned: %+v", got)
		}
	}
}

// Nothing stays behind in the temporary folder.
func TestSignersCleanUp(t *testing.T) {
	bare, work := newRepository(t)
	k := newKey(t, "ed25519")
	id := k.commit(work, "one")
	git(t, work, "push", "-q", bare, "main")
	r, signers := open(t, bare), k.allow(asked)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if got, err := r.Unsigned(t.Context(), id, zero(r), signers); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	t.Setenv("TMPDIR", ".")
	if got, err := r.Unsigned(t.Context(), id, zero(r), signers); err == nil {
		t.Errorf("%v", got)
	}
}
