package tlog

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is read is written back as it was, so that no two files say the
// same.
func FuzzProof(f *testing.F) {
	l := newLog(f, 9)
	f.Add(l.proof(9, 3).Format())
	f.Add(l.proof(1, 0).Format())
	f.Add(l.update(3, 9).Format())
	f.Add(l.update(0, 9).Format())
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseProof(b); err == nil {
			if !bytes.Equal(p.Format(), b) {
				t.Fatalf("%q\n%q", b, p.Format())
			}
			if c, _, err := p.Check(l.verifier); err == nil && c.Tree != l.trees[c.N] {
				t.Fatalf("%q holds", b)
			}
		}
		if u, err := ParseUpdate(b); err == nil {
			if !bytes.Equal(u.Format(), b) {
				t.Fatalf("%q\n%q", b, u.Format())
			}
			_, _, _ = u.Check(l.trees[3], l.verifier)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	l := newLog(f, 9)
	f.Add(l.checkpoint(9))
	f.Add(append(l.checkpoint(1), l.checkpoint(2)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Peek(b)
		if err == nil && !bytes.HasPrefix(b, []byte(c.Text()+"\n")) {
			t.Fatalf("%q is read as %q", b, c.Text())
		}
		if opened, _, err := Open(b, l.verifier); err == nil && (opened.N > 9 || opened.Tree != l.trees[opened.N]) {
			t.Fatalf("%q is signed", b)
		}
		if got := bytes.Join(Split(b), nil); len(got) > len(b) {
			t.Fatalf("%q", got)
		}
	})
}

func FuzzVerifierKey(f *testing.F) {
	l := newLog(f, 1)
	f.Add(l.public)
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := NewVerifier(s); err == nil && (v.Name() == "" || strings.ContainsAny(v.Name(), " +\n")) {
			t.Fatalf("%q has the name %q", s, v.Name())
		}
	})
}

// script is the check of a proof in the package comment.
func script(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(file.Doc.Text(), "file and key the verifier key:\n\n")
	body, _, end := strings.Cut(rest, "\n\n(It is the algorithm")
	if !ok || !end {
		t.Fatal("the package comment has no script")
	}
	var lines []string
	for line := range strings.Lines(body) {
		lines = append(lines, strings.TrimPrefix(line, "\t"))
	}
	return strings.Join(lines, "")
}

// The script in the package comment takes the proofs that we take, and no
// others. It needs tools that are not Go.
func TestShellCheck(t *testing.T) {
	for _, tool := range []string{"openssl", "xxd", "base64", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("PATHGATE_TEST_ALL") != "" {
				t.Fatalf("the machine has no %s", tool)
			}
			t.Skipf("the machine has no %s", tool)
		}
	}
	l, text, dir := newLog(t, 11), script(t), t.TempDir()
	check := func(b []byte, key string) (string, error) {
		file := filepath.Join(dir, "proof")
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-c", text)
		cmd.Env = append(os.Environ(), "proof="+file, "key="+key)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, at := range [][2]int{{1, 0}, {2, 1}, {11, 0}, {11, 6}, {11, 7}, {11, 8}, {11, 10}, {7, 6}, {8, 3}} {
		out, err := check(l.proof(at[0], at[1]).Format(), l.public)
		if err != nil || out != l.lines[at[1]] {
			t.Errorf("%v: %v\n%s", at, err, out)
		}
	}
	p := l.proof(11, 6)
	p.Line = []byte(`{"seq":8}`)
	for name, b := range map[string][]byte{
		"another line":  p.Format(),
		"another root":  bytes.Replace(l.proof(11, 6).Format(), []byte("\n11\n"), []byte("\n10\n"), 1),
		"fewer hashes":  func() []byte { p := l.proof(11, 6); p.Hashes = p.Hashes[1:]; return p.Format() }(),
		"more hashes":   func() []byte { p := l.proof(11, 6); p.Hashes = append(p.Hashes, p.Hashes[0]); return p.Format() }(),
		"another index": func() []byte { p := l.proof(11, 6); p.Index = 7; return p.Format() }(),
	} {
		if out, err := check(b, l.public); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
	if out, err := check(l.proof(11, 6).Format(), newLog(t, 1).public); err == nil {
		t.Errorf("another key: %s", out)
	}
}
