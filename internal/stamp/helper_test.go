package stamp

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
	"github.com/pathgate/pathgate/policy"
)

const (
	origin  = "8a6e0f6fb3c1c7bb2a9f4e8d6c5b4a39"
	commitA = policy.ObjectID("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	commitB = policy.ObjectID("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")
)

// noon is when things happen in these tests.
func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// book is a ledger's lines, with the tree over them.
type book struct {
	t      testing.TB
	lines  [][]byte
	hashes []sumdb.Hash
}

func (b *book) ReadHashes(indexes []int64) (out []sumdb.Hash, err error) {
	for _, i := range indexes {
		out = append(out, b.hashes[i])
	}
	return out, nil
}

// add appends an entry; of what is empty it gets what a deployment of shop's dev
// has.
func (b *book) add(e ledger.Entry) uint64 {
	e.Seq = uint64(len(b.lines)) + 1
	for _, d := range []struct {
		to  *string
		def string
	}{{&e.Service, "shop"}, {&e.Environment, "dev"}, {&e.Repository, "shop/dev.git"}, {&e.Ref, "refs/heads/main"},
		{&e.Commit, string(commitA)}, {&e.Principal, "ana"}} {
		if *d.to == "" {
			*d.to = d.def
		}
	}
	if e.Time.IsZero() {
		e.Time = noon()
	}
	if e.Type == "" {
		e.Type = ledger.TypeDeployed
	}
	line, err := ledger.Encode(&e)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.raw(string(bytes.TrimSuffix(line, []byte("\n"))))
}

func (b *book) raw(line string) uint64 {
	b.lines = append(b.lines, []byte(line))
	more, err := sumdb.StoredHashes(int64(len(b.lines))-1, []byte(line), b)
	if err != nil {
		b.t.Fatal(err)
	}
	b.hashes = append(b.hashes, more...)
	return uint64(len(b.lines))
}

func (b *book) tree() tlog.Tree {
	h, err := sumdb.TreeHash(int64(len(b.lines)), b)
	if err != nil {
		b.t.Fatal(err)
	}
	return tlog.Tree{N: int64(len(b.lines)), Hash: h}
}

// stamp makes an unsigned stamp of a record.
func (b *book) stamp(about About, commit policy.ObjectID, seq uint64) Stamp {
	proof, err := sumdb.ProveRecord(int64(len(b.lines)), int64(seq)-1, b)
	if err != nil {
		b.t.Fatal(err)
	}
	s := Stamp{About: about, Commit: commit, Origin: origin, Tree: b.tree(), Line: b.lines[seq-1], Proof: proof}
	if e, err := ledger.Decode(s.Line); err == nil {
		s.Entry = e
	}
	return s
}

// keygen makes a key with ssh-keygen.
func keygen(t testing.TB, args ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key")
	out, err := exec.Command("ssh-keygen", append([]string{"-q", "-N", "", "-C", "dev-host", "-f", path}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	return path
}

func loadKey(t testing.TB, path string) *Key {
	t.Helper()
	k, err := LoadKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fixture is a signed stamp of a deployment that verifies.
type fixture struct {
	book  *book
	key   *Key
	path  string
	stamp Stamp
	from  *policy.Elsewhere
	want  Want
}

func newFixture(t testing.TB) *fixture {
	f := &fixture{book: &book{t: t}, path: keygen(t, "-t", "ed25519")}
	f.key = loadKey(t, f.path)
	f.book.raw(`{"seq":1,"time":"2026-11-21T11:00:00.000000Z","type":"ledger","ledger":"` + origin + `","version":1}`)
	seq := f.book.add(ledger.Entry{Kind: "deploy", Subject: `say "hi" \o/`, Tree: strings.Repeat("c", 40)})
	f.book.add(ledger.Entry{Commit: string(commitB)})
	f.stamp = f.book.stamp(Deployed, commitA, seq)
	f.sign(t)
	f.from = &policy.Elsewhere{Keys: []policy.StampKey{stampKey(f.key)}, Services: []string{"*"}}
	main, err := policy.ParseRefPattern("refs/heads/main")
	if err != nil {
		t.Fatal(err)
	}
	f.want = Want{Environment: "dev", Service: "shop", Repository: "shop/dev.git", Refs: []policy.RefPattern{main}, Commit: commitA}
	return f
}

func (f *fixture) sign(t testing.TB) {
	t.Helper()
	if err := f.stamp.Sign(f.key); err != nil {
		t.Fatal(err)
	}
}

func stampKey(k *Key) policy.StampKey {
	return policy.StampKey{Key: k.Authorized(), Fingerprint: k.Fingerprint()}
}

// sshSign signs with ssh-keygen in any namespace and hash.
func sshSign(t testing.TB, key, namespace, hash string, message []byte) []byte {
	t.Helper()
	cmd := exec.Command("ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", namespace, "-O", "hashalg="+hash)
	cmd.Stdin = bytes.NewReader(message)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh-keygen -Y sign: %v", err)
	}
	r := &reader{rest: out}
	blob, err := r.armour()
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func write(t testing.TB, name string, b []byte, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(name, b, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	return name
}
