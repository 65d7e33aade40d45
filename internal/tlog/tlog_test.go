package tlog

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	sumdb "golang.org/x/mod/sumdb/tlog"
)

const testLedger = "8a6e0f6fb3c1c7bb2a9f4e8d6c5b4a39"

var testTime = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// A testLog is a log with all its hashes.
type testLog struct {
	testing.TB
	stored   []Hash
	trees    []Tree // by size
	lines    []string
	signer   note.Signer
	verifier note.Verifier
	public   string
}

func (l *testLog) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, at := range indexes {
		out[i] = l.stored[at]
	}
	return out, nil
}

func newLog(t testing.TB, lines int) *testLog {
	t.Helper()
	l := &testLog{TB: t}
	front := &Frontier{}
	l.trees = append(l.trees, front.Tree())
	for i := range lines {
		l.lines = append(l.lines, fmt.Sprintf(`{"seq":%d}`, i+1))
		l.stored = append(l.stored, front.Add(LeafHash([]byte(l.lines[i])))...)
		l.trees = append(l.trees, front.Tree())
	}
	secret, public, err := GenerateKey(rand.Reader, Origin(testLedger))
	l.must(err)
	l.public = public
	l.signer, err = NewSigner(secret, nil)
	l.must(err)
	l.verifier, err = NewVerifier(public)
	l.must(err)
	return l
}

func (l *testLog) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *testLog) checkpoint(size int) []byte {
	l.Helper()
	b, err := Sign(&Checkpoint{Origin: Origin(testLedger), Tree: l.trees[size]}, l.signer)
	l.must(err)
	return b
}

func (l *testLog) proof(size, leaf int) *Proof {
	l.Helper()
	p, err := sumdb.ProveRecord(int64(size), int64(leaf), l)
	l.must(err)
	return &Proof{Line: []byte(l.lines[leaf]), Index: int64(leaf), Hashes: p, Checkpoint: l.checkpoint(size)}
}

func (l *testLog) update(old, size int) *Update {
	l.Helper()
	u := &Update{Old: int64(old), Checkpoint: l.checkpoint(size)}
	if old > 0 && old < size {
		p, err := sumdb.ProveTree(int64(size), int64(old), l)
		l.must(err)
		u.Hashes = p
	}
	return u
}

// The frontier says what tlog's own functions say of all that is stored.
func TestFrontier(t *testing.T) {
	l := newLog(t, 300)
	for n, tree := range l.trees {
		want, err := sumdb.TreeHash(int64(n), l)
		if err != nil || tree.Hash != want || tree.N != int64(n) {
			t.Fatalf("%d: %v, want %v %v", n, tree, want, err)
		}
		if got := int64(len(l.stored)); n == 300 && got != sumdb.StoredHashCount(300) {
			t.Fatalf("%d hashes are stored", got)
		}
	}
}

