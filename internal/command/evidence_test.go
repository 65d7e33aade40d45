package command

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// From pushes to what an auditor is given, and checks elsewhere.
func TestEvidence(t *testing.T) {
	s := newRailSite(t)
	record := s.deployed(ledger.Entry{Environment: "prd", Kind: "promote", Commit: strings.Repeat("ab", 20), Subject: "=round to cents"})
	window := " --from 2020-01-01 --to " + time.Now().UTC().Format("2006-01-02")
	line := "evidence --service shop" + window + " --out "

	s.says(exitYes, line+s.path("plain"), "warning: the checkpoint is not signed", "keygen", "1 change to production, 0 exceptions, 0 approvals, 0 proofs",
		"3 records", "not signed", "manifest  sha256 ")
	key := strings.TrimSpace(s.says(exitYes, "ledger keygen"))
	said := s.says(exitYes, line+s.path("pack"), "1 change to production, 0 exceptions, 0 approvals, 3 proofs", ", signed\n")
	manifest, err := os.ReadFile(s.path("pack/MANIFEST"))
	mustRail(t, err)
	if !strings.Contains(said, fmt.Sprintf("manifest  sha256 %x\n", sha256.Sum256(manifest))) {
		t.Errorf("another MANIFEST:\n%s", said)
	}
	f, err := os.Open(s.path("pack/changes.csv"))
	mustRail(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != fmt.Sprint(record) || !strings.Contains(strings.Join(rows[1], "|"), "|'=round to cents|") {
		t.Errorf("%v, %v", rows, err)
	}
	there := &railSite{t: t, dir: t.TempDir(), policy: "/none"}
	there.says(exitYes, fmt.Sprintf("ledger verify-proof %s/proofs/%d.tlog-proof --key %s", s.path("pack"), record, key), "the proof holds: record 3,")
	s.says(exitYes, "ledger verify --checkpoint "+s.path("pack/checkpoint.txt")+" --key "+key, "signatures good")

	s.says(exitNo, line+s.path("pack"), "it must be a new or an empty folder")
	s.says(exitNo, "evidence --service shpo"+window+" --out "+s.path("x"), `nothing is known of a service "shpo"`)
	s.says(exitNo, line+s.path("x")+" --environment prod", `nothing is known of an environment "prod" of shop`)
	s.says(exitYes, line+s.path("dev")+" --environment dev", "0 changes to production")
	s.says(exitFault, line+s.path("x")+" --key "+s.path("none"), "no such file")
	s.says(exitFault, line+filepath.Join(s.path("none"), "x"), "no such file")
	s.says(exitUsage, "evidence --service shop --out x", "evidence wants --service, --from, --to and --out")
	s.says(exitUsage, "evidence --service shop --from 24h --to 2026-01-01 --out x", "--from must be a day such as")
	s.says(exitUsage, "evidence --service shop --from 2026-01-02 --to 2026-01-01 --out x", "--from must be before --to")
	s.says(exitUsage, line+"x more", "one word too many")
	if _, err := os.Stat(s.path("x")); err == nil {
		t.Error("a folder was left")
	}

	// What does not hold is written, told and not signed.
	journal := filepath.Join(s.dir, "ledger", ledger.JournalName)
	b, err := os.ReadFile(journal)
	mustRail(t, err)
	mustRail(t, os.WriteFile(journal, []byte(strings.Replace(string(b), `"principal":"ana"`, `"principal":"eve"`, 1)), 0o640))
	s.says(exitNo, line+s.path("bad"), "does not hold: line 2 or 3: the prev of line 3 ", "0 proofs", "not signed")
	if page, err := os.ReadFile(s.path("bad/report.html")); err != nil || !strings.Contains(string(page), "The ledger does not hold.") {
		t.Errorf("the page does not tell: %v", err)
	}
}

func TestParseDate(t *testing.T) {
	for value, want := range map[string][2]string{
		"2026-03-31":                {"2026-03-31T00:00:00Z", "2026-04-01T00:00:00Z"},
		"2026-03-31T10:00:00+02:00": {"2026-03-31T08:00:00Z", "2026-03-31T08:00:00Z"},
	} {
		for i, end := range []bool{false, true} {
			got, err := parseDate("to", value, end)
			if err != nil || got.UTC().Format(time.RFC3339) != want[i] {
				t.Errorf("%s: %v, %v", value, got, err)
			}
		}
	}
}
