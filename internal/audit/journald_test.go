package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// journald starts a real systemd-journald of a namespace of its own, which has
// nothing to do with the system's, and returns its socket and how to read it.
func journald(t *testing.T) (socket string, read func() []map[string]string) {
	t.Helper()
	missing := ""
	const program = "/lib/systemd/systemd-journald"
	if _, err := os.Stat(program); err != nil {
		missing = "systemd-journald is missing: install systemd"
	} else if os.Geteuid() != 0 {
		missing = "only root can run systemd-journald"
	}
	if missing != "" && os.Getenv("PATHGATE_TEST_ALL") == "1" {
		t.Fatal(missing + " (PATHGATE_TEST_ALL is set, so nothing may be skipped)")
	}
	if missing != "" {
		t.Skip(missing)
	}
	namespace := "pathgate-test-" + strconv.Itoa(os.Getpid())
	cmd := exec.Command(program, namespace)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		for _, pattern := range []string{"/run/systemd/journal." + namespace, "/run/log/journal/*." + namespace, "/var/log/journal/*." + namespace} {
			found, err := filepath.Glob(pattern)
			if err != nil {
				t.Error(err)
			}
			for _, name := range found {
				if err := os.RemoveAll(name); err != nil {
					t.Error(err)
				}
			}
		}
		if t.Failed() {
			t.Logf("systemd-journald said:\n%s", out.String())
		}
	})
	socket = "/run/systemd/journal." + namespace + "/socket"
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("systemd-journald does not listen:\n%s", out.String())
		}
	}
	return socket, func() []map[string]string { return entries(t, namespace) }
}

// entries are pathgate's in the journal of a namespace. Values that do not
// print come as lists of numbers, and fail here.
func entries(t *testing.T, namespace string) []map[string]string {
	t.Helper()
	out, err := exec.Command("journalctl", "--namespace="+namespace, "-t", "pathgate", "-o", "json", "--all", "--no-pager").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for line := range bytes.Lines(out) {
		var e map[string]string
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, e)
	}
	return all
}

func TestJournald(t *testing.T) {
	socket, read := journald(t)
	s := newStand(t)
	s.append(&ledger.Entry{Type: ledger.TypeRefused, Push: "p", Service: "shop", Subject: hostile, Principal: hostile, Reason: hostile},
		&ledger.Entry{Type: ledger.TypeFault, Push: "p", Reason: strings.Repeat("long ü", 1800)})
	a := &policy.Audit{Journald: true, Facility: 10}
	if _, err := shipAll(context.Background(), a, options{dir: s.dir, socket: socket, now: time.Now}); err != nil {
		t.Fatal(err)
	}
	// The same once more, by files in memory: no datagram of that size goes
	// through so small a buffer.
	sink, err := openJournald(context.Background(), 10, socket)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.close()
	if err := sink.conn.SetWriteBuffer(1); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(s.journal(), "\n"), "\n")
	last, err := ledger.Decode([]byte(lines[2]))
	if err != nil {
		t.Fatal(err)
	}
	m := &message{entry: &last, ledger: "x", raw: []byte(lines[2])}
	if err := send(context.Background(), sink.conn, formatJournal(m, 10)); err != unix.EMSGSIZE && !strings.Contains(fmt.Sprint(err), "message too long") {
		t.Fatalf("the datagram is not too large: %v", err)
	}
	if err := sink.write(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	var got []map[string]string
	for end := time.Now().Add(10 * time.Second); len(got) < 4; time.Sleep(50 * time.Millisecond) {
		if got = read(); time.Now().After(end) {
			t.Fatalf("the journal has %d entries: %v", len(got), got)
		}
	}
	for i, e := range got {
		n := min(i, 2)
		want, err := ledger.Decode([]byte(lines[n]))
		if err != nil {
			t.Fatal(err)
		}
		if e["PATHGATE_LINE"] != lines[n] || e["PATHGATE_SEQ"] != strconv.Itoa(n+1) || e["PRIORITY"] != strconv.Itoa(severity(&want)) ||
			e["SYSLOG_FACILITY"] != "10" || e["PATHGATE_SUBJECT"] != want.Subject || e["PATHGATE_PRINCIPAL"] != want.Principal ||
			e["PATHGATE_REASON"] != want.Reason || e["MESSAGE"] != summary(&want) {
			t.Errorf("record %d came as %v", n+1, e)
		}
	}
}

// A field whose value has a newline goes with its length.
func TestJournalFields(t *testing.T) {
	got := string(appendJournal(appendJournal(nil, "A", "b=c"), "D", "e\nF=g"))
	if want := "A=b=c\nD\n\x05\x00\x00\x00\x00\x00\x00\x00e\nF=g\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m := messageOf(full(hostile, 1))
	m.raw = []byte("{}")
	for line := range strings.Lines(string(formatJournal(m, 10))) {
		if name, _, ok := strings.Cut(line, "="); !ok || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != "" {
			t.Errorf("a forged field: %q", line)
		}
	}
}

func TestJournaldIsDown(t *testing.T) {
	s := newStand(t)
	socket := filepath.Join(s.out, "journal")
	o := options{dir: s.dir, socket: socket, now: time.Now}
	if _, err := shipAll(context.Background(), &policy.Audit{Journald: true}, o); err == nil {
		t.Error("a journald that is not there took the lines")
	}
	conn, err := net.ListenPacket("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if all, err := shipAll(context.Background(), &policy.Audit{Journald: true}, o); err != nil || all[0].Record != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}