// The roots that RFC 6962's own test data have, as in Certificate Transparency.
func TestKnownRoots(t *testing.T) {
	leaves := []string{"", "\x00", "\x10", "\x20\x21", "\x30\x31", "\x40\x41\x42\x43",
		"\x50\x51\x52\x53\x54\x55\x56\x57", "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"}
	roots := []string{"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}
	f := &Frontier{}
	for i, leaf := range leaves {
		f.Add(LeafHash([]byte(leaf)))
		if h := f.Tree().Hash; fmt.Sprintf("%x", h[:]) != roots[i] {
			t.Errorf("%d leaves: %x", i+1, h[:])
		}
	}
}

func TestProofs(t *testing.T) {
	l := newLog(t, 70)
	for size := 1; size <= 70; size++ {
		for leaf := range size {
			p := l.proof(size, leaf)
			got, err := ParseProof(p.Format())
			if err != nil || !bytes.Equal(got.Format(), p.Format()) {
				t.Fatalf("%d of %d: %v", leaf, size, err)
			}
			c, _, err := got.Check(l.verifier)
			if err != nil || c.Tree != l.trees[size] {
				t.Fatalf("%d of %d: %v", leaf, size, err)
			}
		}
		for old := range size + 1 {
			u := l.update(old, size)
			got, err := ParseUpdate(u.Format())
			if err != nil || !bytes.Equal(got.Format(), u.Format()) {
				t.Fatalf("%d to %d: %v", old, size, err)
			}
			known := l.trees[old]
			if old == 0 {
				known = Tree{}
			}
			if c, _, err := got.Check(known, l.verifier); err != nil || c.Tree != l.trees[size] {
				t.Fatalf("%d to %d: %v", old, size, err)
			}
		}
	}
}

// Each byte of a proof counts, but for signatures of others.
func TestMangledProof(t *testing.T) {
	l := newLog(t, 21)
	for _, b := range [][]byte{l.proof(21, 9).Format(), l.update(13, 21).Format()} {
		for i := range b {
			for _, flip := range []byte{1, 2, 4, 8, 0x20, 0x80} {
				bad := bytes.Clone(b)
				bad[i] ^= flip
				if p, err := ParseProof(bad); err == nil {
					if _, _, err := p.Check(l.verifier); err == nil {
						t.Fatalf("byte %d: %q", i, bad)
					}
				}
				if u, err := ParseUpdate(bad); err == nil {
					if _, _, err := u.Check(l.trees[13], l.verifier); err == nil {
						t.Fatalf("byte %d: %q", i, bad)
					}
				}
			}
		}
	}
}

func TestForkedAndCut(t *testing.T) {
	l, other := newLog(t, 30), newLog(t, 30)
	other.signer, other.verifier = l.signer, l.verifier // the key is stolen
	other.lines[4] = "edited"
	front := &Frontier{}
	other.stored, other.trees = nil, []Tree{front.Tree()}
	for _, line := range other.lines {
		other.stored = append(other.stored, front.Add(LeafHash([]byte(line)))...)
		other.trees = append(other.trees, front.Tree())
	}
	for name, u := range map[string]*Update{
		"a fork":                       other.update(20, 30),
		"a fork of the same size":      other.update(20, 20),
		"cut":                          {Old: 20, Checkpoint: l.checkpoint(19)},
		"proof of another size":        l.update(19, 30),
		"as a first one":               l.update(0, 30),
		"no proof":                     {Old: 20, Checkpoint: l.checkpoint(30)},
		"a proof of nothing":           {Old: 20, Hashes: l.update(10, 20).Hashes, Checkpoint: l.checkpoint(20)},
		"a fork that grafts our proof": {Old: 20, Hashes: l.update(20, 30).Hashes, Checkpoint: other.checkpoint(30)},
	} {
		if _, _, err := u.Check(l.trees[20], l.verifier); !errors.Is(err, ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := l.update(20, 30).Check(l.trees[20], newLog(t, 1).verifier); !errors.Is(err, ErrUnsigned) {
		t.Errorf("another key of the same name: %v", err)
	}
}

func TestCheckpoint(t *testing.T) {
	l := newLog(t, 5)
	secret, public, err := GenerateWitnessKey(rand.Reader, "witness.example")
	l.must(err)
	w, err := NewSigner(secret, func() time.Time { return testTime })
	l.must(err)
	wv, err := NewVerifier(public)
	l.must(err)
	signed, err := Cosign(l.checkpoint(5), w)
	l.must(err)
	c, good, err := Open(signed, l.verifier, wv)
	if err != nil || c.Tree != l.trees[5] || c.Origin != Origin(testLedger) || len(good) != 1 || good[0] != (Signature{"witness.example", testTime}) {
		t.Fatalf("%+v %v %v", c, good, err)
	}
	// A witness's signature by itself says nothing of the log's.
	text, sigs, _ := strings.Cut(string(signed), "\n\n")
	lines := strings.SplitAfter(sigs, "\n")
	if _, _, err := Open([]byte(text+"\n\n"+lines[1]), l.verifier, wv); !errors.Is(err, ErrUnsigned) {
		t.Errorf("signed by the witness alone: %v", err)
	}
	if _, good, err := Open([]byte(text+"\n\n"+lines[0]), l.verifier, wv); err != nil || len(good) != 0 {
		t.Errorf("signed by the log alone: %v %v", good, err)
	}
	if _, err := NewSigner(secret, nil); err == nil {
		t.Error("a witness without a clock")
	}
	// What a witness signs is what the specification says.
	if got := string(cosigned([]byte("a\n1\nb\n"), 1679315147)); got != "cosignature/v1\ntime 1679315147\na\n1\nb\n" {
		t.Errorf("%q", got)
	}
	// The same bytes verify with sumdb's own verifier.
	sv, err := note.NewVerifier(l.public)
	l.must(err)
	if n, err := note.Open(signed, note.VerifierList(sv)); err != nil || len(n.UnverifiedSigs) != 1 {
		t.Errorf("sumdb: %v", err)
	}
	if each := Split(append(append(bytes.Clone(signed), '\n'), l.checkpoint(3)...)); len(each) != 2 ||
		!bytes.Equal(each[0], signed) || !bytes.Equal(each[1], l.checkpoint(3)) {
		t.Errorf("split: %q", each)
	}
	log, witnesses, err := Choose(signed, []note.Verifier{wv, l.verifier})
	if err != nil || log != l.verifier || len(witnesses) != 1 {
		t.Errorf("choose: %v", err)
	}
	if _, _, err := Choose(signed, []note.Verifier{wv}); !errors.Is(err, ErrUnsigned) {
		t.Errorf("choose without the log's: %v", err)
	}
	// A key of another ledger does not speak for this one.
	_, public, err = GenerateKey(rand.Reader, Origin(strings.Repeat("0", 32)))
	l.must(err)
	v, err := NewVerifier(public)
	l.must(err)
	if _, _, err := Open(signed, v); !errors.Is(err, ErrUnsigned) {
		t.Errorf("another ledger's key: %v", err)
	}
}

// A log signs what its key is not named for: the key does not speak for that.
func TestForeignOrigin(t *testing.T) {
	l := newLog(t, 3)
	signed, err := Sign(&Checkpoint{Origin: Origin(strings.Repeat("1", 32)), Tree: l.trees[3]}, l.signer)
	l.must(err)
	if _, _, err := Open(signed, l.verifier); !errors.Is(err, ErrUnsigned) {
		t.Error(err)
	}
}

func TestMalformedCheckpoints(t *testing.T) {
	root := newLog(t, 1).trees[1].Hash.String()
	for _, text := range []string{
		"", "o\n", "o\n1\n", "\n1\n" + root + "\n", "o\n01\n" + root + "\n", "o\n-1\n" + root + "\n", "o\n+1\n" + root + "\n",
		"o\n1\n" + root[:43] + "\n", "o\n1\n" + root + "=\n", "o\n1\n" + strings.Repeat("A", 43) + "=x\n", "o\n0\n" + root + "\n",
		"o\n9223372036854775808\n" + root + "\n", "o\n1\n" + root + "\n\next\n", "o\n1\n" + strings.Replace(root, "=", "A", 1) + "\n",
	} {
		if c, err := parseText(text); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %+v %v", text, c, err)
		}
	}
	c, err := parseText("o\n1\n" + root + "\nmore\n")
	if err != nil || len(c.Extensions) != 1 || c.Text() != "o\n1\n"+root+"\nmore\n" {
		t.Errorf("%+v %v", c, err)
	}
	if _, err := Peek(bytes.Repeat([]byte("a"), MaxCheckpoint+1)); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	for origin, want := range map[string]bool{Origin(testLedger): true, "pathgate/ledger/": false,
		Origin(strings.ToUpper(testLedger)): false, "x" + Origin(testLedger): false} {
		if _, ok := LedgerOf(origin); ok != want {
			t.Errorf("%s: %v", origin, ok)
		}
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	secret, public, err := GenerateKey(rand.Reader, "name")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := VerifierKey(secret); err != nil || got != public {
		t.Errorf("%q %v", got, err)
	}
	if _, err := note.NewSigner(secret); err != nil {
		t.Errorf("sumdb cannot read it: %v", err)
	}
	file := filepath.Join(dir, "key")
	if err := WriteKey(file, secret); err != nil {
		t.Fatal(err)
	}
	if err := WriteKey(file, secret); !errors.Is(err, os.ErrExist) {
		t.Errorf("written over: %v", err)
	}
	if got, err := ReadKey(file); err != nil || got != secret {
		t.Errorf("%v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o610} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKey(file); err == nil || strings.Contains(err.Error(), secret[20:]) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := Verifiers(file); err == nil || !strings.Contains(err.Error(), "secret key") || strings.Contains(err.Error(), secret[len(secret)-20:]) {
		t.Errorf("a secret as a verifier: %v", err)
	}
	if _, err := ReadKey(dir); err == nil {
		t.Error("a folder is a key")
	}
	_, witness, err := GenerateWitnessKey(rand.Reader, "w")
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "keys")
	if err := os.WriteFile(list, []byte("# ours\n"+public+"\n\n"+witness+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if all, err := Verifiers(list); err != nil || len(all) != 2 || all[0].Name() != "name" || all[1].Name() != "w" {
		t.Errorf("%v %v", all, err)
	}
	for i := range public {
		bad := []byte(public)
		bad[i] ^= 1
		if v, err := NewVerifier(string(bad)); err == nil && v.KeyHash() == mustKey(t, public).KeyHash() && v.Name() == "name" {
			t.Errorf("byte %d of the key does not count: %s", i, bad)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb", "a\u202eb", strings.Repeat("x", 256)} {
		if _, _, err := GenerateKey(rand.Reader, name); err == nil {
			t.Errorf("a key is named %q", name)
		}
	}
}

func mustKey(t *testing.T, key string) note.Verifier {
	t.Helper()
	v, err := NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
