package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
)

// redeployed puts n deployments by ana on record, each an intent and a
// deployment, with a subject that tries to forge.
func (s *railSite) redeployed(n int) {
	s.t.Helper()
	l, err := ledger.Open(context.Background(), filepath.Join(s.dir, "ledger"), ledger.Options{Root: filepath.Join(s.dir, "srv")})
	mustRail(s.t, err)
	defer l.Close()
	for range n {
		e := ledger.Entry{Type: ledger.TypeIntent, Push: "p", Service: "shop", Environment: "dev", Repository: "shop/dev.git",
			Ref: "refs/heads/main", Old: s.commit, New: s.commit, Commit: s.commit, Kind: "redeploy", Principal: "ana", Via: "ssh",
			Subject: "=cmd()\n{\"seq\":1}\u2028|x=y", Token: "t"}
		mustRail(s.t, l.Append(&e))
		e.Type, e.Intent, e.Token = ledger.TypeDeployed, e.Seq, ""
		mustRail(s.t, l.Append(&e))
	}
}

func (s *railSite) journal() string { return filepath.Join(s.dir, "ledger", ledger.JournalName) }

// log runs the verb log and wants its status.
func (s *railSite) log(status int, args ...string) (stdout, stderr string) {
	s.t.Helper()
	out, errs, got := run(append([]string{"--policy", s.policy, "log"}, args...)...)
	if got != status {
		s.t.Fatalf("log %v: status %d, want %d\n%s%s", args, got, status, out, errs)
	}
	return out, errs
}

func TestLogFormats(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(3) // records 2 to 7
	for format, want := range map[string]int{"json": 7, "ecs": 7, "ocsf": 7, "cef": 7, "cdevents": 3, "csv": 8} {
		out, _ := s.log(exitYes, "--format", format)
		if got := strings.Count(out, "\n"); got != want {
			t.Errorf("%s: %d lines, want %d\n%s", format, got, want, out)
		}
		for line := range strings.Lines(out) {
			switch {
			case format == "cef" && !strings.HasPrefix(line, "CEF:0|pathgate|pathgate|"+Version+"|"):
				t.Errorf("%s", line)
			case format != "cef" && format != "csv" && !json.Valid([]byte(line)):
				t.Errorf("%s: no JSON: %s", format, line)
			}
		}
	}
	for since, want := range map[string]int{"6": 2, "0": 7, "99": 0, "24h": 7, "2999-01-01": 0} {
		if out, _ := s.log(exitYes, "--format", "ecs", "--since", since); strings.Count(out, "\n") != want {
			t.Errorf("since %s: %s", since, out)
		}
	}
	if out, _ := s.log(exitYes, "--format", "cef", "--type", "deployed", "--since", "4"); strings.Count(out, "\n") != 2 {
		t.Errorf("%s", out)
	}
}

// TestCursor ships a ledger in parts, and holds the parts against the whole.
func TestCursor(t *testing.T) {
	s := newRailSite(t)
	cursor := filepath.Join(s.dir, "cursor")
	var all strings.Builder
	for _, more := range []int{2, 0, 3, 1} {
		s.redeployed(more)
		out, _ := s.log(exitYes, "--format", "json", "--cursor", cursor)
		if more == 0 && out != "" {
			t.Errorf("again: %s", out)
		}
		all.WriteString(out)
	}
	journal, err := os.ReadFile(s.journal())
	mustRail(t, err)
	if all.String() != string(journal) {
		t.Errorf("shipped\n%s\nof\n%s", all.String(), journal)
	}
	// What the filters leave out is passed over for good; a head comes once.
	other := filepath.Join(s.dir, "csv")
	for i, want := range []int{7, 0, 1} {
		if i == 2 {
			s.redeployed(1)
		}
		if out, _ := s.log(exitYes, "--format", "csv", "--type", "deployed", "--cursor", other); strings.Count(out, "\n") != want {
			t.Errorf("csv %d: %s", i, out)
		}
	}
	for _, bad := range [][]string{{"--cursor", cursor}, {"--cursor", cursor, "--format", "json", "--ticket", "x"}, {"--follow", "--output", "3"}} {
		s.log(exitUsage, bad...)
	}
}

