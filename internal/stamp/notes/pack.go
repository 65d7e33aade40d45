package notes

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/pathgate/pathgate/internal/gitfacts"
	"github.com/pathgate/pathgate/policy"
)

// The types of objects in a pack (gitformat-pack(5)).
const (
	packCommit = 1
	packTree   = 2
	packBlob   = 3
)

// A pack is objects to be given to "git unpack-objects", which writes them as a
// push would: with the modes of a shared repository, and synced as configured.
type pack struct {
	format gitfacts.Format
	body   bytes.Buffer
	zip    *zlib.Writer
	count  uint32
	known  map[policy.ObjectID]bool
}

func newPack(format gitfacts.Format) *pack {
	return &pack{format: format, known: make(map[policy.ObjectID]bool)}
}

func (p *pack) hash() hash.Hash {
	if p.format == gitfacts.SHA256 {
		return sha256.New()
	}
	return sha1.New()
}

// add adds an object and gives its ID.
func (p *pack) add(kind byte, content []byte) (policy.ObjectID, error) {
	name := [...]string{packCommit: "commit", packTree: "tree", packBlob: "blob"}[kind]
	h := p.hash()
	fmt.Fprintf(h, "%s %d\x00", name, len(content))
	h.Write(content)
	id := policy.ObjectID(hex.EncodeToString(h.Sum(nil)))
	if p.known[id] {
		return id, nil
	}
	p.known[id] = true
	p.count++
	size := len(content)
	b := kind<<4 | byte(size&15)
	for size >>= 4; size > 0; size >>= 7 {
		p.body.WriteByte(b | 0x80)
		b = byte(size & 0x7f)
	}
	p.body.WriteByte(b)
	if p.zip == nil {
		p.zip = zlib.NewWriter(&p.body)
	} else {
		p.zip.Reset(&p.body)
	}
	if _, err := p.zip.Write(content); err != nil {
		return "", err
	}
	return id, p.zip.Close()
}

// bytes is the whole pack.
func (p *pack) bytes() []byte {
	out := append([]byte("PACK"), 0, 0, 0, 2)
	out = binary.BigEndian.AppendUint32(out, p.count)
	out = append(out, p.body.Bytes()...)
	h := p.hash()
	h.Write(out)
	return h.Sum(out)
}

// unpack writes the objects to the repository.
func (p *pack) unpack(ctx context.Context, repo *gitfacts.Repository) error {
	out, exit, err := repo.Git(ctx, bytes.NewReader(p.bytes()), "unpack-objects", "-q")
	if err == nil && exit != 0 {
		err = fmt.Errorf("git unpack-objects: status %d: %.200s", exit, strings.TrimSpace(string(out)))
	}
	return err
}
