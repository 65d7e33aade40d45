package ledger

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A moment is an entry and its time in microseconds.
type moment struct {
	place
	time int64
}

// A life is what the index keeps of what is live on a ref. The zero life is
// that of a ref that never had anything.
type life struct {
	at     place  // the newest record
	run    uint64 // the first record since which no other commit was live here
	commit string
	begin  moment // where the span began; its seq is zero while there is none
}

const momentSize = placeSize + 8

func (f *life) encode() []byte {
	b := appendPlace(make([]byte, 0, placeSize+8+momentSize+len(f.commit)), f.at)
	b = binary.BigEndian.AppendUint64(b, f.run)
	b = appendPlace(b, f.begin.place)
	b = binary.BigEndian.AppendUint64(b, uint64(f.begin.time))
	return append(b, f.commit...)
}

func cutLife(b []byte) (f life, err error) {
	at, rest, err := cutPlace(b)
	if err != nil {
		return f, err
	}
	if len(rest) < 8+momentSize {
		return f, fmt.Errorf("%w: a life of %d bytes", errIndex, len(b))
	}
	f.at, f.run = at, binary.BigEndian.Uint64(rest)
	if f.begin.place, rest, err = cutPlace(rest[8:]); err != nil {
		return f, err
	}
	f.begin.time = int64(binary.BigEndian.Uint64(rest))
	f.commit = string(rest[8:])
	return f, nil
}

// lifeAt reads the life at key k, the zero life if there is none.
func lifeAt(s kv, k []byte) (life, error) {
	v, err := s.Get(k)
	if err != nil || v == nil {
		return life{}, err
	}
	return cutLife(v)
}

// next is the life of the ref after record e, a deployed or adopt entry, whose
// commit was last withdrawn by record withdrawn.
func (f life) next(e *Entry, at place, withdrawn uint64) life {
	n := f
	if f.run == 0 || f.commit != e.Commit || withdrawn > f.run {
		n = life{run: e.Seq, commit: e.Commit}
	}
	n.at = at
	if n.begin.seq == 0 && e.Deploy == "" {
		n.begin = moment{at, e.Time.UnixMicro()}
	}
	return n
}

// A stretch is a span that has ended: how long a commit was live without a
// break, and the entries that tell of its beginning and its end.
type stretch struct {
	length   time.Duration
	from, to place
}

// appendSpan writes p behind a record's place; a span that is none is left out.
func appendSpan(b []byte, p stretch) []byte {
	if p.length <= 0 {
		return b
	}
	b = binary.BigEndian.AppendUint64(b, uint64(p.length))
	return appendPlace(appendPlace(b, p.from), p.to)
}

// cutRecord reads the value of a record: its place and the longest span.
func cutRecord(b []byte) (at place, p stretch, err error) {
	at, rest, err := cutPlace(b)
	if err != nil || len(rest) == 0 {
		return at, p, err
	}
	if len(rest) != 8+2*placeSize {
		return at, p, fmt.Errorf("%w: a record of %d bytes", errIndex, len(b))
	}
	p.length = time.Duration(binary.BigEndian.Uint64(rest))
	if p.from, rest, err = cutPlace(rest[8:]); err == nil {
		p.to, _, err = cutPlace(rest)
	}
	return at, p, err
}

// endSpan keeps the span of what was live on the ref of e, which ends with e,
// if none of its commit was longer.
func endSpan(s kv, e *Entry, at place, was life) error {
	length := time.Duration(e.Time.UnixMicro()-was.begin.time) * time.Microsecond
	if was.begin.seq == 0 || length <= 0 {
		return nil
	}
	k := key(keyRecord, e.Service, e.Environment, e.Repository, was.commit, e.Ref)
	v, err := s.Get(k)
	if err != nil {
		return err
	}
	record, longest, err := cutRecord(v)
	if err != nil || longest.length >= length {
		return err
	}
	return s.Put(k, appendSpan(appendPlace(nil, record), stretch{length, was.begin.place, at}))
}

// projectSpan begins or ends the span of what is live, if the finished status
// e is about the commit that is live on the ref now, and was since the
// deployment that e is about.
func projectSpan(s kv, e *Entry, at place) error {
	k := key(keyLive, e.Service, e.Environment, e.Repository, e.Ref)
	f, err := lifeAt(s, k)
	if err != nil || f.run == 0 || f.run > e.Record || f.commit != e.Commit {
		return err
	}
	switch {
	case e.State != StateSuccess:
		f.begin = moment{}
	case f.begin.seq == 0:
		f.begin = moment{at, e.Time.UnixMicro()}
	}
	return s.Put(k, f.encode())
}