// TestCursorCDEvents tells of an outcome whose deployment was passed before.
func TestCursorCDEvents(t *testing.T) {
	s := newRailSite(t)
	cursor := filepath.Join(s.dir, "cursor")
	put := func(e ledger.Entry) {
		e.Service, e.Environment, e.Repository, e.Ref, e.Commit = "shop", "dev", "shop/dev.git", "refs/heads/main", s.commit
		e.Principal, e.Via = "ana", "ssh"
		s.append(&e)
	}
	e := ledger.Entry{Type: ledger.TypeIntent, New: s.commit, Kind: "rollback", Deploy: ledger.DeployExternal}
	put(e)
	e.Type, e.Intent = ledger.TypeDeployed, 2
	put(e)
	if out, _ := s.log(exitYes, "--format", "cdevents", "--cursor", cursor); out != "" {
		t.Errorf("before its outcome: %s", out)
	}
	put(ledger.Entry{Type: ledger.TypeStatus, State: ledger.StateSuccess, Record: 3})
	out, _ := s.log(exitYes, "--format", "cdevents", "--cursor", cursor)
	if strings.Count(out, "\n") != 1 || !strings.Contains(out, `"type":"dev.cdevents.service.rolledback.0.3.0"`) {
		t.Errorf("after it: %s", out)
	}
}

// A fullDisk takes some bytes and no more.
type fullDisk struct {
	room int
	got  bytes.Buffer
}

func (f *fullDisk) Write(b []byte) (int, error) {
	if len(b) > f.room {
		return 0, errors.New("no space left")
	}
	f.room -= len(b)
	return f.got.Write(b)
}

// TestCursorCrash loses the output; nothing may count as shipped.
func TestCursorCrash(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(300)
	for _, format := range []string{"json", "csv", "ecs", "ocsf", "cef", "cdevents"} {
		cursor := filepath.Join(s.dir, format)
		for _, room := range []int{0, 100_000} {
			disk, errs := &fullDisk{room: room}, &bytes.Buffer{}
			status := Run([]string{"--policy", s.policy, "log", "--format", format, "--cursor", cursor}, disk, errs, func(string) string { return "" })
			if status != exitFault || !strings.Contains(errs.String(), "no space left") {
				t.Fatalf("%s: status %d, %s", format, status, errs)
			}
			if _, err := os.Stat(cursor); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: there is a cursor: %v", format, err)
			}
		}
		whole, _ := s.log(exitYes, "--format", format)
		if out, _ := s.log(exitYes, "--format", format, "--cursor", cursor); out != whole {
			t.Errorf("%s: not all was shipped at last", format)
		}
	}
}

// TestCursorTorn goes on behind a line that a crash left unfinished in a file.
func TestCursorTorn(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(1)
	file := filepath.Join(s.dir, "shipped")
	for before, want := range map[string]string{"": "", "{\"seq\":1,\"ti": "{\"seq\":1,\"ti\n", "{}\n": "{}\n"} {
		mustRail(t, os.WriteFile(file, []byte(before), 0o600))
		out, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		mustRail(t, err)
		cursor := filepath.Join(t.TempDir(), "cursor")
		if status := Run([]string{"--policy", s.policy, "log", "--format", "json", "--cursor", cursor}, out, os.Stderr, func(string) string { return "" }); status != exitYes {
			t.Fatalf("status %d", status)
		}
		mustRail(t, out.Close())
		got, err := os.ReadFile(file)
		mustRail(t, err)
		journal, err := os.ReadFile(s.journal())
		mustRail(t, err)
		if string(got) != want+string(journal) {
			t.Errorf("behind %q: %s", before, got)
		}
	}
}

// TestCursorNotBorneOut says so, and ships nothing.
func TestCursorNotBorneOut(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(2)
	cursor := filepath.Join(s.dir, "cursor")
	s.log(exitYes, "--format", "json", "--cursor", cursor)
	before, err := os.ReadFile(cursor)
	mustRail(t, err)
	journal, err := os.ReadFile(s.journal())
	mustRail(t, err)
	for what, changed := range map[string][]byte{
		"cut":    journal[:bytes.LastIndexByte(journal[:len(journal)-1], '\n')+1],
		"edited": bytes.Replace(journal, []byte(`"principal":"ana"`), []byte(`"principal":"bob"`), -1),
	} {
		mustRail(t, os.WriteFile(s.journal(), changed, 0o640))
		out, errs := s.log(exitFault, "--format", "json", "--cursor", cursor)
		if out != "" || !strings.Contains(errs, "does not bear it out") || !strings.Contains(errs, cursor) {
			t.Errorf("%s: %s%s", what, out, errs)
		}
	}
	mustRail(t, os.WriteFile(s.journal(), journal, 0o640))
	mustRail(t, os.WriteFile(cursor, []byte("12"), 0o600))
	if _, errs := s.log(exitFault, "--format", "json", "--cursor", cursor); !strings.Contains(errs, "no cursor") {
		t.Errorf("%s", errs)
	}
	// A line behind the cursor that does not follow: what was sound before it is
	// shipped, and the cursor stays there.
	mustRail(t, os.WriteFile(cursor, before, 0o600))
	last := journal[bytes.LastIndexByte(journal[:len(journal)-1], '\n')+1:]
	mustRail(t, os.WriteFile(s.journal(), append(bytes.Clone(journal), last...), 0o640))
	if out, errs := s.log(exitFault, "--format", "json", "--cursor", cursor); out != "" || !strings.Contains(errs, "does not follow record 5") {
		t.Errorf("%s%s", out, errs)
	}
}

