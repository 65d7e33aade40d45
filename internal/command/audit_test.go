package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/ledger"
)

// auditTo adds a file as an audit sink to the site's policy.
func (s *railSite) auditTo(file string) {
	s.t.Helper()
	text, err := os.ReadFile(s.policy)
	mustRail(s.t, err)
	s.write(string(text) + "[audit]\nfile = \"" + file + "\"\n")
}

// same checks that a sink has what the ledger has.
func (s *railSite) same(file, after string) {
	s.t.Helper()
	want, err := os.ReadFile(s.journal())
	mustRail(s.t, err)
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		s.t.Errorf("after %s the sink has %d bytes of %d, %v", after, len(got), len(want), err)
	}
}

// TestSinks: all verbs that put something on record hand it to the sinks.
func TestSinks(t *testing.T) {
	s := newRailSite(t)
	sink := filepath.Join(s.dir, "audit.jsonl")
	s.auditTo(sink)
	dev := filepath.Join(s.dir, "srv", "shop", "dev.git")
	for _, words := range [][]string{
		{"adopt", dev},
		{"adopt", dev, "--reason", "again"},
		{"lock", "prd", "--reason", "year end"},
		{"unlock", "prd"},
		{"veto", s.commit, "--reason", "broken"},
		{"veto", s.commit, "--lift", "--reason", "mended"},
	} {
		if out := s.saysWords(0, words); strings.Contains(out, "warning: it is on record") {
			t.Errorf("%v: %s", words, out)
		}
		s.same(sink, strings.Join(words, " "))
	}
	text, err := os.ReadFile(s.policy)
	mustRail(t, err)
	s.write(string(text) + "[board]\nout = \"/var/www/board\"\n")
	s.says(0, "check", "\naudit     file "+sink+"\nboard     /var/www/board, at most every 10s\n")
	var said struct {
		Board struct{ Out, Pause string }
		Audit struct {
			File     string
			Required bool
		}
	}
	if err := json.Unmarshal([]byte(s.says(0, "check --format json")), &said); err != nil || said.Audit.File != sink || said.Audit.Required ||
		said.Board.Out != "/var/www/board" || said.Board.Pause != "10s" {
		t.Errorf("%+v, %v", said, err)
	}
}

// TestSinkBroken: what no sink takes is on record, and told; reconcile says
// which sink it is, and sends what is left when it is mended.
func TestSinkBroken(t *testing.T) {
	s := newRailSite(t)
	folder := filepath.Join(s.dir, "log")
	sink := filepath.Join(folder, "audit.jsonl")
	s.auditTo(sink)
	s.saysWords(0, []string{"lock", "prd", "--reason", "why"}, "prd of every service is locked",
		"warning: it is on record, and not in the audit log yet: ", "hint: pathgate reconcile sends it")
	if e := s.last(); e.Type != ledger.TypeLock {
		t.Errorf("recorded %+v", e)
	}
	s.says(3, "reconcile", "not-shipped", "an audit sink is behind the ledger", "pathgate: 1 audit sink could not take all that is on record")
	s.says(3, "reconcile --quiet", "not-shipped")
	mustRail(t, os.Mkdir(folder, 0o755))
	s.says(0, "reconcile --quiet", "shipped", "record 2", "2 lines to file, up to here")
	s.same(sink, "reconcile")
	s.says(0, "reconcile", "nothing to settle, no drift")
	s.redeployed(1)
	out := s.says(0, "reconcile --format json")
	var rows []struct {
		What, Sink string
		Lines      int
		Record     uint64
	}
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) == 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	if last := rows[len(rows)-1]; last.What != "shipped" || last.Sink != "file" || last.Lines < 2 || last.Record < 4 {
		t.Errorf("%+v", last)
	}
	s.same(sink, "reconcile")
}
