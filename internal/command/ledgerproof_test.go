package command

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
)

func (s *railSite) path(name string) string { return filepath.Join(s.dir, name) }

func (s *railSite) save(name, text string) string {
	s.t.Helper()
	mustRail(s.t, os.WriteFile(s.path(name), []byte(text), 0o644))
	return s.path(name)
}

func (s *railSite) fill(n int) {
	s.t.Helper()
	for i := range n {
		s.deployed(ledger.Entry{Environment: "dev", Kind: "deploy", Commit: fmt.Sprintf("%040x", i+1)})
	}
}

// From the key to a proof that is checked elsewhere.
func TestProof(t *testing.T) {
	s := newRailSite(t)
	s.fill(5)
	s.says(exitFault, "ledger checkpoint", "pathgate ledger keygen makes one")
	key := strings.TrimSpace(s.says(exitYes, "ledger keygen", "pathgate/ledger/"))
	s.says(exitNo, "ledger keygen", "is there already, and a key is never written over")
	info, err := os.Stat(s.path(keyName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info.Mode(), err)
	}
	first := s.save("first", s.says(exitYes, "ledger checkpoint"))
	s.fill(3)
	second := s.save("second", s.says(exitYes, "ledger checkpoint"))

	file := s.save("7.tlog-proof", s.says(exitYes, "ledger prove 7"))
	old := s.save("7.old", s.says(exitYes, "ledger prove 7 --checkpoint "+first))
	s.says(exitNo, "ledger prove 99", "there is no record 99: the last is 17")
	s.says(exitNo, "ledger prove 12 --checkpoint "+first, "there is no record 12: the last is 11")
	s.says(exitUsage, "ledger prove x", "number of a record")
	s.says(exitUsage, "ledger prove 7 --key k --checkpoint c", "exclude")

	// On another machine there is neither policy nor ledger.
	there := &railSite{t: t, dir: t.TempDir(), policy: "/none"}
	there.says(exitYes, "ledger verify-proof "+file+" --key "+key, "the proof holds: record 7,", "17 records", `line     {"seq":7,`)
	there.says(exitYes, "ledger verify-proof "+old+" --key "+key, "11 records")
	there.says(exitUsage, "ledger verify-proof "+file, "name the ledger's verifier key")
	there.says(exitFault, "ledger verify-proof "+there.path("none")+" --key "+key, "no such file")
	there.says(exitFault, "ledger verify-proof "+file+" --key "+s.path(keyName), "secret key")
	b, err := os.ReadFile(file)
	mustRail(t, err)
	bad := there.save("bad", strings.Replace(string(b), "index 6", "index 5", 1))
	there.says(exitNo, "ledger verify-proof "+bad+" --key "+key, "does not hold")
	_, other, err := tlog.GenerateKey(rand.Reader, strings.SplitN(key, "+", 2)[0])
	mustRail(t, err)
	there.says(exitNo, "ledger verify-proof "+file+" --key "+other, "not signed by the key")

	// A witness is told how it goes on.
	u, err := tlog.ParseUpdate([]byte(s.says(exitYes, "ledger checkpoint --old 11")))
	mustRail(t, err)
	v, err := tlog.NewVerifier(key)
	mustRail(t, err)
	signed, err := os.ReadFile(first)
	mustRail(t, err)
	c, _, err := tlog.Open(signed, v)
	mustRail(t, err)
	if now, _, err := u.Check(c.Tree, v); err != nil || now.N != 17 {
		t.Errorf("%+v %v", now, err)
	}
	s.says(exitNo, "ledger checkpoint --old 18", "there never were 18 records, as far as this ledger knows, which has 17")

	// What is held outside holds, with and without a key, also with a witness.
	secret, witness, err := tlog.GenerateWitnessKey(rand.Reader, "witness.example")
	mustRail(t, err)
	signer, err := tlog.NewSigner(secret, time.Now)
	mustRail(t, err)
	signed, err = tlog.Cosign(signed, signer)
	mustRail(t, err)
	both := s.save("both", string(signed)+s.says(exitYes, "ledger checkpoint"))
	keys := s.save("keys", "# ours\n"+key+"\n"+witness+"\n")
	s.says(exitYes, "ledger verify --checkpoint "+both+" --checkpoint "+second+" --key "+keys, "goes on from 3 checkpoints, signatures good", "tree     17 records, root ")
	s.says(exitYes, "ledger verify --checkpoint "+first, "signatures not checked")
	s.says(exitYes, "ledger verify", "no checkpoint was given")
	s.says(exitUsage, "ledger verify --key "+key, "name some with --checkpoint")
	s.says(exitNo, "ledger verify --checkpoint "+first+" --key "+other, "not signed by the key")
	s.says(exitNo, "ledger verify --checkpoint "+keys, "malformed")
	proven := there.save("cosigned", s.says(exitYes, "ledger prove 3 --checkpoint "+s.save("cosigned", string(signed))))
	there.says(exitYes, "ledger verify-proof "+proven+" --key "+keys, "witness  witness.example, ")
}