// follow runs log --follow into a pipe.
func (s *railSite) follow(args ...string) (lines *bufio.Scanner, read *os.File, ended chan int) {
	s.t.Helper()
	read, write, err := os.Pipe()
	mustRail(s.t, err)
	s.t.Cleanup(func() { read.Close() })
	ended = make(chan int, 1)
	go func() {
		defer write.Close()
		ended <- Run(append([]string{"--policy", s.policy, "log", "--follow"}, args...), write, os.Stderr, func(string) string { return "" })
	}()
	return bufio.NewScanner(read), read, ended
}

func ends(t *testing.T, ended chan int) {
	t.Helper()
	select {
	case status := <-ended:
		if status != exitYes {
			t.Errorf("status %d", status)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("it goes on")
	}
}

// TestFollow gets what comes, until it is interrupted.
func TestFollow(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(1)
	cursor := filepath.Join(s.dir, "cursor")
	lines, _, ended := s.follow("--format", "ecs", "--cursor", cursor)
	for n := 1; n <= 7; n++ {
		if n == 4 {
			s.redeployed(2)
		}
		if want := fmt.Sprintf(`"sequence":%d,`, n); !lines.Scan() || !strings.Contains(lines.Text(), want) {
			t.Fatalf("record %d: %s", n, lines.Text())
		}
	}
	if _, errs := s.log(exitFault, "--format", "ecs", "--cursor", cursor); !strings.Contains(errs, "another process") {
		t.Errorf("a second one: %s", errs)
	}
	mustRail(t, syscall.Kill(os.Getpid(), syscall.SIGINT))
	ends(t, ended)
	if lines.Scan() {
		t.Errorf("more: %s", lines.Text())
	}
	if out, _ := s.log(exitYes, "--format", "ecs", "--cursor", cursor); out != "" {
		t.Errorf("not counted as shipped: %s", out)
	}
}

// TestFollowTable begins with the last ten, and ends with its reader.
func TestFollowTable(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(12)
	lines, read, ended := s.follow()
	var first []string
	for range followRows + 1 {
		if !lines.Scan() {
			t.Fatal("no more lines")
		}
		first = append(first, strings.Fields(lines.Text())[0])
	}
	if got := strings.Join(first, " "); got != "record 16 17 18 19 20 21 22 23 24 25" {
		t.Error(got)
	}
	s.redeployed(1)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "26 ") {
		t.Errorf("%s", lines.Text())
	}
	read.Close()
	ends(t, ended)
}

// TestFollowUntil ends when nothing can come any more.
func TestFollowUntil(t *testing.T) {
	s := newRailSite(t)
	s.redeployed(1)
	lines, _, ended := s.follow("--format", "json", "--until", "2026-01-01")
	ends(t, ended)
	if lines.Scan() {
		t.Errorf("from after it: %s", lines.Text())
	}
	begin := time.Now()
	var passed atomic.Int64
	out, in, err := os.Pipe()
	mustRail(t, err)
	defer out.Close()
	a := &app{stdout: in, stderr: os.Stderr, policyFlag: s.policy, getenv: func(string) string { return "" },
		now: func() time.Time { return begin.Add(time.Duration(passed.Load())) }}
	ended = make(chan int, 1)
	go func() {
		defer in.Close()
		status := exitYes
		if err := a.runLog(t.Context(), filter{until: begin.Add(time.Hour)}, &logOptions{format: "json", follow: true}); err != nil {
			t.Error(err)
			status = exitFault
		}
		ended <- status
	}()
	lines = bufio.NewScanner(out)
	for n := 1; n <= 5; n++ {
		if n == 4 {
			s.redeployed(1)
		}
		if want := fmt.Sprintf(`{"seq":%d,`, n); !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
			t.Fatalf("record %d: %s", n, lines.Text())
		}
	}
	passed.Store(int64(time.Hour + 2*lateEntry))
	ends(t, ended)
	if lines.Scan() {
		t.Errorf("more: %s", lines.Text())
	}
	for _, follow := range []string{"--follow", "--format=json"} {
		if _, errs := s.log(exitUsage, follow, "--since", "2026-02-01", "--until", "2026-01-01"); !strings.Contains(errs, "--until 2026-01-01T00:00:00Z lies before --since 2026-02-01T00:00:00Z") {
			t.Error(errs)
		}
	}
	s.log(exitYes, "--since", "3", "--until", "2026-01-01")
}
