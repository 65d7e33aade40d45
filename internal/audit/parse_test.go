package audit

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A parsed is an RFC 5424 message.
type parsed struct {
	facility, severity int
	time               time.Time
	host, app, pid, id string
	params             map[string]string
	msg                string
}

var (
	headerForm = regexp.MustCompile(`^<(0|[1-9]\d{0,2})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) \[pathgate@32473`)
	paramName  = regexp.MustCompile(`^ ([!#-<>-\\^-~]{1,32})="`)
)

// parse5424 is as strict as the grammar of RFC 5424, 6.
func parse5424(s string) (*parsed, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("not UTF-8")
	}
	m := headerForm.FindStringSubmatch(s)
	if m == nil {
		return nil, errors.New("no header")
	}
	pri, _ := strconv.Atoi(m[1])
	at, err := time.Parse(time.RFC3339Nano, m[2])
	if err != nil || pri > 191 {
		return nil, fmt.Errorf("PRI %d, %w", pri, err)
	}
	p := &parsed{facility: pri / 8, severity: pri % 8, time: at, host: m[3], app: m[4], pid: m[5], id: m[6], params: map[string]string{}}
	rest := s[len(m[0]):]
	for !strings.HasPrefix(rest, "]") {
		m := paramName.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("no parameter at %.40q", rest)
		}
		value, n, err := unescape(rest[len(m[0]):])
		if err != nil {
			return nil, err
		}
		if _, twice := p.params[m[1]]; twice {
			return nil, fmt.Errorf("%s comes twice", m[1])
		}
		p.params[m[1]] = value
		rest = rest[len(m[0])+n:]
	}
	msg, ok := strings.CutPrefix(rest, "] ")
	if !ok {
		return nil, errors.New("no space before MSG")
	}
	marked := strings.HasPrefix(msg, "\ufeff")
	p.msg = strings.TrimPrefix(msg, "\ufeff")
	ascii := strings.IndexFunc(p.msg, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	if marked == ascii {
		return nil, errors.New("a byte order mark where there is no need of it, or none where there is")
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		return nil, fmt.Errorf("a control character at %d", i)
	}
	return p, nil
}

// unescape reads a PARAM-VALUE up to and with its quote.
func unescape(s string) (value string, n int, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), i + 1, nil
		case ']':
			return "", 0, errors.New("a bare ]")
		case '\\':
			i++
			if i == len(s) || !strings.ContainsRune(`"\]`, rune(s[i])) {
				return "", 0, errors.New("a bare backslash")
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, errors.New("no quote at the end")
}
