package command

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pathgate/pathgate/internal/board"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/ledger/ledgertest"
)

// TestBoard writes a board by the command, and checks what it says and when it
// says no.
func TestBoard(t *testing.T) {
	dir := t.TempDir()
	root, records, out := filepath.Join(dir, "srv"), filepath.Join(dir, "ledger"), filepath.Join(dir, "board")
	if err := ledger.Create(records, ledger.CreateOptions{Root: root}); err != nil {
		t.Fatal(err)
	}
	if err := ledgertest.Fill(records, root, 60); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "policy.toml")
	text := fmt.Sprintf("version = 1\nroot = %q\nledger = %q\n[identity]\nsource = \"ssh\"\n", root, records)
	for _, name := range []string{"dev", "stg", "prd"} {
		text += fmt.Sprintf("[environments.%s]\nrepository = \"{service}/%s.git\"\nrefs = [\"refs/heads/main\"]\n", name, name)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, status := run("board", "--policy", file, "--out", out)
	if status != exitYes || stderr != "" || !strings.HasSuffix(stdout, " from 61 records, of 10 services, 10 commits and 0 tickets\n") {
		t.Fatalf("status %d\n%s%s", status, stdout, stderr)
	}
	for _, name := range []string{"index.html", "services/fill3.html", "assets/board.css", board.Marker} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	stdout, stderr, status = run("board", "--policy", file, "--out", out, "--format", "json", "--max-commits", "4")
	var said struct{ Records, Pages, Services, Commits int }
	if err := json.Unmarshal([]byte(stdout), &said); err != nil || status != exitYes || stderr != "" ||
		said.Records != 61 || said.Services != 10 || said.Commits != 4 || said.Pages < 15 {
		t.Errorf("status %d, %v\n%s%s", status, err, stdout, stderr)
	}
	stdout, stderr, status = run("board", "--policy", file, "--out", out, "--pause", "1ms")
	if status != exitYes || stderr != "" || !strings.Contains(stdout, " from 61 records") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
	other := filepath.Join(dir, "other")
	mustRail(t, os.Mkdir(other, 0o755))
	mustRail(t, os.WriteFile(filepath.Join(other, "mine"), nil, 0o644))
	for line, want := range map[string]struct {
		status int
		says   string
	}{
		"--out " + other:                     {exitNo, "not a board: the folder is not empty and has no file .pathgate-board"},
		"--out " + dir:                       {exitNo, "--out must not be the ledger's folder, lie in it or hold it"},
		"--out " + records + "/board":        {exitNo, "--out must not be the ledger's folder, lie in it or hold it"},
		"--out " + root + "/board":           {exitNo, "--out must not be the folder of the repositories, lie in it or hold it"},
		"--out " + dir + "/no/board":         {exitFault, "its parent folder must exist"},
		"":                                   {exitUsage, "board wants --out DIR"},
		"--out " + out + " --max-commits 0":  {exitUsage, "--max-commits must be 1 to 50000, not 0"},
		"--out " + out + " --page-size 1001": {exitUsage, "--page-size must be 1 to 1000, not 1001"},
		"--out " + out + " --format html":    {exitUsage, "--format must be table, json"},
		"--out " + out + " --pause 2h":       {exitUsage, "--pause must be 0s to 1h, not 2h0m0s"},
		"--out " + out + " --within 2h":      {exitUsage, "--within must be 0s to 1h, not 2h0m0s"},
		"--out " + out + " --within 1ns":     {exitFault, "context deadline exceeded"},
		"--out " + out + " and":              {exitUsage, `"and" is one word too many`},
	} {
		stdout, stderr, status := run(append([]string{"board", "--policy", file}, strings.Fields(line)...)...)
		if status != want.status || stdout != "" || !strings.Contains(stderr, want.says) {
			t.Errorf("%q: status %d\n%s%s", line, status, stdout, stderr)
		}
	}
}
