package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/internal/tlog"
)

// tree is the site's ledger's tree.
func (s *railSite) tree() (t tlog.Tree) {
	s.t.Helper()
	l, err := ledger.Open(context.Background(), filepath.Join(s.dir, "ledger"), ledger.Options{Root: filepath.Join(s.dir, "srv")})
	mustRail(s.t, err)
	defer l.Close()
	t, err = l.Tree()
	mustRail(s.t, err)
	return t
}

// TestStatusTree: status ends with the tree of what is on record.
func TestStatusTree(t *testing.T) {
	s := newRailSite(t)
	if out := s.says(0, "status"); !regexp.MustCompile(`\nledger 1 [A-Za-z0-9+/]{10}\n$`).MatchString(out) {
		t.Errorf("a new ledger: %s", out)
	}
	s.redeployed(1)
	tree := s.tree()
	if out := s.says(0, "status"); !strings.HasSuffix(out, "\nledger "+tlog.Short(tree)+"\n") {
		t.Errorf("want %s:\n%s", tlog.Short(tree), out)
	}
	var rows []struct {
		Size int64 `json:"tree_size"`
		Root string
	}
	if err := json.Unmarshal([]byte(s.says(0, "status --format json")), &rows); err != nil || len(rows) == 0 {
		t.Fatal(err, rows)
	}
	for _, row := range rows {
		if row.Size != tree.N || row.Root != tree.Hash.String() {
			t.Errorf("%+v, want %v", row, tree)
		}
	}
}

// TestWatch prints a block at once and another when something has changed, ends
// with status 0, and writes nothing that steers a terminal into a pipe.
func TestWatch(t *testing.T) {
	s := newRailSite(t)
	s.deployed(ledger.Entry{Commit: s.commit, Kind: "deploy", Subject: "evil \x1b[2J subject"})
	read, write, err := os.Pipe()
	mustRail(t, err)
	defer read.Close()
	ended := make(chan int, 1)
	go func() {
		defer write.Close()
		ended <- Run([]string{"--policy", s.policy, "status", "--watch", "--interval", "1s"}, write, os.Stderr, func(string) string { return "" })
	}()
	lines := bufio.NewScanner(read)
	var seen []string
	block := func() (out string) {
		for lines.Scan() {
			seen = append(seen, lines.Text())
			if out += lines.Text() + "\n"; strings.HasPrefix(lines.Text(), "ledger ") {
				return out
			}
		}
		t.Fatal("no more blocks")
		return ""
	}
	if first := block(); !strings.HasPrefix(first, "service ") || !strings.HasSuffix(first, "ledger "+tlog.Short(s.tree())+"\n") {
		t.Errorf("first:\n%s", first)
	}
	time.Sleep(1500 * time.Millisecond) // a look at which nothing is new
	s.says(0, "lock prd --reason freeze")
	if second := block(); !strings.HasPrefix(second, "\nservice ") || !strings.Contains(second, "locked: prd of every service") {
		t.Errorf("second:\n%s", second)
	}
	mustRail(t, syscall.Kill(os.Getpid(), syscall.SIGINT))
	ends(t, ended)
	if lines.Scan() {
		t.Errorf("more: %s", lines.Text())
	}
	if all := strings.Join(seen, "\n"); strings.Contains(all, "\x1b") {
		t.Errorf("what controls a terminal came through: %q", all)
	}
}

// TestWatchFaults: what fails later is told and tried again, and not shown as if
// it were new; what fails at first ends it.
func TestWatchFaults(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, now: time.Now}
	ctx, stop := context.WithCancel(context.Background())
	looks := 0
	err := a.runWatch(ctx, time.Millisecond, func(inner *app) error {
		looks++
		_, err := inner.stdout.Write([]byte("all is well\n"))
		switch looks {
		case 2, 3:
			return errors.New("the ledger is \x1b[31mbusy")
		case 6:
			stop()
		}
		return err
	})
	want := "all is well\n\ncannot tell: the ledger is "
	if got := out.String(); err != nil || !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "busy\n\nall is well\n") ||
		strings.Count(got, "\n") != 5 || strings.Contains(got, "\x1b") {
		t.Errorf("%v\n%q", err, got)
	}
	broken := errors.New("no policy")
	if err := a.runWatch(context.Background(), time.Hour, func(*app) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("at first: %v", err)
	}
	for line, says := range map[string]string{
		"status --interval 5s":                   "--interval goes with --watch",
		"status --watch --interval 999ms":        "--interval must be 1s to 1h",
		"status --watch --interval 61m":          "--interval must be 1s to 1h",
		"status --watch --policy /nonexistent/p": "policy file /nonexistent/p",
	} {
		if _, errs, status := run(strings.Fields(line)...); status == exitYes || !strings.Contains(errs, says) {
			t.Errorf("%s: status %d, %s", line, status, errs)
		}
	}
}

// TestScreen: a terminal is cleared each time.
func TestScreen(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, terminal: true, every: 5 * time.Second}
	at := time.Date(2026, 11, 21, 9, 14, 0, 0, time.UTC)
	for range 2 {
		mustRail(t, s.show([]byte("block\n"), at))
	}
	if want := strings.Repeat("\x1b[H\x1b[2Jevery 5s, 09:14:00 UTC\n\nblock\n", 2); out.String() != want {
		t.Errorf("%q", out.String())
	}
}

// TestHelpFormats: the page that the help of log names is there.
func TestHelpFormats(t *testing.T) {
	out, errs, status := run("help", "formats")
	if status != exitYes || errs != "" || out != helpFormats {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	for _, format := range logFormats {
		if !strings.Contains(out, "\n  "+format+" ") {
			t.Errorf("it does not tell of %s", format)
		}
	}
	if out, _, _ := run("help", "metrics"); !strings.HasPrefix(out, helpMetrics) {
		t.Errorf("metrics: %s", out)
	}
}
