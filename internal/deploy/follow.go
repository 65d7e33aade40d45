package deploy

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

// Follow streams a deployment's log to a pusher until done says that it has
// ended, and returns the state that done gave. Each line comes marked and safe
// to print; long silence is broken by a line that tells the time. The log need
// not be there yet.
//
// Nothing here can stop the deployment: when w fails or takes nothing for half
// a minute, or ctx ends, Follow gives up quietly, and its state is empty.
func Follow(ctx context.Context, w io.Writer, logPath string, done func() (state string, ended bool)) (state string) {
	f := follower{poll: 100 * time.Millisecond, flush: time.Second, silence: 10 * time.Second, stuck: 30 * time.Second}
	return f.follow(ctx, w, logPath, done)
}

type follower struct {
	poll    time.Duration // how often the log is looked at
	flush   time.Duration // how long an unfinished line is kept back
	silence time.Duration // after how long the time is told
	stuck   time.Duration // how long one write may take
}

// marked begins each line of output, progress each of ours.
const (
	marked   = "  | "
	progress = "  ... "
)

// queued is what a deployment without a log does: its runner makes one when it
// starts, and starts nothing while another deployment runs.
const queued = "waits for another deployment"

func (f follower) follow(ctx context.Context, w io.Writer, logPath string, done func() (string, bool)) string {
	out := newPatient(w, f.stuck)
	defer out.close()
	log := &tail{path: logPath}
	defer log.close()
	t := &teller{out: out, lines: &lines{width: maxShown}, follower: f, began: time.Now(), last: time.Now(), every: f.silence, doing: queued}
	tick := time.NewTicker(f.poll)
	defer tick.Stop()
	for {
		// Asked before the log is read: all that was printed is in there by then.
		state, ended := done()
		if err := log.read(func(piece []byte) error { return t.tell(piece) }); err != nil {
			return ""
		}
		if log.file != nil {
			t.doing = "still deploying"
		}
		if ended {
			if t.finish() != nil {
				return ""
			}
			return state
		}
		if t.pass() != nil {
			return ""
		}
		select {
		case <-ctx.Done():
			return ""
		case <-tick.C:
		}
	}
}

// A teller writes lines, and says so when there are none for long.
type teller struct {
	follower
	out   *patient
	lines *lines
	began time.Time
	last  time.Time // of the last line told
	every time.Duration
	doing string    // what the deployment is about, as far as its log tells
	part  time.Time // since when an unfinished line waits
}

func (t *teller) tell(piece []byte) error {
	for _, line := range t.lines.add(piece) {
		if err := t.write(marked + line); err != nil {
			return err
		}
		t.every = t.silence
	}
	if t.part.IsZero() || !t.lines.waiting() {
		t.part = time.Now()
	}
	return nil
}

// pass lets time go by: it writes a line that stays unfinished, or the time.
func (t *teller) pass() error {
	switch now := time.Now(); {
	case t.lines.waiting() && now.Sub(t.part) >= t.flush:
		return t.finish()
	case now.Sub(t.last) >= t.every:
		// Less and less often: a quiet quarter of an hour is no 90 lines.
		t.every = min(2*t.every, 6*t.silence)
		return t.write(progress + short(now.Sub(t.began).Round(time.Second)) + ", " + t.doing)
	}
	return nil
}

// finish writes a line that has no end.
func (t *teller) finish() error {
	if !t.lines.waiting() {
		return nil
	}
	t.part = time.Time{}
	return t.write(marked + t.lines.rest())
}

func (t *teller) write(line string) error {
	t.last = time.Now()
	return t.out.writeLine(line)
}

// A tail reads a file that grows, and may not be there yet.
type tail struct {
	path string
	file *os.File
}

func (t *tail) read(use func([]byte) error) error {
	if t.file == nil {
		f, err := os.Open(t.path)
		if err != nil {
			return nil // not yet, or never: the outcome tells
		}
		t.file = f
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := t.file.Read(buffer)
		if failed := use(buffer[:n]); failed != nil {
			return failed
		}
		if err != nil || n == 0 {
			return nil // the end so far; an error is no reason to stop waiting
		}
	}
}

func (t *tail) close() {
	if t.file != nil {
		t.file.Close()
	}
}

// errStuck says that a writer took nothing for too long.
var errStuck = errors.New("nobody reads")

// A patient writer hands lines to a goroutine, so that a client that reads
// nothing holds nobody up for ever. That goroutine may stay behind in its
// write until the process ends.
type patient struct {
	limit  time.Duration
	lines  chan string
	result chan error
}

func newPatient(w io.Writer, limit time.Duration) *patient {
	p := &patient{limit: limit, lines: make(chan string), result: make(chan error, 1)}
	go func() {
		for line := range p.lines {
			_, err := io.WriteString(w, line)
			p.result <- err
		}
	}()
	return p
}

func (p *patient) writeLine(line string) error {
	p.lines <- strings.TrimRight(line, " ") + "\n" // taken at once: the last write is over
	timer := time.NewTimer(p.limit)
	defer timer.Stop()
	select {
	case err := <-p.result:
		return err
	case <-timer.C:
		return errStuck
	}
}

func (p *patient) close() { close(p.lines) }
