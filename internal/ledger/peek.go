package ledger

import (
	"bytes"
	"time"
)

// A Peek looks at a line without decoding it, to find out at small cost that
// it is of no use. It is only given for lines that begin as this package
// writes them and in which nothing is escaped, so that a string stands in the
// line as it is and a quotation mark is always the end or beginning of one.
type Peek struct {
	Seq  uint64
	Type Type
	time []byte
	rest []byte // what comes after the type
}

// at looks at a line; false if a Peek cannot tell of it.
func (p *Peek) at(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte(`{"seq":`))
	if !ok || bytes.IndexByte(line, '\\') >= 0 || line[len(line)-1] != '}' {
		return false
	}
	if p.Seq, rest, ok = cutNumber(rest); !ok {
		return false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"time":"`)); !ok || len(rest) < len(timeLayout) {
		return false
	}
	p.time, rest = rest[:len(timeLayout)], rest[len(timeLayout):]
	if rest, ok = bytes.CutPrefix(rest, []byte(`","type":"`)); !ok {
		return false
	}
	end := bytes.IndexByte(rest, '"')
	if end < 0 {
		return false
	}
	p.Type, p.rest = typeOf(rest[:end]), rest[end+1:]
	return true
}

// typeOf is Type(b) that allocates nothing for the most frequent ones.
func typeOf(b []byte) Type {
	for _, t := range [...]Type{TypeIntent, TypeDeployed, TypeStatus, TypeRefused, TypeApproval} {
		if string(t) == string(b) {
			return t
		}
	}
	return Type(b)
}

// Time is the line's time; false if it has none that is valid.
func (p *Peek) Time() (time.Time, bool) { return parseTime(string(p.time)) }

// Has reports whether the line has the bytes of s after its type, in whatever
// field. What is not there is in none.
func (p *Peek) Has(s string) bool { return bytes.Contains(p.rest, []byte(s)) }

// Text is the value of a field that is a string, such as "service"; nil if the
// line does not have it. It is valid as long as the line.
func (p *Peek) Text(field string) []byte {
	rest := p.after(field)
	if len(rest) == 0 || rest[0] != '"' {
		return nil
	}
	if end := bytes.IndexByte(rest[1:], '"'); end >= 0 {
		return rest[1 : end+1]
	}
	return nil
}

// Number is the value of a field that is a number, zero if there is none.
func (p *Peek) Number(field string) uint64 {
	n, _, _ := cutNumber(p.after(field))
	return n
}

// after is what comes after a field's name and its colon, nil if the field is
// not there.
func (p *Peek) after(field string) []byte {
	var room [32]byte
	name := append(append(append(room[:0], '"'), field...), `":`...)
	if at := bytes.Index(p.rest, name); at >= 0 {
		return p.rest[at+len(name):]
	}
	return nil
}

// cutNumber reads a number at the beginning of b; false if there is none, or
// it is too long to be one that counts records.
func cutNumber(b []byte) (n uint64, rest []byte, ok bool) {
	i := 0
	for i < len(b) && i < 19 && b[i] >= '0' && b[i] <= '9' {
		n = n*10 + uint64(b[i]-'0')
		i++
	}
	if i == 0 || i < len(b) && b[i] >= '0' && b[i] <= '9' {
		return 0, b, false
	}
	return n, b[i:], true
}
