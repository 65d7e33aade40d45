package audit

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pathgate/pathgate/internal/ledger"
	"github.com/pathgate/pathgate/policy"
)

// A stand is a ledger and a folder for sinks.
type stand struct {
	t   testing.TB
	dir string // of the ledger
	out string
}

const root = "/srv/git"

func newStand(t testing.TB) *stand {
	t.Helper()
	// A socket's path is short.
	out, err := os.MkdirTemp("", "audit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(out) })
	s := &stand{t: t, dir: filepath.Join(out, "ledger"), out: out}
	if err := ledger.Create(s.dir, ledger.CreateOptions{Root: root}); err != nil {
		t.Fatal(err)
	}
	return s
}

// add appends n refusals and returns the last record.
func (s *stand) add(n int) uint64 {
	s.t.Helper()
	list := make([]*ledger.Entry, n)
	for i := range list {
		list[i] = refusal(fmt.Sprintf("refusal %d", i))
	}
	return s.append(list...)
}

func refusal(reason string) *ledger.Entry {
	return &ledger.Entry{Type: ledger.TypeRefused, Push: "p", Service: "shop", Environment: "prd", Principal: "ana",
		Codes: []string{"frozen"}, Reason: reason}
}

func (s *stand) append(entries ...*ledger.Entry) uint64 {
	s.t.Helper()
	l, err := ledger.Open(context.Background(), s.dir, ledger.Options{Root: root})
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	if err := l.Append(entries...); err != nil {
		s.t.Fatal(err)
	}
	last, _, _ := l.Last()
	return last
}

func (s *stand) journal() string {
	s.t.Helper()
	return s.read(filepath.Join(s.dir, ledger.JournalName))
}

func (s *stand) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func (s *stand) file() *policy.Audit {
	return &policy.Audit{File: filepath.Join(s.out, "audit.jsonl"), Facility: 10}
}

func (s *stand) unix() *policy.Audit {
	return &policy.Audit{Syslog: policy.SyslogAddress{Network: "unix", Address: filepath.Join(s.out, "log")}, Facility: 10}
}

func (s *stand) ship(a *policy.Audit, upTo uint64) error {
	s.t.Helper()
	return Ship(context.Background(), a, s.dir, upTo)
}

// all ships everything, which must work.
func (s *stand) all(a *policy.Audit) {
	s.t.Helper()
	if _, err := All(context.Background(), a, s.dir); err != nil {
		s.t.Fatal(err)
	}
}

// A receiver takes datagrams at a socket.
type receiver struct {
	conn net.PacketConn
	mu   sync.Mutex
	got  []string
	done chan struct{}
}

// listen opens the socket; nothing is read until start.
func listen(t testing.TB, network, address string) *receiver {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &receiver{conn: conn, done: make(chan struct{})}
}

func (r *receiver) start() *receiver {
	go func() {
		defer close(r.done)
		b := make([]byte, 1<<17)
		for {
			n, _, err := r.conn.ReadFrom(b)
			if err != nil {
				return
			}
			r.mu.Lock()
			r.got = append(r.got, string(b[:n]))
			r.mu.Unlock()
		}
	}()
	return r
}

// wait returns the messages when there are n or more of them.
func (r *receiver) wait(t testing.TB, n int) []string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		got := slices.Clone(r.got)
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("%d messages came, want %d", len(got), n)
		}
	}
}

// seqs are the records that messages are about; 0 stands for an own event.
func seqs(t testing.TB, messages []string) []uint64 {
	t.Helper()
	var out []uint64
	for _, m := range messages {
		p, err := parse5424(m)
		if err != nil {
			t.Fatalf("%v: %q", err, m)
		}
		var n uint64
		if s, ok := p.params["seq"]; ok {
			if _, err := fmt.Sscan(s, &n); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, n)
	}
	return out
}

func oneTo(n uint64) []uint64 {
	var out []uint64
	for i := uint64(1); i <= n; i++ {
		out = append(out, i)
	}
	return out
}

// ordered checks that all records up to last came, none before its time, and
// how many came again.
func ordered(t testing.TB, got []uint64, last uint64) (again int) {
	t.Helper()
	next := uint64(1)
	for _, n := range got {
		switch {
		case n == next:
			next++
		case n < next:
			again++
		default:
			t.Fatalf("record %d came where %d was due: %v", n, next, got)
		}
	}
	if next != last+1 {
		t.Fatalf("records up to %d came, want %d", next-1, last)
	}
	return again
}

// lineSeqs are the records of a file sink's lines; 0 stands for an own event.
func lineSeqs(t testing.TB, text string) []uint64 {
	t.Helper()
	if text != "" && !strings.HasSuffix(text, "\n") {
		t.Fatalf("the file ends in half a line: %q", text)
	}
	var out []uint64
	for line := range bytes.Lines([]byte(text)) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if bytes.Contains(line, []byte(`"type":"audit"`)) {
			out = append(out, 0)
			continue
		}
		e, err := ledger.Decode(line)
		if err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		out = append(out, e.Seq)
	}
	return out
}

// forget takes a sink's cursor away.
func forget(t testing.TB, s *stand, sink string) {
	t.Helper()
	if err := os.Remove(cursorPath(s.dir, sink)); err != nil {
		t.Fatal(err)
	}
}
