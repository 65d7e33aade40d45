package install_test

import (
	"bytes"
	"context"
	"crypto/sha256"
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

	"github.com/pathgate/pathgate/internal/audit"
	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// hostileText is what a client may put into subjects, names and reasons.
const hostileText = "a\"b\\c]d[e] [pathgate@32473 seq=\"9\"] \n<86>1 - - forged\r\x1b]0;t\a\u202eü %s $(id) ${HOST}"

// A log is a folder with a ledger and what a receiver writes, under the names
// that the examples have.
type logHost struct {
	t    *testing.T
	dir  string
	port string // UDP
}

// newLogHost makes a ledger with an entry of each size and with hostile texts.
func newLogHost(t *testing.T) *logHost {
	dir, err := os.MkdirTemp("", "audit") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &logHost{t: t, dir: dir}
	for _, name := range []string{"run", "log", "work"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, h.port, _ = net.SplitHostPort(conn.LocalAddr().String())
	conn.Close()
	if err := ledger.Create(h.ledger(), ledger.CreateOptions{Root: "/srv/git"}); err != nil {
		t.Fatal(err)
	}
	h.add(&ledger.Entry{Type: ledger.TypeRefused, Push: "p1", Service: "shop", Environment: "prd", Subject: hostileText,
		Principal: hostileText, Reason: hostileText, Ref: "refs/heads/]\"\\", Codes: []string{"frozen", "locked"}},
		&ledger.Entry{Type: ledger.TypeFault, Push: "p2", Reason: strings.Repeat("long ", 2400)},
		&ledger.Entry{Type: ledger.TypeDrift, Push: "p3", Service: "shop", Environment: "prd", Reason: "größer"})
	return h
}

func (h *logHost) ledger() string { return filepath.Join(h.dir, "ledger") }

func (h *logHost) add(entries ...*ledger.Entry) {
	h.t.Helper()
	l, err := ledger.Open(context.Background(), h.ledger(), ledger.Options{Root: "/srv/git"})
	if err != nil {
		h.t.Fatal(err)
	}
	defer l.Close()
	if err := l.Append(entries...); err != nil {
		h.t.Fatal(err)
	}
}

// example is a configuration of examples/audit with its paths in here.
func (h *logHost) example(name string) string {
	h.t.Helper()
	text := read(h.t, repository(h.t), "examples", "audit", name)
	for from, to := range map[string]string{
		"/run/pathgate/": h.dir + "/run/", "/var/lib/pathgate/": h.ledger() + "/", "/var/log/pathgate/": h.dir + "/log/",
		`port="514"`: `port="` + h.port + `"`, "port(514)": "port(" + h.port + ")",
	} {
		if !strings.Contains(text, from) && !strings.HasPrefix(from, "port") {
			h.t.Fatalf("%s does not name %s", name, from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	return h.write(name, text)
}

func (h *logHost) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// start runs a receiver until the test ends.
func (h *logHost) start(env []string, program string, args ...string) {
	h.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		if h.t.Failed() {
			h.t.Logf("%s said:\n%s", program, out.String())
		}
	})
	h.eventually("its socket is there", func() bool {
		_, err := os.Stat(filepath.Join(h.dir, "run", "syslog"))
		return err == nil
	})
}

func (h *logHost) eventually(what string, done func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("not so after 20 s: %s", what)
		}
	}
}

// content is a file that the receiver writes, empty if it is not there yet.
func (h *logHost) content(name string) string {
	b, err := os.ReadFile(filepath.Join(h.dir, "log", name))
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	return string(b)
}

// ship sends the whole ledger by one sink.
func (h *logHost) ship(network, address string) {
	h.t.Helper()
	a := &policy.Audit{Syslog: policy.SyslogAddress{Network: network, Address: address}, Facility: 10}
	if err := os.Remove(filepath.Join(h.ledger(), "audit.syslog.cursor")); err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	if _, err := audit.All(context.Background(), a, h.ledger()); err != nil {
		h.t.Fatal(err)
	}
}

// A received is a line of a receiver's file. The structured data of syslog-ng
// comes under the name that it has there.
type received struct {
	Host, Severity, Type, Message string
	Pathgate                      map[string]string
	SDATA                         map[string]map[string]string `json:"_SDATA"`
}

// check waits for the ledger's lines from number first on in the receiver's
// file and compares them.
func (h *logHost) check(first int, cut map[uint64]bool) {
	h.t.Helper()
	journal := strings.Split(strings.TrimSuffix(read(h.t, h.ledger(), ledger.JournalName), "\n"), "\n")
	var lines []string
	h.eventually(fmt.Sprintf("%d messages from %d on are there: %s", len(journal), first, h.content("syslog.jsonl")), func() bool {
		lines = strings.SplitAfter(h.content("syslog.jsonl"), "\n")
		return len(lines)-1 >= first+len(journal)
	})
	severities := map[ledger.Type]string{ledger.TypeLedger: "info", ledger.TypeRefused: "warning", ledger.TypeFault: "err", ledger.TypeDrift: "warning"}
	for i, line := range lines[first : first+len(journal)] {
		var got received
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			h.t.Fatalf("%v: %s", err, line)
		}
		if got.Pathgate == nil {
			got.Pathgate = got.SDATA["pathgate@32473"]
		}
		want, err := ledger.Decode([]byte(journal[i]))
		if err != nil {
			h.t.Fatal(err)
		}
		p := got.Pathgate
		hash := fmt.Sprintf("%x", sha256.Sum256([]byte(journal[i])))
		if p["seq"] != strconv.FormatUint(want.Seq, 10) || p["sha256"] != hash || got.Type != string(want.Type) ||
			got.Severity != severities[want.Type] || (p["cut"] == "true") != cut[want.Seq] {
			h.t.Errorf("record %d came as %s", want.Seq, line)
		}
		if p["subject"] != want.Subject || p["principal"] != want.Principal || p["ref"] != want.Ref || p["codes"] != strings.Join(want.Codes, " ") {
			h.t.Errorf("record %d came as %s", want.Seq, line)
		}
		if !cut[want.Seq] && p["reason"] != want.Reason || !strings.Contains(got.Message, "record "+p["seq"]) {
			h.t.Errorf("record %d came as %s", want.Seq, line)
		}
	}
}

