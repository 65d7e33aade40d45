package board

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sort"
)

// blockSize is how many bytes of a run are read and checked at once, or a little
// more.
const blockSize = 8 << 10

// mostBlocks is how many blocks of a run are kept in memory.
const mostBlocks = 256

// errRun is the error of a run that is not as it was written.
var errRun = errors.New("the board's state is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A run is a file of keys in order with their values, in blocks, each with its
// checksum, and at its end the first key of each block. It is never changed.
type run struct {
	file   *os.File
	blocks []block
	count  uint64 // of keys
	sum    uint32 // of the list of blocks, which has the sums of all
	cached map[int][]byte
}

type block struct {
	first  string
	offset int64
	length int
	sum    uint32
}

// A runWriter writes a run.
type runWriter struct {
	file *os.File
	w    *bufio.Writer
	r    *run
	buf  []byte
	next block
}

func newRunWriter(f *os.File) *runWriter {
	return &runWriter{file: f, w: bufio.NewWriterSize(f, 1<<18), r: &run{file: f}}
}

// add writes a key, which is greater than all before.
func (w *runWriter) add(key, value string) error {
	if len(w.buf) == 0 {
		w.next.first = key
	}
	w.buf = appendString(appendString(w.buf, key), value)
	if w.r.count++; len(w.buf) < blockSize {
		return nil
	}
	return w.cut()
}

// cut ends a block.
func (w *runWriter) cut() error {
	w.next.length, w.next.sum = len(w.buf), crc32.Checksum(w.buf, castagnoli)
	w.r.blocks = append(w.r.blocks, w.next)
	w.next = block{offset: w.next.offset + int64(len(w.buf))}
	_, err := w.w.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// end writes what comes after the blocks, unless err says that it went wrong
// before.
func (w *runWriter) end(err error) (*run, error) {
	if err == nil && len(w.buf) > 0 {
		err = w.cut()
	}
	list := binary.AppendUvarint(nil, w.r.count)
	for _, b := range w.r.blocks {
		list = binary.AppendUvarint(appendString(list, b.first), uint64(b.length))
		list = binary.BigEndian.AppendUint32(list, b.sum)
	}
	w.r.sum = crc32.Checksum(list, castagnoli)
	list = binary.BigEndian.AppendUint64(list, uint64(w.next.offset))
	if err == nil {
		_, err = w.w.Write(list)
	}
	if err == nil {
		err = w.w.Flush()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write the board's state: %w", err), w.file.Close())
	}
	return w.r, nil
}

// openRun reads the list of blocks of a run; sum is what the list is known by.
func openRun(f *os.File, sum uint32) (*run, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var tail [8]byte
	if _, err := f.ReadAt(tail[:], max(0, info.Size()-8)); err != nil {
		return nil, err
	}
	from := binary.BigEndian.Uint64(tail[:])
	if from > uint64(info.Size()-8) {
		return nil, errRun
	}
	list := make([]byte, uint64(info.Size()-8)-from)
	if _, err := f.ReadAt(list, int64(from)); err != nil {
		return nil, err
	}
	r := &run{file: f, sum: sum}
	if crc32.Checksum(list, castagnoli) != sum {
		return nil, errRun
	}
	c := coder{buf: list}
	c.uint(&r.count)
	for at := int64(0); len(c.buf) > 0 && c.err == nil; {
		b := block{offset: at}
		c.string(&b.first)
		c.int(&b.length)
		c.fixed(&b.sum)
		r.blocks = append(r.blocks, b)
		at += int64(b.length)
	}
	return r, c.err
}

// get finds the value of a key, empty if there is none.
func (r *run) get(key string) (value string, err error) {
	i := sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].first > key }) - 1
	if i < 0 {
		return "", nil
	}
	b, err := r.block(i)
	for len(b) > 0 && err == nil {
		var k, v []byte
		if k, v, b, err = cutPair(b); err == nil && bytes.Equal(k, []byte(key)) {
			return string(v), nil
		}
	}
	return "", err
}

// each calls fn for each key in order.
func (r *run) each(fn func(key, value string) error) error {
	for i := range r.blocks {
		b, err := r.read(i)
		for len(b) > 0 && err == nil {
			var k, v []byte
			if k, v, b, err = cutPair(b); err == nil {
				err = fn(string(k), string(v))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// block is a block, from memory where it was read before.
func (r *run) block(i int) ([]byte, error) {
	if b, ok := r.cached[i]; ok {
		return b, nil
	}
	b, err := r.read(i)
	if err != nil {
		return nil, err
	}
	if r.cached == nil || len(r.cached) >= mostBlocks {
		r.cached = make(map[int][]byte)
	}
	r.cached[i] = b
	return b, nil
}

func (r *run) read(i int) ([]byte, error) {
	of := r.blocks[i]
	b := make([]byte, of.length)
	if _, err := r.file.ReadAt(b, of.offset); err != nil {
		return nil, fmt.Errorf("%w: %w", errRun, err)
	}
	if crc32.Checksum(b, castagnoli) != of.sum {
		return nil, errRun
	}
	return b, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutPair(b []byte) (key, value, rest []byte, err error) {
	if key, b, err = cutBytes(b); err == nil {
		value, b, err = cutBytes(b)
	}
	return key, value, b, err
}

func cutBytes(b []byte) (s, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, errRun
	}
	return b[size : size+int(n)], b[size+int(n):], nil
}
