package gitfacts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

// ErrMissing says that an object is not in the repository.
var ErrMissing = errors.New("the object is missing")

// Contents reads objects of the repository and of the quarantine one after
// another from one git process, each as a stream, so that an object's size costs
// this process nothing. Close it. It is for one goroutine.
type Contents struct {
	batch *batch
	left  int64 // bytes of the object at hand that were not read
	end   bool  // whether the newline behind it was read
	err   error // after which nothing can be read
}

// Contents starts the process. It ends with ctx, or after a minute.
func (r *Repository) Contents(ctx context.Context) (*Contents, error) {
	b, err := r.startBatch(ctx, 0)
	if err != nil {
		return nil, err
	}
	return &Contents{batch: b, end: true}, nil
}

// Close ends the process.
func (c *Contents) Close() { c.batch.stop() }

// Next asks for an object: "commit", "tag", "tree" or "blob", how many bytes it
// has, and the bytes, which must be read before the next call as far as they are
// wanted: up to 8 MiB of the rest are read past, more is an error. The error is
// ErrMissing if there is no such object; Next may be called again then.
func (c *Contents) Next(id policy.ObjectID) (kind string, size int64, content io.Reader, err error) {
	if c.err == nil {
		c.err = c.skip()
	}
	if c.err != nil {
		return "", 0, nil, c.err
	}
	if strings.Trim(string(id), "0123456789abcdef") != "" || id == "" {
		return "", 0, nil, fmt.Errorf("%q is not an object ID", id)
	}
	kind, size, err = c.ask(id)
	if err != nil {
		if !errors.Is(err, ErrMissing) {
			c.err = err
		}
		return "", 0, nil, err
	}
	c.left, c.end = size, false
	return kind, size, contentReader{c}, nil
}

func (c *Contents) ask(id policy.ObjectID) (kind string, size int64, err error) {
	if _, err := io.WriteString(c.batch.in, string(id)+"\n"); err != nil {
		return "", 0, c.batch.failed(err)
	}
	line, err := c.batch.out.ReadSlice('\n')
	if err != nil {
		return "", 0, c.batch.failed(err)
	}
	f := strings.Split(strings.TrimSuffix(string(line), "\n"), " ")
	if len(f) == 2 && f[0] == string(id) && f[1] == "missing" {
		return "", 0, fmt.Errorf("%w: %s", ErrMissing, id)
	}
	if len(f) == 3 && f[0] == string(id) && knownKind(f[1]) {
		if size, err := strconv.ParseInt(f[2], 10, 64); err == nil && size >= 0 {
			return f[1], size, nil
		}
	}
	return "", 0, errors.New("git cat-file: unknown form of answer")
}

// skip reads past what is left of the object at hand.
func (c *Contents) skip() error {
	if c.left > maxDiscard {
		return fmt.Errorf("git cat-file: %d bytes are left unread", c.left)
	}
	if _, err := io.CopyN(io.Discard, c.batch.out, c.left); err != nil {
		return c.batch.failed(err)
	}
	c.left = 0
	if c.end {
		return nil
	}
	c.end = true
	if b, err := c.batch.out.ReadByte(); err != nil || b != '\n' {
		return c.batch.failed(errors.New("the answer has no end"))
	}
	return nil
}

// contentReader reads the object at hand.
type contentReader struct{ c *Contents }

func (r contentReader) Read(p []byte) (int, error) {
	if r.c.left == 0 {
		return 0, io.EOF
	}
	n, err := r.c.batch.out.Read(p[:min(int64(len(p)), r.c.left)])
	r.c.left -= int64(n)
	if err != nil {
		r.c.err = r.c.batch.failed(err)
		return n, r.c.err
	}
	return n, nil
}