// receives checks a receiver that runs: by its socket, by UDP, and the ledger
// that it reads itself.
func (h *logHost) receives() {
	h.t.Helper()
	h.ship("unix", filepath.Join(h.dir, "run", "syslog"))
	h.check(0, map[uint64]bool{3: true}) // 12 kB are too much for a message
	h.ship("udp", "127.0.0.1:"+h.port)
	h.check(4, map[uint64]bool{3: true})
	h.add(&ledger.Entry{Type: ledger.TypeRefused, Reason: "appended while it reads"})
	want := read(h.t, h.ledger(), ledger.JournalName)
	h.eventually("the copy of the ledger is the ledger", func() bool { return h.content("ledger-copy.jsonl") == want })
}

// tool finds a program of the system.
func tool(t *testing.T, name, dir string) string {
	t.Helper()
	for _, path := range []string{filepath.Join(dir, "usr/sbin", name), name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	if found, err := exec.LookPath(filepath.Join("/usr/sbin", name)); err == nil {
		return found
	}
	return ""
}

func TestAuditRsyslog(t *testing.T) {
	program := tool(t, "rsyslogd", "/")
	if program == "" {
		skip(t, "rsyslogd is missing: install rsyslog")
	}
	h := newLogHost(t)
	conf := h.write("main.conf", fmt.Sprintf("global(maxMessageSize=\"32k\" workDirectory=%q)\n"+
		"module(load=\"imuxsock\" SysSock.Use=\"off\")\ninclude(file=%q)\n", h.dir+"/work", h.example("rsyslog.conf")))
	if out, status, err := execute(h.dir, nil, program, "-N1", "-f", conf); err != nil || status != 0 {
		t.Fatalf("rsyslogd -N1: status %d, %v\n%s", status, err, out)
	}
	h.start(nil, program, "-n", "-f", conf, "-i", filepath.Join(h.dir, "pid"))
	h.receives()
}

// TestAuditSyslogNG needs Debian's syslog-ng-core, which does not go together
// with rsyslog on one system. PATHGATE_SYSLOG_NG names a folder in which the
// package was unpacked: dpkg-deb -x syslog-ng-core_*.deb FOLDER.
func TestAuditSyslogNG(t *testing.T) {
	folder := os.Getenv("PATHGATE_SYSLOG_NG")
	program := tool(t, "syslog-ng", folder)
	if program == "" {
		skip(t, "syslog-ng is missing: unpack syslog-ng-core and set PATHGATE_SYSLOG_NG to the folder")
	}
	h := newLogHost(t)
	conf := h.write("main.conf", fmt.Sprintf("@version: 3.38\n@include %q\n", h.example("syslog-ng.conf")))
	var env []string
	args := []string{"-F", "-f", conf, "-R", h.dir + "/work/persist", "-p", h.dir + "/pid", "-c", h.dir + "/ctl", "--no-caps"}
	if strings.HasPrefix(program, folder+"/") {
		libraries := filepath.Join(folder, "usr/lib/syslog-ng")
		modules, err := filepath.Glob(filepath.Join(libraries, "[0-9]*"))
		if err != nil || len(modules) != 1 {
			t.Fatalf("the modules of syslog-ng: %v, %v", modules, err)
		}
		env = []string{"LD_LIBRARY_PATH=" + libraries}
		args = append(args, "--module-path", modules[0])
	}
	h.start(env, program, args...)
	h.receives()
}
