package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// A hash is the SHA-256 of a line's bytes without its newline.
type hash [sha256.Size]byte

func (h hash) String() string { return hex.EncodeToString(h[:]) }

// A head is a place in the journal up to which everything is known: the last
// line's bytes are start to end, newline included. The zero head stands before
// the first line.
type head struct {
	start, end int64
	seq        uint64
	hash       hash
	time       time.Time
}

// A watermark says how much of which journal an index has seen.
type watermark struct {
	schema uint64 // version of the projections
	ledger string // the ledger's ID
	boot   string // the boot ID of the machine that wrote it
	head
}

// schema is the version of the keys and values of the projections. Another
// one in an index means that it is rebuilt.
const schema = 5

const watermarkMagic = "pathgate watermark 1\n"

const checkSize = 16

// encode returns the watermark with its checksum.
func (w *watermark) encode() []byte {
	b := []byte(watermarkMagic)
	b = binary.AppendUvarint(b, w.schema)
	b = appendField(b, w.ledger)
	b = appendField(b, w.boot)
	for _, n := range [...]uint64{uint64(w.start), uint64(w.end), w.seq, uint64(w.time.UnixMicro())} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(b, w.hash[:]...)
	sum := sha256.Sum256(b)
	return append(b, sum[:checkSize]...)
}

// decodeWatermark reads what encode wrote. Bytes that do not bear out their
// checksum are no watermark: they prove nothing.
func decodeWatermark(b []byte) (w watermark, ok bool) {
	if len(b) < checkSize {
		return w, false
	}
	body, check := b[:len(b)-checkSize], b[len(b)-checkSize:]
	sum := sha256.Sum256(body)
	if !bytes.Equal(sum[:checkSize], check) {
		return w, false
	}
	body, ok = bytes.CutPrefix(body, []byte(watermarkMagic))
	if !ok {
		return w, false
	}
	n := 0
	if w.schema, n = binary.Uvarint(body); n <= 0 {
		return w, false
	}
	var more bool
	w.ledger, body, ok = cutField(body[n:])
	w.boot, body, more = cutField(body)
	if !ok || !more || len(body) != 4*8+len(w.hash) {
		return w, false
	}
	at := func(i int) uint64 { return binary.BigEndian.Uint64(body[8*i:]) }
	w.start, w.end, w.seq, w.time = int64(at(0)), int64(at(1)), at(2), time.UnixMicro(int64(at(3))).UTC()
	copy(w.hash[:], body[4*8:])
	return w, true
}

// borneOut checks that the journal, whose ID is id and whose size is size,
// still has the line that the watermark saw last. It returns ErrCut if not.
func (w *watermark) borneOut(journal io.ReaderAt, id string, size int64) error {
	if w.ledger != id {
		return fmt.Errorf("%w: it is ledger %s, and the index saw ledger %s", ErrCut, id, w.ledger)
	}
	if w.end > size {
		return fmt.Errorf("%w: it has %d bytes, and the index saw %d, up to record %d", ErrCut, size, w.end, w.seq)
	}
	n := w.end - w.start
	if w.start < 0 || n < 2 || n > MaxLine {
		return fmt.Errorf("%w: the index saw a line of %d bytes at byte %d", ErrCut, n, w.start)
	}
	line := make([]byte, n)
	if _, err := journal.ReadAt(line, w.start); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the journal: %w", err)
	}
	if line[n-1] != '\n' || sha256.Sum256(line[:n-1]) != w.hash {
		return fmt.Errorf("%w: record %d is not the one that the index saw", ErrCut, w.seq)
	}
	return nil
}

// appendField appends s with its length before it, so that fields in a row
// can be told apart whatever is in them.
func appendField(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutField(b []byte) (field string, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return "", nil, false
	}
	return string(b[n : n+int(size)]), b[n+int(size):], true
}
