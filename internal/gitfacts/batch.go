package gitfacts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// maxDiscard is how much of an object's rest is read past. A tree or blob that
// is larger is not waited for.
const maxDiscard = 8 << 20

// errLarge says that the rest of an object was left unread: only the kind is
// known, and the process must be stopped.
var errLarge = errors.New("the object is large")

// batch is a running "git cat-file --batch". Objects are asked for one at a
// time, so that neither side waits for the other.
type batch struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	in     io.WriteCloser
	out    *bufio.Reader
	ctx    context.Context
	keep   int64 // how much of an object is given; the rest is read past
}

func (r *Repository) startBatch(ctx context.Context, keep int64) (*batch, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	cmd := r.command(ctx, hermetic, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return &batch{cmd: cmd, cancel: cancel, in: in, out: bufio.NewReaderSize(out, 4<<10), ctx: ctx, keep: keep}, nil
}

// stop ends the process.
func (b *batch) stop() {
	b.in.Close()
	b.cancel()
	_ = b.cmd.Wait() // killed: its status says nothing
}

// read asks for one object: "<id> SP <kind> SP <size> LF <content> LF".
func (b *batch) read(id policy.ObjectID) (kind string, content []byte, err error) {
	if _, err := io.WriteString(b.in, string(id)+"\n"); err != nil {
		return "", nil, b.failed(err)
	}
	line, err := b.out.ReadSlice('\n')
	if err != nil {
		return "", nil, b.failed(err)
	}
	f := strings.Split(strings.TrimSuffix(string(line), "\n"), " ")
	if len(f) == 2 && f[0] == string(id) && f[1] == "missing" {
		return "", nil, fmt.Errorf("object %s is missing", id)
	}
	if len(f) != 3 || f[0] != string(id) || !knownKind(f[1]) {
		return "", nil, errors.New("git cat-file: unknown form of answer")
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || size < 0 {
		return "", nil, errors.New("git cat-file: unknown form of answer")
	}
	return b.content(f[1], size)
}

func (b *batch) content(kind string, size int64) (string, []byte, error) {
	if size > maxDiscard && (kind == "blob" || kind == "tree") {
		return kind, nil, errLarge
	}
	content := make([]byte, min(size, b.keep))
	if _, err := io.ReadFull(b.out, content); err != nil {
		return "", nil, b.failed(err)
	}
	if _, err := io.CopyN(io.Discard, b.out, size-int64(len(content))); err != nil {
		return "", nil, b.failed(err)
	}
	if end, err := b.out.ReadByte(); err != nil || end != '\n' {
		return "", nil, b.failed(errors.New("the answer has no end"))
	}
	return kind, content, nil
}

// failed prefers the reason why the process was stopped, if it was.
func (b *batch) failed(err error) error {
	if b.ctx.Err() != nil {
		err = b.ctx.Err()
	}
	return fmt.Errorf("git cat-file: %w", err)
}
