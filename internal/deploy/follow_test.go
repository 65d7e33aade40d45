package deploy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// quick is a follower whose times fit a test.
var quick = follower{poll: 5 * time.Millisecond, flush: 50 * time.Millisecond, silence: 10 * time.Second, stuck: 200 * time.Millisecond}

// A screen is what the pusher sees.
type screen struct {
	mu  sync.Mutex
	got bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

func appendTo(t *testing.T, path, data string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	must(t, err)
	_, err = f.WriteString(data)
	must(t, errors.Join(err, f.Close()))
}

func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.log")
	out := &screen{}
	var ended atomic.Bool
	result := make(chan string)
	go func() {
		result <- quick.follow(context.Background(), out, path, func() (string, bool) { return "success", ended.Load() })
	}()
	time.Sleep(20 * time.Millisecond) // the log is not there yet
	appendTo(t, path, "one\r\n\ntwo ")
	eventually(t, "a line", func() bool { return strings.Contains(out.String(), "one\n") })
	appendTo(t, path, "and more\n10%\r20%\r100%\n\x1b[31mred\u202e\xff\n"+strings.Repeat("x", 100_000)+"\nhalf")
	eventually(t, "half a line", func() bool { return strings.Contains(out.String(), "half\n") })
	appendTo(t, path, " and half")
	ended.Store(true)
	if state := <-result; state != "success" {
		t.Errorf("state %q", state)
	}
	want := "  | one\n  |\n  | two and more\n  | 100%\n  | \\x1b[31mred\\u202e\\xff\n  | " + strings.Repeat("x", 197) + "...\n  | half\n  |  and half\n"
	if got := out.String(); got != want {
		t.Errorf("the pusher sees\n%q\nwant\n%q", got, want)
	}
}

// Silence is broken, less and less often.
func TestFollowSilence(t *testing.T) {
	out := &screen{}
	f := quick
	f.silence = 100 * time.Millisecond
	end := time.Now().Add(time.Second)
	log := filepath.Join(t.TempDir(), "1.log")
	appendTo(t, log, "")
	f.follow(context.Background(), out, log, func() (string, bool) { return "", time.Now().After(end) })
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) < 2 || len(lines) > 5 {
		t.Errorf("%d lines in a second of ten silences:\n%s", len(lines), out)
	}
	for _, line := range lines {
		if !strings.HasPrefix(strings.TrimSpace(line), "... ") || !strings.HasSuffix(line, "s, still deploying") {
			t.Errorf("line %q", line)
		}
	}
}

// A deployment that has no log yet has not begun.
func TestFollowQueued(t *testing.T) {
	out := &screen{}
	f := quick
	f.silence = 100 * time.Millisecond
	log := filepath.Join(t.TempDir(), "1.log")
	begin, end := time.Now().Add(250*time.Millisecond), time.Now().Add(time.Second)
	began := false
	f.follow(context.Background(), out, log, func() (string, bool) {
		if !began && time.Now().After(begin) {
			appendTo(t, log, "go\n")
			began = true
		}
		return "", time.Now().After(end)
	})
	waits := strings.Index(out.String(), "s, waits for another deployment\n")
	deploys := strings.Index(out.String(), "s, still deploying\n")
	if waits < 0 || deploys < strings.Index(out.String(), "  | go\n") || strings.LastIndex(out.String(), "waits") > deploys {
		t.Errorf("the pusher sees\n%s", out)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A client that has gone, or reads nothing, ends the following and no more.
func TestFollowWithoutAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.log")
	appendTo(t, path, "one\ntwo\n")
	never := func() (string, bool) { return "success", false }
	if state := quick.follow(context.Background(), brokenWriter{}, path, never); state != "" {
		t.Errorf("state %q", state)
	}
	read, write := io.Pipe()
	defer read.Close()
	began := time.Now()
	if state := quick.follow(context.Background(), write, path, never); state != "" || time.Since(began) > 2*time.Minute {
		t.Errorf("state %q after %s", state, time.Since(began))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if state := quick.follow(ctx, io.Discard, path, never); state != "" {
		t.Errorf("state %q", state)
	}
}

// The pusher goes away; the deployment goes on to its end, on record.
func TestClientGone(t *testing.T) {
	w := newWorld(t)
	w.sh(`for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.05; done`)
	record := w.queue()
	w.start()
	path, err := w.place.LogPath(record)
	must(t, err)
	done := Watch(context.Background(), w.place, OfPolicy(w.policy.asPolicy()), record)
	if state := quick.follow(context.Background(), brokenWriter{}, path, done); state != "" {
		t.Errorf("state %q", state)
	}
	w.want(record, "success", "")
	if log := w.log(record); !strings.HasSuffix(log, "line 8\n") {
		t.Errorf("the log is %q", log)
	}
}

// With wait = true the pusher sees all of it, and how it ended.
func TestFollowARun(t *testing.T) {
	w := newWorld(t)
	w.sh(`echo begin; sleep 0.3; printf 'no newline'; exit 3`)
	record := w.queue()
	path, err := w.place.LogPath(record)
	must(t, err)
	out := &screen{}
	done := Watch(context.Background(), w.place, OfPolicy(w.policy.asPolicy()), record)
	w.start()
	if state := Follow(context.Background(), out, path, done); state != "failure" {
		t.Errorf("state %q", state)
	}
	if got := out.String(); got != "  | begin\n  | no newline\n" {
		t.Errorf("the pusher sees %q", got)
	}
}

// Nobody waits for ever for a runner that will not come.
func TestWatchGivesUp(t *testing.T) {
	w := newWorld(t, "/bin/true")
	record := w.queue()
	watch := &watch{ctx: context.Background(), place: w.place, books: OfPolicy(w.policy.asPolicy()), record: record, size: -1, seen: time.Now()}
	if state, ended := watch.look(); ended {
		t.Fatalf("it ended at once: %q", state)
	}
	watch.seen, watch.looked = time.Now().Add(-lost-time.Second), time.Time{}
	if state, ended := watch.look(); !ended || state != "" {
		t.Errorf("%q, %v", state, ended)
	}
	// A record without an outcome is nothing to wait for.
	watch.record, watch.seen, watch.looked = 1, time.Now(), time.Time{}
	if state, ended := watch.look(); !ended || state != "" {
		t.Errorf("%q, %v", state, ended)
	}
}

func TestShowLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.log")
	if err := ShowLog(io.Discard, path); !errors.Is(err, ErrNoOutput) {
		t.Errorf("error %v", err)
	}
	raw := "a\x1b]0;title\x07\r\nb\n" + strings.Repeat("y", 70_000) + "\nend"
	appendTo(t, path, raw)
	var out bytes.Buffer
	must(t, ShowLog(&out, path))
	if want := "a\\x1b]0;title\\a\nb\n" + strings.Repeat("y", 4096) + "\nend\n"; out.String() != want {
		t.Errorf("shown\n%q\nwant\n%q", out.String(), want)
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != raw {
		t.Errorf("the log was changed: %v", err)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		15 * time.Minute: "15m", 80 * time.Second: "1m20s", time.Hour: "1h", 90 * time.Minute: "1h30m", 10 * time.Second: "10s",
		20 * time.Minute: "20m", 10 * time.Hour: "10h", 0: "0s", time.Hour + time.Second: "1h0m1s",
	} {
		if got := short(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
