package policy

import (
	"strings"
	"time"

	"github.com/pathgate/pathgate/internal/text"
	"github.com/pathgate/pathgate/policy/internal/zone"
)

// maxFreezes bounds the freezes of a policy.
const maxFreezes = 1000

// freezes reads the array of tables [[freeze]] and hands each to the
// environments that it names.
func (s *source) freezes(root *node, p *Policy) {
	n := root.kid("freeze")
	if n == nil {
		return
	}
	if n.form != tables && len(n.elems) == 0 {
		s.fail(n.value, "write [[freeze]]: there can be several")
		return
	}
	if len(n.elems) > maxFreezes {
		s.fail(n.elems[maxFreezes].at, "more than %d freezes", maxFreezes)
		return
	}
	names := make(map[string]int)
	for _, t := range n.elems {
		if !s.table(t) {
			continue
		}
		f := s.freeze(t)
		if first, twice := names[f.Name]; twice && f.Name != "" {
			s.fail(t.kid("name").value, "%s is also the name of the freeze in line %d", quote(f.Name), s.line(first))
		} else {
			names[f.Name] = t.at
		}
		k := t.kid("environments")
		if k == nil {
			s.missing(t, "environments")
			continue
		}
		for _, e := range s.environmentsNamed(root, k, p) {
			e.Freezes = append(e.Freezes, f)
		}
	}
}

func (s *source) freeze(t *node) *Freeze {
	s.known(t, keysOf("freeze")...)
	f := &Freeze{Place: s.place(t.at)}
	if n, v := s.required(t, "name"); n != nil {
		if v == "" || len(v) > 100 || !text.Printable(v) || strings.TrimSpace(v) != v || strings.ContainsAny(v, "\"\\") {
			s.fail(n.value, "the name of a freeze is 1 to 100 bytes of printable text without quotes and backslashes")
		}
		f.Name = v
	}
	if t.kid("weekly") == nil {
		s.once(t, f)
		return f
	}
	for _, key := range []string{"from", "to", "zone"} {
		if k := t.kid(key); k != nil {
			s.fail(k.at, "%s belongs into weekly, or weekly away", key)
		}
	}
	if n := s.subtable(t, "weekly", "freeze.weekly"); n != nil {
		f.Zone = s.zone(n)
		f.Weekly = s.weekly(n)
	}
	return f
}

// zone reads the name of a time zone.
func (s *source) zone(t *node) *time.Location {
	n, v := s.required(t, "zone")
	if n == nil {
		return nil
	}
	z, err := zone.Load(v)
	if err != nil {
		s.fail(n.value, `%v: it takes a name such as "Europe/Berlin" or "UTC"`, err)
	}
	return z
}

// once reads a span from one moment to another.
func (s *source) once(t *node, f *Freeze) {
	f.Zone = s.zone(t)
	from, okFrom := s.localTime(t, "from")
	to, okTo := s.localTime(t, "to")
	if f.Zone == nil || !okFrom || !okTo {
		return
	}
	f.From, _ = instants(from, f.Zone)
	_, f.To = instants(to, f.Zone)
	if !from.Before(to) || !f.From.Before(f.To) {
		s.fail(t.kid("to").value, "the freeze is empty: it ends before it begins")
	}
}

// localTime reads a date-time without an offset, as if it were in UTC.
func (s *source) localTime(t *node, key string) (time.Time, bool) {
	n := t.kid(key)
	if n == nil {
		s.missing(t, key)
		return time.Time{}, false
	}
	// BurntSushi/toml tells the forms of TOML apart by the location's name.
	v, ok := n.val.(time.Time)
	if !ok || v.Location().String() != "datetime-local" {
		s.fail(n.value, "%s must be a date and a time without an offset, such as 2026-12-20T00:00:00: the zone has a key of its own", n.path())
		return time.Time{}, false
	}
	return time.Date(v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), v.Nanosecond(), time.UTC), true
}

// weekly reads a span of each week.
func (s *source) weekly(t *node) *Weekly {
	w := &Weekly{}
	from, v := s.required(t, "from")
	to, u := s.required(t, "to")
	var okFrom, okTo bool
	if from != nil {
		w.FromDay, w.FromMinute, okFrom = s.moment(from, v)
	}
	if to != nil {
		w.ToDay, w.ToMinute, okTo = s.moment(to, u)
	}
	if okFrom && okTo && w.minutes() == 0 {
		s.fail(to.value, "the freeze is empty: it ends when it begins")
	}
	return w
}

// moment reads a moment of the week, such as "Fri 16:00".
func (s *source) moment(n *node, v string) (day time.Weekday, minute int, ok bool) {
	name, clock, _ := strings.Cut(v, " ")
	at := strings.Index("SunMonTueWedThuFriSat", name)
	if len(name) == 3 && at >= 0 && at%3 == 0 && len(clock) == 5 && clock[2] == ':' {
		hours, okHours := twoDigits(clock[:2], 23)
		minutes, okMinutes := twoDigits(clock[3:], 59)
		if okHours && okMinutes {
			return time.Weekday(at / 3), 60*hours + minutes, true
		}
	}
	s.fail(n.value, `%s is not a moment of the week, such as "Fri 16:00"`, quote(v))
	return 0, 0, false
}

func twoDigits(s string, most int) (int, bool) {
	if s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return 0, false
	}
	n := 10*int(s[0]-'0') + int(s[1]-'0')
	return n, n <= most
}
