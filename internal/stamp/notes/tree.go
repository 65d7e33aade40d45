package notes

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// Bounds of what is read.
const (
	maxTree   = 1 << 20   // bytes of one tree object: git fans out long before
	maxName   = 4 << 10   // bytes of a name in it
	maxCommit = 64 << 10  // bytes of a notes commit
	maxNote   = 256 << 10 // bytes of a note

	maxObjects = 40_000   // all that is read of one tip or two
	maxBytes   = 64 << 20 // the bytes of that
	maxPast    = 4 << 20  // bytes that are read past; of more, git is asked anew
)

// The modes of entries of trees that notes are made of.
const (
	modeTree = "40000"
	modeBlob = "100644"
	modeExec = "100755" // git takes such a blob for a note too
)

// An entry is one of a tree object.
type entry struct {
	mode, name string
	id         policy.ObjectID
}

func (e *entry) isTree() bool { return e.mode == modeTree || e.mode == "040000" }
func (e *entry) isBlob() bool { return e.mode == modeBlob || e.mode == modeExec || e.mode == "100664" }

// ErrTooMuch says that the notes are more than is read of them.
var ErrTooMuch = errors.New("there is more to be read than may be")

// A source reads objects of a repository from one git process.
type source struct {
	ctx     context.Context
	repo    *gitfacts.Repository
	objects *gitfacts.Contents
	digits  int   // of an ID
	count   int64 // of objects that may still be read
	bytes   int64 // of theirs
}

func open(ctx context.Context, repo *gitfacts.Repository) (*source, error) {
	objects, err := repo.Contents(ctx)
	if err != nil {
		return nil, err
	}
	s := &source{ctx: ctx, repo: repo, objects: objects, digits: 40, count: maxObjects, bytes: maxBytes}
	if repo.Format() == gitfacts.SHA256 {
		s.digits = 64
	}
	return s, nil
}

func (s *source) close() { s.objects.Close() }

// isID reports whether id is one of an object of this repository.
func (s *source) isID(id policy.ObjectID) bool {
	return len(id) == s.digits && isHex(string(id)) && !id.IsZero()
}

// isHex reports whether all of name are digits as git writes them.
func isHex(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return name != ""
}

// get reads an object of one kind and at most limit bytes.
func (s *source) get(id policy.ObjectID, kind string, limit int64) ([]byte, error) {
	r, size, err := s.stream(id, kind, limit)
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	_, err = io.ReadFull(r, b)
	return b, err
}

func (s *source) stream(id policy.ObjectID, kind string, limit int64) (io.Reader, int64, error) {
	if s.count--; s.count < 0 || s.bytes < 0 {
		return nil, 0, ErrTooMuch
	}
	is, size, r, err := s.objects.Next(id)
	if err != nil {
		return nil, 0, err
	}
	s.bytes -= min(size, maxPast)
	switch {
	case is != kind:
		err = fmt.Errorf("object %s is a %s and should be a %s", id, is, kind)
	case size > limit:
		err = fmt.Errorf("the %s %s has %d bytes, more than %d", kind, id, size, limit)
	default:
		return r, size, nil
	}
	if size > maxPast {
		err = errors.Join(err, s.anew())
	}
	return nil, 0, err
}

// anew starts git again, as what it is about to print is too much to read past:
// an object that is too large takes no other with it.
func (s *source) anew() error {
	objects, err := s.repo.Contents(s.ctx)
	if err != nil {
		return err
	}
	s.objects.Close()
	s.objects = objects
	return nil
}

// tree calls visit for each entry of a tree object. What visit is given is valid
// until it returns.
func (s *source) tree(id policy.ObjectID, visit func(mode, name, raw []byte) error) error {
	r, _, err := s.stream(id, "tree", maxTree)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(r, maxName+64)
	var kept []byte // Peek moves what ReadSlice gave
	for {
		head, err := in.ReadSlice(0)
		if err == io.EOF && len(head) == 0 {
			return nil
		}
		kept = append(kept[:0], head...)
		mode, name, ok := bytes.Cut(bytes.TrimSuffix(kept, []byte{0}), []byte(" "))
		if err != nil || !ok || len(mode) == 0 || len(mode) > 6 || len(name) == 0 {
			return fmt.Errorf("the tree %s is malformed", id)
		}
		raw, err := in.Peek(s.digits / 2)
		if err != nil {
			return fmt.Errorf("the tree %s is malformed", id)
		}
		if err := visit(mode, name, raw); err != nil {
			return err
		}
		if _, err := in.Discard(len(raw)); err != nil {
			return err
		}
	}
}

// entries reads a whole tree.
func (s *source) entries(id policy.ObjectID) (all []entry, err error) {
	err = s.tree(id, func(mode, name, raw []byte) error {
		all = append(all, entry{string(mode), string(name), idOf(raw)})
		return nil
	})
	return all, err
}

func idOf(raw []byte) policy.ObjectID { return policy.ObjectID(hex.EncodeToString(raw)) }

// errTwo says that a commit has two notes.
var errTwo = errors.New("there are two notes of it")
