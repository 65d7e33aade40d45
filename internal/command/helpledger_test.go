package command

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

// scripts are the shell checks of the page ledger: the indented blocks.
func scripts(t *testing.T) (chain, proof string) {
	t.Helper()
	var found []string
	var block strings.Builder
	for line := range strings.Lines(helpLedger + "\n") {
		if code, ok := strings.CutPrefix(line, "    "); ok && (block.Len() > 0 || !strings.HasPrefix(code, " ")) {
			block.WriteString(code)
		} else if block.Len() > 0 {
			found = append(found, block.String())
			block.Reset()
		}
	}
	if len(found) != 2 || !strings.Contains(found[0], "jq") || !strings.Contains(found[1], "openssl") {
		t.Fatalf("the page has %d scripts: %q", len(found), found)
	}
	return found[0], found[1]
}

// shell runs a script in a folder with variables.
func shell(script, dir string, env ...string) (string, error) {
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// The checks on the page ledger take a real ledger and its proofs, and nothing
// that was changed. They need tools that are not Go.
func TestHelpLedgerChecks(t *testing.T) {
	for _, tool := range []string{"jq", "openssl", "xxd", "base64", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the machine has no %s", tool)
		}
	}
	chain, proof := scripts(t)
	s := newRailSite(t)
	s.fill(4)
	s.deployed(ledger.Entry{Environment: "dev", Kind: "deploy", Commit: strings.Repeat("ab", 20), Subject: "a \"quote\", a \\ and \u202e"})
	key := strings.TrimSpace(s.says(exitYes, "ledger keygen"))

	journal := filepath.Join(s.dir, "ledger")
	report, err := ledger.Verify(journal, nil)
	mustRail(t, err)
	out, err := shell(chain, journal)
	if err != nil || !strings.Contains(out, "the chain holds: 11 lines, last hash "+report.Hash) {
		t.Errorf("%v: %s", err, out)
	}
	b, err := os.ReadFile(s.journal())
	mustRail(t, err)
	lines := bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	for record, want := range map[string]int{"1": 0, "7": 6, "11": 10} {
		file := s.save("proof", s.says(exitYes, "ledger prove "+record))
		if out, err := shell(proof, s.dir, "proof="+file, "key="+key); err != nil || out != strings.TrimSuffix(string(lines[want]), "\n") {
			t.Errorf("record %s: %v: %s", record, err, out)
		}
		text, err := os.ReadFile(file)
		mustRail(t, err)
		bad := s.save("bad", strings.Replace(string(text), "\n11\n", "\n12\n", 1))
		if out, err := shell(proof, s.dir, "proof="+bad, "key="+key); err == nil {
			t.Errorf("another tree: %s", out)
		}
	}

	edited := t.TempDir()
	b = bytes.Replace(b, []byte("0001"), []byte("0002"), 1)
	mustRail(t, os.WriteFile(filepath.Join(edited, ledger.JournalName), b, 0o600))
	if out, err := shell(chain, edited); err == nil || !strings.Contains(out, "does not follow") {
		t.Errorf("an edited line: %v: %s", err, out)
	}
}

// The page comes after the verb's help, and only where the page is asked for.
func TestHelpLedger(t *testing.T) {
	out, _, _ := run("help", "ledger")
	verb, page, ok := strings.Cut(out, "\n"+helpLedger)
	if !ok || page != "" || !strings.Contains(verb, "verify-proof") {
		t.Errorf("help ledger:\n%s", out)
	}
	for _, args := range [][]string{{"ledger", "--help"}, {"ledger"}} {
		if out, _, status := run(args...); status != exitYes || out != verb {
			t.Errorf("%v: %s", args, out)
		}
	}
}
