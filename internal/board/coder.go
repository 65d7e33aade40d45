package board

import (
	"encoding/binary"
	"time"
)

// A coder writes values to a buffer or reads them from it, so that one function
// tells both ways of a type. An error stays.
type coder struct {
	buf     []byte
	writes  bool
	err     error
	entries []*entry // that were read, to be filled in from the journal
}

func (c *coder) uint(v *uint64) {
	if c.writes {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	n, size := binary.Uvarint(c.buf)
	if size <= 0 || c.err != nil {
		c.fail()
		return
	}
	*v, c.buf = n, c.buf[size:]
}

// fail ends reading.
func (c *coder) fail() { c.err, c.buf = errRun, nil }

func (c *coder) int(v *int) {
	n := uint64(*v)
	c.uint(&n)
	if n > 1<<48 {
		c.fail()
		return
	}
	*v = int(n)
}

func (c *coder) int64(v *int64) {
	n := int(*v)
	c.int(&n)
	*v = int64(n)
}

func (c *coder) fixed(v *uint32) {
	if c.writes {
		c.buf = binary.BigEndian.AppendUint32(c.buf, *v)
		return
	}
	if len(c.buf) < 4 {
		c.fail()
		return
	}
	*v, c.buf = binary.BigEndian.Uint32(c.buf), c.buf[4:]
}

func (c *coder) string(v *string) {
	if c.writes {
		c.buf = appendString(c.buf, *v)
		return
	}
	b, rest, err := cutBytes(c.buf)
	if err != nil || c.err != nil {
		c.fail()
		return
	}
	*v, c.buf = string(b), rest
}

// time is of whole microseconds, as those of a ledger are.
func (c *coder) time(v *time.Time) {
	var n uint64
	if !v.IsZero() {
		n = uint64(v.UnixMicro())
	}
	if c.uint(&n); n != 0 && !c.writes {
		*v = time.UnixMicro(int64(n)).UTC()
	}
}

func (c *coder) strings(v *[]string) {
	codeSlice(c, v, c.string)
}

// entry tells an entry by where it stands in the journal.
func (c *coder) entry(v **entry) {
	var seq uint64
	if *v != nil {
		seq = (*v).Seq
	}
	if c.uint(&seq); seq == 0 || c.err != nil {
		return
	}
	if !c.writes {
		*v = &entry{}
		(*v).Seq = seq
		c.entries = append(c.entries, *v)
	}
	c.int64(&(*v).offset)
	c.strings(&(*v).noes)
}

// codeSlice tells a slice by its elements, each of which takes a byte at least.
func codeSlice[T any](c *coder, s *[]T, one func(*T)) {
	n := len(*s)
	c.int(&n)
	if !c.writes {
		if n > len(c.buf) {
			c.fail()
			return
		}
		if n > 0 {
			*s = make([]T, n)
		}
	}
	for i := range *s {
		one(&(*s)[i])
	}
}

// codeMap tells a map by its keys and values.
func codeMap[K comparable, V any](c *coder, m map[K]V, key func(*K), value func(*V)) {
	n := len(m)
	c.int(&n)
	if c.writes {
		for k, v := range m {
			key(&k)
			value(&v)
		}
		return
	}
	for range n {
		var k K
		var v V
		key(&k)
		if value(&v); c.err != nil {
			return
		}
		m[k] = v
	}
}
