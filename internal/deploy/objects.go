package deploy

import (
	"bufio"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// maxTree is the size of the largest tree or commit object that is read.
const maxTree = 32 << 20

// objects reads objects through one "git cat-file --batch", which runs no
// program that the repository's configuration or attributes could name, and
// knows no replace refs and no grafts. Each object is checked against its ID.
type objects struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	newHash func() hash.Hash
	rawID   int // bytes of an object ID
}

func openObjects(ctx context.Context, repo *gitfacts.Repository) (*objects, error) {
	o := &objects{newHash: sha1.New, rawID: sha1.Size}
	if repo.Format() == gitfacts.SHA256 {
		o.newHash, o.rawID = sha256.New, sha256.Size
	}
	o.cmd = exec.CommandContext(ctx, "git", "--git-dir="+repo.GitDir(), "cat-file", "--batch")
	o.cmd.Dir = repo.GitDir()
	o.cmd.Env = []string{
		"PATH=" + cleanPath(os.Getenv("PATH")), "LC_ALL=C",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_GRAFT_FILE=/dev/null",
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
	}
	var err error
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if err := o.cmd.Start(); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", withoutPath(err))
	}
	o.out = bufio.NewReaderSize(out, 64<<10)
	return o, nil
}

func (o *objects) close() {
	o.in.Close()
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait() // killed: its status says nothing
}

// read gives the content of a small object.
func (o *objects) read(id policy.ObjectID, kind string) ([]byte, error) {
	var content strings.Builder
	if err := o.copy(&content, id, kind, maxTree); err != nil {
		return nil, err
	}
	return []byte(content.String()), nil
}

// copy writes an object's content to w. An object that is missing, of another
// kind, larger than limit (unless that is negative), or not what its ID says,
// is an error, and nothing can be read any more.
func (o *objects) copy(w io.Writer, id policy.ObjectID, kind string, limit int64) error {
	if _, err := io.WriteString(o.in, string(id)+"\n"); err != nil {
		return fmt.Errorf("git cat-file: %w", err)
	}
	line, err := o.out.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("git cat-file: %w", err)
	}
	f := strings.Split(strings.TrimSuffix(string(line), "\n"), " ")
	if len(f) == 2 && f[1] == "missing" {
		return fmt.Errorf("object %s is missing", id)
	}
	if len(f) != 3 || f[0] != string(id) || f[1] != kind {
		return fmt.Errorf("object %s is not a %s", id, kind)
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || size < 0 || limit >= 0 && size > limit {
		return fmt.Errorf("object %s is too large", id)
	}
	sum := o.newHash()
	fmt.Fprintf(sum, "%s %d\x00", kind, size)
	if _, err := io.CopyN(io.MultiWriter(w, sum), o.out, size); err != nil {
		return fmt.Errorf("read object %s: %w", id, withoutPath(err))
	}
	if end, err := o.out.ReadByte(); err != nil || end != '\n' {
		return errors.New("git cat-file: the answer has no end")
	}
	if hex.EncodeToString(sum.Sum(nil)) != string(id) {
		return fmt.Errorf("object %s is damaged", id)
	}
	return nil
}
