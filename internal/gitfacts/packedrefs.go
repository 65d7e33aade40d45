package gitfacts

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/pathgate/pathgate/policy"
)

const (
	// maxPackedLine bounds one line of packed-refs.
	maxPackedLine = 8 << 10
	// searchLimit is how many names are searched for one by one; for more,
	// reading the whole file once is cheaper.
	searchLimit = 256
)

var errPackedRefs = errors.New("packed-refs is damaged")

// packed is an open packed-refs file: a header, then lines "<hex> <name>",
// each perhaps followed by "^<hex>", the peeled tag (git-pack-refs(1)).
type packed struct {
	file   io.ReaderAt
	size   int64
	start  int64 // behind the header
	sorted bool
	valid  func(string) (policy.ObjectID, bool)
}

// packedRefs adds to refs those names that packed-refs holds.
func (r *Repository) packedRefs(names []policy.RefName, refs map[policy.RefName]Ref) error {
	f, err := openRegular(filepath.Join(r.commonDir, "packed-refs"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read refs: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("read refs: %w", err)
	}
	p, err := newPacked(f, info.Size(), r.objectID)
	if err != nil {
		return fmt.Errorf("read refs: %w", err)
	}
	if err := p.find(names, refs); err != nil {
		return fmt.Errorf("read refs: %w", err)
	}
	return nil
}

func newPacked(file io.ReaderAt, size int64, valid func(string) (policy.ObjectID, bool)) (*packed, error) {
	p := &packed{file: file, size: size, valid: valid}
	if size == 0 {
		return p, nil
	}
	var end [1]byte
	if _, err := file.ReadAt(end[:], size-1); err != nil {
		return nil, err
	}
	if end[0] != '\n' {
		return nil, errPackedRefs
	}
	line, next, err := p.line(0)
	if err != nil {
		return nil, err
	}
	if traits, ok := strings.CutPrefix(string(line), "# pack-refs with:"); ok {
		p.start = next
		p.sorted = strings.Contains(traits+" ", " sorted ")
	}
	return p, nil
}

// find adds to refs those names that the file holds.
func (p *packed) find(names []policy.RefName, refs map[policy.RefName]Ref) error {
	if !p.sorted || len(names) > searchLimit {
		return p.scan(p.start, p.size, names, refs)
	}
	for _, name := range names {
		if err := p.search(name, refs); err != nil {
			return err
		}
	}
	return nil
}

// search halves the range that may hold name until a page is left.
func (p *packed) search(name policy.RefName, refs map[policy.RefName]Ref) error {
	low, high := p.start, p.size // each the start of a ref's line, or the end
	for high-low > 4<<10 {
		at, err := p.refAfter(low + (high-low)/2)
		if err != nil {
			return err
		}
		if at >= high {
			break
		}
		line, _, err := p.line(at)
		if err != nil {
			return err
		}
		_, found, err := p.parse(line)
		switch {
		case err != nil:
			return err
		case name < found:
			high = at
		default:
			low = at
		}
	}
	return p.scan(low, high, []policy.RefName{name}, refs)
}

// refAfter gives the start of the first ref's line that begins behind off.
func (p *packed) refAfter(off int64) (int64, error) {
	_, next, err := p.line(off)
	if err != nil {
		return 0, err
	}
	for next < p.size {
		var first [1]byte
		if _, err := p.file.ReadAt(first[:], next); err != nil {
			return 0, err
		}
		if first[0] != '^' {
			break
		}
		if _, next, err = p.line(next); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// line reads from off to the end of the line.
func (p *packed) line(off int64) (line []byte, next int64, err error) {
	for _, size := range []int64{512, maxPackedLine} {
		buf := make([]byte, min(size, p.size-off))
		if _, err := p.file.ReadAt(buf, off); err != nil {
			return nil, 0, err
		}
		if i := bytes.IndexByte(buf, '\n'); i >= 0 {
			return buf[:i], off + int64(i) + 1, nil
		}
	}
	return nil, 0, errPackedRefs
}

// scan reads all lines between two offsets.
func (p *packed) scan(from, to int64, names []policy.RefName, refs map[policy.RefName]Ref) error {
	wanted := make(map[policy.RefName]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	r := bufio.NewReaderSize(io.NewSectionReader(p.file, from, to-from), 64<<10)
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil || len(line) > maxPackedLine {
			return errPackedRefs
		}
		if line[0] == '^' || line[0] == '#' {
			continue
		}
		id, name, err := p.parse(line[:len(line)-1])
		if err != nil {
			return err
		}
		if wanted[name] {
			refs[name] = Ref{ID: id}
		}
	}
}

func (p *packed) parse(line []byte) (policy.ObjectID, policy.RefName, error) {
	hex, name, ok := strings.Cut(string(line), " ")
	id, valid := p.valid(hex)
	if !ok || !valid || name == "" || id.IsZero() {
		return "", "", errPackedRefs
	}
	return id, policy.RefName(name), nil
}
