package pgstore

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// Types of PostgreSQL, from pg_type.dat.
const (
	oidBytea      = 17
	oidInt8       = 20
	oidInt4       = 23
	oidText       = 25
	oidByteaArray = 1001
	oidInt4Array  = 1007
	oidTextArray  = 1009
	oidInt8Array  = 1016
	oidBoolArray  = 1000
	oidBool       = 16
)

// array encodes a one-dimensional array in the binary format of array_send
// (src/backend/utils/adt/arrayfuncs.c).
func array[T any](oid uint32, items []T, encode func(b []byte, item T) []byte) []byte {
	be := binary.BigEndian
	if len(items) == 0 {
		return be.AppendUint32(make([]byte, 8), oid)
	}
	b := be.AppendUint32(be.AppendUint32(nil, 1), 0)
	b = be.AppendUint32(be.AppendUint32(be.AppendUint32(b, oid), uint32(len(items))), 1)
	for _, item := range items {
		at := len(b)
		b = encode(append(b, 0, 0, 0, 0), item)
		be.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	return b
}

func byteas(items [][]byte) []byte {
	return array(oidBytea, items, func(b, item []byte) []byte { return append(b, item...) })
}

func texts(items []string) []byte {
	return array(oidText, items, func(b []byte, item string) []byte { return append(b, item...) })
}

func int8s[T int64 | uint64](items []T) []byte {
	return array(oidInt8, items, func(b []byte, item T) []byte { return binary.BigEndian.AppendUint64(b, uint64(item)) })
}

func int4s(items []int) []byte {
	return array(oidInt4, items, func(b []byte, item int) []byte { return binary.BigEndian.AppendUint32(b, uint32(item)) })
}

func bools(items []bool) []byte {
	return array(oidBool, items, func(b []byte, item bool) []byte {
		if item {
			return append(b, 1)
		}
		return append(b, 0)
	})
}

func int8Value(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

var errFormat = errors.New("the server answered in another form than it was asked for")

func int8Of(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, errFormat
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// recordsLiteral is a bigint[] as text, for a column of arrays.
func recordsLiteral(records []uint64) string {
	b := []byte{'{'}
	for i, r := range records {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, r, 10)
	}
	return string(append(b, '}'))
}

// keysLiteral is a bytea[] as text.
func keysLiteral(keys [][]byte) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"\\x` + hex.EncodeToString(k) + `"`)
	}
	b.WriteByte('}')
	return b.String()
}
