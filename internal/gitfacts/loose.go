package gitfacts

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing/format/objfile"

	"github.com/pathgate/pathgate/policy"
)

// maxObject is how much of an object is read.
const maxObject = 64 << 10

// errNotLoose says that git must be asked for an object: it has no loose file
// in this folder, or one that is large or of a form that only git knows.
var errNotLoose = errors.New("not a small loose object")

// loose reads a loose object from an objects folder. What it gives has the
// hash that id says; a file that has not is an error.
func (r *Repository) loose(dir string, id policy.ObjectID) (kind string, content []byte, err error) {
	f, err := openRegular(filepath.Join(dir, string(id[:2]), string(id[2:])), 0)
	if err != nil {
		return "", nil, errNotLoose
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() > maxObject {
		return "", nil, errNotLoose
	}
	o, err := objfile.NewReader(io.LimitReader(f, maxObject))
	if err != nil {
		return "", nil, errNotLoose
	}
	defer o.Close()
	typ, size, err := o.Header()
	if err != nil || size < 0 || size > maxObject || !knownKind(typ.String()) {
		return "", nil, errNotLoose
	}
	content, err = io.ReadAll(io.LimitReader(o, size+1))
	if err != nil || int64(len(content)) != size {
		return "", nil, fmt.Errorf("loose object %s is damaged", id)
	}
	if r.hash(typ.String(), content) != id {
		return "", nil, fmt.Errorf("loose object %s is not what its name says", id)
	}
	return typ.String(), content, nil
}

// hash gives the ID of an object.
func (r *Repository) hash(kind string, content []byte) policy.ObjectID {
	var h hash.Hash = sha1.New()
	if r.format == SHA256 {
		h = sha256.New()
	}
	fmt.Fprintf(h, "%s %d\x00", kind, len(content))
	h.Write(content)
	return policy.ObjectID(hex.EncodeToString(h.Sum(nil)))
}
