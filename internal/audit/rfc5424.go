package audit

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pathgate/pathgate/internal/text"
)

// sdID names the structured data. 32473 is the number that RFC 5612 keeps for
// examples, so that it is no other product's; pathgate has none of its own.
const sdID = "pathgate@32473"

// Sizes of messages in bytes: what receivers take. RFC 5424, 6.1: all take 480,
// and should take 2048; rsyslog takes 8096 unless it is told another size.
const (
	localSize = 8000
	udpSize   = 2048
	minSize   = 480
)

// A header is what all messages of a process have in common.
type header struct {
	facility int // its code
	host     string
	pid      int
}

// hostField is a host's name as RFC 5424, 6.2.4 has it: at most 255 printable
// characters of ASCII, "-" if there is none.
func hostField(name string) string {
	var b strings.Builder
	for i := range min(len(name), 255) {
		if c := name[i]; '!' <= c && c <= '~' {
			b.WriteByte(c)
		}
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

// msgID is an entry's type as RFC 5424, 6.2.7 has it: at most 32 printable
// characters of ASCII, here letters, digits, "-" and "_" only.
func msgID(name string) string {
	name = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, name)
	return hostField(name[:min(len(name), 32)])
}

// formatSyslog writes a message as RFC 5424 has it, in at most size bytes, which
// must be minSize or more. Where it does not fit, prose is cut and other
// parameters are left out, the least important first, and the parameter cut
// says so; the MSG keeps an eighth of the room.
func formatSyslog(m *message, h header, size int) []byte {
	e := m.entry
	b := make([]byte, 0, min(size, 2048))
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(h.facility*8+severity(e)), 10)
	b = append(b, ">1 "...)
	b = e.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
	b = append(b, ' ')
	b = append(b, h.host[:min(len(h.host), max(1, size-400))]...)
	b = append(b, " pathgate "...)
	b = strconv.AppendInt(b, int64(h.pid), 10)
	b = append(append(b, ' '), msgID(string(e.Type))...)
	b = append(b, " ["+sdID...)
	const cut = ` cut="true"`
	room := size - size/8 - len(cut) - len("] ")
	short := len(e.Lines) > 0 // a policy's text is for the file and the ledger
	for _, f := range fields(m) {
		var whole bool
		if b, whole = appendParam(b, f, room); !whole {
			short = true
		}
	}
	if short {
		b = append(b, cut...)
	}
	b = append(b, "] "...)
	return appendMSG(b, summary(e), size)
}

// appendParam adds one parameter if it ends within room bytes (RFC 5424, 6.3.3:
// ", \ and ] are escaped). It reports whether all of it is there.
func appendParam(b []byte, f field, room int) ([]byte, bool) {
	value := clean(f.value)
	frame := len(` =""`) + len(f.name)
	left := room - len(b) - frame
	whole := escapedLen(value) <= left
	if !whole {
		const least = 16 // less is of no use to anybody
		if !f.prose || left < least {
			return b, false
		}
		for n := left; escapedLen(value) > left; n-- {
			value = text.Clean(value, min(n, len(value)-1))
		}
	}
	b = append(append(append(b, ' '), f.name...), `="`...)
	for i := range len(value) {
		if c := value[i]; c == '"' || c == '\\' || c == ']' {
			b = append(b, '\\')
		}
		b = append(b, value[i])
	}
	return append(b, '"'), whole
}

func escapedLen(s string) int {
	return len(s) + strings.Count(s, `"`) + strings.Count(s, `\`) + strings.Count(s, `]`)
}

// appendMSG adds the readable line. One that is not plain ASCII is UTF-8, and
// must say so with a byte order mark (RFC 5424, 6.4).
func appendMSG(b []byte, msg string, size int) []byte {
	const mark = "\xef\xbb\xbf"
	msg = text.Clean(msg, size-len(b)-len(mark))
	for i := range len(msg) {
		if msg[i] >= utf8.RuneSelf {
			b = append(b, mark...)
			break
		}
	}
	return append(b, msg...)
}