// Whoever has the server and the key cannot undo what is held outside.
func TestHeldOutside(t *testing.T) {
	s := newRailSite(t)
	s.fill(4)
	key := strings.TrimSpace(s.says(exitYes, "ledger keygen"))
	held := s.save("held", s.says(exitYes, "ledger checkpoint"))
	verify := "ledger verify --checkpoint " + held + " --key " + key
	journal := filepath.Join(s.dir, "ledger", ledger.JournalName)
	sound, err := os.ReadFile(journal)
	mustRail(t, err)
	lines := strings.SplitAfter(string(sound), "\n")
	set := func(text string) {
		mustRail(t, os.WriteFile(journal, []byte(text), 0o640))
		mustRail(t, os.RemoveAll(filepath.Join(s.dir, "ledger", ledger.IndexName)))
	}
	set(strings.Join(lines[:5], "")) // an old backup
	s.says(exitYes, "ledger verify", "the ledger holds: 5 records")
	s.says(exitNo, verify, "does not hold: line 6: the checkpoint in "+held+" has 9 lines", "before that, 5 records hold")
	s.fill(2) // and it goes on: a history anew, signed with the right key
	s.says(exitYes, "ledger checkpoint", "\n9\n")
	s.says(exitNo, verify, "the first 9 lines are not those of the checkpoint", "written anew")
	s.says(exitNo, "ledger prove 3 --checkpoint "+held, "nothing was signed")
	out := s.says(exitNo, verify+" --format json")
	var report struct {
		OK       bool
		Findings []struct{ Line uint64 }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.OK || report.Findings[0].Line != 1 {
		t.Errorf("%s %v", out, err)
	}
	set(strings.Replace(strings.Join(lines, ""), lines[2], strings.Replace(lines[2], `"principal":"ana"`, `"principal":"eve"`, 1), 1))
	s.says(exitNo, "ledger verify", "does not hold: line 3 or 4: the prev of line 4 is not the SHA-256 of the line before", "before that, 2 records hold")
	// A line edited under an index that is content: it is not signed.
	set(string(sound))
	s.says(exitYes, "ledger checkpoint", "\n9\n")
	mustRail(t, os.WriteFile(journal, []byte(strings.Replace(string(sound), `"kind":"deploy"`, `"kind":"reploy"`, 1)), 0o640))
	s.says(exitNo, "ledger checkpoint", "nothing was signed")
	mustRail(t, os.WriteFile(journal, sound, 0o640))
	// A key that others may read, and one of another ledger, sign nothing.
	mustRail(t, os.Chmod(s.path(keyName), 0o640))
	s.says(exitFault, "ledger checkpoint", "chmod 600")
	secret, _, err := tlog.GenerateKey(rand.Reader, tlog.Origin(strings.Repeat("0", 32)))
	mustRail(t, err)
	mustRail(t, tlog.WriteKey(s.path("other.key"), secret))
	s.says(exitFault, "ledger checkpoint --key "+s.path("other.key"), "is of pathgate/ledger/0000")
}

// Policies on record are shown by what changed.
func TestLogPolicies(t *testing.T) {
	s := newRailSite(t)
	for i, file := range []string{"version = 1\n\t# \x1b[31m tab\nserial = 1\n", "version = 1\n\t# \x1b[31m tab\nserial = 2\n"} {
		for _, e := range ledger.PolicyEntries([]byte(file), uint64(i)+1) {
			s.append(e)
		}
	}
	out := s.says(exitYes, "log --type policy", "+serial = 1\n", "record 3  ", "serial 2  sha256 ", "--- record 2\n+++ record 3\n", "-serial = 1\n+serial = 2\n")
	if strings.Contains(out, "\x1b") || !strings.Contains(out, "+\t# \\x1b[31m tab") {
		t.Errorf("%q", out)
	}
	if out := s.says(exitYes, "log --type policy --since 3", "-serial = 1\n+serial = 2\n"); strings.Contains(out, "+++ record 2\n") {
		t.Error(out)
	}
	s.says(exitYes, "log --type policy,ledger", "serial 2")
	s.says(exitYes, "log --type policy --format json", `"lines":["version = 1","\\t# \\x1b[31m tab"`)
}
