package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/board"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
)

func TestMetrics(t *testing.T) {
	s := newRailSite(t)
	empty := s.says(0, "metrics", "service  environment  changes", "note: nothing that was deployed there is on record")
	if strings.Contains(empty, "production") {
		t.Errorf("rows of nothing:\n%s", empty)
	}
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	s.deployed(ledger.Entry{Environment: "dev", Commit: a, Kind: "deploy"})
	s.deployed(ledger.Entry{Commit: a, Kind: "promote"})
	bad := ledger.Entry{Environment: "dev", Commit: b, Kind: "deploy", Deploy: ledger.DeployExternal}
	s.deployed(bad)
	last := s.last()
	failure := ledger.StatusOf(&last, ledger.StateFailure)
	failure.Principal, failure.Via = "op", "local"
	s.append(failure)
	s.deployed(ledger.Entry{Environment: "dev", Commit: b, Kind: "redeploy", Deploy: ledger.DeployExternal})
	out := s.says(0, "metrics --by week", ", record 10; how it is counted: pathgate help metrics\n")
	has(t, out, "shop dev 2 1 0.03 - - 1 50.0% - - 1\n", "shop prd 1 1 0.03 0s 0s 0 0.0% - - 0\n", "* production 1 1 0.03 0s 0s 0 0.0% - - 0\n",
		"\nshop dev changes deployed a day", "\n* production changes deployed a day")
	if strings.Contains(out, "NaN") {
		t.Errorf("not a number:\n%s", out)
	}
	out = s.says(0, "metrics --environment shop/prd --production dev,gone", `note: neither the policy nor the record has an environment "gone"`)
	has(t, out, "shop prd 1 ", "* production 0 0 - - - 0 - - - 0\n")
	s.says(0, "metrics --service other", "note: nothing that was deployed there is on record")
	has(t, s.says(0, "metrics --to 24h --window 1w"), "shop prd 0 0 - - - 0 - - - 0\n")
	s.says(0, "metrics --format openmetrics", `pathgate_deployments{service="shop",environment="prd",production="true"} 1.0`, "\n# EOF\n")
	var report struct {
		Records      uint64
		Environments []struct{ Series []any }
	}
	text := s.says(0, "metrics --format json --by day --from 240h")
	if err := json.Unmarshal([]byte(text), &report); err != nil || report.Records != 10 || len(report.Environments) != 2 || len(report.Environments[0].Series) != 11 {
		t.Errorf("%v\n%s", err, text)
	}
}

// has looks for parts, whatever the width of the columns.
func has(t *testing.T, out string, parts ...string) {
	t.Helper()
	narrow := regexp.MustCompile(" +").ReplaceAllString(out, " ")
	for _, part := range parts {
		if !strings.Contains(narrow, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
}

func TestMetricsCommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"--format xml":                  "--format must be table, json, openmetrics",
		"--by hour":                     "--by must be day, week",
		"--by day --format openmetrics": "--by goes with the formats table and json",
		"--window 0d":                   "--window must be a span",
		"--window -3h":                  "--window must be a span",
		"--window d":                    "--window must be a span",
		"--window 70000d":               "--window must be a span",
		"--window 65535w":               "--window must be a span",
		"--from 24h --window 3d":        "--from and --window do not go together",
		"--from 24h --to 48h":           "the window must begin before it ends",
		"--from soon":                   "--from must be a time",
		"--to soon":                     "--to must be a time",
		"--by day --window 3000d":       "--by wants a window of at most",
		"--service a --environment b/c": "--environment b/c is not of the service a",
		"prd":                           `"prd" is one word too many for pathgate metrics`,
	} {
		out, errs, status := run(append([]string{"metrics"}, strings.Fields(line)...)...)
		if status != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d\n%s%s", line, status, out, errs)
		}
	}
}

func TestMetricsWithoutLedger(t *testing.T) {
	s := newRailSite(t)
	mustRail(t, os.RemoveAll(filepath.Join(s.dir, "ledger")))
	s.says(3, "metrics", "pathgate: compute metrics: read the ledger")
}

func TestParseWindow(t *testing.T) {
	for s, want := range map[string]time.Duration{"30d": 720 * time.Hour, "8w": 56 * 24 * time.Hour, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute} {
		if d, err := parseWindow(s); err != nil || d != want {
			t.Errorf("%s: %v %v", s, d, err)
		}
	}
}

// The board has the four keys of production as plots.
func TestBoardPlots(t *testing.T) {
	dir := t.TempDir()
	root, records, out := filepath.Join(dir, "srv"), filepath.Join(dir, "ledger"), filepath.Join(dir, "board")
	mustRail(t, ledger.Create(records, ledger.CreateOptions{Root: root}))
	mustRail(t, ledgertest.Fill(records, root, 60))
	text := fmt.Sprintf("version = 1\nroot = %q\nledger = %q\n[identity]\nsource = \"ssh\"\n", root, records)
	for name, after := range map[string]string{"dev": "", "stg": "after = [\"dev\"]\n", "prd": "after = [\"stg\"]\n"} {
		text += fmt.Sprintf("[environments.%s]\nrepository = \"{service}/%s.git\"\nrefs = [\"refs/heads/main\"]\n%s", name, name, after)
	}
	file := filepath.Join(dir, "policy.toml")
	mustRail(t, os.WriteFile(file, []byte(text), 0o600))
	if _, errs, status := run("board", "--policy", file, "--out", out); status != exitYes {
		t.Fatal(errs)
	}
	for name, parts := range map[string][]string{
		"metrics.html":        {"Deployments a week", "Lead time", "Change failure rate", "Time to restore"},
		"services/fill3.html": {"Deployments a week", ">prd</bdi>"},
	} {
		page, err := os.ReadFile(filepath.Join(out, name))
		mustRail(t, err)
		for _, part := range parts {
			if !strings.Contains(string(page), part) {
				t.Errorf("%s: no %q", name, part)
			}
		}
		if strings.Contains(string(page), "NaN") || strings.Contains(string(page), " style=") {
			t.Errorf("%s: %s", name, page)
		}
	}
	if _, err := os.Stat(filepath.Join(out, board.Marker)); err != nil {
		t.Error(err)
	}
}
